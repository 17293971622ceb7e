//! Journey 2, the rules: which voucher-request goes on to the MASA, and which of its answers takes a pledge in.
//!
//! A relay order comes out of [`admit`] alone and is spent by value. An admission comes out of [`RelayOrder::accept`] alone, which has the policy appraise the key:
//!
//! ```
//! # use brski_common::{Accepted, UnixTime};
//! # use brski_registrar::{Admission, RelayOrder, relay::{Declined, MasaWord, Owner}};
//! fn take_in(order: RelayOrder, word: MasaWord<'_>, owner: &Owner<'_>, earlier: &Accepted, now: UnixTime) -> Result<Admission, Declined> {
//!     order.accept(word, owner, now)
//! }
//! ```
//! There is no way around the appraisal, not even with the proof that another one succeeded:
//!
//! ```compile_fail,E0624
//! # use brski_common::{Accepted, UnixTime};
//! # use brski_registrar::{Admission, RelayOrder, relay::{Declined, MasaWord, Owner}};
//! fn take_in(order: RelayOrder, word: MasaWord<'_>, owner: &Owner<'_>, earlier: &Accepted, now: UnixTime) -> Result<Admission, Declined> {
//!     Ok(Admission::accepted(order, word.voucher, earlier, now))
//! }
//! ```
//! nor without a policy:
//!
//! ```compile_fail,E0308
//! # use brski_common::{Accepted, UnixTime};
//! # use brski_registrar::{Admission, RelayOrder, relay::{Declined, MasaWord, Owner}};
//! fn take_in(order: RelayOrder, word: MasaWord<'_>, owner: &Owner<'_>, earlier: &Accepted, now: UnixTime) -> Result<Admission, Declined> {
//!     order.accept(word, &Owner { policy: &(), ..*owner }, now)
//! }
//! ```
//! and one order takes in one pledge:
//!
//! ```compile_fail,E0599
//! # use brski_common::{Accepted, UnixTime};
//! # use brski_registrar::{Admission, RelayOrder, relay::{Declined, MasaWord, Owner}};
//! fn take_in(order: RelayOrder, word: MasaWord<'_>, owner: &Owner<'_>, earlier: &Accepted, now: UnixTime) -> Result<Admission, Declined> {
//!     order.clone().accept(word, owner, now)
//! }
//! ```

mod admission;
mod audit;
mod declined;
mod request;
#[cfg(test)]
mod tests;

use core::time::Duration;

use brski_common::appraise::{Case, Facts, MasaFindings, ReceiptFinding, foresee};
use brski_common::log::without_receipts;
use brski_common::provenance::ProvenanceStatement;
use brski_common::sign::Hash;
use brski_common::voucher::{ProvenanceExtension, Wanted};
use brski_common::{
    AuditLog, Certificate, DomainId, Format, IDevIdCert, Method, Nonce, Policy, Refusal, UnixTime, Verified, Voucher, VoucherRequest, appraise,
};

pub use admission::{Admission, Ground};
pub use audit::findings_of;
pub use declined::Declined;
pub use request::admit;
pub(crate) use request::check_leaves;

use crate::approval::{Approval, HeldBy};
use crate::registrar::Requirement;
use crate::trust::Manufacturer;

/// Permission to ask the MASA for one voucher and to take one pledge in. Made by [`admit`] alone, spent by value.
#[derive(Debug)]
pub struct RelayOrder {
    created_on: UnixTime,
    nonce: Nonce,
    idevid: IDevIdCert,
    // Its verified path: the IDevID first, the manufacturer's anchor last.
    chain: Vec<Certificate>,
    prior: Vec<u8>,
    digest: [u8; 32],
    format: Format,
    wanted: Option<Wanted>,
    carried: Option<Verified<ProvenanceStatement>>,
}

/// Who decides and by what: the owner's side of [`RelayOrder::accept`].
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The registrar's certificate and the path above it: what a voucher may pin.
    pub chain: &'a [Certificate],
    /// How a pledge's key may have come to be.
    pub policy: &'a Policy,
    /// Whether a pledge without audit log may be admitted.
    pub audit_log: Requirement,
    /// Other domains that may occur in a pledge's audit log.
    pub accepted_foreign_domains: &'a [DomainId],
    /// After how long a held pledge should ask again.
    pub hold_retry: Duration,
    /// The manufacturer whose anchors verified the pledge.
    pub manufacturer: &'a Manufacturer,
    /// What persons said of this pledge while the policy held it.
    pub approval: Option<&'a Approval>,
    /// How many persons have to say yes to a held pledge.
    pub approvers: usize,
}

