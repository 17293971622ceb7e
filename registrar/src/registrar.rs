//! Rules, joints, keys and clock put together.

mod held;
mod settings;

use std::sync::Arc;

use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::voucher::ProvenanceExtension;
use brski_common::{
    AuditLog, Certificate, Clock, Csr, Format, Leniencies, Method, Payload as _, PeerCertificates, Policy, ProvenanceStatement, Refusal, Signed, SignedBy,
    SigningParty, Telemetry, UnixTime, Verified, Verifier, VerifyError, Voucher, VoucherRequest,
};

pub use self::settings::{Requirement, Settings};

use self::held::Held;
use crate::ca::CertificateAuthority;
use crate::enroll::{self, Enrollee, VerifiedLDevId};
use crate::error::Error;
use crate::masa_client::{MasaAnswer, MasaClient, MasaClientError};
use crate::pledges::PledgeStore;
use crate::relay::{self, Admission, Ground, MasaWord, Owner, RelayOrder};
use crate::trust::{Manufacturer, Trust};

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
    held: Held,
}

impl Registrar {
    /// Puts one together.
    pub fn new(parts: RegistrarParts) -> Self {
        Self { parts, held: Held::default() }
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
        let (pledge, manufacturer) = self.parts.trust.admit(peer, now)?;
        // For every line of the log that follows, above all those of leniencies, which know nobody.
        tracing::Span::current().record("serial", pledge.device().serial.as_str()).record("manufacturer", manufacturer.name.as_str());
        let verifier = Verifier { by: SignedBy::Holder(pledge.certificate()), lenient: manufacturer.lenient };
        let request = request.verify(&verifier, now)?;
        let order = relay::admit(&request, &pledge, self.certificate()?, &self.parts.settings, now)?;

        // The same octets get the same voucher, without asking the MASA again: a pledge repeats itself when an answer was lost. One that now wants another format does not.
        let earlier = self.parts.pledges.find(pledge.spki_digest()).await?;
        let known = earlier.is_some();
        let same = |admission: &Admission| {
            let asked = *admission.request_digest() == request.signed().digest() && admission.voucher().format() == answer;
            asked && admission.stands_under(&self.parts.policy)
        };
        if let Some(admission) = earlier.filter(same) {
            tracing::info!(serial = %pledge.device().serial, "voucher repeated");
            return for_pledge(admission.voucher());
        }

        let idevid = pledge.spki_digest();
        let admission = match self.decide(order, answer, statement_in(&request.get().provenance), manufacturer, now).await {
            Ok(admission) => admission,
            Err(err) => {
                // What was accepted earlier must not outlive a definite "no".
                if known && err.is_definite(answer == request.signed().format()) {
                    self.parts.pledges.withdraw(idevid).await?;
                }
                return Err(err);
            }
        };

        // Admission first: a crash may leave an admission without its voucher sent, which the pledge then asks for again.
        let voucher = for_pledge(admission.voucher())?;
        let Ground { rule, found, .. } = admission.ground();
        let method = found.map_or("none stated", Method::name);
        tracing::info!(serial = %admission.device().serial, manufacturer = manufacturer.name, method, rule, "pledge admitted");
        self.parts.pledges.admit(admission).await?;
        Ok(voucher)
    }

    /// Whether the owner takes the pledge in: by the statement it carries, as far as that goes, then by the MASA's word.
    async fn decide(
        &self,
        order: RelayOrder,
        answer: Format,
        carried: Option<Signed<ProvenanceStatement>>,
        manufacturer: &Manufacturer,
        now: UnixTime,
    ) -> Result<Admission, Error> {
        let owner = self.owner();
        let order = match carried {
            Some(statement) => order.carrying(trusted(&statement, manufacturer, now)?, &owner, now)?,
            None => order,
        };
        if let Some(refusal) = self.held.recall(order.request_digest(), now) {
            return Err(refusal.into());
        }
        self.ask_masa(order, answer, &owner, manufacturer, now).await
    }

