//! A MASA (RFC 8995) that writes down how each IDevID key came to be, signs it, and vouches for devices only while somebody can read in its ledger that it did.
//!
//! ```text
//! rules        manufacture::evaluate, issue::evaluate, disclose::evaluate   plain functions: bytes, time and randomness are arguments
//! embedded     Masa (rules + ledger + keys + clock), MasaService            one async function over http types (feature `http`)
//! standalone   brski-masa serve                                             the same behind a TLS listener (feature `cli`)
//! ```
//! Start with [`Masa`]. What it knows lies in a [`Ledger`]: [`MemoryLedger`] for tests and trials, `SqliteLedger` (feature `sqlite`) for work.

#![forbid(unsafe_code)]

pub mod disclose;
pub mod error;
pub mod history;
#[cfg(feature = "http")]
pub mod http;
pub mod issue;
pub mod ledger;
pub mod manufacture;
pub mod masa;
pub mod request;

pub use error::Error;
pub use history::History;
#[cfg(feature = "http")]
pub use http::MasaService;
pub use issue::{IssuePolicy, NoncelessPolicy, ProximityKey, UncheckedRevocation, WithoutProximity};
#[cfg(feature = "sqlite")]
pub use ledger::SqliteLedger;
pub use ledger::{Entry, Ledger, LedgerError, MemoryLedger, TreeHead};
pub use manufacture::Station;
pub use masa::{LastSigned, Masa, MasaParts, Recorded};
pub use request::RegistrarRequest;

#[cfg(test)]
mod testing;

/// The README's programs, compiled.
#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../../README.md")]
mod readme {}
