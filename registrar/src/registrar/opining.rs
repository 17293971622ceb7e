//! The owner's opinion of a device, for others to act on.

use brski_common::appraise::{Case, MasaFindings, ReceiptFinding};
use brski_common::text::in_full;
use brski_common::{
    Csr, Format, IDevIdCert, PeerCertificates, ProvenanceStatement, Signed, SignedBy, SpkiDigest, UnixTime, Usage, Verified, Verifier, VoucherRequest, appraise,
};

use super::stated::{Kept, is_newer};
use super::{Registrar, statement_in, trusted};
use crate::approval::{HeldBy, refused_by_person};
use crate::enroll::KeyGround;
use crate::error::Error;
use crate::opinion::{Applicant, Claims, Exhibit, Hint, Opinion};
use crate::pledges::Query;
use crate::relay::Admission;
use crate::trail::{PledgeFile, State, Subject};
use crate::trust::Manufacturer;

/// One device before the policy.
struct Device<'a> {
    idevid: &'a IDevIdCert,
    manufacturer: &'a Manufacturer,
    statement: Option<Verified<ProvenanceStatement>>,
    word: Option<&'a MasaFindings>,
    file: Option<&'a PledgeFile>,
}

impl Registrar {
    /// What the owner's policy says today of what is shown. Nobody is admitted by it, and nothing is asked of a MASA.
    ///
    /// # Errors
    /// [`Error`] if the exhibit cannot be read, or the store does not answer. A device that is not acceptable is no error but an [`Opinion`].
    pub async fn opinion(&self, exhibit: &Exhibit, hint: &Hint) -> Result<Opinion, Error> {
        let now = self.parts.clock.now();
        match exhibit {
            Exhibit::Statement(statement) => self.opinion_of_statement(statement, hint, now).await,
            Exhibit::Request(request) => self.opinion_of_request(request, hint, now).await,
            Exhibit::Csr(der) => {
                let csr = Csr::from_der(der)?;
                let key = hint.key.unwrap_or_else(|| csr.public_key().digest());
                let applicant = Applicant { key: Some(key), csr: Some(Box::new(csr)), ..Applicant::default() };
                self.opinion_of_applicant(&applicant, hint, now).await
            }
            Exhibit::Applicant(applicant) => self.opinion_of_applicant(applicant, hint, now).await,
        }
    }

    async fn opinion_of_statement(&self, statement: &Signed<ProvenanceStatement>, hint: &Hint, now: UnixTime) -> Result<Opinion, Error> {
        // Only to find the device: what counts is verified below.
        let said = statement.peek_unverified(brski_common::Leniencies::default())?;
        let key = hint.key.unwrap_or(said.spki);
        let file = self.parts.pledges.file(key).await?;
        let presented = match (hint.idevid.is_empty(), self.parts.pledges.find(key).await?) {
            (false, _) => hint.idevid.clone(),
            (true, Some(admission)) => core::iter::once(admission.idevid().certificate()).chain(admission.issuers()).cloned().collect(),
            (true, None) => {
                let kept = file.as_ref().and_then(|file| file.decision.as_ref()).map(|decision| decision.facts.idevid()).transpose()?;
                kept.map(|idevid| idevid.certificate().clone()).into_iter().collect()
            }
        };
        if presented.is_empty() {
            return Ok(Opinion::no(format!("no device with key {key} is known here; show its IDevID along with the statement")));
        }
        let (pledge, manufacturer) = match self.parts.trust.admit(&PeerCertificates(presented), now) {
            Ok(found) => found,
            Err(err) => return Ok(Opinion::no(in_full(&err))),
        };
        let word = word_of(file.as_ref());
        let device = Device { idevid: pledge.idevid(), manufacturer, statement: None, word: word.as_ref(), file: file.as_ref() };
        Ok(match trusted(statement, manufacturer, now) {
            Ok(statement) => self.judge(Device { statement: Some(statement), ..device }, now),
            Err(refusal) => Opinion::no(in_full(&refusal)).about(subject_of(&device)),
        })
    }

