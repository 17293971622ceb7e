//! Rules, joints, keys and clock put together.

mod asking;
mod attesting;
mod crl;
mod enrolling;
mod operating;
mod opining;
mod pace;
mod renewal;
mod settings;
mod stated;
mod stop;
mod strangers;
mod unknown;

use std::sync::Arc;

use brski_common::text::{LONGEST_LINE, LONGEST_WORDS, in_full, printable};
use brski_common::voucher::ProvenanceExtension;
use brski_common::{
    AuditLog, Certificate, Clock, Format, Leniencies, Method, Payload as _, PeerCertificates, Policy, ProvenanceStatement, Refusal, Signed, SignedBy,
    SigningParty, SpkiDigest, Telemetry, UnixTime, Verified, Verifier, VerifyError, Voucher, VoucherRequest,
};

pub use self::operating::NotReady;
pub use self::renewal::{Rechecked, Standing};
pub use self::settings::{Requirement, Settings};

use self::stop::{Asked, NoVoucher};
use crate::approval::{self, Approval};
use crate::ca::{CertificateAuthority, FormerCa};
use crate::enroll::Nonces;
use crate::error::Error;
use crate::masa_client::{AnswerStore, MasaClient, MemoryAnswers};
use crate::pledges::PledgeStore;
use crate::relay::{self, Admission, Ground, Owner, RelayOrder};
use crate::trail::{CertificateId, Event, Subject, What};
use crate::trust::{Manufacturer, Strangers, Trust, VerifiedIDevId};

/// What a registrar is made of.
#[derive(Clone)]
pub struct RegistrarParts {
    /// Its TLS server certificate with the path up to and including the domain CA, and the key: voucher-requests are signed with the same key (RFC 8995, section 5.5).
    pub identity: SigningParty,
    /// Whose pledges are accepted.
    pub trust: Trust,
    /// How their keys may have come to be.
    pub policy: Policy,
    /// The way to MASAs.
    pub masa: Arc<dyn MasaClient>,
    /// Who issues LDevIDs.
    pub ca: Arc<dyn CertificateAuthority>,
    /// The memory of pledges.
    pub pledges: Arc<dyn PledgeStore>,
    /// Limits.
    pub settings: Settings,
    /// Now.
    pub clock: Clock,
}

/// A registrar without its sockets.
pub struct Registrar {
    parts: RegistrarParts,
    crl: crl::Newest,
    /// CAs that issue no more, whose lists are made here.
    former: Vec<FormerCa>,
    /// Where pledges of unknown manufacturers are held; they are refused without it.
    strangers: Option<Strangers>,
    counted: strangers::StrangerCount,
    pace: pace::Pace,
    answers: Arc<dyn AnswerStore>,
    nonces: Arc<Nonces>,
}

impl Registrar {
    /// Puts one together. What MASAs answer is remembered for a while in memory.
    pub fn new(parts: RegistrarParts) -> Self {
        Self {
            parts,
            crl: crl::Newest::default(),
            former: Vec::new(),
            strangers: None,
            counted: strangers::StrangerCount::default(),
            pace: pace::Pace::default(),
            answers: Arc::new(MemoryAnswers::default()),
            nonces: Arc::default(),
        }
    }

    /// The same with what MASAs answer remembered here.
    #[must_use]
    pub fn remembering_in(self, answers: Arc<dyn AnswerStore>) -> Self {
        Self { answers, ..self }
    }

