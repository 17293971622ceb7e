//! The MASA: rules, ledger, keys and clock put together. Each journey gathers, asks one rule, then acts.

mod auditing;
mod batches;
mod cloud;
mod corrections;
mod countersigning;
mod finding;
mod last_signed;
mod marking;
mod operating;
mod owning;
mod proving;
mod recording;
mod seeding;
mod stating;
#[cfg(test)]
mod tests;
mod transparency;
mod vouching;

use std::sync::Arc;

pub use self::auditing::{AuditLink, LONGEST_LINK};
pub use self::cloud::CloudAnswer;
pub use self::corrections::Superseded;
pub use self::countersigning::Countersigned;
pub use self::finding::{Unclear, Which};
pub use self::last_signed::{LastSigned, LogError};
pub use self::marking::{Marking, Progress};
pub use self::operating::NotReady;
pub use self::proving::Proved;
pub use self::recording::{Recorded, Trial, Want};
pub use self::transparency::log_name;
use brski_common::evidence::Authorities;
use brski_common::provenance::Text;
use brski_common::text::in_full;
use brski_common::{Anchors, AuditLog, Clock, DeviceId, Leniencies, ProvenanceStatement, Refusal, SerialNumber, Signed, Signer, UnixTime, VoucherRequest};

use crate::audit_links::AuditLinks;
use crate::disclose::{self, DisclosureOrder};
use crate::error::Error;
use crate::history::History;
use crate::ledger::{Entry, Ledger, Standing};
use crate::manufacture::Station;
use crate::manufacture::seed_register::Seeds;
use crate::product_line::ProductLines;
use crate::request::RegistrarRequest;

/// What a MASA is made of.
#[derive(Clone)]
pub struct MasaParts {
    /// The MASA's authority (host, and port if it is not 443): who issues its statements.
    pub authority: String,
    /// What it knows.
    pub ledger: Arc<dyn Ledger>,
    /// Who signs, tells and decides what, for which devices.
    pub lines: ProductLines,
    /// Signs the state of the ledger, and receipts for what is in it. An Ed25519 key: checkpoints can be signed with no other. A key of its own, since whoever trusts it
    /// trusts the log and nothing else.
    pub log_key: Arc<dyn Signer>,
    /// What that key signed last, so that it never signs a log that does not continue it. One that outlives the process if the ledger does.
    pub last_signed: Arc<LastSigned>,
    /// Who may report a manufacture.
    pub stations: Vec<Station>,
    /// The CAs that issue IDevIDs. A report encloses no CA certificates, so that issuing CAs below a root belong in here as well.
    pub idevid_anchors: Anchors,
    /// What registrars and pledges may do wrong in their requests and still be understood.
    pub lenient: Leniencies,
    /// Where "now" comes from.
    pub clock: Clock,
}

/// A manufacturer's authority: writes down how keys came to be, says so under its signature, and vouches for its devices.
pub struct Masa(MasaParts, AuditLinks, Authorities, Seeds);

impl Masa {
    /// Puts a MASA together.
    pub fn new(parts: MasaParts) -> Self {
        Self(parts, AuditLinks::in_memory(), Authorities::default(), Seeds::default())
    }

    /// The same with these links to audit logs; those of [`new`](Self::new) are forgotten when the process ends.
    pub fn with_audit_links(self, links: AuditLinks) -> Self {
        Self(self.0, links, self.2, self.3)
    }

    /// The same with these whose evidence counts; those of [`new`](Self::new) are none. Their anchors should stand above certificates of attestation keys alone, and never above IDevIDs:
    /// else a device could attest another's key.
    pub fn with_authorities(self, authorities: Authorities) -> Self {
        Self(self.0, self.1, authorities, self.3)
    }

    /// The same, taking reports that publish n-k although n = 2k-1: the manufacturer's explicit word, without which they are refused.
    pub fn revealing_split(mut self) -> Self {
        self.0.lines.reveal_split();
        self
    }

    /// What registrars and pledges may do wrong in their requests and still be understood.
    pub fn lenient(&self) -> Leniencies {
        self.0.lenient
    }

    /// Every voucher of a device, for a domain that was given one (RFC 8995, section 5.8).
    ///
    /// # Errors
    /// [`Error::Untrusted`] if the signature does not hold; [`Error::Refused`] if the device is unknown or was never the requester's.
    #[tracing::instrument(skip_all, fields(serial, domain))]
    pub async fn audit_log(&self, request: &Signed<VoucherRequest>) -> Result<AuditLog, Error> {
        let order = self.disclose(request, self.0.clock.now()).await;
        told("audit log told", order.map(DisclosureOrder::into_audit_log))
    }