    /// The part of journey 2 behind the registrar: its own request, the MASA's answer, and what the owner makes of that.
    async fn ask_masa(&self, order: RelayOrder, answer: Format, owner: &Owner<'_>, manufacturer: &Manufacturer, now: UnixTime) -> Result<Admission, Error> {
        let url = manufacturer.masa_url_of(order.idevid())?;
        // A pledge's COSE request names nobody, so that ours brings its certificates along (constrained BRSKI, section 9.2.2).
        let signing = self.parts.identity.clone().enclosing(order.pledge_chain().to_vec());
        let request = signing.seal(&order.request(), order.format()).await?;
        let (voucher, statement, audit_log) = match self.parts.masa.request_voucher(manufacturer, &url, &request, answer).await? {
            MasaAnswer::Vouched { voucher, statement, audit_log } => (voucher, statement, audit_log),
            MasaAnswer::Later(wait) => return Err(Refusal::Pending { reason: "the MASA has not decided".to_owned(), wait }.into()),
            MasaAnswer::Refused { status, sentence } => return Err(Error::MasaRefused { status, sentence: printable(&sentence, LONGEST_WORDS) }),
        };
        if voucher.format() != answer {
            return Err(MasaClientError::BadAnswer { url, detail: "the voucher is of another format than was asked for".to_owned(), source: None }.into());
        }

        let voucher = manufacturer.verify_voucher(&voucher, now).map_err(Error::BadVoucher)?;
        let enclosed = statement_in(&voucher.get().provenance);
        let statements: Result<Vec<_>, Refusal> = statement.iter().chain(&enclosed).map(|statement| trusted(statement, manufacturer, now)).collect();
        let word = MasaWord { voucher: &voucher, statements: &statements?, audit_log: audit_log.as_ref() };
        self.report_history(&order, word.audit_log);
        let digest = *order.request_digest();
        Ok(order.accept(word, owner, now).inspect_err(|refusal| self.held.note(digest, refusal, now))?)
    }

    /// Journey 3: takes a PKCS #10 request in DER and returns the LDevID, then the path above it without the anchor.
    ///
    /// With `renewal` the peer must hold an LDevID of this domain, otherwise the IDevID that was admitted. A device is renewed only while its manufacturer is
    /// accepted. Its key's provenance is not appraised again: what the policy said at the admission stands.
    ///
    /// # Errors
    /// Any [`Error`]; [`Refusal::ManufacturerWithdrawn`] for a renewal.
    pub async fn enroll(&self, csr_der: &[u8], peer: &PeerCertificates, renewal: bool) -> Result<Vec<Certificate>, Error> {
        let now = self.parts.clock.now();
        let (pledge, member);
        let enrollee = match renewal {
            true => {
                member = VerifiedLDevId::verify(peer, self.ca_certificates(), now)?;
                Enrollee::Member(&member)
            }
            false => {
                (pledge, _) = self.parts.trust.admit(peer, now)?;
                Enrollee::Pledge(&pledge)
            }
        };
        let csr = Csr::from_der(csr_der)?;
        let key = csr.public_key().digest();
        let admission = self.parts.pledges.find(enrollee.spki_digest()).await?;
        let holder = self.parts.pledges.find(key).await?;
        let admission = match (enrollee, admission) {
            (Enrollee::Pledge(_), admission) => admission.filter(|admission| admission.stands_under(&self.parts.policy)),
            (Enrollee::Member(_), Some(admission)) => {
                self.parts.trust.still_accepts(&admission)?;
                Some(admission)
            }
            (Enrollee::Member(_), None) => None,
        };
        let order = enroll::evaluate(&csr, enrollee, admission.as_ref(), holder.as_ref(), &self.parts.settings, now)?;

        // The key first: a crash may leave a key without an LDevID, never an LDevID that cannot be renewed.
        let device = order.device().clone();
        let admitted = admission.map(|admission| admission.spki_digest()).ok_or(Refusal::NotAdmitted)?;
        self.parts.pledges.enrolled(key, admitted).await?;
        let issued = self.parts.ca.issue(order).await?;
        tracing::info!(serial = %device.serial, renewal, "LDevID issued");
        Ok(issued)
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
        // What the peer says of itself counts for nothing: the serial number is the admission's, found by the key that TLS saw.
        let admission = self.parts.pledges.find(own.spki_digest()).await?;
        let serial = admission.as_ref().map_or("unknown", |admission| admission.device().serial.as_str());
        let with_idevid = admission.as_ref().is_some_and(|admission| admission.idevid().certificate() == own);
        let matches = admission.is_some();
        let reason = telemetry.reason.as_deref().map(|reason| printable(reason, LONGEST_WORDS)).unwrap_or_default();
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
        let examined = relay::examine(log, &self.parts.identity.identity.chain, &self.parts.settings.accepted_foreign_domains);
        for domain in &examined.foreign {
            tracing::warn!(%serial, %domain, "the audit log names a foreign domain");
        }
        if !examined.names_us {
            tracing::warn!(%serial, "the audit log does not name this domain, although a voucher was just issued to it");
        }
    }

    fn owner(&self) -> Owner<'_> {
        Owner {
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
