//! Vocabulary and rules that a MASA and a registrar share: who a pledge is, how its key came to be, who vouches for that, and what an owner accepts.
//!
//! Nothing here opens a socket or reads a clock, unless the feature `serve` is on. Bytes, time, randomness and keys are arguments.
//! Start with [`ProvenanceRecord`] (what a manufacturer writes down), [`appraise()`] (what an owner makes of it) and [`Signed`] (how wire bytes become trusted values).
//!
//! ```text
//! Unsigned<T> --attach(signature)--> Signed<T> --verify(verifier, now)--> Verified<T>
//! ```

#![forbid(unsafe_code)]

pub mod appraise;
pub mod audit_log;
pub mod certificate;
pub mod chain;
pub mod csr;
pub mod envelope;
pub mod error;
pub mod est;
pub mod evidence;
#[cfg(feature = "http")]
pub mod http;
pub mod identity;
pub mod inspect;
pub mod issuing;
pub mod leniency;
pub mod log;
pub mod peer;
pub mod pledge;
pub mod provenance;
pub mod refusal;
#[cfg(feature = "serve")]
pub mod serve;
pub mod sign;
pub mod signed;
pub mod telemetry;
pub mod text;
pub mod time;
pub mod voucher;

mod asn1;
mod codec;
mod json;

pub use appraise::{Accepted, Appraisal, Policy, Verdict, appraise};
pub use audit_log::AuditLog;
pub use certificate::{Certificate, IDevIdCert, MasaUrl};
pub use chain::{Anchors, Usage};
pub use csr::Csr;
pub use envelope::Format;
pub use error::{DecodeError, SignError, VerifyError};
pub use identity::{DeviceId, DomainId, KeyIdentifier, SerialNumber, SpkiDigest};
pub use leniency::{Deviation, Leniencies, Leniency, Reading};
pub use peer::PeerCertificates;
pub use provenance::{KeyOrigin, ManufactureReport, Method, ProvenanceRecord, ProvenanceStatement};
pub use refusal::{Refusal, RefusalKind};
pub use sign::{PublicKey, Signature, SignatureAlgorithm, Signer, SigningIdentity, SoftwareKey};
pub use signed::{CoseCertificates, EnrolledKey, Payload, Signed, SignedBy, SigningParty, Typ, Unsigned, Verified, Verifier};
pub use telemetry::Telemetry;
pub use time::{Clock, UnixTime};
pub use voucher::{Assertion, Nonce, Voucher, VoucherRequest};

/// A boxed future, so that the joints stay usable as `dyn Trait`.
pub type BoxFuture<'a, T> = core::pin::Pin<Box<dyn core::future::Future<Output = T> + Send + 'a>>;

#[cfg(test)]
mod test_pki;
