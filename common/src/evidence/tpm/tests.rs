//! What is made of statements, honest and forged.

mod certificates;
mod structures;

use super::testing::*;
use super::*;
use crate::error::VerifyError;
use crate::evidence::{Agreement, agree};
use crate::provenance::testing::origin;
use crate::provenance::{Basis, KeyOrigin, Locus, Method};
use crate::sign::{SignatureAlgorithm, Signer as _};
use crate::test_pki::new_key;

fn detail<'a>(claims: &'a Claims, name: &str) -> &'a str {
    claims.details.iter().find(|(called, _)| called == name).map_or("", |(_, value)| value)
}

fn untrusted_by(found: Result<Claims, EvidenceError>) -> VerifyError {
    match found.unwrap_err() {
        EvidenceError::Untrusted { format: FORMAT, source } => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn key_that_the_tpm_made_and_keeps_is_claimed_to_be_made_inside() {
    let world = World::new();
    let claims = world.appraise(&world.statement(HONEST)).unwrap();
    assert_eq!((claims.made, claims.protection, claims.nonced), (Made::Inside, Protection::NonExtractable, Nonced::Fresh));
    assert_eq!((claims.basis, claims.locus, claims.attester.as_str()), (Basis::KeyAttestation, Some(Locus::DiscreteTpm), "vendor (CN=AK of TPM 7)"));
    assert_eq!(detail(&claims, "attributes"), "fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, sign");
    assert_eq!((detail(&claims, "command"), detail(&claims, "certified-as")), ("TPM2_Certify", "tcg-kp-AIKCertificate"));
}

#[test]
fn creation_that_the_tpm_certifies_says_the_same_as_the_certified_key() {
    let world = World::new();
    let public = public(world.key.public_key(), HONEST);
    let claims = world.appraise(&world.signed(&attest(0x801a, &name(&public), NONCE), &public)).unwrap();
    assert_eq!((claims.made, detail(&claims, "command")), (Made::Inside, "TPM2_CertifyCreation"));
}

#[test]
fn imported_key_is_certified_and_claimed_to_be_put_in() {
    let world = World::new();
    let claims = world.appraise(&world.statement(IMPORTED)).unwrap();
    assert_eq!((claims.made, claims.protection), (Made::Outside, Protection::ExtractableMigratable));
}

#[test]
fn imported_key_that_pretends_to_be_made_by_a_tpm_is_not_claimed_to_be_made_inside() {
    let world = World::new();
    for attributes in [IMPORTED | 1 << 5, IMPORTED | 1 << 5 | 1 << 4, IMPORTED | 1 << 5 | 1 << 1] {
        let claims = world.appraise(&world.statement(attributes)).unwrap();
        assert_eq!((claims.made, claims.protection), (Made::Unsaid, Protection::ExtractableMigratable), "{attributes:#x}");
    }
}

#[test]
fn report_of_a_key_made_inside_is_contradicted_by_the_certification_of_an_imported_one() {
    let world = World::new();
    let reported = KeyOrigin { locus: Locus::DiscreteTpm, ..origin(Method::Salak) };
    let found = |attributes| agree(&reported, &world.appraise(&world.statement(attributes)).unwrap());
    assert_eq!(found(HONEST), Agreement::Supports);
    assert!(matches!(found(IMPORTED), Agreement::Contradicts(_)));
    assert!(matches!(found(IMPORTED | 1 << 5), Agreement::Contradicts(_)));
}

#[test]
fn certification_of_another_key_than_the_expected_one_is_refused() {
    let world = World::new();
    let other = new_key(SignatureAlgorithm::Es256);
    let found = world.appraise_for(&world.statement(HONEST), other.public_key(), Some(NONCE));
    let [found_key, expected] = [world.key.public_key(), other.public_key()].map(|key| format!("SPKI {}", key.digest()));
    assert_eq!(found, Err(EvidenceError::OtherKey { format: FORMAT, found: found_key, expected }));
}

#[test]
fn public_area_of_another_object_than_the_certified_one_is_refused() {
    let world = World::new();
    let genuine = public(world.key.public_key(), IMPORTED);
    let forged = public(world.key.public_key(), HONEST);
    let found = world.appraise(&world.signed(&attest(0x8017, &name(&genuine), NONCE), &forged));
    let [found_name, expected] = [&genuine, &forged].map(|public| format!("Name {}", hex(&name(public))));
    assert_eq!(found, Err(EvidenceError::OtherKey { format: FORMAT, found: found_name, expected }));
}

#[test]
fn another_nonce_is_stale_where_one_is_expected_and_none_is_no_answer() {
    let world = World::new();
    let public = public(world.key.public_key(), HONEST);
    let found = |nonce: &[u8]| world.appraise(&world.signed(&attest(0x8017, &name(&public), nonce), &public)).map(|claims| claims.nonced);
    assert_eq!(found(b"another"), Err(EvidenceError::Stale { format: FORMAT }));
    assert_eq!(found(b""), Ok(Nonced::Unanswered));
}

#[test]
fn nonce_that_nobody_expects_does_not_matter() {
    let world = World::new();
    let claims = world.appraise_for(&world.statement(HONEST), world.key.public_key(), None).unwrap();
    assert_eq!((claims.nonced, detail(&claims, "nonce")), (Nonced::Unasked, hex(NONCE).as_str()));
}

#[test]
fn any_octet_that_is_changed_in_what_is_signed_is_noticed() {
    let world = World::new();
    let public = public(world.key.public_key(), HONEST);
    let attest = attest(0x8017, &name(&public), NONCE);
    let signature = signature(&world.ak.key, &attest);
    for index in 0..attest.len() {
        let mut changed = attest.clone();
        changed[index] ^= 1;
        assert!(world.appraise(&statement(&[&changed, &signature, &public])).is_err(), "octet {index}");
    }
}

#[test]
fn statement_signed_by_another_attestation_key_is_not_trusted() {
    let (world, other) = (World::new(), World::new());
    let public = public(world.key.public_key(), HONEST);
    let found = world.appraise(&other.signed(&attest(0x8017, &name(&public), NONCE), &public));
    assert_eq!(untrusted_by(found), VerifyError::BadSignature { artefact: FORMAT, signer: "CN=AK of TPM 7".to_owned() });
}

#[test]
fn statement_without_a_public_area_is_refused() {
    let world = World::new();
    let attest = attest(0x8017, &name(&public(world.key.public_key(), HONEST)), NONCE);
    let found = world.appraise(&statement(&[&attest, &signature(&world.ak.key, &attest)]));
    assert!(matches!(found, Err(EvidenceError::Wrong { what, .. }) if what.contains("tpmTPublic")));
}

#[test]
fn key_that_certifies_itself_is_refused() {
    let world = World::new();
    let public = public(world.ak.key.public_key(), HONEST);
    let found = world.appraise_for(&world.signed(&attest(0x8017, &name(&public), NONCE), &public), world.ak.key.public_key(), Some(NONCE));
    assert!(matches!(found, Err(EvidenceError::Wrong { what, .. }) if what.contains("the very key")));
}

#[test]
fn attestation_key_may_be_on_p384() {
    let world = World::with(SignatureAlgorithm::Es384, |template| template.usages(&["2.23.133.8.3"]));
    assert_eq!(world.appraise(&world.statement(HONEST)).unwrap().made, Made::Inside);
}

#[test]
fn statement_is_read_as_it_was_put_together() {
    let long = [7; 300];
    let der = encode_statement(b"attest", b"", &long);
    let parts = Parts::from_der(&der).unwrap();
    assert_eq!((parts.attest, parts.signature, parts.public), (&b"attest"[..], &b""[..], Some(&long[..])));
}
