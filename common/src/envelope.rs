//! Signed envelopes: CMS around JSON for vouchers, JWS for manufacture reports, COSE_Sign1 for provenance statements.
//!
//! Only [`Signed`] and [`Unsigned`](crate::Unsigned) call in here: they ask what stands in an envelope and whether a key signed it, and for the octets to be signed.
//! The CMS without signature in which [EST](crate::est) carries certificates is read and written here, too.
//! No policy and no trust lives here.

mod ber;
pub(crate) mod cms;
mod cose;
mod jws;

use crate::certificate::Certificate;
use crate::error::{DecodeError, VerifyError};
use crate::leniency::Reading;
use crate::sign::{PublicKey, Signature, SignatureScheme, SigningIdentity};
use crate::signed::{Payload, Signed};

/// How an artefact is encoded and signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// JSON in CMS SignedData (RFC 8995; RFC 8366bis, section 7.1).
    Cms,
    /// JSON in a JWS in general JSON serialization.
    Jws,
    /// CBOR in COSE_Sign1.
    Cose,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cms, Self::Jws, Self::Cose];

    /// Its name on command lines: `cms`, `jws` or `cose`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cms => "cms",
            Self::Jws => "jws",
            Self::Cose => "cose",
        }
    }

    /// Usual extension of a file with a voucher in this format (RFC 8366bis, section 12).
    pub fn voucher_file_extension(self) -> &'static str {
        match self {
            Self::Cms => "vcj",
            Self::Jws => "vjj",
            Self::Cose => "vch",
        }
    }

    /// Media type of vouchers and voucher-requests in this format.
    pub fn voucher_media_type(self) -> &'static str {
        match self {
            Self::Cms => "application/voucher-cms+json",
            Self::Jws => "application/voucher-jws+json",
            Self::Cose => "application/voucher+cose",
        }
    }

    /// The format whose vouchers have this media type; parameters and case do not matter.
    pub fn from_voucher_media_type(text: &str) -> Option<Self> {
        let essence = text.split(';').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|f| essence.eq_ignore_ascii_case(f.voucher_media_type()))
    }
}

/// An envelope taken apart: what it holds, who claims to have signed it, and what the signature covers.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The payload's octets, as they were signed.
    pub(crate) payload: Vec<u8>,
    /// The octets that the signature covers.
    pub(crate) signed_octets: Vec<u8>,
    /// The signature and how it stands there.
    pub(crate) signature: Vec<u8>,
    pub(crate) scheme: SignatureScheme,
    /// Who claims to have signed.
    pub(crate) signer: SignerId,
    /// Certificates in the envelope, in its order.
    pub(crate) certificates: Vec<Certificate>,
}

/// How an envelope names its signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignerId {
    /// Issuer Name in DER and the content octets of the certificate's serial INTEGER (CMS).
    IssuerAndSerial { issuer: Vec<u8>, serial: Vec<u8> },
    /// subjectKeyIdentifier (CMS).
    SubjectKeyId(Vec<u8>),
    /// The first certificate (JWS x5c, COSE x5chain).
    FirstCertificate,
    /// `kid` (JWS, COSE).
    KeyName(String),
    /// Nothing at all.
    Unnamed,
}

impl Opened {
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(crate) fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    pub(crate) fn key_name(&self) -> Option<&str> {
        match &self.signer {
            SignerId::KeyName(name) => Some(name),
            SignerId::IssuerAndSerial { .. } | SignerId::SubjectKeyId(_) | SignerId::FirstCertificate | SignerId::Unnamed => None,
        }
    }

    /// The certificate that the envelope names as its signer's, from the envelope or from `known`.
    pub(crate) fn signer_among(&self, artefact: &'static str, known: &[Certificate]) -> Result<Certificate, VerifyError> {
        let mut candidates = self.certificates.iter().chain(known);
        let found = match &self.signer {
            SignerId::IssuerAndSerial { issuer, serial } => candidates.find(|c| c.issuer_der() == issuer && c.certificate_serial() == serial),
            SignerId::SubjectKeyId(id) => candidates.find(|c| c.subject_key_id() == Some(id)),
            SignerId::FirstCertificate => self.certificates.first(),
            SignerId::KeyName(_) | SignerId::Unnamed => None,
        };
        let unknown = || VerifyError::UnknownSigner { artefact, detail: "its signer's certificate is neither enclosed nor known here".to_owned() };
        found.cloned().ok_or_else(unknown)
    }

    /// Whether `key` made the signature.
    pub(crate) fn check_signature(&self, artefact: &'static str, key: &PublicKey, signer: &str) -> Result<(), VerifyError> {
        match key.verifies(self.scheme, &self.signed_octets, &self.signature) {
            true => Ok(()),
            false => Err(VerifyError::BadSignature { artefact, signer: signer.to_owned() }),
        }
    }
}

/// Takes an envelope apart.
pub(crate) fn open<T: Payload>(signed: &Signed<T>, reading: &Reading) -> Result<Opened, VerifyError> {
    match signed.format() {
        Format::Cms => cms::open(T::NAME, signed.wire(), reading),
        Format::Jws => jws::open(T::NAME, T::typ(Format::Jws), signed.wire()),
        Format::Cose => cose::open(T::NAME, T::typ(Format::Cose), signed.wire()),
    }
}

/// An envelope that lacks its signature.
#[derive(Debug)]
pub(crate) enum Draft {
    Cms(cms::Draft),
    Jws(jws::Draft),
    Cose(cose::Draft),
}

/// Prepares an envelope around a payload.
pub(crate) fn draft<T: Payload>(format: Format, payload: Vec<u8>, identity: &SigningIdentity) -> Result<Draft, DecodeError> {
    match format {
        Format::Cms => cms::draft(payload, identity).map(Draft::Cms),
        Format::Jws => jws::draft(T::typ(format), payload, identity).map(Draft::Jws),
        Format::Cose => cose::draft(T::typ(format), T::COSE_CERTIFICATES, payload, identity).map(Draft::Cose),
    }
}

/// A COSE message without the certificates in its unprotected header.
pub(crate) fn without_unprotected_certificates(wire: &[u8]) -> Result<Vec<u8>, DecodeError> {
    cose::without_unprotected_certificates(wire)
}

impl Draft {
    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Cms(_) => Format::Cms,
            Self::Jws(_) => Format::Jws,
            Self::Cose(_) => Format::Cose,
        }
    }

    pub(crate) fn to_be_signed(&self) -> &[u8] {
        match self {
            Self::Cms(draft) => draft.to_be_signed(),
            Self::Jws(draft) => draft.to_be_signed(),
            Self::Cose(draft) => draft.to_be_signed(),
        }
    }

    pub(crate) fn attach(self, signature: Signature) -> Result<Vec<u8>, DecodeError> {
        match self {
            Self::Cms(draft) => draft.attach(signature),
            Self::Jws(draft) => draft.attach(signature),
            Self::Cose(draft) => draft.attach(signature),
        }
    }
}
