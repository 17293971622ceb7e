//! A MASA (RFC 8995) that writes down how each IDevID key came to be, signs it, and vouches for devices only while somebody can read in its ledger that it did.
//!
//! ```text
//! rules        evaluate of manufacture, marks, issue and disclose           plain functions: bytes, time and randomness are arguments
//! embedded     Masa (rules + ledger + keys + clock), MasaService            one async function over http types (feature `http`)
//! standalone   brski-masa serve                                             the same behind a TLS listener (feature `cli`)
//! ```
//! Start with [`Masa`]. What it knows lies in a [`Ledger`]: [`MemoryLedger`] for tests and trials, `SqliteLedger` (feature `sqlite`) for work.

#![forbid(unsafe_code)]

#[cfg(feature = "http")]
pub mod admin;
mod affected;
mod audit_links;
#[cfg(feature = "sqlite")]
pub mod backup;
pub mod disclose;
pub mod error;
pub mod history;
#[cfg(feature = "http")]
pub mod http;
pub mod import;
pub mod issue;
pub mod ledger;
pub mod manufacture;
pub mod marks;
pub mod masa;
#[cfg(feature = "http")]
pub mod metrics;
pub mod ownership;
pub mod product_line;
pub mod request;

#[cfg(feature = "http")]
pub use admin::AdminService;
pub use affected::{Affected, AffectedDevice, Claimed};
pub use audit_links::{AuditLinks, AuditLinksError};
pub use error::Error;
pub use history::History;
#[cfg(feature = "http")]
pub use http::{AuditAnswer, CloudService, MasaService};
pub use import::{Delivery, Import};
pub use issue::{IssuePolicy, NoncelessPolicy, ProximityKey, Resale, Sales, SalesPolicy, UncheckedRevocation, WithoutProximity};
#[cfg(feature = "sqlite")]
pub use ledger::SqliteLedger;
pub use ledger::{Entry, Ledger, LedgerError, MemoryLedger, Seeds, TreeHead};
pub use manufacture::{Correction, Station};
pub use masa::{AuditLink, Countersigned, LastSigned, Marking, Masa, MasaParts, Recorded, Trial, Want};
pub use ownership::{DeviceSummary, Ownership};
pub use product_line::{
    Coverage, Devices, Levels, ModeFault, OriginDefaults, ProductLine, ProductLines, Serials, SigningMode, Surroundings, VoucherKey, VoucherSigners,
};
pub use request::RegistrarRequest;

#[cfg(test)]
mod testing;

/// The README's programs, compiled.
#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../../README.md")]
mod readme {}
