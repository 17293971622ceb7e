//! What a registrar asks, verified in two steps: its own request, which says of which device it speaks, and then the pledge's request inside it, for which that device must be known.

mod direct;

use brski_common::time::to_rfc3339;
use brski_common::voucher::Proximity;
use brski_common::{
    Anchors, Certificate, DeviceId, Format, IDevIdCert, Leniencies, Refusal, Signed, SignedBy, UnixTime, Usage, Verified, Verifier, VerifyError, Voucher,
    VoucherRequest,
};

use crate::error::Error;
use crate::history::History;

/// A registrar's voucher-request whose signature verifies with a chain that is consistent in itself and allows its signer to act as registrar. Made by [`verify`](Self::verify) alone.
///
/// Who that registrar is remains open: everybody can found a domain (RFC 8995, section 5.5.2).
#[derive(Clone, Debug)]
pub struct RegistrarRequest {
    request: Verified<VoucherRequest>,
    /// The path that counts.
    path: Path,
    /// Those of further certificates of the same key.
    others: Vec<Path>,
    device: DeviceId,
    lenient: Leniencies,
}

impl RegistrarRequest {
    /// Verifies a registrar's request and reads of which device it speaks. What `lenient` overlooks in it will be overlooked in the pledge's request as well.
    ///
    /// # Errors
    /// [`VerifyError`] if signature, chain or extended key usage are not in order; [`Refusal`] if `idevid-issuer` is missing, or a leaf is there that only a pledge may send.
    pub fn verify(request: &Signed<VoucherRequest>, lenient: Leniencies, now: UnixTime) -> Result<Self, Error> {
        let request = request.verify(&Verifier { by: SignedBy::AnyoneConsistent { usage: Usage::CmcRa }, lenient }, now)?;
        let path = Path::current(&request.signer().chain, now)?;
        let others = request.signer().others.iter().filter_map(|chain| Path::current(chain, now).ok()).collect();

        let leaves = request.get();
        // A pledge alone can say whom it is near to.
        for (leaf, present) in [
            ("proximity-registrar-cert", leaves.proximity_registrar_cert.is_some()),
            ("proximity-registrar-pubk", leaves.proximity_registrar_pubk.is_some()),
            ("proximity-registrar-pubk-sha256", leaves.proximity_registrar_pubk_sha256.is_some()),
        ] {
            if present {
                return Err(Refusal::LeafForbidden { leaf, section: "RFC 8995, section 5.5" }.into());
            }
        }
        let missing = Refusal::LeafMissing { leaf: "idevid-issuer", section: "RFC 8366bis, section 6.1" };
        let issuer = leaves.idevid_issuer.clone().ok_or(missing)?;
        Ok(Self { device: DeviceId { issuer, serial: leaves.serial_number.clone() }, path, others, request, lenient })
    }

    /// Of which device it speaks. Nothing says yet that the device exists.
    pub fn device(&self) -> &DeviceId {
        &self.device
    }

    /// The registrar's own certificate.
    pub fn signer(&self) -> &Certificate {
        &self.path.signer
    }

    /// The registrar's own certificate and the path above it.
    pub fn chain(&self) -> &[Certificate] {
        &self.path.chain
    }

    /// The same for each certificate of the signer's key, first the one that counts. Each path shows that the key was certified so, and none that its holder meant it.
    pub fn chains(&self) -> impl Iterator<Item = &[Certificate]> {
        core::iter::once(&self.path).chain(&self.others).map(|path| path.chain.as_slice())
    }

    /// What it says.
    pub fn leaves(&self) -> &VoucherRequest {
        self.request.get()
    }

    /// The format it came in, in which the pledge's request inside has to be (constrained BRSKI, section 7.1).
    pub fn format(&self) -> Format {
        self.request.signed().format()
    }

    /// The CAs above the registrar, its issuer first; empty if its certificate stands alone.
    pub fn authorities(&self) -> &[Certificate] {
        let above = self.chain().get(1..).unwrap_or_default();
        // An anchor need not be a CA, and one without that word would be a pin that no pledge can build a path to.
        let authorities = above.iter().take_while(|certificate| certificate.is_ca()).count();
        above.get(..authorities).unwrap_or_default()
    }

    /// What a voucher for this registrar pins first of all: the CA that issued its certificate, or the certificate itself.
    pub fn domain(&self) -> &Certificate {
        self.authorities().first().unwrap_or(self.signer())
    }

