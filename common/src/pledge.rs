//! The pledge's side of RFC 8995 without sockets: each handle says what to send ([`Ask`]), takes what came back ([`Answer`]) and yields the next handle.
//!
//! The order is the protocol's, and no handle can be had in another one:
//!
//! ```text
//! Pledge --ask_for_voucher(registrar's TLS chain, nonce)--> VoucherAsked      send ask() over the provisional TLS connection
//!   VoucherAsked --answered--> Imprinted                                       send report() (voucher_status), then ask() (cacerts)
//!     Imprinted --answered--> Trusting                                         send ask() (csrattrs)
//!       Trusting --answered--> Prepared
//!         Prepared --enroll(new key)--> EnrollmentAsked                        send ask() (simpleenroll)
//!           EnrollmentAsked --answered--> Enrolled                             send report() (enrollstatus) over a new TLS connection with the LDevID
//!             Enrolled --reenroll(new key)--> EnrollmentAsked                  send ask() (simplereenroll) over a TLS connection with the LDevID
//! ```
//!
//! Everything up to and including simpleenroll goes over one TLS connection, or over several in which the pledge shows its IDevID and [`check_registrar`] accepts the
//! registrar's certificates under [`Imprinted::domain`]. [`Step::Wait`] gives back the same handle: wait, then send the same [`Ask`] again.
//! A [`Failed`] step may carry one more [`Ask`], a status report that is owed to the registrar; nothing follows it.
//!
//! Time, nonce and keys are arguments. Redirects are not followed, but for the one that a cloud registrar answers ([`VoucherAsked::answered_by_cloud`]).

mod cloud;
mod enroll;
mod error;
mod voucher;

#[cfg(test)]
mod tests;

pub use cloud::{CloudStep, EstServerFound, RegistrarFound};
pub use enroll::{Enrolled, EnrollmentAsked, Prepared, Trusting};
pub use error::PledgeError;
pub use voucher::{Imprinted, VoucherAsked};

use core::time::Duration;
use std::sync::Arc;

use crate::certificate::{Certificate, IDevIdCert};
use crate::chain::{Anchors, Usage};
use crate::envelope::Format;
use crate::leniency::Leniencies;
use crate::provenance::ProvenanceStatement;
use crate::sign::Signer;
use crate::signed::Signed;
use crate::telemetry::Telemetry;
use crate::time::UnixTime;

/// A device as its manufacturer shipped it: IDevID, key, the anchors for vouchers, and perhaps a provenance statement.
#[derive(Clone)]
pub struct Pledge {
    idevid: IDevIdCert,
    chain: Vec<Certificate>,
    signer: Arc<dyn Signer>,
    masa_anchors: Anchors,
    statement: Option<Signed<ProvenanceStatement>>,
    format: Format,
    proximity: ProximityLeaf,
    lenient: Leniencies,
}

/// By which leaf a pledge's request names the registrar at the other end of the provisional TLS connection (RFC 8366bis, section 9).
///
/// It is also the kind of pin by which a voucher with nonce is taken, if it pins several things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProximityLeaf {
    /// proximity-registrar-cert: the whole end-entity certificate.
    #[default]
    Certificate,
    /// proximity-registrar-pubk: the SubjectPublicKeyInfo in that certificate.
    Key,
    /// proximity-registrar-pubk-sha256: SHA-256 of that SubjectPublicKeyInfo.
    KeyHash,
}

