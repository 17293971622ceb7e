//! From the provisional TLS connection to the domain that the manufacturer vouches for (RFC 8995, sections 5.2 to 5.7).

use crate::certificate::Certificate;
use crate::chain::{Anchors, Usage};
use crate::envelope::Format;
use crate::leniency::Leniency;
use crate::pledge::{
    Answer, Ask, CA_CERTS, Failed, LONGEST_DEFERRAL, Pledge, PledgeError, ProximityLeaf, REQUEST_VOUCHER, Step, Trusting, VOUCHER_STATUS, check_registrar,
};
use crate::signed::{Signed, SignedBy, SigningParty, Verified, Verifier};
use crate::telemetry::Telemetry;
use crate::time::{UnixTime, to_rfc3339};
use crate::voucher::{Assertion, Nonce, ProvenanceExtension, Voucher, VoucherRequest};

impl Pledge {
    /// Signs a voucher-request (PVR) to the registrar at the other end of a provisional TLS connection.
    ///
    /// `registrar` is what the TLS server showed, its own certificate first, unchecked. The nonce must be new for each attempt.
    ///
    /// # Errors
    /// [`PledgeError::NoRegistrarCertificate`], or [`PledgeError::Sign`] if the key does not sign.
    pub async fn ask_for_voucher(&self, registrar: &[Certificate], nonce: Nonce, now: UnixTime) -> Result<VoucherAsked, PledgeError> {
        let own = registrar.first().ok_or(PledgeError::NoRegistrarCertificate)?;
        let request = VoucherRequest {
            assertion: Some(Assertion::Proximity),
            created_on: Some(now),
            nonce: Some(nonce.clone()),
            provenance: self.statement.as_ref().map(|s| ProvenanceExtension::with_statement(s.wire().to_vec())),
            ..VoucherRequest::new(self.idevid.device().serial.clone())
        };
        let request = self.naming(own, request);
        let party = SigningParty::with_chain(self.chain.clone(), self.signer.clone());
        let party = match self.format {
            Format::Cms | Format::Jws => party,
            // The registrar has the certificates from TLS, and the link may be a narrow one.
            Format::Cose => party.nameless(),
        };
        let signed = party.seal(&request, self.format).await.map_err(|source| PledgeError::Sign { what: "voucher-request", source })?;
        let media_type = self.format.voucher_media_type();
        let ask = Ask::post(REQUEST_VOUCHER, media_type, media_type, signed.wire().to_vec());
        Ok(VoucherAsked { pledge: self.clone(), registrar: registrar.to_vec(), nonce, first_asked: now, ask })
    }

    /// The request with the one leaf that names this registrar.
    fn naming(&self, registrar: &Certificate, request: VoucherRequest) -> VoucherRequest {
        match self.proximity {
            ProximityLeaf::Certificate => VoucherRequest { proximity_registrar_cert: Some(registrar.clone()), ..request },
            ProximityLeaf::Key => VoucherRequest { proximity_registrar_pubk: Some(registrar.public_key().spki().to_vec()), ..request },
            ProximityLeaf::KeyHash => VoucherRequest { proximity_registrar_pubk_sha256: Some(registrar.spki_digest().0), ..request },
        }
    }

    /// The voucher's octets in an answer, under the media type that was asked for, or under its predecessor where that is tolerated.
    pub(super) fn voucher_in<'a>(&self, answer: &'a Answer) -> Result<&'a [u8], PledgeError> {
        let strict = answer.body_of_type(RESOURCE, self.format.voucher_media_type());
        let Some(older) = self.format.older_voucher_media_type(self.lenient).filter(|_| strict.is_err()) else { return strict };
        let tolerated = answer.body_of_type(RESOURCE, older).or(strict)?;
        Leniency::VoucherCoseCbor.note_use(&format!("the voucher's media type is {older}, not {}", self.format.voucher_media_type()));
        Ok(tolerated)
    }
}