    /// Verifies what the registrar puts before its own request: the pledge's request, or an earlier voucher that is to be renewed. If the pledge names the registrar by
    /// certificate, the path that counts is the one in which that stands.
    ///
    /// # Errors
    /// [`VerifyError`] if a pledge's request is not signed with an IDevID that leads to `anchors`, or a voucher not by one under `ours`, which is asked for only then.
    pub fn open(self, history: &History, anchors: &Anchors, ours: impl FnOnce() -> Anchors, now: UnixTime) -> Result<Claim, Error> {
        let Some(prior) = &self.leaves().prior_signed_voucher_request else { return Ok(Claim { registrar: self, prior: Prior::Nothing }) };
        let prior = Signed::<VoucherRequest>::from_wire(self.format(), prior.clone());
        // A pledge need not enclose its certificate, since we issued it.
        let known = [history.idevid().certificate().clone()];
        let verified = prior.verify(&Verifier { by: SignedBy::Anchored { anchors, usage: Usage::Any, known: &known }, lenient: self.lenient }, now);
        let request = match verified {
            Ok(request) => request,
            Err(err) => {
                let Some(voucher) = shown_voucher(&prior, &err) else { return Err(err.into()) };
                let voucher = verify_earlier(&voucher, &ours(), now)?;
                return Ok(Claim { registrar: self, prior: Prior::Voucher(Box::new(voucher)) });
            }
        };

        let unnamed = || VerifyError::UnknownSigner { artefact: "voucher-request", detail: "the pledge's IDevID is not known".to_owned() };
        let certificate = request.signer().chain.first().ok_or_else(unnamed)?.clone();
        let decode = |source| VerifyError::Decode { artefact: "pledge's IDevID", source };
        let idevid = IDevIdCert::new(certificate).map_err(decode)?;
        let registrar = self.named_by(request.get());
        Ok(Claim { registrar, prior: Prior::Pledge(Box::new(PledgeRequest { request, idevid })) })
    }

    /// Certificates stand unsigned in some envelopes: others that were put beside them must not decide whose the device becomes.
    fn named_by(mut self, pledge: &VoucherRequest) -> Self {
        let named = match pledge.proximity() {
            Some(Proximity::Certificate(named)) if !self.path.chain.contains(named) => named,
            Some(Proximity::Certificate(_) | Proximity::Key(_) | Proximity::KeyHash(_)) | None => return self,
        };
        if let Some(meant) = self.others.iter_mut().find(|path| path.chain.contains(named)) {
            core::mem::swap(&mut self.path, meant);
        }
        self
    }
}

/// A registrar's certificate and the path above it, all of it current.
#[derive(Clone, Debug)]
struct Path {
    signer: Certificate,
    chain: Vec<Certificate>,
}

impl Path {
    fn current(chain: &[Certificate], now: UnixTime) -> Result<Self, VerifyError> {
        let unnamed = || VerifyError::UnknownSigner { artefact: "voucher-request", detail: "it carries no certificate".to_owned() };
        let signer = chain.first().ok_or_else(unnamed)?.clone();
        // The top of the chain served as anchor, whose validity path building leaves aside. Nobody configured this one, so it has to be current like the rest.
        match chain.iter().find(|c| now < c.not_before() || c.not_after() < now) {
            Some(outdated) => {
                let state = if now < outdated.not_before() { "not yet valid" } else { "expired" };
                Err(VerifyError::NotCurrent { subject: outdated.subject().to_owned(), state, now: to_rfc3339(now) })
            }
            None => Ok(Self { signer, chain: chain.to_vec() }),
        }
    }
}

/// A registrar's request and what it encloses, both verified. Made by [`RegistrarRequest::open`] alone.
#[derive(Clone, Debug)]
pub struct Claim {
    registrar: RegistrarRequest,
    prior: Prior,
}

/// What a registrar puts before its own request (RFC 8366bis, `prior-signed-voucher-request`).
#[derive(Clone, Debug)]
pub enum Prior {
    /// Nothing.
    Nothing,
    /// The request of its pledge.
    Pledge(Box<PledgeRequest>),
    /// An earlier voucher of ours, which it asks to have renewed (section 10.1).
    Voucher(Box<Verified<Voucher>>),
}

impl Claim {
    /// The registrar's part.
    pub fn registrar(&self) -> &RegistrarRequest {
        &self.registrar
    }

    /// The pledge's part, if it is enclosed.
    pub fn pledge(&self) -> Option<&PledgeRequest> {
        match &self.prior {
            Prior::Pledge(pledge) => Some(pledge),
            Prior::Nothing | Prior::Voucher(_) => None,
        }
    }

    /// What came before the registrar's own request.
    pub fn prior(&self) -> &Prior {
        &self.prior
    }
}

