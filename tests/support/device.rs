//! Devices as they leave a factory, and what they and their impostors sign.

use std::sync::Arc;

use brski_common::pledge::Pledge;
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
}

impl Device {
    /// The same device, its statement stored in it.
    pub(crate) fn carrying(self, statement: Option<Signed<ProvenanceStatement>>) -> Self {
        Self { statement, carries: true, ..self }
    }

    pub(crate) fn idevid(&self) -> IDevIdCert {
        IDevIdCert::new(self.chain[0].clone()).unwrap()
    }

    pub(crate) fn serial(&self) -> SerialNumber {
        self.idevid().device().serial.clone()
    }

    /// Its side of the protocol.
    pub(crate) fn pledge(&self) -> Pledge {
        let pledge = Pledge::new(self.chain.clone(), Arc::new(self.key.clone()), self.voucher_anchors.clone()).unwrap();
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
        VoucherRequest {
            assertion: Some(Assertion::Proximity),
            created_on: Some(hand.now()),
            nonce: Some(hand.nonce()),
            proximity_registrar_cert: Some(owner.chain()[0].clone()),
            provenance: statement.map(|statement| ProvenanceExtension::with_statement(statement)),
            ..VoucherRequest::new(self.serial())
        }
    }

    pub(crate) async fn sign(&self, request: &VoucherRequest) -> Signed<VoucherRequest> {
        self.party().seal(request, Format::Cms).await.unwrap()
    }

    /// A certification request in DER for `key`, with the IDevID's subject.
    pub(crate) async fn csr(&self, key: &SoftwareKey) -> Vec<u8> {
        csr::request(self.chain[0].subject_der(), key).await.unwrap()
    }
}
