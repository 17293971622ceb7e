//! What a pledge has done, one line each.

use core::fmt;
use core::time::Duration;

use crate::certificate::Certificate;
use crate::signed::Verified;
use crate::time::to_rfc3339;
use crate::voucher::Voucher;

/// The stages of an attempt, in their order. Shown as what is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// Provisional TLS.
    Connect,
    /// Voucher-request to accepted voucher.
    Voucher,
    /// voucher_status.
    VoucherStatus,
    /// cacerts.
    CaCertificates,
    /// csrattrs.
    CsrAttributes,
    /// simpleenroll.
    Enroll,
    /// TLS with the LDevID.
    Reconnect,
    /// enrollstatus.
    EnrollStatus,
    /// simplereenroll.
    Reenroll,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting to the registrar",
            Self::Voucher => "obtaining a voucher (requestvoucher)",
            Self::VoucherStatus => "reporting on the voucher (voucher_status)",
            Self::CaCertificates => "learning the domain's CA certificates (cacerts)",
            Self::CsrAttributes => "asking for the CA's wishes (csrattrs)",
            Self::Enroll => "enrolling (simpleenroll)",
            Self::Reconnect => "connecting with the LDevID",
            Self::EnrollStatus => "reporting on the enrollment (enrollstatus)",
            Self::Reenroll => "renewing the LDevID (simplereenroll)",
        })
    }
}

/// Something that was done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// TLS stands, provisionally.
    Connected {
        /// Host and port, as given.
        registrar: String,
        /// What the server showed, unchecked.
        certificate: Option<Certificate>,
    },
    /// The registrar said "later".
    Waiting {
        /// What is repeated then.
        stage: Stage,
        /// The pause that begins.
        wait: Duration,
        /// How often it has been repeated before.
        repeats: u32,
        /// The registrar's explanation, as untrusted text.
        sentence: String,
    },
    /// The voucher is the manufacturer's, for this pledge and this registrar: the TLS connection is provisional no more.
    VoucherAccepted {
        /// The voucher.
        voucher: Box<Verified<Voucher>>,
    },
    /// The registrar was told.
    VoucherStatusReported {
        /// Its status code, which decides nothing.
        status: u16,
    },
    /// The domain's anchors are known.
    CaCertificatesTrusted {
        /// The pinned certificate and the domain's roots.
        anchors: Vec<Certificate>,
    },
    /// The CA's wishes are known.
    CsrAttributesKnown {
        /// Length of CsrAttrs; none if it has no wishes.
        octets: Option<usize>,
    },
    /// There is an LDevID.
    Enrolled {
        /// It, and the path above it.
        chain: Vec<Certificate>,
    },
    /// TLS stands, with the LDevID, and the registrar belongs to the domain.
    Reconnected {
        /// What the server showed.
        certificate: Option<Certificate>,
    },
    /// The registrar was told.
    EnrollStatusReported {
        /// Its status code, which decides nothing.
        status: u16,
    },
    /// There is a new LDevID.
    Renewed {
        /// It, and the path above it.
        chain: Vec<Certificate>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { registrar, certificate } => write!(f, "connected to {registrar}, which shows {} (provisional)", named(certificate.as_ref())),
            Self::Waiting { stage, wait, repeats, sentence } => {
                write!(f, "told to wait while {stage} ({sentence}): next try in {} s, {repeats} repeated so far", wait.as_secs_f32())
            }
            Self::VoucherAccepted { voucher } => {
                let signer = voucher.signer().chain.first();
                let assertion = voucher.get().assertion.map_or("none", |assertion| assertion.name());
                write!(f, "voucher accepted: assertion {assertion}, signed by {}", named(signer))
            }
            Self::VoucherStatusReported { status } => write!(f, "voucher_status reported, answered with {status}"),
            Self::CaCertificatesTrusted { anchors } => {
                let subjects: Vec<&str> = anchors.iter().map(Certificate::subject).collect();
                write!(f, "domain's anchors: {}", subjects.join("; "))
            }
            Self::CsrAttributesKnown { octets: Some(octets) } => write!(f, "the CA's wishes for the request: {octets} octets of CsrAttrs"),
            Self::CsrAttributesKnown { octets: None } => f.write_str("the CA has no wishes for the request"),
            Self::Enrolled { chain } => write!(f, "enrolled: {}", dated(chain.first())),
            Self::Reconnected { certificate } => write!(f, "connected with the LDevID to {}", named(certificate.as_ref())),
            Self::EnrollStatusReported { status } => write!(f, "enrollstatus reported, answered with {status}"),
            Self::Renewed { chain } => write!(f, "renewed: {}", dated(chain.first())),
        }
    }
}

fn named(certificate: Option<&Certificate>) -> &str {
    certificate.map_or("no certificate", Certificate::subject)
}

fn dated(certificate: Option<&Certificate>) -> String {
    let until = certificate.map(|certificate| to_rfc3339(certificate.not_after())).unwrap_or_default();
    format!("{} until {until}", named(certificate))
}
