//! Which certificates attest.

use super::*;
use crate::asn1::element;
use crate::certificate::PolicyOid;
use crate::chain::Anchors;
use crate::evidence::{Agreement, Authority, agree};
use crate::provenance::testing::origin;
use crate::provenance::{KeyOrigin, Locus, Method};
use crate::test_pki::{Entity, NOW, block_on};
use crate::time::at;
use x509_cert::ext::Extension;

#[test]
fn nobody_is_trusted_without_the_certificate_of_the_attestation_key() {
    let world = World::new();
    let expected = Expected { key: world.key.public_key(), nonce: None };
    let found = appraise(&world.statement(HONEST), core::slice::from_ref(&world.ca.certificate), &expected, &world.authorities(), at(NOW));
    let detail = "no certificate of an attestation key comes with it".to_owned();
    assert_eq!(untrusted_by(found), VerifyError::UnknownSigner { artefact: FORMAT, detail });
}

#[test]
fn attestation_key_under_nobodys_authority_is_not_trusted() {
    let (world, other) = (World::new(), World::new());
    let expected = Expected { key: world.key.public_key(), nonce: None };
    let with = |certs: &[Certificate], authorities: &Authorities| appraise(&world.statement(HONEST), certs, &expected, authorities, at(NOW));
    assert!(matches!(untrusted_by(with(&world.certs(), &other.authorities())), VerifyError::NoPath { .. }));
    assert!(matches!(untrusted_by(with(&world.certs(), &Authorities::default())), VerifyError::UnknownSigner { .. }));
    // Nor is there a path without the CA between.
    assert!(matches!(untrusted_by(with(core::slice::from_ref(&world.ak.certificate), &world.authorities())), VerifyError::NoPath { .. }));
}

#[test]
fn certificate_of_the_attestation_key_is_found_among_others_in_any_order() {
    let world = World::new();
    let other = world.ca.issue("AK of TPM 8", SignatureAlgorithm::Es256, |template| template);
    let certs = [world.ca.certificate.clone(), other.certificate, world.ak.certificate.clone()];
    let expected = Expected { key: world.key.public_key(), nonce: None };
    let claims = appraise(&world.statement(HONEST), &certs, &expected, &world.authorities(), at(NOW)).unwrap();
    assert_eq!(claims.attester, "vendor (CN=AK of TPM 7)");
}

#[test]
fn certificate_for_another_use_does_not_attest() {
    let world = World::with(SignatureAlgorithm::Es256, |template| template.usages(&["1.3.6.1.5.5.7.3.2"]));
    assert!(matches!(untrusted_by(world.appraise(&world.statement(HONEST))), VerifyError::WrongUsage { .. }));
}

#[test]
fn key_that_was_verified_to_be_in_a_tpm_but_not_to_be_restricted_does_not_attest() {
    let policy = |oid: &'static str| move |template: crate::issuing::Template| template.policy(&PolicyOid::new(oid).unwrap());
    let fixed = World::with(SignatureAlgorithm::Es256, policy("2.23.133.11.1.2"));
    assert!(matches!(fixed.appraise(&fixed.statement(HONEST)), Err(EvidenceError::Wrong { what, .. }) if what.contains("2.23.133.11.1.3")));
    let restricted = World::with(SignatureAlgorithm::Es256, policy("2.23.133.11.1.3"));
    let claims = restricted.appraise(&restricted.statement(HONEST)).unwrap();
    assert_eq!(detail(&claims, "certified-as"), "tcg-cap-verifiedTPMRestricted");
}

#[test]
fn certificate_that_says_nothing_of_its_key_does_not_attest() {
    let world = World::with(SignatureAlgorithm::Es256, |template| template);
    let Err(EvidenceError::Wrong { what, .. }) = world.appraise(&world.statement(HONEST)) else { panic!("it should be refused") };
    let told = "is signed with the key of CN=AK of TPM 7, whose certificate does not say that it is a TPM's attestation key (extended key usage \
                tcg-kp-AIKCertificate, 2.23.133.8.3, or policy tcg-cap-verifiedTPMRestricted, 2.23.133.11.1.3); such keys count where their authority is configured with \
                unmarked-attestation-keys = true";
    assert_eq!(what, told);
}

#[test]
fn certificate_that_says_nothing_of_its_key_attests_where_its_authority_certifies_nothing_else_and_that_is_told() {
    let world = World::with(SignatureAlgorithm::Es256, |template| template);
    let expected = Expected { key: world.key.public_key(), nonce: None };
    let claims = appraise(&world.statement(HONEST), &world.certs(), &expected, &world.authorities_that(true), at(NOW)).unwrap();
    assert_eq!(detail(&claims, "certified-as"), "not said to be restricted");
}

#[test]
fn certificate_for_another_use_does_not_attest_even_where_nothing_needs_to_be_said() {
    let policy = PolicyOid::new("2.23.133.11.1.2").unwrap();
    let shapes: [&dyn Fn(crate::issuing::Template) -> crate::issuing::Template; 2] =
        [&|template| template.usages(&["1.3.6.1.5.5.7.3.2"]), &|template| template.policy(&policy)];
    for shape in shapes {
        let world = World::with(SignatureAlgorithm::Es256, shape);
        let expected = Expected { key: world.key.public_key(), nonce: None };
        assert!(appraise(&world.statement(HONEST), &world.certs(), &expected, &world.authorities_that(true), at(NOW)).is_err());
    }
}

