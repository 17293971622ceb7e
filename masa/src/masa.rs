//! The MASA: rules, ledger, keys and clock put together. Each journey gathers, asks one rule, then acts.

mod last_signed;
#[cfg(test)]
mod tests;
mod transparency;

use std::sync::Arc;

pub use self::last_signed::{LastSigned, LogError};
pub use self::transparency::log_name;
use brski_common::log::Receipt;
use brski_common::provenance::{Disclosure, ManufactureReport};
use brski_common::text::in_full;
use brski_common::voucher::ProvenanceExtension;
use brski_common::{
    Anchors, AuditLog, Clock, DeviceId, Format, KeyIdentifier, Leniencies, Payload as _, PeerCertificates, ProvenanceStatement, Refusal, SerialNumber,
    SignError, Signed, Signer, SigningParty, UnixTime, Voucher, VoucherRequest,
};

use crate::disclose::{self, DisclosureOrder};
use crate::error::Error;
use crate::history::History;
use crate::issue::{self, Decision, IssuePolicy, Told};
use crate::ledger::{Entry, Ledger, LedgerError, Standing, Stated};
use crate::manufacture::{self, GenuineReport, Station};
use crate::request::RegistrarRequest;

/// What a MASA is made of.
#[derive(Clone)]
pub struct MasaParts {
    /// The MASA's authority (host, and port if it is not 443): who issues its statements.
    pub authority: String,
    /// What it knows.
    pub ledger: Arc<dyn Ledger>,
    /// Signs vouchers. Its chain goes into each of them.
    pub voucher: SigningParty,
    /// Signs provenance statements. Another key than the voucher's: their anchors are trusted for different things.
    pub provenance: SigningParty,
    /// Signs the state of the ledger, and receipts for what is in it. An Ed25519 key: checkpoints can be signed with no other. A key of its own, since whoever trusts it
    /// trusts the log and nothing else.
    pub log_key: Arc<dyn Signer>,
    /// What that key signed last, so that it never signs a log that does not continue it. One that outlives the process if the ledger does.
    pub last_signed: Arc<LastSigned>,
    /// Who may report a manufacture.
    pub stations: Vec<Station>,
    /// The CAs that issue IDevIDs. A report encloses no CA certificates, so that issuing CAs below a root belong in here as well.
    pub idevid_anchors: Anchors,
    /// When a voucher may be issued.
    pub issue_policy: IssuePolicy,
    /// What registrars and pledges may do wrong in their requests and still be understood.
    pub lenient: Leniencies,
    /// How much of a record owners may see.
    pub disclosure: Disclosure,
    /// Where "now" comes from.
    pub clock: Clock,
}

/// A manufacturer's authority: writes down how keys came to be, says so under its signature, and vouches for its devices.
pub struct Masa(MasaParts);

/// What became of a manufacture report.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Index of the record's entry in the ledger; that of the device's making if the report told no origin.
    pub index: u64,
    /// Which device.
    pub device: DeviceId,
    /// What others may know of it, with the receipt in its unprotected header if there is one; `None` if nobody wrote down how its key came to be.
    pub statement: Option<Signed<ProvenanceStatement>>,
    /// That the record is in the log; `None` if there is no record, or if the log could not prove or sign it: the record stands, and why is logged as an error.
    pub receipt: Option<Receipt>,
    /// Whether the ledger had all of it already.
    pub repeated: bool,
    /// Whether the report told no origin of a key whose origin is on record, which stands.
    pub origin_stands: bool,
}

impl Masa {
    /// Puts a MASA together.
    pub fn new(parts: MasaParts) -> Self {
        Self(parts)
    }

    /// Writes down what a station reports of one device, and signs what others may know of it. The same report again changes nothing and gets
    /// the same statement, with a receipt from a state of the log that may be newer.
    ///
    /// # Errors
    /// [`Error::Untrusted`] unless an enrolled station signed it and the IDevID is the manufacturer's own; [`Error::Refused`] if it contradicts itself or the record.
    #[tracing::instrument(skip_all, fields(serial))]
    pub async fn record(&self, report: &Signed<ManufactureReport>) -> Result<Recorded, Error> {
        told("recorded", self.write_down(report).await)
    }

