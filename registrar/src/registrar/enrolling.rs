//! Journey 3: from an admission to an LDevID, and from one LDevID to the next.

use core::time::Duration;

use brski_common::text::in_full;
use brski_common::{Certificate, Csr, PeerCertificates, Refusal, SerialNumber, SpkiDigest, UnixTime};

use super::stop::{NoVoucher, for_owner, is_patient, repeats};
use super::{Registrar, stated};
use crate::approval::{Person, refused_by_person, undecided};
use crate::ca::IssueError;
use crate::enroll::{self, Enrollee, Reappraised, VerifiedLDevId};
use crate::error::Error;
use crate::masa_client::MasaClientError;
use crate::pledges::Query;
use crate::relay::{Admission, Declined};
use crate::revocation::{RevocationError, Which, revoke};
use crate::trail::{CertificateId, Decision, Event, IssuedCertificate, KeptRequest, MOST_CERTIFICATES, PledgeFile, RevocationReason, Subject, What};
use crate::trust::VerifiedIDevId;

/// Which of EST's two doors a request came through, and who stands there.
enum Door {
    Pledge(VerifiedIDevId, String),
    Member(VerifiedLDevId),
}

impl Door {
    /// The key that TLS authenticated.
    fn key(&self) -> SpkiDigest {
        match self {
            Self::Pledge(pledge, _) => pledge.spki_digest(),
            Self::Member(member) => member.certificate().spki_digest(),
        }
    }
}