/// A voucher-request that waits for its answer.
#[derive(Debug)]
#[must_use]
pub struct VoucherAsked {
    pub(super) pledge: Pledge,
    pub(super) registrar: Vec<Certificate>,
    nonce: Nonce,
    pub(super) first_asked: UnixTime,
    ask: Ask,
}

impl VoucherAsked {
    /// The request. Whenever it is repeated it must be the same octets (RFC 8995, section 5.6).
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Checks the voucher, and whether the registrar belongs to the domain it pins: this resolves the provisional trust.
    ///
    /// Vouchers without nonce are accepted, as RFC 8995 section 7.4.1 demands, and so is every assertion.
    ///
    /// # Errors
    /// [`Failed`]: the registrar refused, or the voucher is not for this pledge and this registrar. In the latter case a voucher_status report is owed.
    pub fn answered(self, answer: &Answer, now: UnixTime) -> Result<Step<Box<Imprinted>, Self>, Failed> {
        if let Some(wait) = answer.wait() {
            let waited = now.as_secs().saturating_sub(self.first_asked.as_secs());
            return match waited <= LONGEST_DEFERRAL.as_secs() {
                true => Ok(Step::Wait(wait, self)),
                false => Err(Failed::silently(PledgeError::WaitedTooLong { resource: RESOURCE })),
            };
        }
        // Only a voucher has a status to report: a refusal has brought none.
        let body = self.pledge.voucher_in(answer).map_err(Failed::silently)?;
        let checked = self.check(body, now).map_err(|error| Failed::reporting(VOUCHER_STATUS, error))?;
        let (voucher, domain) = checked;
        Ok(Step::Done(Box::new(Imprinted::new(self.pledge, self.registrar, voucher, domain))))
    }

    fn check(&self, body: &[u8], now: UnixTime) -> Result<(Verified<Voucher>, Anchors), PledgeError> {
        let voucher = self.check_voucher(body, now)?;
        let domain = pinned(voucher.get(), self.pledge.proximity, &self.registrar)?;
        check_registrar(&domain, &self.registrar, now)?;
        Ok((voucher, domain))
    }

    /// Whether a voucher is the manufacturer's word to this pledge, whomever it pins.
    pub(super) fn check_voucher(&self, body: &[u8], now: UnixTime) -> Result<Verified<Voucher>, PledgeError> {
        let anchors = &self.pledge.masa_anchors;
        let by = SignedBy::Anchored { anchors, usage: Usage::Any, known: anchors.certificates() };
        let verifier = Verifier { by, lenient: self.pledge.lenient };
        let voucher = Signed::<Voucher>::from_wire(self.pledge.format, body).verify(&verifier, now).map_err(PledgeError::VoucherUntrusted)?;

        self.check_signer(&voucher)?;
        self.check_addressee(voucher.get(), now)?;
        Ok(voucher)
    }

    /// Where one root stands above both IDevIDs and voucher keys, a path to it is not enough: any device's key has one, whichever of the manufacturer's CAs issued it.
    fn check_signer(&self, voucher: &Verified<Voucher>) -> Result<(), PledgeError> {
        let Some(signer) = voucher.signer().chain.first() else { return Ok(()) };
        let configured = self.pledge.masa_anchors.certificates().contains(signer);
        match !configured && signer.names_device() {
            true => Err(PledgeError::VoucherFromDevice { signer: signer.subject().to_owned() }),
            false => Ok(()),
        }
    }

