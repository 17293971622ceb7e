//! A registrar (RFC 8995) that admits a pledge only once its owner's policy accepts how the pledge's key came to be.
//!
//! ```text
//! Verified<VoucherRequest> --relay::admit--> RelayOrder --accept(voucher, statement, audit log, policy)--> Admission
//! Csr + Admission --enroll::evaluate--> IssueOrder --CertificateAuthority::issue--> LDevID
//! ```
//! Three ways in: the rules ([`relay`], [`enroll`]) as plain functions, a [`Registrar`] over joints of your own, and the `RegistrarService` of feature `http` that any
//! server mounts. Nothing here opens a socket or owns a runtime, unless the feature `cli` is on.

#![forbid(unsafe_code)]

#[cfg(feature = "http")]
pub mod admin;
pub mod approval;
#[cfg(feature = "sqlite")]
pub mod backup;
pub mod ca;
pub mod desk;
pub mod enroll;
pub mod error;
#[cfg(feature = "http")]
pub mod http;
pub mod masa_client;
#[cfg(feature = "http")]
pub mod metrics;
pub mod opinion;
pub mod pledges;
pub mod registrar;
pub mod relay;
pub mod revocation;
#[cfg(test)]
mod testing;
pub mod trail;
pub mod trust;

#[cfg(feature = "http")]
pub use admin::AdminService;
pub use ca::{BuiltInCa, CertificateAuthority, IssueError};
#[cfg(feature = "masa-client")]
pub use ca::{EstCa, EstServer};
pub use enroll::{CertificateProfile, IssueOrder};
pub use error::Error;
#[cfg(feature = "http")]
pub use http::RegistrarService;
pub use masa_client::{AnswerStore, MasaAnswer, MasaClient, MasaClientError, MemoryAnswers, Question};
pub use opinion::{Exhibit, Hint, Opinion};
#[cfg(feature = "sqlite")]
pub use pledges::SqlitePledges;
pub use pledges::{MemoryPledges, PledgeStore, Query, StoreError};
pub use registrar::{Registrar, RegistrarParts, Requirement, Settings};
pub use relay::{Admission, RelayOrder};
pub use trust::{Manufacturer, ProfileError, Trust, VerifiedIDevId};