impl Registrar {
    /// Journey 3: takes a PKCS #10 request in DER and returns the LDevID, then the path above it without the anchor.
    ///
    /// With `renewal` the peer must hold an LDevID of this domain that was not revoked, otherwise the IDevID that was admitted. A device is renewed only while its
    /// manufacturer is accepted, and only if the policy of today accepts what that manufacturer says today of how its key came to be. An admission counts for less than that no
    /// longer than a day once there is an LDevID on it, and for nothing once an LDevID was revoked: the pledge then has to come with a new voucher-request.
    ///
    /// # Errors
    /// Any [`Error`]; [`Refusal::ManufacturerWithdrawn`] and what an appraisal refuses for a renewal; [`Refusal::Pending`] if the CA needs time or a person has to decide: the pledge
    /// then repeats the same request.
    pub async fn enroll(&self, csr_der: &[u8], peer: &PeerCertificates, renewal: bool) -> Result<Vec<Certificate>, Error> {
        let now = self.parts.clock.now();
        let door = match renewal {
            true => Door::Member(VerifiedLDevId::verify(peer, &self.issuing_cas(), now)?),
            false => {
                let (pledge, manufacturer) = self.known(peer, now).await?;
                Door::Pledge(pledge, manufacturer.name.clone())
            }
        };
        let csr = match Csr::from_der(csr_der) {
            Ok(csr) => csr,
            Err(err) => return Err(self.note_unfit(err.into(), &door, renewal, now).await?),
        };
        let key = csr.public_key().digest();
        let request = SpkiDigest::of(csr.der());
        let admission = self.parts.pledges.find(door.key()).await?;
        let holder = self.parts.pledges.find(key).await?;
        let file = match &admission {
            Some(admission) => self.parts.pledges.file(admission.spki_digest()).await?,
            None => None,
        };
        let admission = match (&door, admission) {
            (Door::Pledge(pledge, _), admission) if self.is_disapproved(pledge.spki_digest()).await? => {
                // What it has is valid until it is revoked, which its manufacturer's word may do, as at a renewal.
                if let Some(admission) = admission.filter(|_| file.as_ref().is_some_and(|file| file.current_certificates(now) > 0)) {
                    self.reappraised_or_noted(&admission, request, renewal, now).await?;
                }
                return Err(self.note_unfit(refused_by_person(&pledge.device().serial).into(), &door, renewal, now).await?);
            }
            // Its admission may be gone along with its LDevIDs.
            (Door::Member(member), _) if self.parts.pledges.is_revoked(CertificateId::of(member.certificate())).await? => {
                let refusal = Refusal::LDevIdRevoked(CertificateId::of(member.certificate()).serial);
                return Err(self.note_unfit(refusal.into(), &door, renewal, now).await?);
            }
            (Door::Pledge(..), Some(admission)) if !admission.stands_under(&self.parts.policy) || is_revoked_since(&admission, file.as_ref()) => {
                return Err(self.note_unfit(Refusal::NotAdmitted.into(), &door, renewal, now).await?);
            }
            (Door::Pledge(..) | Door::Member(_), Some(admission)) => admission,
            (Door::Pledge(..) | Door::Member(_), None) => return Err(self.note_unfit(Refusal::NotAdmitted.into(), &door, renewal, now).await?),
        };
        if let Some(count) = file.as_ref().map(|file| file.current_certificates(now)).filter(|count| *count >= MOST_CERTIFICATES) {
            let why = format!(
                "the device has {count} LDevIDs that are neither expired nor revoked, and no more than {MOST_CERTIFICATES} can be kept; its owner has to revoke some"
            );
            return Err(self.note_unfit(Refusal::CsrUnacceptable(why).into(), &door, renewal, now).await?);
        }
        let csr = match self.with_key_appraised(csr, door.key(), &admission, now) {
            Ok(csr) => csr,
            Err((refusal, kept)) => return Err(self.note_refused(refusal.into(), kept, &door, renewal, now).await?),
        };
        let anew = match &door {
            Door::Pledge(..) => is_used_up(&admission, file.as_ref(), now) || stated::is_newer(file.as_ref(), &admission)?,
            Door::Member(_) => true,
        };
        let reappraised: Option<Reappraised> = match anew {
            true => Some(self.reappraised_or_noted(&admission, request, renewal, now).await?),
            false => None,
        };
        let enrollee = match (&door, &reappraised) {
            (Door::Pledge(pledge, _), _) => Enrollee::Pledge(pledge),
            (Door::Member(member), Some(reappraised)) => Enrollee::Member(member, reappraised),
            (Door::Member(_), None) => return Err(self.note_unfit(Refusal::NotAdmitted.into(), &door, renewal, now).await?),
        };
        let order = match enroll::evaluate(&csr, enrollee, Some(&admission), holder.as_ref(), &self.parts.settings, now) {
            Ok(order) => order,
            Err(refusal) => {
                self.nonces.used_up(door.key());
                return Err(self.note_unfit(refusal.into(), &door, renewal, now).await?);
            }
        };
        let decision = reappraised.as_ref().map(|reappraised| Box::new(reappraised.decision().clone()));

        self.note_attested(&csr, &admission, file.as_ref(), now).await?;
        // The key first: a crash may leave a key without an LDevID, never an LDevID that cannot be renewed.
        let device = order.device().clone();
        let bound = Event { at: now, pledge: Some(admission.subject()), what: What::Bound { key } };
        self.parts.pledges.enrolled(key, admission.spki_digest(), bound).await?;
        let issued = match self.parts.ca.issue(order).await {
            Ok(issued) => issued,
            Err(err) => return Err(self.note_not_issued(err, &admission, request, decision, now, renewal).await?),
        };
        self.nonces.used_up(door.key());
        // On record before it is out: what a pledge holds can be found and revoked.
        if let Some(ldevid) = issued.first() {
            let what = What::Issued { certificate: IssuedCertificate::of(ldevid), renewal, decision };
            self.parts.pledges.note(Event { at: now, pledge: Some(admission.subject()), what }).await?;
            // From here on who revokes finds it; who did so before did not know of it.
            if let Some(refusal) = self.decided_meanwhile(&door, &admission, file.as_ref()).await? {
                self.take_back(ldevid, &admission, now).await?;
                return Err(self.note_unfit(refusal.into(), &door, renewal, now).await?);
            }
        }
        tracing::info!(serial = %device.serial, renewal, "LDevID issued");
        Ok(issued)
    }

    /// What the manufacturer's word and the policy of today make of this device; if that is no acceptance it is written down, and the error is what the device hears.
    async fn reappraised_or_noted(&self, admission: &Admission, request: SpkiDigest, renewal: bool, now: UnixTime) -> Result<Reappraised, Error> {
        Err(match self.reappraised(admission, self.parts.settings.statement_at_renewal, now).await {
            Ok(reappraised) => return Ok(reappraised),
            Err(NoVoucher::Other(err)) => self.note_unasked(err, admission, request, now).await?,
            Err(NoVoucher::NotYet(refusal)) => self.note_declined(refusal.into(), admission, request, renewal, now).await?,
            Err(NoVoucher::Declined(declined)) => self.note_declined(declined, admission, request, renewal, now).await?,
        })
    }

