//! Whose signature a COSE message bears, with x5bag, x5chain or neither, and what is left of it when a registrar passes it on.

use super::*;
use crate::issuing::{Subject, Template};
use crate::sign::Signer as _;
use crate::test_pki::{NOW, template};
use crate::time::at;

/// What vouchers and voucher-requests are to COSE.
#[derive(Debug, PartialEq, Eq)]
struct Bagged(Vec<u8>);

impl Payload for Bagged {
    const NAME: &'static str = "bagged";
    const COSE_CERTIFICATES: CoseCertificates = CoseCertificates::Bag;

    fn typ(_: Format) -> Option<Typ> {
        Some(Typ::Optional("bagged"))
    }

    fn encode(&self, _: Format) -> Result<Vec<u8>, DecodeError> {
        Ok(self.0.clone())
    }

    fn decode(octets: &[u8], _: Format, _: &Reading) -> Result<Self, DecodeError> {
        Ok(Self(octets.to_vec()))
    }
}

fn seal_bagged(party: &SigningParty) -> Signed<Bagged> {
    block_on(party.seal(&Bagged(b"words".to_vec()), Format::Cose)).unwrap()
}

fn verify_bagged(signed: &Signed<Bagged>, by: SignedBy<'_>) -> Result<SignerFound, VerifyError> {
    signed.verify(&Verifier::strict(by), now()).map(|v| v.signer().clone())
}

fn certificates<const N: usize>(entities: [&Entity; N]) -> [Certificate; N] {
    entities.map(|e| e.certificate.clone())
}

/// A certificate for the leaf's name and key, valid from here to there.
fn renewed(ca: &Entity, leaf: &Entity, from: u64, until: u64) -> Entity {
    let template = Template::new(Subject::common_name("Leaf"), leaf.key.public_key(), [7; 16], at(from), at(until));
    Entity { certificate: block_on(template.issued_by(&ca.certificate, &ca.key)).unwrap(), key: leaf.key.clone() }
}

/// A party with this key that shows these certificates, whatever their order.
fn party(of: &Entity, shown: &[&Entity]) -> SigningParty {
    SigningParty::with_chain(shown.iter().map(|e| e.certificate.clone()).collect(), std::sync::Arc::new(of.key.clone()))
}

#[test]
fn signer_is_found_wherever_it_stands_in_a_bag() {
    let (root, ca, leaf) = pki();
    let (maker, anchors) = (Entity::root("Maker"), Anchors::new([root.certificate.clone()]).unwrap());
    let pledge = maker.issue("Pledge", ES256, |t| t);
    for shown in [[&leaf, &ca, &root, &pledge, &maker], [&maker, &pledge, &root, &ca, &leaf], [&pledge, &root, &leaf, &maker, &ca]] {
        let signed = seal_bagged(&party(&leaf, &shown));
        for by in [anchored(&anchors, &[]), SignedBy::AnyoneConsistent { usage: Usage::Any }] {
            let found = verify_bagged(&signed, by).unwrap();
            assert_eq!(found.chain, certificates([&leaf, &ca, &root]));
            assert_eq!(found.key, leaf.certificate.public_key());
        }
    }
}

#[test]
fn of_two_certificates_of_one_key_the_one_whose_path_holds_counts() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let expired = renewed(&ca, &leaf, NOW - 99, NOW - 1);
    for shown in [[&expired, &leaf, &ca, &root], [&leaf, &expired, &ca, &root]] {
        for by in [anchored(&anchors, &[]), SignedBy::AnyoneConsistent { usage: Usage::Any }] {
            assert_eq!(verify_bagged(&seal_bagged(&party(&leaf, &shown)), by).unwrap().chain, certificates([&leaf, &ca, &root]));
        }
    }
    let only_expired = verify_bagged(&seal_bagged(&party(&leaf, &[&expired, &ca])), anchored(&anchors, &[]));
    assert!(matches!(only_expired, Err(VerifyError::NotCurrent { .. })));
}

#[test]
fn of_two_certificates_of_one_key_the_one_with_the_longer_path_shows_more() {
    let (root, ca, leaf) = pki();
    let orphan = renewed(&Entity::root("Gone"), &leaf, NOW - 99, NOW + 99);
    for shown in [[&orphan, &leaf, &ca, &root], [&leaf, &orphan, &ca, &root]] {
        let found = verify_bagged(&seal_bagged(&party(&leaf, &shown)), SignedBy::AnyoneConsistent { usage: Usage::Any }).unwrap();
        assert_eq!(found.chain, certificates([&leaf, &ca, &root]));
    }
}