    fn check_addressee(&self, voucher: &Voucher, now: UnixTime) -> Result<(), PledgeError> {
        let device = self.pledge.idevid.device();
        if voucher.serial_number != device.serial {
            return Err(PledgeError::VoucherMismatch { leaf: "serial-number" });
        }
        if voucher.idevid_issuer.as_ref().is_some_and(|issuer| *issuer != device.issuer) {
            return Err(PledgeError::VoucherMismatch { leaf: "idevid-issuer" });
        }
        if voucher.nonce.as_ref().is_some_and(|nonce| *nonce != self.nonce) {
            return Err(PledgeError::VoucherMismatch { leaf: "nonce" });
        }
        if let Some(expires_on) = voucher.expires_on.filter(|end| *end < now) {
            return Err(PledgeError::VoucherExpired { expires_on: to_rfc3339(expires_on), now: to_rfc3339(now) });
        }
        match voucher.domain_cert_revocation_checks {
            Some(true) => Err(PledgeError::RevocationCheckDemanded),
            Some(false) | None => Ok(()),
        }
    }
}

/// The anchors of the domain that the voucher pins.
///
/// Of several pins, a voucher with nonce is taken by the kind that the request used, if it is there; otherwise the first of hash, key and certificate counts
/// (RFC 8366bis, section 8). A pinned key names the registrar itself, whose TLS certificate then is the anchor.
fn pinned(voucher: &Voucher, asked_by: ProximityLeaf, registrar: &[Certificate]) -> Result<Anchors, PledgeError> {
    let own = registrar.first().ok_or(PledgeError::NoRegistrarCertificate)?;
    let key_of_own = |pins: bool| if pins { Ok(own.clone()) } else { Err(PledgeError::RegistrarKeyMismatch) };
    let by = |kind| match kind {
        ProximityLeaf::KeyHash => voucher.pinned_domain_pubk_sha256.map(|hash| key_of_own(hash == own.spki_digest().0)),
        ProximityLeaf::Key => voucher.pinned_domain_pubk.as_ref().map(|spki| key_of_own(spki == own.public_key().spki())),
        ProximityLeaf::Certificate => voucher.pinned_domain_cert.clone().map(Ok),
    };
    let preferred = voucher.nonce.is_some().then_some(asked_by);
    let order = [ProximityLeaf::KeyHash, ProximityLeaf::Key, ProximityLeaf::Certificate];
    let anchor = preferred.into_iter().chain(order).find_map(by);
    Anchors::new([anchor.ok_or(PledgeError::NothingPinned)??]).map_err(PledgeError::PinUnusable)
}

/// A pledge that knows its domain: the voucher was checked, and the registrar leads to what it pins.
#[derive(Debug)]
#[must_use]
pub struct Imprinted {
    pledge: Pledge,
    registrar: Vec<Certificate>,
    voucher: Verified<Voucher>,
    domain: Anchors,
    report: Ask,
    ask: Ask,
}

impl Imprinted {
    /// `registrar` was found to stand under `domain`.
    pub(super) fn new(pledge: Pledge, registrar: Vec<Certificate>, voucher: Verified<Voucher>, domain: Anchors) -> Self {
        let report = Ask::report(VOUCHER_STATUS, &Telemetry::success());
        let ask = Ask::get(CA_CERTS, "application/pkcs7-mime");
        Self { pledge, registrar, voucher, domain, report, ask }
    }

    /// The voucher.
    pub fn voucher(&self) -> &Verified<Voucher> {
        &self.voucher
    }

    /// What the voucher pins: the anchors for [`check_registrar`] on further connections.
    pub fn domain(&self) -> &Anchors {
        &self.domain
    }

    /// voucher_status, which is sent first (RFC 8995, section 5.7). Its answer decides nothing.
    pub fn report(&self) -> &Ask {
        &self.report
    }

    /// cacerts, which is sent next.
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Takes the CA certificates: the self-issued ones among them become anchors beside what the voucher pins (RFC 7030, section 4.1.3).
    ///
    /// # Errors
    /// [`Failed`] if there are none, or if the registrar itself does not stand under one of them; an enrollstatus report is owed.
    pub fn answered(self, answer: &Answer, now: UnixTime) -> Result<Trusting, Failed> {
        Trusting::with_ca_certificates(self.pledge, self.domain, &self.registrar, answer, now)
    }
}

const RESOURCE: &str = "requestvoucher";