    /// What the owner decided against the device while the CA was at work; `before` is its file from when it was asked.
    async fn decided_meanwhile(&self, door: &Door, admission: &Admission, before: Option<&PledgeFile>) -> Result<Option<Refusal>, Error> {
        if self.is_disapproved(admission.spki_digest()).await? {
            return Ok(Some(refused_by_person(&admission.device().serial)));
        }
        let (stands, spoilt) = match door {
            Door::Member(member) => {
                let certificate = CertificateId::of(member.certificate());
                let refusal = Refusal::LDevIdRevoked(certificate.serial.clone());
                (!self.parts.pledges.is_revoked(certificate).await?, refusal)
            }
            Door::Pledge(..) => {
                let now = self.parts.pledges.file(admission.spki_digest()).await?;
                let known = |certificate| before.is_some_and(|file| file.certificates.contains(certificate));
                let revoked = now.iter().flat_map(|file| &file.certificates).any(|filed| filed.revoked.is_some() && !known(filed));
                (!revoked, Refusal::NotAdmitted)
            }
        };
        let admitted = self.parts.pledges.find(admission.spki_digest()).await?.is_some();
        Ok((!stands || !admitted).then_some(spoilt))
    }

    /// Revokes an LDevID that its device was not given, unless somebody did already.
    async fn take_back(&self, ldevid: &Certificate, admission: &Admission, now: UnixTime) -> Result<(), Error> {
        let why = "its owner decided against the device while it was being issued".to_owned();
        let by = Person::registrar(why, now);
        let which = Which::Exactly(CertificateId::of(ldevid));
        match revoke(&*self.parts.pledges, admission.spki_digest(), &which, RevocationReason::PrivilegeWithdrawn, &by).await {
            Err(RevocationError::Store(err)) => Err(err.into()),
            Ok(_)
            | Err(
                RevocationError::NoSuchPledge(_) | RevocationError::Namesakes { .. } | RevocationError::NothingToRevoke(_) | RevocationError::NotCurrent { .. },
            ) => Ok(()),
        }
    }

    /// Writes down what was wrong with a certification request, or with whoever sent it, and returns what they hear.
    async fn note_unfit(&self, err: Error, door: &Door, renewal: bool, now: UnixTime) -> Result<Error, Error> {
        self.note_refused(err, None, door, renewal, now).await
    }

    /// The same, with the request if that is kept.
    async fn note_refused(&self, err: Error, kept: Option<Box<KeptRequest>>, door: &Door, renewal: bool, now: UnixTime) -> Result<Error, Error> {
        let pledge = match door {
            Door::Pledge(pledge, manufacturer) => {
                Some(Subject { key: pledge.spki_digest(), serial: pledge.device().serial.clone(), manufacturer: manufacturer.clone() })
            }
            // Of a member the trail knows by which admission it became one.
            Door::Member(member) => match self.parts.pledges.find(member.certificate().spki_digest()).await? {
                Some(admission) => Some(admission.subject()),
                None => self.once_a_member(member).await?,
            },
        };
        if let Some(pledge) = pledge {
            let key = pledge.key;
            let file = self.parts.pledges.file(key).await?;
            let what = What::NotIssued { sentence: in_full(&err), renewal, decision: None, kept };
            let event = Event { at: now, pledge: Some(pledge), what };
            if !repeats(&event, file.as_ref(), now) && self.pace.allows(key, now) {
                self.parts.pledges.note(event).await?;
            }
        }
        Ok(err)
    }

    /// The pledge that this LDevID was issued to, also if its admission has ended.
    async fn once_a_member(&self, member: &VerifiedLDevId) -> Result<Option<Subject>, Error> {
        let Some(serial) = member.certificate().serial_number() else { return Ok(None) };
        let key = member.certificate().spki_digest();
        let files = self.parts.pledges.files(Query { serial: Some(serial.to_string()), ..Query::default() }).await?;
        Ok(files.into_iter().find(|file| file.certificates.iter().any(|filed| filed.certificate.key == key)).map(|file| file.pledge))
    }

    /// Whose certificates make a peer a member: the CA that issues, and those that did.
    pub(super) fn issuing_cas(&self) -> Vec<Certificate> {
        self.ca_certificates().iter().take(1).chain(&self.parts.settings.former_cas).cloned().collect()
    }

    /// What EST's csrattrs hands out: what this peer's LDevID will bear, as far as the peer is somebody who may have one, and whether its request has to hold evidence about its key.
    ///
    /// # Errors
    /// [`Error::Decode`] if the owner's profile has what no certificate can bear.
    pub fn csr_attributes(&self, peer: &PeerCertificates) -> Result<Vec<u8>, Error> {
        let now = self.parts.clock.now();
        let pledge = || self.parts.trust.admit(peer, now).ok().map(|(pledge, _)| pledge.device().serial.clone());
        let member = || VerifiedLDevId::verify(peer, &self.issuing_cas(), now).ok().and_then(|member| member.certificate().serial_number());
        let serial: Option<SerialNumber> = pledge().or_else(member);
        Ok(self.parts.settings.ldevid.attributes(serial.as_ref(), self.parts.policy.ldevid_key().required)?)
    }

