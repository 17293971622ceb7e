//! Vocabulary and rules that a MASA and a registrar share: who a pledge is, how its key came to be, who vouches for that, and what an owner accepts.
//!
//! Nothing here opens a socket, unless the feature `serve` is on, or reads a clock other than [`Clock::system`]. Bytes, time, randomness and keys are arguments.
//! Start with [`ProvenanceRecord`] (what a manufacturer writes down), [`appraise()`] (what an owner makes of it) and [`Signed`] (how wire bytes become trusted values).
//!
//! ```text
//! Unsigned<T> --attach(signature)--> Signed<T> --verify(verifier, now)--> Verified<T>
//! ```
//!
//! A pledge's voucher-request in COSE, which names nobody, and its verification by whoever knows the pledge from TLS:
//!
//! ```
//! use std::sync::Arc;
//! use brski_common::issuing::{Subject, Template, never};
//! use brski_common::time::at;
//! use brski_common::{
//!     Assertion, Clock, Format, Nonce, SerialNumber, SignatureAlgorithm, SignedBy, Signer, SigningParty, SoftwareKey, Verifier, VoucherRequest,
//! };
//!
//! async fn journey() -> Result<(), Box<dyn std::error::Error>> {
//!     // Servers take `Clock::system()`; every rule takes the time itself.
//!     let now = Clock::from_fn(|| at(1_790_000_000)).now();
//!     let serial = SerialNumber::new("JADA123456789")?;
//!     let (key, _pkcs8) = SoftwareKey::generate(SignatureAlgorithm::Es256)?; // or a `Signer` of your own: TPM, secure element, HSM
//!     let certificate = Template::new(Subject::serial_number(&serial), key.public_key(), [7; 16], now, never()).self_signed(&key).await?;
//!
//!     let request = VoucherRequest { assertion: Some(Assertion::Proximity), nonce: Some(Nonce::from_bytes(&[1; 16])?), ..VoucherRequest::new(serial) };
//!     let pledge = SigningParty::with_chain(vec![certificate.clone()], Arc::new(key)).nameless();
//!     let signed = pledge.seal(&request, Format::Cose).await?;
//!     assert!(signed.wire().len() < 200);
//!
//!     let verified = signed.verify(&Verifier::strict(SignedBy::Holder(&certificate)), now)?;
//!     assert_eq!(*verified.get(), request);
//!     Ok(())
//! }
//! // Any runtime drives such futures. A software key answers at once, so that polling once is enough here.
//! let mut context = core::task::Context::from_waker(core::task::Waker::noop());
//! assert!(matches!(core::pin::pin!(journey()).poll(&mut context), core::task::Poll::Ready(Ok(()))));
//! ```

#![forbid(unsafe_code)]

#[cfg(feature = "http")]
pub mod access;
pub mod appraise;
pub mod audit_log;
pub mod certificate;
pub mod chain;
#[cfg(feature = "cli")]
pub mod cli;
pub mod csr;
pub mod envelope;
pub mod error;
pub mod est;
pub mod evidence;
pub mod files;
#[cfg(feature = "http")]
pub mod http;
pub mod identity;
pub mod inspect;
pub mod issuing;
pub mod leniency;
pub mod log;
#[cfg(feature = "http")]
pub mod metric;
pub mod peer;
pub mod pledge;
pub mod profile;
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
pub use certificate::{Certificate, IDevIdCert, MasaUrl, PolicyOid, SerialSource};
pub use chain::{Anchors, Usage};
pub use csr::Csr;
pub use envelope::Format;
pub use error::{DecodeError, SignError, VerifyError};
pub use identity::{DeviceId, DomainId, KeyIdentifier, SerialNumber, SpkiDigest};
pub use leniency::{Deviation, Leniencies, Leniency, Reading};
pub use peer::{PeerAddress, PeerCertificates};
pub use profile::ProfileText;
pub use provenance::{KeyOrigin, ManufactureBatch, ManufactureReport, Method, ProvenanceRecord, ProvenanceStatement};
pub use refusal::{Refusal, RefusalKind};
pub use sign::{PublicKey, Signature, SignatureAlgorithm, Signer, SigningIdentity, SoftwareKey};
pub use signed::{CmsContent, CoseCertificates, EnrolledKey, Payload, Signed, SignedBy, SigningParty, Typ, Unsigned, Verified, Verifier};
pub use telemetry::Telemetry;
pub use time::{Clock, UnixTime};
pub use voucher::{Assertion, Nonce, Voucher, VoucherRequest};

/// A boxed future, so that the joints stay usable as `dyn Trait`.
pub type BoxFuture<'a, T> = core::pin::Pin<Box<dyn core::future::Future<Output = T> + Send + 'a>>;

#[cfg(test)]
mod test_pki;
