//! The network's owner: its domain CA, its registrar, and what it accepts.

use std::sync::Arc;

use brski_common::chain::ID_KP_CMC_RA;
use brski_common::{Assertion, Certificate, Format, Leniencies, PeerCertificates, Policy, Signed, VoucherRequest, est};
use brski_registrar::http::DEFAULT_BODY_LIMIT;
use brski_registrar::{Admission, BuiltInCa, MemoryAnswers, PledgeStore as _, Registrar, RegistrarParts, RegistrarService, Settings, Trust};

use super::exchange::{Reply, request, to_registrar};
use super::{Authority, Device, Hand, Manufacturer, MasaLink, POLICY, Pledges};

/// An owner with everything it runs.
pub(crate) struct Owner {
    /// The domain CA.
    pub(crate) ca: Authority,
    /// What the registrar is made of. Change it, then [`restart`](Self::restart).
    pub(crate) parts: RegistrarParts,
    pub(crate) masa: Arc<MasaLink>,
    pub(crate) pledges: Arc<Pledges>,
    /// What its MASAs answered.
    pub(crate) answers: Arc<MemoryAnswers>,
    pub(crate) service: RegistrarService,
    hand: Hand,
}

impl Owner {
    /// An owner who accepts this manufacturer and decides by [`POLICY`].
    pub(crate) async fn found(name: &str, maker: &Manufacturer, hand: &Hand) -> Self {
        Self::found_under(name, Authority::root(&format!("{name} domain CA")).await, maker, hand).await
    }

    /// The same with this domain CA.
    pub(crate) async fn found_under(name: &str, ca: Authority, maker: &Manufacturer, hand: &Hand) -> Self {
        let identity = ca.party(&format!("{name} registrar"), &REGISTRAR_USAGES).await;
        let masa = Arc::new(MasaLink::new(maker.service(), PeerCertificates(identity.identity.chain.clone())));
        let pledges = Arc::<Pledges>::default();
        let parts = RegistrarParts {
            identity,
            trust: Trust::new([maker.profile()]),
            policy: Policy::from_toml(POLICY).unwrap(),
            masa: masa.clone(),
            ca: Arc::new(BuiltInCa::new(ca.chain.clone(), Arc::new(ca.key.clone())).unwrap()),
            pledges: pledges.clone(),
            settings: Settings::default(),
            clock: hand.clock(),
        };
        let answers = Arc::<MemoryAnswers>::default();
        let service = served(&parts, &answers);
        Self { ca, parts, masa, pledges, answers, service, hand: hand.clone() }
    }

    /// The registrar's process ends, and a new one begins with the present `parts` and the same stores.
    pub(crate) fn restart(&mut self) {
        self.service = served(&self.parts, &self.answers);
    }

    /// The registrar's TLS certificate, then the path above it.
    pub(crate) fn chain(&self) -> &[Certificate] {
        &self.parts.identity.identity.chain
    }

    /// Posts a voucher-request over a connection with this peer.
    pub(crate) async fn ask(&self, pvr: &[u8], peer: &PeerCertificates) -> Reply {
        self.post("brski/requestvoucher", "application/voucher-cms+json", pvr.to_vec(), peer).await
    }

    /// Posts a voucher-request in its format over a connection with this peer.
    pub(crate) async fn submit(&self, pvr: &Signed<VoucherRequest>, peer: &PeerCertificates) -> Reply {
        self.post("brski/requestvoucher", pvr.format().voucher_media_type(), pvr.wire().to_vec(), peer).await
    }

    /// Posts a certification request in DER to `simpleenroll`.
    pub(crate) async fn enroll(&self, csr: &[u8], peer: &PeerCertificates) -> Reply {
        self.post("est/simpleenroll", est::PKCS10, est::to_body(csr), peer).await
    }

    /// Posts a certification request in DER to `simplereenroll`.
    pub(crate) async fn reenroll(&self, csr: &[u8], peer: &PeerCertificates) -> Reply {
        self.post("est/simplereenroll", est::PKCS10, est::to_body(csr), peer).await
    }

    pub(crate) async fn post(&self, path: &str, content_type: &str, body: Vec<u8>, peer: &PeerCertificates) -> Reply {
        let path = format!("/.well-known/{path}");
        to_registrar(&self.service, request("POST", &path, &[("content-type", content_type)], body, peer)).await
    }

    /// What an honest registrar would ask the MASA about this pledge's request. Change it, then [`sign`](Self::sign) it.
    pub(crate) fn request(&self, device: &Device, pvr: &Signed<VoucherRequest>) -> VoucherRequest {
        VoucherRequest {
            assertion: Some(Assertion::Proximity),
            created_on: Some(self.hand.now()),
            nonce: pvr.peek_unverified(Leniencies::default()).unwrap().nonce,
            idevid_issuer: Some(device.idevid().device().issuer.clone()),
            prior_signed_voucher_request: Some(pvr.wire().to_vec()),
            ..VoucherRequest::new(device.serial())
        }
    }

    pub(crate) async fn sign(&self, request: &VoucherRequest) -> Signed<VoucherRequest> {
        self.parts.identity.seal(request, Format::Cms).await.unwrap()
    }

    /// Signs what it would ask the MASA in the format of this device, whose certificates a COSE request brings along.
    pub(crate) async fn sign_for(&self, device: &Device, request: &VoucherRequest) -> Signed<VoucherRequest> {
        let party = self.parts.identity.clone().enclosing(device.chain.clone());
        party.seal(request, device.format).await.unwrap()
    }

    /// What the store has of this device.
    pub(crate) async fn admission(&self, device: &Device) -> Option<Admission> {
        self.pledges.find(device.idevid().spki_digest()).await.unwrap()
    }
}

fn served(parts: &RegistrarParts, answers: &Arc<MemoryAnswers>) -> RegistrarService {
    RegistrarService::new(Arc::new(Registrar::new(parts.clone()).remembering_in(answers.clone())), DEFAULT_BODY_LIMIT)
}

/// What a registrar's certificate must allow: cmcRA, TLS server, TLS client.
pub(crate) const REGISTRAR_USAGES: [&str; 3] = [ID_KP_CMC_RA, "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