    async fn write_down(&self, report: &Signed<ManufactureReport>) -> Result<Recorded, Error> {
        let now = self.0.clock.now();
        let report = GenuineReport::verify(report, &self.0.stations, &self.0.idevid_anchors, now)?;
        let device = report.device();
        note("serial", &device.serial);
        let mut history = self.0.ledger.history(device).await?;
        let order = manufacture::evaluate(&report, history.as_ref(), random()?, now)?;

        let mut repeated = order.is_repeated();
        if !repeated {
            // Record first: a crash may leave a record without its statement, which is made up for, never a statement without its record.
            let appended = self.0.ledger.append(order.into_entries()).await;
            history = self.0.ledger.history(device).await?;
            if let Err(err) = appended {
                // Perhaps somebody reported the same in the meantime.
                repeated = manufacture::evaluate(&report, history.as_ref(), random()?, now)?.is_repeated();
                if !repeated {
                    return Err(err.into());
                }
            }
        }
        let history = history.ok_or_else(|| Refusal::UnknownDevice(device.clone()))?;
        let statement = self.statement(&history, now).await?;
        let (statement, receipt) = match statement {
            Some(statement) => {
                let (statement, receipt) = self.with_receipt(statement, &history, transparency::ReceiptFrom::SinceRecorded).await;
                (Some(statement), receipt)
            }
            None => (None, None),
        };
        let origin_stands = !report.tells_origin() && history.record().is_some();
        Ok(Recorded { index: history.index(), device: device.clone(), statement, receipt, repeated, origin_stands })
    }

    /// Vouches for a device to the domain that asks (RFC 8995, section 5.5), in this format. `peer` is who asked over TLS.
    ///
    /// The same request again gets the same voucher again, and may get it in another format.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if a signature does not hold; [`Error::Refused`] with the rule that says no; [`Error::Inexpressible`] if this format has no room for a leaf.
    #[tracing::instrument(skip_all, fields(serial, domain, entry))]
    pub async fn vouch(&self, request: &Signed<VoucherRequest>, answer: Format, peer: &PeerCertificates) -> Result<Signed<Voucher>, Error> {
        told("vouched", self.decide_and_sign(request, answer, peer).await)
    }

    async fn decide_and_sign(&self, request: &Signed<VoucherRequest>, answer: Format, peer: &PeerCertificates) -> Result<Signed<Voucher>, Error> {
        let now = self.0.clock.now();
        let request = noted(RegistrarRequest::verify(request, self.0.lenient, now)?);
        let history = self.known(request.device()).await?;
        let claim = request.open(&history, &self.0.idevid_anchors, now)?;
        let decision = issue::evaluate(&claim, peer, &history, &self.0.issue_policy, now)?;
        // Before anything is recorded: an entry for a voucher that cannot be given would stay in the device's log for good.
        decision.voucher().encode(answer).map_err(|source| Error::Inexpressible { format: answer, source })?;
        let recorded = match decision {
            Decision::Repeat(recorded) => recorded,
            // Log first: a crash may leave an entry without a voucher, never a voucher without an entry.
            Decision::Record(order) => match self.0.ledger.append(vec![order.entry().clone()]).await {
                Ok(appended) => order.recorded(appended),
                Err(err) => {
                    // Perhaps the same nonce came in twice at once; the history then knows for whom it was used.
                    let history = self.known(history.device()).await?;
                    match issue::evaluate(&claim, peer, &history, &self.0.issue_policy, now)? {
                        Decision::Repeat(recorded) => recorded,
                        Decision::Record(_) => return Err(err.into()),
                    }
                }
            },
        };
        if let Some(index) = recorded.index() {
            note("entry", &index);
        }
        let told = Told::evaluate(claim.registrar(), &self.0.issue_policy);
        let voucher = Voucher { provenance: self.extension(told, &history, now).await?, ..recorded.into_voucher() };
        Ok(self.0.voucher.seal(&voucher, answer).await?)
    }