/// What a MASA says of one device, each part with its signature verified.
#[derive(Clone, Copy, Debug)]
pub struct MasaWord<'a> {
    /// The voucher.
    pub voucher: &'a Verified<Voucher>,
    /// Statements from its provenance resource and from the voucher's extension.
    pub statements: &'a [Verified<ProvenanceStatement>],
    /// The device's history; `None` if the MASA discloses none. It comes over the MASA's authenticated connection and bears no signature.
    pub audit_log: Option<&'a AuditLog>,
}

impl RelayOrder {
    /// What the registrar asks the MASA (RFC 8995, section 5.5): the pledge's whole request goes with it, its serial number comes from its certificate.
    pub fn request(&self) -> VoucherRequest {
        VoucherRequest {
            // Carried forward: `admit` lets nothing else pass.
            assertion: Some(brski_common::Assertion::Proximity),
            created_on: Some(self.created_on),
            nonce: Some(self.nonce.clone()),
            idevid_issuer: Some(self.idevid.device().issuer.clone()),
            prior_signed_voucher_request: Some(self.prior.clone()),
            provenance: self.wanted.map(ProvenanceExtension::asking_for),
            ..VoucherRequest::new(self.idevid.device().serial.clone())
        }
    }

    /// The format of the pledge's request, and therefore of ours (constrained BRSKI, section 7.1).
    pub fn format(&self) -> Format {
        self.format
    }

    /// SHA-256 over the pledge's request, octet for octet.
    pub fn request_digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The pledge in question.
    pub fn idevid(&self) -> &IDevIdCert {
        &self.idevid
    }

    /// Its verified certificates: the IDevID first, the manufacturer's anchor last.
    pub fn pledge_chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Appraises the statement that the pledge's request carried, so that a hopeless pledge costs the MASA nothing, and keeps it.
    ///
    /// # Errors
    /// As [`accept`](Self::accept) for the statement.
    pub fn carrying(self, statement: Verified<ProvenanceStatement>, owner: &Owner<'_>, now: UnixTime) -> Result<Self, Declined> {
        let receipt = owner.manufacturer.receipt_of(&statement);
        let case = Case { idevid: &self.idevid, manufacturer: &owner.manufacturer.name, statement: Some(&statement), receipt, word: None };
        let hopeless = foresee(owner.policy, &case, now)?;
        match hopeless.and_then(|appraisal| Declined::early(owner.policy, &appraisal, Facts::of(&case))) {
            Some(declined) => Err(declined),
            None => Ok(Self { carried: Some(statement), ..self }),
        }
    }

    /// Takes the pledge in, if the MASA's answer is for this request, names this domain, and the owner accepts history and provenance.
    ///
    /// Of several statements the one with the highest `seq` counts; each must belong to this pledge. What a voucher says of the key beside a statement, its hash
    /// included, admits nobody; a hash refuses another statement than the one it was taken of, whoever brought that.
    ///
    /// # Errors
    /// [`Refusal::VoucherMismatch`], [`Refusal::AuditLogMissing`], [`Refusal::AuditLogUnacceptable`], [`Refusal::StatementMismatch`],
    /// [`Refusal::StatementVoid`], [`Refusal::ProvenanceUnacceptable`], or [`Refusal::Pending`] where the policy holds.
    pub fn accept(self, word: MasaWord<'_>, owner: &Owner<'_>, now: UnixTime) -> Result<Admission, Declined> {
        self.check_voucher(word.voucher.get(), owner.chain, now)?;
        // A MASA that conceals the history must not get further than one that shows a bad one.
        match (word.audit_log, owner.audit_log) {
            (None, Requirement::Required) => return Err(Refusal::AuditLogMissing(self.idevid.device().serial.clone()).into()),
            (None, Requirement::Optional) | (Some(_), Requirement::Required | Requirement::Optional) => {}
        }

        let statements = || self.carried.iter().chain(word.statements);
        statements().try_for_each(|statement| statement.get().check_binding(&self.idevid))?;
        let newest = statements().max_by_key(|statement| statement.get().seq);
        check_statement_hash(word.voucher.get(), newest)?;
        newest.iter().try_for_each(|newest| statements().try_for_each(|other| check_agreement(newest.get(), other.get())))?;
        let findings = MasaFindings {
            assertion: word.voucher.get().assertion,
            history: word.audit_log.map(|log| findings_of(log, owner.chain, owner.accepted_foreign_domains)),
        };
        let receipt = newest.map_or(ReceiptFinding::Missing, |statement| owner.manufacturer.receipt_of(statement));
        let case = Case { idevid: &self.idevid, manufacturer: &owner.manufacturer.name, statement: newest, receipt, word: Some(&findings) };
        let appraisal = appraise(owner.policy, &case, now)?;
        let facts = Facts::of(&case);
        let held = HeldBy::new(owner.policy, &case, &appraisal);
        let approval = owner.approval.filter(|approval| approval.covers(&held, owner.approvers));
        let permitted = match approval {
            Some(_) => appraisal.permit_approved(),
            None => appraisal.permit(owner.hold_retry),
        };
        match permitted {
            Ok(accepted) => Ok(Admission::accepted(self, word.voucher, owner, &accepted, facts, approval, now)),
            Err(refusal) => Err(Declined::by_policy(refusal, owner.policy, &appraisal, facts, held)),
        }
    }

