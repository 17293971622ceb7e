//! What a member of the domain has to pass before its LDevID is renewed, and what a recheck of all members asks in between.

use brski_common::appraise::{Case, Facts, ReceiptFinding};
use brski_common::provenance::Status;
use brski_common::{MasaUrl, ProvenanceStatement, Refusal, SerialNumber, Signed, SpkiDigest, UnixTime, Verified, VoucherRequest, appraise};

use super::stated::Kept;
use super::stop::NoVoucher;
use super::{Registrar, Requirement, trusted};
use crate::approval::{HeldBy, Person, refused_by_person};
use crate::enroll::Reappraised;
use crate::error::Error;
use crate::relay::{Admission, Declined};
use crate::revocation::{RevocationError, RevokedLDevId, Which, revoke};
use crate::trail::{Edition, IssuedCertificate, PledgeFile, RevocationReason};
use crate::trust::Manufacturer;

/// What a recheck found of one member.
#[derive(Debug)]
pub struct Rechecked {
    /// Which device.
    pub serial: SerialNumber,
    /// How it stands today.
    pub standing: Standing,
    /// The LDevIDs that were revoked because of it.
    pub revoked: Vec<RevokedLDevId>,
}

/// How a member stands under the policy and its manufacturer's word of today.
#[derive(Debug)]
pub enum Standing {
    /// It would be renewed, by this rule.
    Accepted(Reappraised),
    /// It would not be renewed, or not before a person decides.
    Declined(Declined),
    /// Another process asks its manufacturer, and has no answer yet: the next recheck tells.
    NotYet(Refusal),
    /// That cannot be told.
    Unknown(Error),
}

