//! A security module with its vendor: it attests keys, honestly or not.

use brski_common::csr::{Wish, request_wishing};
use brski_common::evidence::{
    AttestationBundle, AttestationStatement, Authorities, Authority as EvidenceAuthority, Claim, Element, ElementKind, KeyAttestation, Value,
};
use brski_common::issuing::Subject;
use brski_common::provenance::{Basis, EvidenceType};
use brski_common::{Anchors, Certificate, Signer as _, SoftwareKey};

use super::{Authority, Device};

/// One module. Its keys are software: what counts is what it says of them.
pub(crate) struct Module {
    pub(crate) vendor: Authority,
    chain: Vec<Certificate>,
    key: SoftwareKey,
}

impl Module {
    /// A module of this vendor.
    pub(crate) async fn made_by(vendor: &str) -> Self {
        let vendor = Authority::root(vendor).await;
        let key = super::new_key();
        let certificate = super::template(Subject::common_name("Module 7"), &key).usages(&[KeyAttestation::ATTESTATION_KEY_USAGE]);
        let chain = vendor.issue(certificate).await;
        Self { vendor, chain, key }
    }

    /// Its vendor as an owner would configure it.
    pub(crate) fn authorities(&self, name: &str) -> Authorities {
        let anchors = Anchors::new([self.vendor.certificate()]).unwrap();
        Authorities::new([EvidenceAuthority { name: name.to_owned(), anchors, basis: Basis::KeyAttestation, locus: None, unmarked_attestation_keys: false }])
    }

    /// What it says of a key: these flags, in answer to this nonce.
    pub(crate) async fn attest(&self, key: &SoftwareKey, flags: &[(&str, bool)], nonce: Option<&[u8]>) -> AttestationStatement {
        let identity = [Claim::new("identifier", Value::Text("k".to_owned())), Claim::new("spki", Value::Octets(key.public_key().spki().to_vec()))];
        let flags = flags.iter().map(|(name, flag)| Claim::new(name, Value::Boolean(*flag)));
        let about = Element { kind: ElementKind::Key, claims: identity.into_iter().chain(flags).collect() };
        let asked = nonce.map(|nonce| Element { kind: ElementKind::Transaction, claims: vec![Claim::new("nonce", Value::Octets(nonce.to_vec()))] });
        let elements: Vec<Element> = asked.into_iter().chain([about]).collect();
        let made = KeyAttestation::make(&elements, &self.chain, &self.key).await.unwrap();
        AttestationStatement { kind: EvidenceType::new(KeyAttestation::KIND).unwrap(), der: made.der().to_vec() }
    }
}

/// Of a key that was made inside and never left.
pub(crate) const KEPT_INSIDE: &[(&str, bool)] = &[("local", true), ("sensitive", true), ("extractable", false), ("never-extractable", true)];

impl Device {
    /// A certification request in DER for `key` with these statements about it.
    pub(crate) async fn attested_csr(&self, key: &SoftwareKey, statements: &[AttestationStatement]) -> Vec<u8> {
        let bundle = AttestationBundle::new(statements, &[]).unwrap();
        self.csr_with(key, bundle.der().to_vec()).await
    }

    /// The same with an attribute of this value.
    pub(crate) async fn csr_with(&self, key: &SoftwareKey, attestation: Vec<u8>) -> Vec<u8> {
        let wish = Wish { attestation: Some(attestation), ..Wish::default() };
        request_wishing(self.chain[0].subject_der(), &wish, key).await.unwrap()
    }
}