    async fn opinion_of_request(&self, request: &Signed<VoucherRequest>, hint: &Hint, now: UnixTime) -> Result<Opinion, Error> {
        let presented = match hint.idevid.as_slice() {
            [] if request.format() == Format::Cose => {
                return Ok(Opinion::no("a voucher-request in COSE does not say who signed it; show the pledge's IDevID along with it"));
            }
            [] => {
                let by = SignedBy::AnyoneConsistent { usage: Usage::Any };
                request.verify(&Verifier { by, lenient: self.leniencies_of_anybody() }, now)?.signer().chain.clone()
            }
            given => given.to_vec(),
        };
        let (pledge, manufacturer) = match self.parts.trust.admit(&PeerCertificates(presented), now) {
            Ok(found) => found,
            Err(err) => return Ok(Opinion::no(in_full(&err))),
        };
        let verifier = Verifier { by: SignedBy::Holder(pledge.certificate()), lenient: manufacturer.lenient };
        let request = request.verify(&verifier, now)?;
        let file = self.parts.pledges.file(pledge.spki_digest()).await?;
        let word = word_of(file.as_ref());
        let device = Device { idevid: pledge.idevid(), manufacturer, statement: None, word: word.as_ref(), file: file.as_ref() };
        let carried = statement_in(&request.get().provenance);
        let note = carried.is_none().then(|| "the voucher-request carries no statement; the MASA was not asked for one".to_owned());
        let opinion = match carried.map(|statement| trusted(&statement, manufacturer, now)).transpose() {
            Ok(statement) => self.judge(Device { statement, ..device }, now),
            Err(refusal) => Opinion::no(in_full(&refusal)).about(subject_of(&device)),
        };
        Ok(opinion.noting(note))
    }

    /// An applicant is acceptable if it is a pledge that was admitted, whose admission stands or would be given again today, and the evidence about its key is as the policy demands.
    async fn opinion_of_applicant(&self, applicant: &Applicant, hint: &Hint, now: UnixTime) -> Result<Opinion, Error> {
        let opinion = self.opinion_of_device(applicant, now).await?;
        let manufacturer = opinion.pledge.as_ref().map(|pledge| pledge.manufacturer.clone());
        let ground = KeyGround { nonce: hint.nonce.as_deref(), ..self.key_ground(manufacturer.as_deref()) };
        let appraisal = applicant.csr.as_ref().map_or_else(|| ground.appraise_without_request(), |csr| ground.appraise(csr, now));
        let opinion = Opinion { evidence: appraisal.findings().to_vec(), ..opinion };
        Ok(match appraisal.permit(ground.mode()) {
            Ok(()) => opinion.noting(appraisal.warned(ground.mode()).map(str::to_owned)),
            Err(refusal) if opinion.allow => Opinion { allow: false, sentence: refusal.to_string(), ..opinion },
            Err(refusal) => opinion.noting(Some(refusal.to_string())),
        })
    }

    async fn opinion_of_device(&self, applicant: &Applicant, now: UnixTime) -> Result<Opinion, Error> {
        let admission = match self.find_applicant(applicant).await? {
            Ok(admission) => admission,
            Err(sentence) => return Ok(Opinion::no(sentence)),
        };
        let subject = admission.subject();
        let no = |sentence: String| Ok(Opinion::no(sentence).about(subject.clone()));
        let serial = &admission.device().serial;
        let file = self.parts.pledges.file(admission.spki_digest()).await?;
        let manufacturer = match self.parts.trust.still_accepts(&admission) {
            Ok(manufacturer) => manufacturer,
            Err(refusal) => return no(refusal.to_string()),
        };
        if file.as_ref().is_some_and(|file| file.disapproval.is_some()) {
            return no(refused_by_person(serial).to_string());
        }
        if file.as_ref().is_some_and(|file| is_revoked(file, applicant.key)) {
            return no(format!("the certificate of {serial} was revoked"));
        }

        let statement = match Kept::newest(&admission, file.as_ref())?.map(|kept| kept.verified(manufacturer)).transpose() {
            Ok(statement) => statement,
            Err(refusal) => return no(in_full(&refusal)),
        };
        if admission.stands_under(&self.parts.policy) && !is_newer(file.as_ref(), &admission)? {
            let ground = admission.ground();
            return Ok(Opinion {
                allow: true,
                verdict: Some(ground.verdict),
                rule: Some(ground.rule.clone()),
                sentence: format!("{serial} was admitted by rule '{}' of the policy in force, and its admission stands", ground.rule),
                trace: ground.trace.clone(),
                claims: statement.map(|statement| Claims::of(statement.get())),
                pledge: Some(subject),
                evidence: Vec::new(),
                notes: Vec::new(),
            });
        }
        let word = admission.ground().facts.as_ref().and_then(|facts| facts.word.as_ref());
        Ok(self.judge(Device { idevid: admission.idevid(), manufacturer, statement, word, file: file.as_ref() }, now))
    }