#[test]
fn signer_that_has_its_cas_own_key_is_preferred_to_the_ca() {
    let root = Entity::root("Root");
    let signer = block_on(template(Subject::common_name("Signer"), &root.key).issued_by(&root.certificate, &root.key)).unwrap();
    let signer = Entity { certificate: signer, key: root.key.clone() };
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    for shown in [vec![&root, &signer], vec![&signer, &root]] {
        assert_eq!(verify_bagged(&seal_bagged(&party(&root, &shown)), anchored(&anchors, &[])).unwrap().chain, certificates([&signer, &root]));
    }
    assert_eq!(verify_bagged(&seal_bagged(&party(&root, &[&root])), anchored(&anchors, &[])).unwrap().chain, certificates([&root]));
}

#[test]
fn paths_of_a_few_certificates_of_one_key_are_built_and_no_more() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let expired: Vec<Entity> = (2..6).map(|ago| renewed(&ca, &leaf, NOW - 99, NOW - ago)).collect();
    let behind = |count: usize| {
        let shown: Vec<&Entity> = expired[..count].iter().chain([&leaf, &ca]).collect();
        verify_bagged(&seal_bagged(&party(&leaf, &shown)), anchored(&anchors, &[]))
    };
    assert!(behind(3).is_ok());
    assert!(matches!(behind(4), Err(VerifyError::NotCurrent { .. })));
}

#[test]
fn signature_by_no_key_in_the_bag_is_bad() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let thief = Entity { key: new_key(ES256), ..leaf.clone() };
    let refused = verify_bagged(&seal_bagged(&party(&thief, &[&leaf, &ca])), anchored(&anchors, &[]));
    assert_eq!(refused.unwrap_err(), VerifyError::BadSignature { artefact: "bagged", signer: "any of the 2 certificates at hand".to_owned() });
    let alone = verify_bagged(&seal_bagged(&party(&thief, &[&leaf])), anchored(&anchors, &[]));
    assert_eq!(alone.unwrap_err(), VerifyError::BadSignature { artefact: "bagged", signer: "CN=Leaf".to_owned() });
}

#[test]
fn foreign_signer_in_a_bag_is_told_that_its_path_leads_nowhere() {
    let (_, ca, leaf) = pki();
    let anchors = Anchors::new([Entity::root("Elsewhere").certificate]).unwrap();
    assert!(matches!(verify_bagged(&seal_bagged(&leaf.party(&[&ca])), anchored(&anchors, &[])), Err(VerifyError::NoPath { .. })));
}

#[test]
fn nameless_signer_is_looked_for_among_those_known() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let signed = seal_bagged(&leaf.party(&[&ca, &root]).nameless());
    let known = certificates([&root, &ca, &leaf]);
    assert_eq!(verify_bagged(&signed, anchored(&anchors, &known)).unwrap().chain, certificates([&leaf, &ca, &root]));
    assert_eq!(verify_bagged(&signed, SignedBy::Holder(&leaf.certificate)).unwrap().chain, certificates([&leaf]));

    assert!(matches!(verify_bagged(&signed, anchored(&anchors, &[])), Err(VerifyError::UnknownSigner { .. })));
    assert!(matches!(verify_bagged(&signed, anchored(&anchors, &known[..2])), Err(VerifyError::BadSignature { .. })));
    assert!(matches!(verify_bagged(&signed, SignedBy::AnyoneConsistent { usage: Usage::Any }), Err(VerifyError::UnknownSigner { .. })));
    assert!(matches!(verify_bagged(&signed, SignedBy::Holder(&ca.certificate)), Err(VerifyError::BadSignature { .. })));
}

#[test]
fn signer_that_its_bag_lacks_may_be_known() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let signed = seal_bagged(&party(&leaf, &[&ca]));
    assert_eq!(verify_bagged(&signed, anchored(&anchors, &certificates([&leaf]))).unwrap().chain, certificates([&leaf, &ca, &root]));
    assert!(matches!(verify_bagged(&signed, anchored(&anchors, &[])), Err(VerifyError::BadSignature { .. })));
}

#[test]
fn pinned_signer_needs_no_path_and_no_name() {
    let (_, _, leaf) = pki();
    let anchors = Anchors::new([leaf.certificate.clone()]).unwrap();
    let signed = seal_bagged(&leaf.party(&[]).nameless());
    assert_eq!(verify_bagged(&signed, anchored(&anchors, anchors.certificates())).unwrap().chain, certificates([&leaf]));
}

#[test]
fn kid_does_not_hide_a_known_certificate() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let signed = seal_bagged(&SigningParty::with_name("whatever", std::sync::Arc::new(leaf.key.clone())));
    assert!(verify_bagged(&signed, anchored(&anchors, &certificates([&leaf, &ca]))).is_ok());
}

#[test]
fn payload_with_a_chain_must_name_its_signer() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let known = certificates([&leaf, &ca]);
    for party in [leaf.party(&[]).nameless(), SigningParty::with_name("leaf", std::sync::Arc::new(leaf.key.clone()))] {
        assert!(matches!(verify(&seal(&party, Format::Cose), anchored(&anchors, &known)), Err(VerifyError::UnknownSigner { .. })));
    }
}

