//! How an IDevID's private key came to be: the taxonomy's words, the record a manufacturer keeps, the statement it signs for others.
//!
//! The taxonomy ([`TAXONOMY`]) ranks nothing, so neither does this module: only [`Protection`] has an order.
//!
//! ```text
//! ManufactureReport --KeyOrigin::check--> ProvenanceRecord --ProvenanceStatement::view(level)--> ProvenanceStatement
//! ```

mod anchor;
mod answer;
mod attributes;
mod basis;
mod batch;
mod consistency;
mod digest;
mod disclosure;
mod finding;
mod method;
mod origin;
mod pki;
mod protection;
mod quantity;
mod record;
mod report;
mod reported;
mod source;
mod statement;
#[cfg(test)]
pub(crate) mod testing;
mod transfer;
mod word;

pub use anchor::{TrustAnchorKind, TrustAnchorRecord};
pub use answer::{EnclaveLocation, EnclavePlace, IntegrityKey, IntegrityKeyPlace, KeyAlgorithm, Lifespan, LockPolicy, Obeyed, PrivacyKey, StageGap};
pub use attributes::{Evidence, EvidenceType, Fips, Pkcs11Attributes, TpmaObject};
pub use basis::Basis;
pub use batch::{COLUMNS, ManufactureBatch, RowError, RowForm, RowReader, to_csv};
pub use digest::{ContentDigest, RecordDigest, ReportDigest};
pub use disclosure::{Disclosure, Fact, Field, Overrides, SplitReveal};
pub use finding::{Finding, FindingResult};
pub use method::{CaArrangement, Lock, Locus, Method, SecureElementGeneration, TAXONOMY};
pub use origin::{CoGeneration, KeyOrigin, Rng, Seed};
pub use pki::{Answers, Question};
pub use protection::Protection;
pub use quantity::{Period, PeriodUnit, Quantity, Text, Unlimited};
pub use record::{ProvenanceRecord, Status, Supersession};
pub use report::ManufactureReport;
pub(crate) use reported::Reported;
pub use source::Source;
pub(crate) use statement::cose_key;
pub use statement::{PROFILE, ProvenanceStatement, Quorum};
pub use transfer::Transfer;

#[cfg(test)]
mod tests;