    /// Journey 2: takes a pledge's voucher-request and returns the voucher in the format `answer`, octet for octet as the MASA signed it.
    ///
    /// Only what no signature covers is taken from a COSE voucher: its signer's certificates, which the pledge has (constrained BRSKI, section 6.8).
    ///
    /// # Errors
    /// Any [`Error`]; [`Refusal::Pending`] if the pledge should repeat the same request later.
    #[tracing::instrument(skip_all, fields(serial, manufacturer))]
    pub async fn request_voucher(&self, request: &Signed<VoucherRequest>, answer: Format, peer: &PeerCertificates) -> Result<Signed<Voucher>, Error> {
        let now = self.parts.clock.now();
        let (pledge, manufacturer) = match self.parts.trust.admit(peer, now) {
            Err(unknown @ Error::Refused(Refusal::UnknownManufacturer { .. })) => match self.hold_stranger(unknown, request, peer, now).await? {
                refused @ Error::Refused(Refusal::UnknownManufacturer { .. }) => self.counting(Err(refused), now).await?,
                held => return Err(held),
            },
            admitted => self.counting(admitted, now).await?,
        };
        // For every line of the log that follows, above all those of leniencies, which know nobody.
        tracing::Span::current().record("serial", pledge.device().serial.as_str()).record("manufacturer", manufacturer.name.as_str());
        let subject = Subject { key: pledge.spki_digest(), serial: pledge.device().serial.clone(), manufacturer: manufacturer.name.clone() };
        let file = self.parts.pledges.file(pledge.spki_digest()).await?;
        let asked = Asked { request: SpkiDigest(request.digest()), answer, own_format: answer == request.format(), file: file.as_ref(), now };
        let verifier = Verifier { by: SignedBy::Holder(pledge.certificate()), lenient: manufacturer.lenient };
        let certificate = self.certificate()?;
        let read = |request: &Signed<VoucherRequest>| -> Result<_, Error> {
            let request = request.verify(&verifier, now)?;
            let order = relay::admit(&request, &pledge, certificate, &self.parts.settings, now)?;
            Ok((request, order))
        };
        let (request, order) = match read(request) {
            Ok(read) => read,
            // Anybody on the pledge's way could have spoilt it, so that it costs the pledge nothing that it has.
            Err(err) => return Err(self.note_stop(err.into(), subject, asked, false).await?),
        };

        // The same octets get the same voucher, without asking the MASA again: a pledge repeats itself when an answer was lost. One that now wants another format does not.
        let earlier = self.parts.pledges.find(pledge.spki_digest()).await?;
        let known = earlier.is_some();
        let same = |admission: &Admission| {
            let asked = *admission.request_digest() == request.signed().digest() && admission.voucher().format() == answer;
            asked && admission.stands_under(&self.parts.policy)
        };
        let disapproved = file.as_ref().is_some_and(|file| file.disapproval.is_some());
        if let Some(admission) = earlier.filter(same).filter(|_| !disapproved) {
            tracing::info!(serial = %pledge.device().serial, "voucher repeated");
            return for_pledge(admission.voucher());
        }

        let admission = match self.decide(order, asked, statement_in(&request.get().provenance), manufacturer).await {
            Ok(admission) => admission,
            // What was accepted earlier must not outlive a definite "no".
            Err(stop) => return Err(self.note_stop(stop, subject, asked, known).await?),
        };

        // Admission first: a crash may leave an admission without its voucher sent, which the pledge then asks for again.
        let voucher = for_pledge(admission.voucher())?;
        let Ground { rule, found, warned, .. } = admission.ground();
        let method = found.map_or("none stated", Method::name);
        if let Some(verdict) = warned {
            let would = verdict.name();
            tracing::warn!(serial = %admission.device().serial, manufacturer = manufacturer.name, method, rule, would, "pledge passes because the policy only warns");
        }
        tracing::info!(serial = %admission.device().serial, manufacturer = manufacturer.name, method, rule, "pledge admitted");
        let event = admission.event();
        self.parts.pledges.admit(admission, event).await?;
        Ok(voucher)
    }