    /// RFC 8995, section 5.6, as far as it concerns a registrar: the voucher must be what was asked for.
    fn check_voucher(&self, voucher: &Voucher, chain: &[Certificate], now: UnixTime) -> Result<(), Refusal> {
        let device = self.idevid.device();
        let own_key = chain.first().map(Certificate::public_key);
        let pins_our_key = |pin: &[u8]| own_key.as_ref().is_some_and(|key| key.spki() == pin);
        let pins_our_digest = |pin: &[u8; 32]| own_key.as_ref().is_some_and(|key| key.digest().0 == *pin);
        let pinned = voucher.pinned_domain_cert.is_some() || voucher.pinned_domain_pubk.is_some() || voucher.pinned_domain_pubk_sha256.is_some();

        let leaves = [
            ("serial-number", voucher.serial_number == device.serial),
            ("idevid-issuer", voucher.idevid_issuer.as_ref().is_none_or(|issuer| *issuer == device.issuer)),
            ("nonce", voucher.nonce.as_ref() == Some(&self.nonce)),
            ("pinned-domain-cert", pinned && voucher.pinned_domain_cert.as_ref().is_none_or(|pin| chain.contains(pin))),
            ("pinned-domain-pubk", voucher.pinned_domain_pubk.as_deref().is_none_or(pins_our_key)),
            ("pinned-domain-pubk-sha256", voucher.pinned_domain_pubk_sha256.as_ref().is_none_or(pins_our_digest)),
            ("expires-on", voucher.expires_on.is_none_or(|end| now <= end)),
        ];
        match leaves.into_iter().find(|(_, as_asked)| !as_asked) {
            Some((leaf, _)) => Err(Refusal::VoucherMismatch { leaf }),
            None => Ok(()),
        }
    }
}

/// Two statements about the same record may tell more or less of it, never otherwise: of a contradiction nobody can tell which half to believe.
fn check_agreement(newest: &ProvenanceStatement, other: &ProvenanceStatement) -> Result<(), Refusal> {
    if other.seq != newest.seq {
        return Ok(());
    }
    let untold = |method| method == Method::Unknown;
    if newest.method != other.method && !untold(newest.method) && !untold(other.method) {
        return Err(Refusal::StatementVoid(format!(
            "another statement with the same seq, {}, says {} where it says {}",
            newest.seq, other.method, newest.method
        )));
    }
    match newest.record == other.record {
        true => Ok(()),
        false => Err(Refusal::StatementVoid(format!("another statement with the same seq, {}, is about another record", newest.seq))),
    }
}

/// A voucher that names its pledge's statement by hash speaks of the newest: a pledge that brings along an older one must not be judged by that.
/// Receipts that were added to the statement since do not make it another.
fn check_statement_hash(voucher: &Voucher, newest: Option<&Verified<ProvenanceStatement>>) -> Result<(), Refusal> {
    let Some(named) = voucher.provenance.as_ref().and_then(|extension| extension.statement_hash) else { return Ok(()) };
    let as_signed = |statement: &Verified<ProvenanceStatement>| without_receipts(statement.signed().wire()).map(|octets| Hash::Sha256.of(&octets));
    match newest.is_none_or(|statement| statement.signed().digest() == named || as_signed(statement).is_ok_and(|digest| digest == named)) {
        true => Ok(()),
        false => Err(Refusal::StatementVoid("its SHA-256 is not the statement-hash that the voucher names".to_owned())),
    }
}