impl Registrar {
    /// Asks what the manufacturer of this admitted device says of its key today, and what the policy of today makes of that. Revokes its LDevIDs if the owner's
    /// settings say so of that word; the trail tells of that, and of a word that is newer than what is on record. None if the device is not admitted.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn recheck(&self, pledge: SpkiDigest) -> Result<Option<Rechecked>, Error> {
        let now = self.parts.clock.now();
        let Some(admission) = self.parts.pledges.find(pledge).await? else { return Ok(None) };
        let before = self.revoked_of(&admission).await?;
        let standing = match self.reappraised(&admission, Requirement::Required, now).await {
            Ok(reappraised) => Standing::Accepted(reappraised),
            Err(NoVoucher::Declined(declined)) => Standing::Declined(declined),
            Err(NoVoucher::NotYet(refusal)) => Standing::NotYet(refusal),
            Err(NoVoucher::Other(err @ Error::Store(_))) => return Err(err),
            Err(NoVoucher::Other(err)) => Standing::Unknown(err),
        };
        let revoked = self.revoked_of(&admission).await?.into_iter().filter(|certificate| !before.contains(certificate));
        let revoked = revoked.map(|certificate| self.told(certificate)).collect();
        Ok(Some(Rechecked { serial: admission.device().serial.clone(), standing, revoked }))
    }

    async fn revoked_of(&self, admission: &Admission) -> Result<Vec<IssuedCertificate>, Error> {
        let file = self.parts.pledges.file(admission.spki_digest()).await?;
        let certificates = file.into_iter().flat_map(|file| file.certificates).filter(|filed| filed.revoked.is_some());
        Ok(certificates.map(|filed| filed.certificate).collect())
    }

    /// Appraises again how the key of an admitted device came to be: the policy may be another than at its admission, and so may be its manufacturer's word.
    pub(super) async fn reappraised(&self, admission: &Admission, demand: Requirement, now: UnixTime) -> Result<Reappraised, NoVoucher> {
        let manufacturer = self.parts.trust.still_accepts(admission)?;
        let file = self.parts.pledges.file(admission.spki_digest()).await.map_err(Error::Store)?;
        let is_refused = file.as_ref().is_some_and(|file| file.disapproval.is_some());
        let statement = match (self.word_of_today(admission, manufacturer, file.as_ref(), demand, now).await, is_refused) {
            (word, false) => word?,
            (Err(NoVoucher::Other(err @ Error::Store(_))), true) => return Err(err.into()),
            // Where it has to be known, such as for a recheck, that it is not known comes first.
            (Err(unknown @ (NoVoucher::NotYet(_) | NoVoucher::Other(_))), true) if demand == Requirement::Required => return Err(unknown),
            (Ok(_) | Err(_), true) => return Err(refused_by_person(&admission.device().serial).into()),
        };
        let kept_facts = admission.ground().facts.as_ref();
        let receipt = statement.as_ref().map_or(ReceiptFinding::Missing, |statement| manufacturer.receipt_of(statement));
        let case = Case {
            idevid: admission.idevid(),
            manufacturer: &manufacturer.name,
            statement: statement.as_ref(),
            receipt,
            word: kept_facts.and_then(|facts| facts.word.as_ref()),
        };
        let appraisal = appraise(&self.parts.policy, &case, now)?;
        let held = HeldBy::new(&self.parts.policy, &case, &appraisal);
        let approval = file.as_ref().and_then(PledgeFile::approval).filter(|approval| approval.covers(&held, self.parts.settings.approvers));
        let permitted = match approval {
            Some(_) => appraisal.permit_approved(),
            None => appraisal.permit(self.parts.settings.hold_retry),
        };
        match permitted {
            Ok(accepted) => {
                if let Some(verdict) = accepted.appraisal().warned() {
                    let (rule, would) = (accepted.appraisal().rule(), verdict.name());
                    tracing::warn!(serial = %admission.device().serial, rule, would, "renewed because the policy only warns");
                }
                Ok(Reappraised::of(&accepted, &case, &self.parts.policy))
            }
            Err(refusal) => Err(Declined::by_policy(refusal, &self.parts.policy, &appraisal, Facts::of(&case), held).into()),
        }
    }

    /// The newest that the manufacturer says of the key, with what follows from it at once: it is written down, and revokes the device's LDevIDs if the owner's settings say so.
    ///
    /// Whom a person refused is asked about as well: LDevIDs that it still has are valid until they are revoked.
    async fn word_of_today(
        &self,
        admission: &Admission,
        manufacturer: &Manufacturer,
        file: Option<&PledgeFile>,
        demand: Requirement,
        now: UnixTime,
    ) -> Result<Option<Verified<ProvenanceStatement>>, NoVoucher> {
        // The newest that the manufacturer said so far, which need not be what it said at the admission.
        let kept = Kept::newest(admission, file).map_err(Error::Store)?;
        let today = self.statement_today(admission, manufacturer, demand, now).await?;
        if let Some(today) = &today {
            // Of another device it may say what it likes.
            today.get().check_binding(admission.idevid())?;
            self.note_stated(today, kept.as_ref(), admission, now).await?;
        }
        let statement = match (today, &kept) {
            (Some(today), Some(kept)) if Edition::of(today.get()) < kept.edition() => {
                let (today, kept) = (Edition::of(today.get()), kept.edition());
                let why = format!("of what its manufacturer says of the key it is {today} and {kept} was shown earlier already");
                return Err(Refusal::StatementVoid(why).into());
            }
            (Some(today), _) => Some(today),
            (None, Some(_)) if demand == Requirement::Required => {
                let reason = "its manufacturer says nothing of its key today, although it did earlier".to_owned();
                return Err(Refusal::Pending { reason, wait: self.parts.settings.hold_retry }.into());
            }
            // Of which it has taken nothing back, as far as we know.
            (None, kept) => kept.as_ref().map(|kept| kept.verified(manufacturer)).transpose()?,
        };
        if let Some(status) = statement.as_ref().map(|statement| statement.get().status) {
            self.revoke_on(status, admission, now).await?;
        }
        Ok(statement)
    }

    /// Takes a device's LDevIDs back, if that is what the owner wants of such a word.
    async fn revoke_on(&self, status: Status, admission: &Admission, now: UnixTime) -> Result<(), Error> {
        if !self.parts.settings.revoke_on.contains(&status) {
            return Ok(());
        }
        let by = Person::registrar(format!("its manufacturer calls the record of its key {status}"), now);
        let revoked = revoke(&*self.parts.pledges, admission.spki_digest(), &Which::Current, RevocationReason::PrivilegeWithdrawn, &by).await;
        match revoked {
            Ok(certificates) => {
                for certificate in certificates {
                    tracing::warn!(serial = %admission.device().serial, %status, outcome = %self.told(certificate), "LDevID revoked");
                }
                Ok(())
            }
            Err(RevocationError::Store(err)) => Err(err.into()),
            // There is nothing left to take back.
            Err(
                RevocationError::NoSuchPledge(_) | RevocationError::Namesakes { .. } | RevocationError::NothingToRevoke(_) | RevocationError::NotCurrent { .. },
            ) => Ok(()),
        }
    }

    /// What the manufacturer says of the key today; none if its MASA says nothing, or cannot be asked and `demand` does without.
    async fn statement_today(
        &self,
        admission: &Admission,
        manufacturer: &Manufacturer,
        demand: Requirement,
        now: UnixTime,
    ) -> Result<Option<Verified<ProvenanceStatement>>, NoVoucher> {
        let url = manufacturer.masa_url_of(admission.idevid())?;
        let answer = match self.ask_statement(admission, manufacturer, &url, now).await {
            Ok(answer) => answer,
            // It will be known in a moment.
            Err(Error::Refused(refusal @ Refusal::Pending { .. })) => return Err(NoVoucher::NotYet(refusal)),
            Err(Error::Masa(err)) if demand == Requirement::Optional && err.is_passing() => {
                let reason = brski_common::text::in_full(&err);
                tracing::warn!(serial = %admission.device().serial, reason, "renewed on the newest that the MASA said, since it cannot be asked now");
                None
            }
            Err(err) => return Err(err.into()),
        };
        Ok(answer.map(|statement| trusted(&statement, manufacturer, now)).transpose()?)
    }

    async fn ask_statement(
        &self,
        admission: &Admission,
        manufacturer: &Manufacturer,
        url: &MasaUrl,
        now: UnixTime,
    ) -> Result<Option<Signed<ProvenanceStatement>>, Error> {
        let leaves = VoucherRequest {
            created_on: Some(now),
            idevid_issuer: Some(admission.device().issuer.clone()),
            ..VoucherRequest::new(admission.device().serial.clone())
        };
        let request = self.parts.identity.seal(&leaves, admission.voucher().format()).await?;
        Ok(self.parts.masa.request_statement(manufacturer, url, &request).await?)
    }
}