    /// The admission of the device that applies; a sentence if there is none, or what is said of it contradicts itself.
    async fn find_applicant(&self, applicant: &Applicant) -> Result<Result<Admission, String>, Error> {
        let named = applicant.permanent_identifier.as_deref();
        let subject = applicant.serial_number.as_deref();
        if let Some(key) = applicant.key
            && let Some(admission) = self.parts.pledges.find(key).await?
        {
            // A certificate in another device's name is not for this one.
            let other = named.into_iter().chain(subject).find(|name| *name != admission.device().serial.as_str());
            let conflict = other
                .map(|other| format!("the key is that of {}, and the request is in the name of another device, {}", admission.device().serial, shown(other)));
            return Ok(conflict.map_or(Ok(admission), Err));
        }
        let serial = match (named, subject) {
            (Some(named), Some(subject)) if named != subject => {
                return Ok(Err(format!("the device was verified to be {}, and asks for a certificate in the name of {}", shown(named), shown(subject))));
            }
            (Some(named), _) => named,
            (None, Some(subject)) if applicant.serial_number_counts => subject,
            (None, Some(subject)) => {
                return Ok(Err(format!(
                    "the key is of no pledge that was admitted, and that the request is in the name of {} proves nothing; the webhook's subject-serial would let it count",
                    shown(subject)
                )));
            }
            (None, None) => return Ok(Err("the key is of no pledge that was admitted, or its admission was withdrawn".to_owned())),
        };
        let files = self.parts.pledges.files(Query { serial: Some(serial.to_owned()), limit: SEVERAL, ..Query::default() }).await?;
        let mut found = None;
        for file in files {
            if let Some(admission) = self.parts.pledges.find(file.pledge.key).await? {
                if found.is_some() {
                    return Ok(Err(format!("several manufacturers' devices with serial number {} were admitted; only a key tells them apart", shown(serial))));
                }
                found = Some(admission);
            }
        }
        Ok(found.ok_or_else(|| format!("no device with serial number {} was admitted, or its admission was withdrawn", shown(serial))))
    }

    fn judge(&self, device: Device<'_>, now: UnixTime) -> Opinion {
        let subject = subject_of(&device);
        let Device { idevid, manufacturer, statement, word, file } = device;
        if file.is_some_and(|file| file.disapproval.is_some()) {
            return Opinion::no(refused_by_person(&idevid.device().serial).to_string()).about(subject);
        }
        let receipt = statement.as_ref().map_or(ReceiptFinding::Missing, |statement| manufacturer.receipt_of(statement));
        let case = Case { idevid, manufacturer: &manufacturer.name, statement: statement.as_ref(), receipt, word };
        let claims = statement.as_ref().map(|statement| Claims::of(statement.get()));
        let appraisal = match appraise(&self.parts.policy, &case, now) {
            Ok(appraisal) => appraisal,
            Err(refusal) => return Opinion { claims, ..Opinion::no(refusal.to_string()).about(subject) },
        };
        let held = HeldBy::new(&self.parts.policy, &case, &appraisal);
        let approval = file.and_then(PledgeFile::approval).filter(|approval| approval.covers(&held, self.parts.settings.approvers));
        let permitted = match approval {
            Some(_) => appraisal.permit_approved(),
            None => appraisal.permit(self.parts.settings.hold_retry),
        };
        let rule = appraisal.rule().to_owned();
        let sentence = match (&permitted, approval) {
            (Ok(_), Some(_)) => format!("rule '{rule}' holds it, and it was approved"),
            (Ok(_), None) => format!("rule '{rule}' accepts it"),
            (Err(refusal), _) => refusal.to_string(),
        };
        Opinion {
            allow: permitted.is_ok(),
            verdict: Some(appraisal.verdict()),
            rule: Some(rule),
            sentence,
            trace: appraisal.trace().to_vec(),
            claims,
            pledge: Some(subject),
            evidence: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Whose request it is only shows later: what any manufacturer's devices may do wrong must not keep it from being read.
    fn leniencies_of_anybody(&self) -> brski_common::Leniencies {
        match self.parts.trust.manufacturers() {
            [only] => only.lenient,
            _ => brski_common::Leniencies::default(),
        }
    }
}

fn subject_of(device: &Device<'_>) -> Subject {
    Subject { key: device.idevid.spki_digest(), serial: device.idevid.device().serial.clone(), manufacturer: device.manufacturer.name.clone() }
}

/// What the MASA said when it was asked last.
fn word_of(file: Option<&PledgeFile>) -> Option<MasaFindings> {
    file?.decision.as_ref()?.facts.word.clone()
}

/// Whether all of a pledge's LDevIDs were revoked, or that with this key.
fn is_revoked(file: &PledgeFile, key: Option<SpkiDigest>) -> bool {
    let of_key = file.certificates.iter().rev().find(|filed| Some(filed.certificate.key) == key);
    file.state == State::Revoked || of_key.is_some_and(|filed| filed.revoked.is_some())
}

/// Somebody else's word in a sentence of ours.
fn shown(name: &str) -> String {
    brski_common::text::printable(name, 80)
}

/// Two are too many already.
const SEVERAL: u32 = 8;