#[test]
fn what_the_certificate_says_of_the_tpm_is_told() {
    let name_attribute = |last: u8, text: &str| {
        let oid = element(6, &[0x67, 0x81, 0x05, 2, last]);
        element(0x31, &element(0x30, &[oid, element(0x0c, text.as_bytes())].concat()))
    };
    let names = element(0x30, &[name_attribute(1, "id:494E5443"), name_attribute(2, "TPM\u{1b}[2J")].concat());
    let hardware = element(0x30, &[element(6, &[0x67, 0x81, 0x05, 1, 2]), element(4, &[0xab, 0xcd])].concat());
    let other = [element(6, &[0x2b, 6, 1, 5, 5, 7, 8, 4]), element(0xa0, &hardware)].concat();
    let alternative = element(0x30, &[element(0xa4, &names), element(0xa0, &other)].concat());
    let assertions = element(0x30, &[element(0x80, &[1]), element(0x81, &[0])].concat());
    let attribute = element(0x30, &[element(6, &[0x67, 0x81, 0x05, 2, 18]), element(0x31, &assertions)].concat());
    let world = extended(&[("2.5.29.17", alternative), ("2.5.29.9", element(0x30, &attribute))]);

    let claims = world.appraise(&world.statement(HONEST)).unwrap();
    assert_eq!((detail(&claims, "tpm-manufacturer"), detail(&claims, "tpm-model").contains('\u{1b}')), ("id:494E5443", false));
    assert_eq!((detail(&claims, "hardware-type"), detail(&claims, "hardware-serial")), ("TPM 2.0", "abcd"));
    assert_eq!((detail(&claims, "ek-generation-type"), detail(&claims, "ek-generation-location")), ("injected", "tpmManufacturer"));
    // How the endorsement key came to be is no matter of the key that is certified.
    let salak = KeyOrigin { locus: Locus::DiscreteTpm, ..origin(Method::Salak) };
    assert_eq!(agree(&salak, &claims), Agreement::Supports);
}

#[test]
fn security_assertions_that_cannot_be_read_are_told_and_change_nothing() {
    let world = extended(&[("2.5.29.9", element(0x30, &[1, 2, 3]))]);
    let claims = world.appraise(&world.statement(HONEST)).unwrap();
    assert_eq!((claims.made, detail(&claims, "security-assertions")), (Made::Inside, "cannot be read"));
}

/// A world whose attestation key's certificate has these extensions besides.
fn extended(extensions: &[(&str, Vec<u8>)]) -> World {
    use der::{Decode as _, Encode as _};
    let mut world = World::new();
    let mut certificate = x509_cert::Certificate::from_der(world.ak.certificate.der()).unwrap();
    let extension = |(oid, value): &(&str, Vec<u8>)| Extension {
        extn_id: oid.parse().unwrap(),
        critical: false,
        extn_value: der::asn1::OctetString::new(value.clone()).unwrap(),
    };
    certificate.tbs_certificate.extensions.as_mut().unwrap().extend(extensions.iter().map(extension));
    let signature = block_on(world.ca.key.sign(&certificate.tbs_certificate.to_der().unwrap())).unwrap();
    certificate.signature = der::asn1::BitString::from_bytes(&signature.to_asn1().unwrap()).unwrap();
    world.ak = Entity { certificate: Certificate::from_der(&certificate.to_der().unwrap()).unwrap(), ..world.ak };
    world
}

#[test]
fn nearest_authority_vouches_whatever_order_they_are_configured_in() {
    let world = World::new();
    let named = |name: &str, entity: &Certificate, locus| Authority {
        name: name.to_owned(),
        anchors: Anchors::new([entity.clone()]).unwrap(),
        basis: Basis::KeyAttestation,
        locus: Some(locus),
        unmarked_attestation_keys: false,
    };
    let discrete = named("discrete", &world.vendor.certificate, Locus::DiscreteTpm);
    let firmware = named("firmware", &world.ca.certificate, Locus::FirmwareTpm);
    let expected = Expected { key: world.key.public_key(), nonce: None };
    for order in [[discrete.clone(), firmware.clone()], [firmware, discrete]] {
        let claims = appraise(&world.statement(HONEST), &world.certs(), &expected, &Authorities::new(order), at(NOW)).unwrap();
        assert_eq!((claims.authority.as_str(), claims.locus), ("firmware", Some(Locus::FirmwareTpm)));
    }
}

#[test]
fn auditors_and_parties_of_ceremonies_speak_for_no_tpm() {
    let world = World::new();
    let expected = Expected { key: world.key.public_key(), nonce: None };
    for basis in [Basis::WitnessedCeremony, Basis::ThirdPartyAudit] {
        let people = world.authorities().iter().map(|authority| Authority { basis, ..authority.clone() }).collect::<Vec<_>>();
        let found = appraise(&world.statement(HONEST), &world.certs(), &expected, &Authorities::new(people), at(NOW));
        assert!(matches!(untrusted_by(found), VerifyError::UnknownSigner { .. }));
    }
}