    /// Writes down why a device gets no further LDevID, or not yet.
    async fn note_declined(&self, declined: Declined, admission: &Admission, request: SpkiDigest, renewal: bool, now: UnixTime) -> Result<Error, Error> {
        let Declined { refusal, decision, held } = declined;
        let file = self.parts.pledges.file(admission.spki_digest()).await?;
        let (refusal, held) = match held {
            Some(_) if !is_patient(request, file.as_ref(), now) => (undecided(&admission.device().serial), None),
            held => (refusal, held),
        };
        let sentence = for_owner(&refusal.clone().into());
        let what = match (held, &refusal) {
            // A person can say yes to it, as to a voucher-request.
            (Some(held), _) => What::Held { request, held: Some(*held), sentence, decision },
            (None, Refusal::Pending { .. }) => What::Deferred { request, sentence },
            (None, _) => What::NotIssued { sentence, renewal, decision, kept: None },
        };
        self.note_once(Event { at: now, pledge: Some(admission.subject()), what }, admission).await?;
        Ok(refusal.into())
    }

    /// A MASA whose word is required and that cannot be asked: it may be up again before the LDevID expires.
    async fn note_unasked(&self, err: Error, admission: &Admission, request: SpkiDigest, now: UnixTime) -> Result<Error, Error> {
        let Error::Masa(MasaClientError::Unreachable { .. } | MasaClientError::TimedOut { .. } | MasaClientError::Full { .. }) = &err else { return Ok(err) };
        let (serial, sentence) = (&admission.device().serial, in_full(&err));
        tracing::warn!(%serial, reason = sentence, "the renewal waits for the device's MASA");
        self.note_once(Event { at: now, pledge: Some(admission.subject()), what: What::Deferred { request, sentence } }, admission).await?;
        let reason = "the device's MASA cannot be asked at the moment".to_owned();
        Ok(Refusal::Pending { reason, wait: self.parts.settings.hold_retry }.into())
    }

    /// Writes down what the CA said instead of issuing, and returns what the pledge hears.
    async fn note_not_issued(
        &self,
        err: IssueError,
        admission: &Admission,
        request: SpkiDigest,
        decision: Option<Box<Decision>>,
        now: UnixTime,
        renewal: bool,
    ) -> Result<Error, Error> {
        let sentence = in_full(&err);
        let what = match &err {
            IssueError::Later(_) => What::Deferred { request, sentence },
            _ => What::NotIssued { sentence, renewal, decision, kept: None },
        };
        self.note_once(Event { at: now, pledge: Some(admission.subject()), what }, admission).await?;
        Ok(match err {
            IssueError::Later(wait) => Refusal::Pending { reason: "the certification authority has not issued yet".to_owned(), wait }.into(),
            IssueError::Unsuitable(why) => Refusal::CsrUnacceptable(why).into(),
            other => other.into(),
        })
    }

    /// A pledge that waits repeats itself; the trail has it once.
    async fn note_once(&self, event: Event, admission: &Admission) -> Result<(), Error> {
        let (key, now) = (admission.spki_digest(), event.at);
        let file = self.parts.pledges.file(key).await?;
        match repeats(&event, file.as_ref(), now) || !self.pace.allows(key, now) {
            true => Ok(()),
            false => Ok(self.parts.pledges.note(event).await?),
        }
    }
}

/// Whether an LDevID of this pledge was taken back after its admission.
fn is_revoked_since(admission: &Admission, file: Option<&PledgeFile>) -> bool {
    let mut revoked = file.into_iter().flat_map(|file| &file.certificates).filter_map(|filed| filed.revoked.as_ref());
    revoked.any(|(_, by)| by.at > admission.admitted_at())
}

/// Whether this admission has served: whoever comes on it again is asked about as at a renewal, or the IDevID would get round what is asked there.
fn is_used_up(admission: &Admission, file: Option<&PledgeFile>, now: UnixTime) -> bool {
    let age = now.as_secs().saturating_sub(admission.admitted_at().as_secs());
    age >= ENROLMENT_WINDOW.as_secs() && file.is_some_and(|file| !file.certificates.is_empty())
}

/// For as long a pledge may enrol again without a question, such as one that lost its first LDevID to a power cut during its installation.
const ENROLMENT_WINDOW: Duration = Duration::from_secs(86_400);