impl Pledge {
    /// A pledge with this IDevID chain (its own certificate first), the key behind it, and the anchors to which a voucher's signer must lead.
    ///
    /// It asks for vouchers in CMS, strictly, names the registrar by its certificate, and shows no provenance statement.
    /// Where the anchor is the root of the IDevIDs too, the anchors have to [demand](Anchors::demanding) the policy of voucher signers: every device stands under that root.
    ///
    /// # Errors
    /// [`PledgeError::IDevId`] if there is no certificate or it names no device; [`PledgeError::KeyMismatch`] if the key is not the certificate's.
    pub fn new(chain: Vec<Certificate>, signer: Arc<dyn Signer>, masa_anchors: Anchors) -> Result<Self, PledgeError> {
        let missing = crate::DecodeError::MissingField { field: "IDevID certificate", artefact: "pledge" };
        let own = chain.first().cloned().ok_or(PledgeError::IDevId(missing))?;
        let idevid = IDevIdCert::new(own).map_err(PledgeError::IDevId)?;
        match *signer.public_key() == idevid.certificate().public_key() {
            true => Ok(Self {
                idevid,
                chain,
                signer,
                masa_anchors,
                statement: None,
                format: Format::Cms,
                proximity: ProximityLeaf::default(),
                lenient: Leniencies::default(),
            }),
            false => Err(PledgeError::KeyMismatch { what: "IDevID" }),
        }
    }

    /// Shows this statement in its voucher-requests (extension brski-key-provenance).
    #[must_use]
    pub fn with_statement(self, statement: Signed<ProvenanceStatement>) -> Self {
        Self { statement: Some(statement), ..self }
    }

    /// Asks for vouchers in this format.
    ///
    /// A COSE voucher comes without certificates (constrained BRSKI, section 6.8): the certificate of the voucher's signer itself must then be among the anchors
    /// that were given to [`Pledge::new`], since an anchor above it does not lead down to it.
    #[must_use]
    pub fn with_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// Names the registrar by this leaf.
    #[must_use]
    pub fn with_proximity(self, proximity: ProximityLeaf) -> Self {
        Self { proximity, ..self }
    }

    /// Tolerates these deviations in vouchers, their older media type included.
    #[must_use]
    pub fn with_leniencies(self, lenient: Leniencies) -> Self {
        Self { lenient, ..self }
    }

    /// Which device it is.
    pub fn idevid(&self) -> &IDevIdCert {
        &self.idevid
    }

    /// What it shows as TLS client until it has an LDevID: its own certificate first.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The key behind its IDevID, for TLS.
    pub fn signer(&self) -> &Arc<dyn Signer> {
        &self.signer
    }
}

impl core::fmt::Debug for Pledge {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Pledge({})", self.idevid.device())
    }
}

/// One HTTP request to the registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path and nothing else; the authority is the registrar's.
    pub path: &'static str,
    /// Content-Type of the body, if there is one.
    pub content_type: Option<&'static str>,
    /// Accept.
    pub accept: Option<&'static str>,
    /// The body; empty for `GET`.
    pub body: Vec<u8>,
}

impl Ask {
    fn get(path: &'static str, accept: &'static str) -> Self {
        Self { method: "GET", path, content_type: None, accept: Some(accept), body: Vec::new() }
    }

    fn post(path: &'static str, content_type: &'static str, accept: &'static str, body: Vec<u8>) -> Self {
        Self { method: "POST", path, content_type: Some(content_type), accept: Some(accept), body }
    }

    fn report(path: &'static str, telemetry: &Telemetry) -> Self {
        Self { method: "POST", path, content_type: Some("application/json"), accept: None, body: telemetry.to_json() }
    }
}

