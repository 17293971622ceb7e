use super::*;
use crate::chain::Anchors;
use crate::evidence::{Authority, Claim, Element, ElementKind, EvidenceError, KeyAttestation, Outcome, Value, appraise};
use crate::provenance::Basis;
use crate::sign::{SignatureAlgorithm, Signer as _, SoftwareKey};
use crate::test_pki::{Entity, block_on, new_key, now};
use crate::text::in_full;

fn statement(kind: &str, der: &[u8]) -> AttestationStatement {
    AttestationStatement { kind: EvidenceType::new(kind).unwrap(), der: der.to_vec() }
}

fn oid(dotted: &str) -> Vec<u8> {
    element(0x06, Oid::from_dotted(dotted).unwrap().as_bytes())
}

/// A bundle of these elements as statements, and of these as certificates.
fn wire(statements: &[Vec<u8>], certificates: Option<&[Vec<u8>]>) -> Vec<u8> {
    let certificates = certificates.map(|several| element(0x30, &several.concat())).unwrap_or_default();
    element(0x30, &[element(0x30, &statements.concat()), certificates].concat())
}

fn plain() -> Vec<u8> {
    element(0x30, &[oid("1.2.3"), element(0x04, &[7])].concat())
}

fn fault(der: &[u8]) -> String {
    AttestationBundle::from_der(der).unwrap_err().to_string()
}

#[test]
fn bundle_comes_back_statement_for_statement() {
    let ca = Entity::root("CA").certificate;
    let statements = [statement("1.2.3", &element(0x04, &[7])), statement("2.999.1", &element(0xa1, &[]))];
    for certificates in [&[][..], core::slice::from_ref(&ca)] {
        let made = AttestationBundle::new(&statements, certificates).unwrap();
        let read = AttestationBundle::from_der(made.der()).unwrap();
        assert_eq!((read.statements(), read.certificates(), read.unread_certificates()), (&statements[..], certificates, 0));
        assert_eq!(read, made);
        assert!(AttestationBundle::from_der(&made.der()[..made.der().len() - 1]).is_err());
        assert!(AttestationBundle::from_der(&[made.der(), &[0]].concat()).is_err());
    }
    assert!(AttestationBundle::new(&[statement("text/plain", &element(0x04, &[]))], &[]).is_err());
    assert!(AttestationBundle::new(&[statement("1.2.3", &[4, 0, 0])], &[]).is_err());
}

#[test]
fn layout_with_a_hint_is_refused_by_its_name() {
    let der = wire(&[element(0x30, &[oid("2.23.133.20.1"), element(0x30, &[]), element(0x16, b"verifier.example")].concat())], None);
    let sentence = fault(&der);
    assert!(
        sentence.starts_with("attestation statement is 2.23.133.20.1 with a hint after it (IA5String), as in the draft's earlier EvidenceBundle"),
        "{sentence}"
    );
    assert!(sentence.ends_with("expected a type and a statement, and nothing else"), "{sentence}");
}

#[test]
fn lists_are_neither_empty_nor_endless() {
    assert_eq!(fault(&wire(&[], None)), "attestations must be a list of one at least");
    assert_eq!(fault(&wire(&[plain()], Some(&[]))), "certs must be a list of one at least");
    assert_eq!(fault(&wire(&vec![plain(); 17], None)), "number of statements in the attestation bundle exceeds the limit of 16");
    assert_eq!(fault(&wire(&[plain()], Some(&vec![element(0xa3, &[]); 33]))), "number of certificates in the attestation bundle exceeds the limit of 32");
    assert_eq!(fault(&vec![0x30; AttestationBundle::LARGEST + 1]), "the attestation bundle's size in octets exceeds the limit of 131072");
}

#[test]
fn certificates_of_other_formats_and_keys_are_counted_and_others_refused() {
    let ca = Entity::root("CA").certificate;
    let read = AttestationBundle::from_der(&wire(&[plain()], Some(&[element(0xa3, &oid("1.2.3")), element(0x30, &[]), ca.der().to_vec()]))).unwrap();
    assert_eq!((read.certificates(), read.unread_certificates()), (&[ca][..], 2));
    assert!(fault(&wire(&[plain()], Some(&[element(0xa1, &[])]))).ends_with("expected a certificate, or another format in [3]"));
}

/// A bundle that has a key attestation for `key`, whose vendor is this, and what is in `others`.
fn of_module(vendor: &Entity, key: &SoftwareKey, others: &[AttestationStatement]) -> AttestationBundle {
    let module = vendor.issue("HSM 7", SignatureAlgorithm::Es256, |t| t.usages(&[KeyAttestation::ATTESTATION_KEY_USAGE]));
    let claims = [
        Claim::new("identifier", Value::Text("k".to_owned())),
        Claim::new("spki", Value::Octets(key.public_key().spki().to_vec())),
        Claim::new("local", Value::Boolean(true)),
    ];
    let said = [Element { kind: ElementKind::Key, claims: claims.to_vec() }];
    let evidence = block_on(KeyAttestation::make(&said, core::slice::from_ref(&module.certificate), &module.key)).unwrap();
    let own = statement(KeyAttestation::KIND, evidence.der());
    AttestationBundle::new(&[&[own], others].concat(), &[module.certificate]).unwrap()
}

#[test]
fn every_statement_of_a_bundle_has_its_own_answer() {
    let (vendor, key) = (Entity::root("HSM vendor"), new_key(SignatureAlgorithm::Es256));
    let others = [statement("1.2.3", &element(0x04, &[7])), statement(KeyAttestation::KIND, &element(0x30, &[]))];
    let evidence = of_module(&vendor, &key, &others).to_evidence().unwrap();
    let anchors = Anchors::new([vendor.certificate.clone()]).unwrap();
    let authorities =
        Authorities::new([Authority { name: "HSMs".to_owned(), anchors, basis: Basis::HsmAttested, locus: None, unmarked_attestation_keys: false }]);
    let found = appraise(&evidence, &Expected { key: key.public_key(), nonce: None }, &authorities, now());
    let kinds: Vec<&str> = found.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, [KeyAttestation::KIND, "1.2.3", KeyAttestation::KIND]);
    assert!(matches!(found[0].outcome, Outcome::Holds(_)) && found[1].outcome == Outcome::Unknown);
    assert!(matches!(found[2].outcome, Outcome::Refused(EvidenceError::Unreadable { .. })));
}

#[test]
fn bundle_that_cannot_be_read_is_one_refusal_and_evidence_of_another_kind_unknown() {
    let (key, authorities) = (new_key(SignatureAlgorithm::Es256), Authorities::default());
    let appraised = |kind: &str| {
        let evidence = Evidence { kind: EvidenceType::new(kind).unwrap(), data: vec![0x30, 0] };
        appraise(&evidence, &Expected { key: key.public_key(), nonce: None }, &authorities, now())
    };
    let refused = appraised(AttestationBundle::KIND);
    let [Appraised { outcome: Outcome::Refused(err), .. }] = refused.as_slice() else { panic!("{refused:?}") };
    assert!(in_full(err).starts_with("the attestation bundle cannot be read: attestation bundle is not valid DER"), "{}", in_full(err));
    assert_eq!(appraised("application/pem").into_iter().map(|one| one.outcome).collect::<Vec<_>>(), [Outcome::Unknown]);
}