    /// Whether the owner takes the pledge in: by what persons said, by the statement it carries, as far as that goes, then by the MASA's word.
    async fn decide(
        &self,
        order: RelayOrder,
        asked: Asked<'_>,
        carried: Option<Signed<ProvenanceStatement>>,
        manufacturer: &Manufacturer,
    ) -> Result<Admission, NoVoucher> {
        if asked.file.is_some_and(|file| file.disapproval.is_some()) {
            return Err(approval::refused_by_person(&order.idevid().device().serial).into());
        }
        let approval = asked.file.and_then(|file| file.approval_at(asked.now));
        let owner = self.owner(manufacturer, approval.as_ref());
        let order = match carried {
            Some(statement) => order.carrying(trusted(&statement, manufacturer, asked.now)?, &owner, asked.now)?,
            None => order,
        };
        self.ask_masa(order, asked, &owner, manufacturer).await
    }

    /// The pledge and its manufacturer, if its identity can be verified. Who else comes is counted.
    async fn known(&self, peer: &PeerCertificates, now: UnixTime) -> Result<(VerifiedIDevId, &Manufacturer), Error> {
        self.counting(self.parts.trust.admit(peer, now), now).await
    }

    /// Counts whoever could not be verified.
    async fn counting<'a>(
        &self,
        admitted: Result<(VerifiedIDevId, &'a Manufacturer), Error>,
        now: UnixTime,
    ) -> Result<(VerifiedIDevId, &'a Manufacturer), Error> {
        match admitted {
            Ok(known) => Ok(known),
            Err(err) => {
                let event = self.counted.refused(&printable(&in_full(&err), LONGEST_LINE), now);
                // A stranger hears the same whatever becomes of the note.
                if let Some(event) = event
                    && let Err(trouble) = self.parts.pledges.note(event).await
                {
                    tracing::error!(reason = in_full(&trouble), "strangers could not be written down");
                }
                Err(err)
            }
        }
    }

    /// Whether a person decided against it.
    async fn is_disapproved(&self, pledge: SpkiDigest) -> Result<bool, Error> {
        Ok(self.parts.pledges.file(pledge).await?.is_some_and(|file| file.disapproval.is_some()))
    }