/// One HTTP response of the registrar, with its headers as they stand on the wire. Whoever reads it from the wire limits its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Content-Type.
    pub content_type: Option<String>,
    /// Retry-After.
    pub retry_after: Option<String>,
    /// Location.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body, if the answer is 200 with this media type (parameters do not matter).
    fn body_of_type(&self, resource: &'static str, expected: &'static str) -> Result<&[u8], PledgeError> {
        if self.status != 200 {
            return Err(self.refusal(resource));
        }
        let found = self.content_type.as_deref().unwrap_or_default();
        let essence = |media_type: &str| media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence(found) == essence(expected) {
            true => Ok(&self.body),
            false => Err(PledgeError::MediaType { resource, found: crate::text::printable(found, 80), expected }),
        }
    }

    /// How long to wait, if the answer is 202, or a 429 or 503 that says when to come again (RFC 6585, section 4; RFC 9110, section 15.6.4): what Retry-After says in seconds, but
    /// at least one second and at most [`LONGEST_WAIT`].
    ///
    /// Without a number (absent, or an HTTP-date, for which a pledge needs a clock) it is the longest wait.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let seconds = self.retry_after.as_deref().and_then(|text| text.trim().parse().ok());
        let wait = seconds.map_or(LONGEST_WAIT, Duration::from_secs);
        let waits = self.status == 202 || (matches!(self.status, 429 | 503) && self.retry_after.is_some());
        waits.then(|| wait.clamp(Duration::from_secs(1), LONGEST_WAIT))
    }

    /// The server's explanation: the start of the body, if it is text, freed of control characters. Hostile input, for people only.
    pub fn sentence(&self) -> String {
        crate::text::printable(&String::from_utf8_lossy(&self.body), 500)
    }

    fn refusal(&self, resource: &'static str) -> PledgeError {
        match self.status {
            300..400 => PledgeError::Redirected { resource, status: self.status },
            status => PledgeError::Refused { resource, status, sentence: self.sentence() },
        }
    }
}

/// Longest time a pledge waits before it asks again, whatever the registrar says (RFC 8995, section 5.6).
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Time for which a pledge asks with the same request, and after which it gives up: "longer than a long weekend" (RFC 8995, section 5.6).
///
/// Whatever is kept for a pledge that waits is kept for as long: a MASA's answer, a question to a MASA, a person's yes.
pub const LONGEST_DEFERRAL: Duration = Duration::from_secs(4 * 86_400);

/// What an answer led to.
#[derive(Debug)]
#[must_use]
pub enum Step<Next, Same> {
    /// The next handle.
    Done(Next),
    /// Not yet: wait this long, then send the same [`Ask`] again.
    Wait(Duration, Same),
}

/// The end of an attempt. A new one starts at [`Pledge`], with a new nonce.
#[derive(Debug, thiserror::Error)]
#[error("the attempt to onboard has failed")]
pub struct Failed {
    /// Why it ended.
    #[source]
    pub error: Box<PledgeError>,
    /// A status report that is owed to the registrar, over the connection on which the attempt failed.
    pub report: Option<Ask>,
}

impl Failed {
    fn silently(error: PledgeError) -> Self {
        Self { error: Box::new(error), report: None }
    }

    fn reporting(path: &'static str, error: PledgeError) -> Self {
        let report = Ask::report(path, &Telemetry::failure(error.to_string()));
        Self { error: Box::new(error), report: Some(report) }
    }
}

/// Whether the holder of the first of these TLS certificates may act as registrar under these anchors; the others may help to build the path.
///
/// For every TLS connection after the provisional one. It must be a registrar's certificate (id-kp-cmcRA), unless it is itself an anchor:
/// under the domain's CA stand other devices' LDevIDs, too.
///
/// # Errors
/// [`PledgeError::NoRegistrarCertificate`] or [`PledgeError::RegistrarUntrusted`].
pub fn check_registrar(anchors: &Anchors, chain: &[Certificate], now: UnixTime) -> Result<(), PledgeError> {
    let (registrar, pool) = chain.split_first().ok_or(PledgeError::NoRegistrarCertificate)?;
    let usage = match anchors.certificates().contains(registrar) {
        true => Usage::Any,
        false => Usage::CmcRa,
    };
    anchors.verify_path(registrar, pool, usage, now).map(drop).map_err(PledgeError::RegistrarUntrusted)
}

const REQUEST_VOUCHER: &str = "/.well-known/brski/requestvoucher";
const VOUCHER_STATUS: &str = "/.well-known/brski/voucher_status";
const ENROLL_STATUS: &str = "/.well-known/brski/enrollstatus";
const CA_CERTS: &str = "/.well-known/est/cacerts";
const CSR_ATTRIBUTES: &str = "/.well-known/est/csrattrs";
const SIMPLE_ENROLL: &str = "/.well-known/est/simpleenroll";
const SIMPLE_REENROLL: &str = "/.well-known/est/simplereenroll";