#[test]
fn only_cose_takes_a_nameless_signer() {
    let (_, _, leaf) = pki();
    for format in [Format::Cms, Format::Jws] {
        assert!(matches!(block_on(leaf.party(&[]).nameless().seal(&note(), format)), Err(SignError::Encode { .. })));
    }
}

#[test]
fn certificates_beside_a_known_holder_are_passed_over_in_cose() {
    let (_, ca, leaf) = pki();
    let signed = seal_bagged(&party(&leaf, &[&ca]));
    assert!(verify_bagged(&signed, SignedBy::Holder(&leaf.certificate)).is_ok());
    assert!(matches!(verify_bagged(&signed, SignedBy::Holder(&ca.certificate)), Err(VerifyError::BadSignature { .. })));
    let bound = seal(&party(&leaf, &[&ca]), Format::Cose);
    assert!(matches!(verify(&bound, SignedBy::Holder(&leaf.certificate)), Err(VerifyError::WrongSigner { .. })));
}

#[test]
fn certificate_with_a_key_that_nobody_here_knows_does_no_harm_in_the_bag() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let signed = seal_bagged(&party(&leaf, &[&Entity::root("Other"), &leaf, &ca]));
    // The first certificate is the other one; its curve becomes one that does not exist.
    let (p256, nameless) = ([0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 99]);
    let mut wire = signed.wire().to_vec();
    let place = wire.windows(p256.len()).position(|w| w == p256).unwrap();
    wire[place..place + p256.len()].copy_from_slice(&nameless);
    let signed = Signed::from_wire(Format::Cose, wire);
    assert!(verify_bagged(&signed, SignedBy::Holder(&leaf.certificate)).is_ok());
    assert_eq!(verify_bagged(&signed, anchored(&anchors, &[])).unwrap().chain, certificates([&leaf, &ca, &root]));
}

#[test]
fn key_of_another_kind_in_the_bag_is_not_the_signers() {
    let root = Entity::root("Root");
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let [first, second, third] = [SignatureAlgorithm::EdDsa, SignatureAlgorithm::Es384, ES256].map(|a| root.issue("Leaf", a, |t| t));
    for signer in [&first, &second, &third] {
        let signed = seal_bagged(&party(signer, &[&first, &second, &third]));
        assert_eq!(verify_bagged(&signed, anchored(&anchors, &[])).unwrap().key, signer.certificate.public_key());
    }
}

#[test]
fn what_is_enclosed_does_not_become_the_signer() {
    let (root, ca, leaf) = pki();
    let maker = Entity::root("Maker");
    let pledge = maker.issue("Pledge", ES256, |t| t);
    let enclosed = certificates([&pledge, &maker, &root]).to_vec();
    let signed = seal_bagged(&leaf.party(&[&ca, &root]).enclosing(enclosed));
    let found = verify_bagged(&signed, SignedBy::AnyoneConsistent { usage: Usage::Any }).unwrap();
    assert_eq!(found.chain, certificates([&leaf, &ca, &root]));
    let makers = Anchors::new([maker.certificate]).unwrap();
    assert!(matches!(verify_bagged(&signed, anchored(&makers, &[])), Err(VerifyError::NoPath { .. })));
}

#[test]
fn stripped_message_verifies_for_who_knows_its_signer() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let signed = seal_bagged(&leaf.party(&[&ca, &root]));
    let stripped = signed.without_unprotected_certificates().unwrap();
    assert!(stripped.wire().len() + leaf.certificate.der().len() < signed.wire().len());
    assert!(verify_bagged(&stripped, anchored(&anchors, &certificates([&leaf, &ca]))).is_ok());
    assert!(matches!(verify_bagged(&stripped, anchored(&anchors, &[])), Err(VerifyError::UnknownSigner { .. })));
    assert_eq!(stripped.without_unprotected_certificates().unwrap(), stripped);
}

#[test]
fn message_without_certificates_or_in_another_format_comes_back_octet_for_octet() {
    let (_, _, leaf) = pki();
    let nameless = seal_bagged(&leaf.party(&[]).nameless());
    assert_eq!(nameless.without_unprotected_certificates().unwrap(), nameless);
    for format in [Format::Cms, Format::Jws] {
        let signed = seal(&leaf.party(&[]), format);
        assert_eq!(signed.without_unprotected_certificates().unwrap(), signed);
    }
    assert!(Signed::<Bagged>::from_wire(Format::Cose, b"words".as_slice()).without_unprotected_certificates().is_err());
}

#[test]
fn renewed_certificate_of_another_key_does_not_help() {
    let (root, ca, leaf) = pki();
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    let expired = renewed(&ca, &leaf, NOW - 99, NOW - 1);
    let other = block_on(template(Subject::common_name("Leaf"), &new_key(ES256)).issued_by(&ca.certificate, &ca.key)).unwrap();
    let signed = seal_bagged(&party(&leaf, &[&expired, &ca]));
    assert!(matches!(verify_bagged(&signed, anchored(&anchors, &[other])), Err(VerifyError::NotCurrent { .. })));
}