/// A pledge's voucher-request whose signer's certificate leads to the manufacturer's anchors.
#[derive(Clone, Debug)]
pub struct PledgeRequest {
    request: Verified<VoucherRequest>,
    idevid: IDevIdCert,
}

impl PledgeRequest {
    /// What it says.
    pub fn leaves(&self) -> &VoucherRequest {
        self.request.get()
    }

    /// The certificate of the key that signed it.
    pub fn idevid(&self) -> &IDevIdCert {
        &self.idevid
    }
}

/// The voucher in the place of the pledge's request, if one is there.
fn shown_voucher(prior: &Signed<VoucherRequest>, err: &VerifyError) -> Option<Signed<Voucher>> {
    // Whose signature was in order before the content was read is a pledge that mistakes the words, not a voucher's signer.
    if matches!(err, VerifyError::Decode { .. }) {
        return None;
    }
    let voucher = Signed::<Voucher>::from_wire(prior.format(), prior.wire());
    voucher.peek_unverified(Leniencies::default()).is_ok().then_some(voucher)
}

/// Verifies a voucher that one of ours signed, perhaps long ago: its signer's certificate must have been valid then, if it is no more. Whether it ever was issued the ledger knows.
fn verify_earlier(voucher: &Signed<Voucher>, anchors: &Anchors, now: UnixTime) -> Result<Verified<Voucher>, VerifyError> {
    let by = SignedBy::Anchored { anchors, usage: Usage::Any, known: anchors.certificates() };
    let verifier = Verifier { by, lenient: Leniencies::default() };
    match voucher.verify(&verifier, now) {
        Err(VerifyError::NotCurrent { .. }) => {
            let then = voucher.peek_unverified(Leniencies::default())?.created_on.filter(|then| *then < now);
            voucher.verify(&verifier, then.unwrap_or(now))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Maker, NOW, Owner, by_key, by_key_hash, nonce, seal};

    #[test]
    fn registrars_request_needs_the_idevids_issuer() {
        let (owner, pledge) = (Owner::new("owner"), Maker::new().pledge("JADA123"));
        let leaves = VoucherRequest { idevid_issuer: None, ..owner.leaves(&pledge, &pledge.leaves(&owner, nonce(1))) };
        let refused = RegistrarRequest::verify(&owner.sign(&leaves), Leniencies::default(), NOW);
        assert!(matches!(refused, Err(Error::Refused(Refusal::LeafMissing { leaf: "idevid-issuer", .. }))));
    }

    #[test]
    fn registrar_may_not_claim_proximity_of_its_own() {
        let (owner, pledge) = (Owner::new("owner"), Maker::new().pledge("JADA123"));
        let inner = pledge.leaves(&owner, nonce(1));
        let outer = owner.leaves(&pledge, &inner);
        let (key, hash) = (by_key(inner.clone()).proximity_registrar_pubk, by_key_hash(inner.clone()).proximity_registrar_pubk_sha256);
        for (expected, leaves) in [
            ("proximity-registrar-cert", VoucherRequest { proximity_registrar_cert: inner.proximity_registrar_cert, ..outer.clone() }),
            ("proximity-registrar-pubk", VoucherRequest { proximity_registrar_pubk: key, ..outer.clone() }),
            ("proximity-registrar-pubk-sha256", VoucherRequest { proximity_registrar_pubk_sha256: hash, ..outer }),
        ] {
            let refused = RegistrarRequest::verify(&owner.sign(&leaves), Leniencies::default(), NOW);
            assert!(matches!(refused, Err(Error::Refused(Refusal::LeafForbidden { leaf, .. })) if leaf == expected));
        }
    }

    #[test]
    fn chain_with_a_top_that_is_not_yet_valid_is_not_trusted() {
        let (owner, pledge) = (Owner::new("owner"), Maker::new().pledge("JADA123"));
        let before = brski_common::time::at(NOW.as_secs() - 86_401);
        let alone = owner.registrar.party(&[]);
        let leaves = owner.leaves(&pledge, &pledge.leaves(&owner, nonce(1)));
        let refused = RegistrarRequest::verify(&seal(&alone, &leaves, Format::Cms), Leniencies::default(), before);
        assert!(matches!(refused, Err(Error::Untrusted(VerifyError::NotCurrent { .. }))));
    }

    #[test]
    fn authorities_are_the_cas_above_the_registrar_lowest_first() {
        let (owner, pledge) = (Owner::new("owner"), Maker::new().pledge("JADA123"));
        let request = RegistrarRequest::verify(&owner.request(&pledge, nonce(1)), Leniencies::default(), NOW).unwrap();
        assert_eq!(request.authorities(), [owner.authority.certificate, owner.root.certificate]);
    }
}