    /// What was signed about the making of a device's key, for a domain that was given a voucher: the statement that the line was given, with a receipt
    /// from the log as it is now; without one if the log cannot prove or sign it, which is logged as an error. `None` if nobody wrote anything down.
    ///
    /// # Errors
    /// As for [`audit_log`](Self::audit_log).
    #[tracing::instrument(skip_all, fields(serial, domain))]
    pub async fn provenance(&self, request: &Signed<VoucherRequest>) -> Result<Option<Signed<ProvenanceStatement>>, Error> {
        let found = self.find_statement(request).await;
        let outcome = if matches!(found, Ok(None)) { "no provenance on record" } else { "provenance told" };
        told(outcome, found)
    }

    async fn find_statement(&self, request: &Signed<VoucherRequest>) -> Result<Option<Signed<ProvenanceStatement>>, Error> {
        let now = self.0.clock.now();
        let mut history = self.disclose(request, now).await?.into_history();
        // The receipt once the statement is stored, so that it is as new as can be.
        let level = self.0.lines.of(history.device()).disclosure.owner;
        match self.statement(&mut history, level, now).await? {
            Some(statement) => Ok(Some(self.with_receipt(statement, &history, transparency::ReceiptFrom::Now).await.0)),
            None => Ok(None),
        }
    }

    async fn disclose(&self, request: &Signed<VoucherRequest>, now: UnixTime) -> Result<DisclosureOrder, Error> {
        let request = noted(RegistrarRequest::verify(request, self.0.lenient, now)?);
        let history = self.0.ledger.history(request.device()).await?;
        let policy = &self.0.lines.of(request.device()).issue_policy;
        Ok(disclose::evaluate(&request, history, policy, now)?)
    }

    /// The devices with this serial number: one for each CA that gave it to a device, whether or not it is among the anchors still.
    ///
    /// # Errors
    /// [`Error::Ledger`].
    pub async fn devices(&self, serial: &SerialNumber) -> Result<Vec<DeviceId>, Error> {
        Ok(self.0.ledger.devices(serial).await?)
    }

    /// Blocks a device, giving the reason, or with `None` blocks it no longer. A blocked device gets no vouchers. `by` is on whose word.
    ///
    /// # Errors
    /// [`Refusal::UnknownDevice`] if it was never made here.
    pub async fn set_blocked(&self, device: &DeviceId, reason: Option<Text>, by: Text) -> Result<(), Error> {
        let device = self.known(device).await?.device().clone();
        let standing = Standing { device, at: self.0.clock.now(), blocked: reason.map(String::from), by: Some(by.into()) };
        self.0.ledger.append(vec![Entry::Standing(standing)]).await?;
        Ok(())
    }

    async fn known(&self, device: &DeviceId) -> Result<History, Error> {
        let history = self.0.ledger.history(device).await?;
        Ok(history.ok_or_else(|| Refusal::UnknownDevice(device.clone()))?)
    }
}

impl core::fmt::Debug for Masa {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Masa({})", self.0.authority)
    }
}

/// One line in the log for every decision, beside the serial number and the domain that were noted on the way.
fn told<T>(done: &'static str, outcome: Result<T, Error>) -> Result<T, Error> {
    match &outcome {
        Ok(_) => tracing::info!(outcome = done),
        Err(err @ (Error::Refused(_) | Error::Untrusted(_) | Error::Inexpressible { .. })) => tracing::info!(outcome = "refused", sentence = in_full(err)),
        Err(err @ (Error::Ledger(_) | Error::Log(_) | Error::Sign(_) | Error::Randomness)) => tracing::error!(outcome = "failed", sentence = in_full(err)),
    }
    outcome
}

fn noted(request: RegistrarRequest) -> RegistrarRequest {
    note("serial", &request.device().serial);
    note("domain", &request.domain().domain_id());
    request
}

fn note(field: &'static str, value: &dyn core::fmt::Display) {
    tracing::Span::current().record(field, tracing::field::display(value));
}

fn random() -> Result<[u8; 16], Error> {
    let mut octets = [0; 16];
    fill(&mut octets)?;
    Ok(octets)
}

/// Fills all of it with octets that nobody can guess.
fn fill(octets: &mut [u8]) -> Result<(), Error> {
    aws_lc_rs::rand::fill(octets).map_err(|_| Error::Randomness)
}
