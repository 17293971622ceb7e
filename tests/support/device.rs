//! Devices as they leave a factory, and what they and their impostors sign.

use std::sync::Arc;

use brski_common::pledge::{Pledge, ProximityLeaf};
use brski_common::voucher::ProvenanceExtension;
use brski_common::{
    Anchors, Assertion, Certificate, Format, IDevIdCert, PeerCertificates, ProvenanceStatement, SerialNumber, Signed, SigningParty, SoftwareKey,
    VoucherRequest, csr,
};

use super::{Hand, Owner};

/// A device with its IDevID.
#[derive(Clone)]
pub(crate) struct Device {
    /// The IDevID, then the path above it, the root included.
    pub(crate) chain: Vec<Certificate>,
    pub(crate) key: SoftwareKey,
    /// Whom it believes about its owner.
    pub(crate) voucher_anchors: Anchors,
    /// What its maker signed about its key, if anything.
    pub(crate) statement: Option<Signed<ProvenanceStatement>>,
    /// Whether it shows the statement in its voucher-requests.
    pub(crate) carries: bool,
    /// In which format it asks for vouchers.
    pub(crate) format: Format,
    /// By which leaf it names its registrar.
    pub(crate) proximity: ProximityLeaf,
    /// Whose vouchers reach it without their signer's certificate, if it speaks COSE.
    pub(crate) voucher_signer: Certificate,
}

impl Device {
    /// The same device, its statement stored in it.
    pub(crate) fn carrying(self, statement: Option<Signed<ProvenanceStatement>>) -> Self {
        Self { statement, carries: true, ..self }
    }

    /// The same device, which speaks this format.
    pub(crate) fn speaking(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// The same device, which names its registrar by this leaf.
    pub(crate) fn naming(self, proximity: ProximityLeaf) -> Self {
        Self { proximity, ..self }
    }

    pub(crate) fn idevid(&self) -> IDevIdCert {
        IDevIdCert::new(self.chain[0].clone()).unwrap()
    }

    pub(crate) fn serial(&self) -> SerialNumber {
        self.idevid().device().serial.clone()
    }

    /// Its side of the protocol.
    pub(crate) fn pledge(&self) -> Pledge {
        let anchors = match self.format {
            Format::Cose => {
                let configured = self.voucher_anchors.certificates().iter().chain([&self.voucher_signer]);
                let anchors = Anchors::new(configured.cloned()).unwrap();
                match self.voucher_anchors.policy() {
                    Some(policy) => anchors.demanding(policy.clone()),
                    None => anchors,
                }
            }
            _ => self.voucher_anchors.clone(),
        };
        let pledge = Pledge::new(self.chain.clone(), Arc::new(self.key.clone()), anchors).unwrap();
        let pledge = pledge.with_format(self.format).with_proximity(self.proximity);
        match self.statement.clone().filter(|_| self.carries) {
            Some(statement) => pledge.with_statement(statement),
            None => pledge,
        }
    }

    /// What it shows as TLS client.
    pub(crate) fn peer(&self) -> PeerCertificates {
        PeerCertificates(self.chain.clone())
    }

    pub(crate) fn party(&self) -> SigningParty {
        SigningParty::with_chain(self.chain.clone(), Arc::new(self.key.clone()))
    }

    /// What an honest pledge would ask this owner's registrar. Change it, then [`sign`](Self::sign) it.
    pub(crate) fn request(&self, owner: &Owner, hand: &Hand) -> VoucherRequest {
        let statement = self.statement.as_ref().filter(|_| self.carries).map(|s| s.wire().to_vec());
        let registrar = &owner.chain()[0];
        let request = VoucherRequest {
            assertion: Some(Assertion::Proximity),
            created_on: Some(hand.now()),
            nonce: Some(hand.nonce()),
            provenance: statement.map(ProvenanceExtension::with_statement),
            ..VoucherRequest::new(self.serial())
        };
        match self.proximity {
            ProximityLeaf::Certificate => VoucherRequest { proximity_registrar_cert: Some(registrar.clone()), ..request },
            ProximityLeaf::Key => VoucherRequest { proximity_registrar_pubk: Some(registrar.public_key().spki().to_vec()), ..request },
            ProximityLeaf::KeyHash => VoucherRequest { proximity_registrar_pubk_sha256: Some(registrar.spki_digest().0), ..request },
            other => panic!("no leaf is known for {other:?}"),
        }
    }

    /// Signs in its format, as an honest pledge does: in COSE without its certificate.
    pub(crate) async fn sign(&self, request: &VoucherRequest) -> Signed<VoucherRequest> {
        let party = match self.format {
            Format::Cose => self.party().nameless(),
            _ => self.party(),
        };
        party.seal(request, self.format).await.unwrap()
    }

    /// A certification request in DER for `key`, with the IDevID's subject.
    pub(crate) async fn csr(&self, key: &SoftwareKey) -> Vec<u8> {
        csr::request(self.chain[0].subject_der(), key).await.unwrap()
    }
}