    /// Writes down what is only counted so far; for whoever stops.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn stopped(&self) -> Result<(), Error> {
        match self.counted.rest(self.parts.clock.now()) {
            Some(event) => Ok(self.parts.pledges.note(event).await?),
            None => Ok(()),
        }
    }

    /// What the devices of this peer's manufacturer may do wrong; nothing beyond the default if that is nobody whom the owner accepts.
    pub fn leniencies_for(&self, peer: &PeerCertificates) -> Leniencies {
        self.parts.trust.admit(peer, self.parts.clock.now()).map(|(_, manufacturer)| manufacturer.lenient).unwrap_or_default()
    }

    /// What EST's cacerts hands out: the issuing CA first.
    pub fn ca_certificates(&self) -> &[Certificate] {
        self.parts.ca.ca_certificates()
    }

    /// Notes what a pledge made of its voucher (RFC 8995, section 5.7).
    ///
    /// # Errors
    /// [`Refusal::ClientCertificateRequired`], or [`Error::Store`].
    pub async fn voucher_status(&self, telemetry: &Telemetry, peer: &PeerCertificates) -> Result<(), Error> {
        self.note("voucher_status", telemetry, peer).await
    }

    /// Notes how a pledge's enrolment went, and whether it says so with a certificate that belongs to it (RFC 8995, section 5.9.4).
    ///
    /// # Errors
    /// [`Refusal::ClientCertificateRequired`], or [`Error::Store`].
    pub async fn enroll_status(&self, telemetry: &Telemetry, peer: &PeerCertificates) -> Result<(), Error> {
        self.note("enrollstatus", telemetry, peer).await
    }

    async fn note(&self, what: &'static str, telemetry: &Telemetry, peer: &PeerCertificates) -> Result<(), Error> {
        let own = peer.own().ok_or(Refusal::ClientCertificateRequired("the pledge's IDevID or LDevID"))?;
        let certificate = CertificateId::of(own);
        if self.issuing_cas().iter().any(|ca| own.is_issued_by(ca)) && self.parts.pledges.is_revoked(certificate.clone()).await? {
            return Err(Refusal::LDevIdRevoked(certificate.serial).into());
        }
        // What the peer says of itself counts for nothing: the serial number is the admission's, found by the key that TLS saw.
        let admission = self.parts.pledges.find(own.spki_digest()).await?;
        let serial = admission.as_ref().map_or("unknown", |admission| admission.device().serial.as_str());
        let with_idevid = admission.as_ref().is_some_and(|admission| admission.idevid().certificate() == own);
        let matches = admission.is_some();
        let reason = telemetry.reason.as_deref().map(|reason| printable(reason, LONGEST_WORDS)).unwrap_or_default();
        if let Some(admission) = &admission {
            let told = What::Told { resource: what.to_owned(), success: telemetry.status, reason: reason.clone(), with_idevid };
            let now = self.parts.clock.now();
            if self.pace.allows(admission.spki_digest(), now) {
                self.parts.pledges.note(Event { at: now, pledge: Some(admission.subject()), what: told }).await?;
            }
        }
        match telemetry.status && matches {
            true => tracing::info!(what, serial, matches, with_idevid, "pledge reports success"),
            false => tracing::warn!(what, serial, matches, with_idevid, status = telemetry.status, reason, "pledge reports"),
        }
        Ok(())
    }

    /// Foreign entries do not always stop a pledge, but somebody should know.
    fn report_history(&self, order: &RelayOrder, log: Option<&AuditLog>) {
        let serial = &order.idevid().device().serial;
        let Some(log) = log else {
            tracing::warn!(%serial, "the MASA discloses no audit log of this device");
            return;
        };
        let findings = relay::findings_of(log, &self.parts.identity.identity.chain, &self.parts.settings.accepted_foreign_domains);
        for domain in &findings.foreign {
            tracing::warn!(%serial, %domain, "the audit log names a foreign domain");
        }
        if !findings.names_us {
            tracing::warn!(%serial, "the audit log does not name this domain, although a voucher was just issued to it");
        }
    }

    fn owner<'a>(&'a self, manufacturer: &'a Manufacturer, approval: Option<&'a Approval>) -> Owner<'a> {
        Owner {
            manufacturer,
            approval,
            approvers: self.parts.settings.approvers,
            chain: &self.parts.identity.identity.chain,
            policy: &self.parts.policy,
            accepted_foreign_domains: &self.parts.settings.accepted_foreign_domains,
            audit_log: self.parts.settings.audit_log,
            hold_retry: self.parts.settings.hold_retry,
        }
    }

    fn certificate(&self) -> Result<&Certificate, Error> {
        self.parts.identity.identity.chain.first().ok_or(Error::NoCertificate)
    }
}

/// A voucher as it goes to its pledge.
fn for_pledge(voucher: &Signed<Voucher>) -> Result<Signed<Voucher>, Error> {
    // It was read before, so that this does not fail; if it did, the voucher would be to blame and not the pledge.
    voucher.without_unprotected_certificates().map_err(|source| Error::BadVoucher(VerifyError::Decode { artefact: Voucher::NAME, source }))
}

/// The statement in a voucher's or a voucher-request's extension: still only octets.
fn statement_in(extension: &Option<ProvenanceExtension>) -> Option<Signed<ProvenanceStatement>> {
    let statement = extension.as_ref()?.statement.as_ref()?;
    Some(Signed::from_wire(Format::Cose, statement.clone()))
}

/// A statement with the manufacturer's provenance signature checked. One that is offered and does not verify counts for less than none.
fn trusted(statement: &Signed<ProvenanceStatement>, manufacturer: &Manufacturer, now: UnixTime) -> Result<Verified<ProvenanceStatement>, Refusal> {
    manufacturer.verify_statement(statement, now).map_err(Refusal::StatementUntrusted)
}