    /// What the voucher tells of the device's key; nothing where nothing is on record.
    async fn extension(&self, told: Option<Told>, history: &History, now: UnixTime) -> Result<Option<ProvenanceExtension>, Error> {
        let Some(told) = told else { return Ok(None) };
        let statement = self.statement(history, now).await?;
        let extension = statement.map(|statement| told.extension(&statement)).transpose();
        Ok(extension.map_err(|source| SignError::Encode { artefact: "voucher", source: Box::new(source) })?)
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
        let history = self.disclose(request, now).await?.into_history();
        // The receipt once the statement is stored, so that it is as new as can be.
        match self.statement(&history, now).await? {
            Some(statement) => Ok(Some(self.with_receipt(statement, &history, transparency::ReceiptFrom::Now).await.0)),
            None => Ok(None),
        }
    }

    async fn disclose(&self, request: &Signed<VoucherRequest>, now: UnixTime) -> Result<DisclosureOrder, Error> {
        let request = noted(RegistrarRequest::verify(request, self.0.lenient, now)?);
        let history = self.0.ledger.history(request.device()).await?;
        Ok(disclose::evaluate(&request, history, &self.0.issue_policy, now)?)
    }

    /// The devices with this serial number: one for each CA among the anchors that gave it to a device.
    ///
    /// # Errors
    /// [`Error::Ledger`].
    pub async fn devices(&self, serial: &SerialNumber) -> Result<Vec<DeviceId>, Error> {
        let mut found = Vec::new();
        for authority in self.0.idevid_anchors.certificates() {
            let Some(Ok(issuer)) = authority.subject_key_id().map(KeyIdentifier::new) else { continue };
            let device = DeviceId { issuer, serial: serial.clone() };
            if !found.contains(&device) && self.0.ledger.history(&device).await?.is_some() {
                found.push(device);
            }
        }
        Ok(found)
    }

    /// Blocks a device, giving the reason, or with `None` blocks it no longer. A blocked device gets no vouchers.
    ///
    /// # Errors
    /// [`Refusal::UnknownDevice`] if it was never made here.
    pub async fn set_blocked(&self, device: &DeviceId, reason: Option<String>) -> Result<(), Error> {
        let device = self.known(device).await?.device().clone();
        let standing = Standing { device, at: self.0.clock.now(), blocked: reason };
        self.0.ledger.append(vec![Entry::Standing(standing)]).await?;
        Ok(())
    }

    async fn known(&self, device: &DeviceId) -> Result<History, Error> {
        let history = self.0.ledger.history(device).await?;
        Ok(history.ok_or_else(|| Refusal::UnknownDevice(device.clone()))?)
    }

    /// The statement about a device's record: as it was stored, else signed now and stored.
    async fn statement(&self, history: &History, now: UnixTime) -> Result<Option<Signed<ProvenanceStatement>>, Error> {
        if let Some(statement) = history.statement() {
            return Ok(Some(statement.clone()));
        }
        let Some(record) = history.record() else { return Ok(None) };
        let key = history.idevid().certificate().public_key();
        let statement = ProvenanceStatement::view(record, &key, &self.0.authority, self.0.disclosure, random()?, now);
        let encode = |source| SignError::Encode { artefact: "provenance statement", source: Box::new(source) };
        let statement = statement.map_err(encode)?;
        let statement = self.0.provenance.seal(&statement, Format::Cose).await?;

        let stated = Stated { device: record.device.clone(), seq: record.seq, statement: statement.clone() };
        match self.0.ledger.append(vec![Entry::Stated(stated)]).await {
            Ok(_) => Ok(Some(statement)),
            // Signed twice at once: the one that was stored is the one that everybody gets.
            Err(LedgerError::Conflict { .. }) => Ok(self.known(history.device()).await?.statement().cloned()),
            Err(err) => Err(err.into()),
        }
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
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| Error::Randomness)?;
    Ok(octets)
}
