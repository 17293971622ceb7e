use crate::provenance::testing::{origin, text};
use crate::provenance::*;
use crate::refusal::Refusal;

/// The contradiction that `change` brings into an origin of this method.
fn contradiction(method: Method, change: impl FnOnce(&mut KeyOrigin)) -> String {
    let mut origin = origin(method);
    assert_eq!(origin.check(), Ok(()));
    change(&mut origin);
    match origin.check() {
        Err(Refusal::Inconsistent(sentence)) => sentence,
        other => panic!("expected a contradiction, found {other:?}"),
    }
}

#[test]
fn avocado_key_was_not_loaded() {
    let found = contradiction(Method::Avocado, |o| o.source = Source::Loaded);
    assert_eq!(found, "method is avocado, so source must be generated-on-device or device-derived, not loaded");
}

#[test]
fn avocado_key_never_left_the_device() {
    assert!(contradiction(Method::Avocado, |o| o.private_transfer = Transfer::NetworkTransferred).contains("private-transfer"));
    assert!(contradiction(Method::Avocado, |o| o.private_transfer = Transfer::Unknown).contains("private-transfer"));
    assert!(contradiction(Method::Avocado, |o| o.key_retained = Some(true)).contains("key-retained"));
}

#[test]
fn avocado_key_did_not_come_into_being_in_a_secure_element() {
    assert!(contradiction(Method::Avocado, |o| o.locus = Locus::SecureElement).contains("locus"));
}

#[test]
fn bamboo_key_was_loaded() {
    assert!(contradiction(Method::Bamboo, |o| o.source = Source::GeneratedOnDevice).contains("source must be loaded"));
}

#[test]
fn bamboo_key_was_moved() {
    for wrong in [Transfer::Unknown, Transfer::None] {
        assert!(contradiction(Method::Bamboo, |o| o.private_transfer = wrong).contains("private-transfer"));
    }
}

#[test]
fn carrot_has_a_seed_of_256_bits() {
    assert_eq!(contradiction(Method::Carrot, |o| o.seed = None), "method is carrot, so seed must be described");
    let weak = Seed { bits: 255, storage: None, copies_destroyed: None };
    assert_eq!(contradiction(Method::Carrot, |o| o.seed = Some(weak)), "seed has 255 bits, fewer than the 256 that carrot needs");
}

#[test]
fn carrot_key_was_derived() {
    assert!(contradiction(Method::Carrot, |o| o.source = Source::GeneratedOnDevice).contains("source"));
}

#[test]
fn salak_key_came_into_being_in_a_secure_element() {
    for wrong in [Locus::MainCpu, Locus::Factory, Locus::Unknown] {
        assert!(contradiction(Method::Salak, |o| o.locus = wrong).contains("locus"));
    }
    assert!(contradiction(Method::Salak, |o| o.se_generation = Some(SecureElementGeneration::Injected)).contains("injected"));
}

#[test]
fn firmware_tpm_counts_as_avocado() {
    assert!(contradiction(Method::Salak, |o| o.locus = Locus::FirmwareTpm).contains("firmware-tpm"));
    let avocado = KeyOrigin { locus: Locus::FirmwareTpm, ..origin(Method::Avocado) };
    assert_eq!(avocado.check(), Ok(()));
}

#[test]
fn sapodilla_says_whose_ca_it_was() {
    assert!(contradiction(Method::Sapodilla, |o| o.ca_arrangement = None).contains("ca-arrangement"));
}

#[test]
fn sapodilla_key_made_inside_was_not_loaded() {
    assert!(contradiction(Method::Sapodilla, |o| o.source = Source::Loaded).contains("se-generation is internal"));
    assert!(contradiction(Method::Sapodilla, |o| o.se_generation = Some(SecureElementGeneration::Injected)).contains("se-generation is injected"));
}

#[test]
fn unknown_method_has_no_seed() {
    let seed = Seed { bits: 256, storage: None, copies_destroyed: None };
    assert!(contradiction(Method::Unknown, |o| o.seed = Some(seed)).contains("only carrot"));
}

#[test]
fn threshold_is_at_least_one_and_at_most_the_parties() {
    let made_by = |threshold| Some(CoGeneration { parties: vec![text("a"), text("b")], threshold });
    assert!(contradiction(Method::Carrot, |o| o.co_generation = made_by(0)).contains("threshold 0"));
    assert!(contradiction(Method::Carrot, |o| o.co_generation = made_by(3)).contains("threshold 3"));
    let twice = CoGeneration { parties: vec![text("a"), text("a")], threshold: 1 };
    assert!(contradiction(Method::Carrot, |o| o.co_generation = Some(twice)).contains("twice"));
    let alone = CoGeneration { parties: vec![text("a")], threshold: 1 };
    assert!(contradiction(Method::Carrot, |o| o.co_generation = Some(alone)).contains("1 parties"));
}

#[test]
fn token_that_made_the_key_contradicts_loading() {
    let local = Pkcs11Attributes { local: Some(true), ..Pkcs11Attributes::default() };
    assert!(contradiction(Method::Bamboo, |o| o.pkcs11 = Some(local)).contains("CKA_LOCAL"));
}

#[test]
fn extractable_key_contradicts_non_extractable_protection() {
    let extractable = Pkcs11Attributes { extractable: Some(true), ..Pkcs11Attributes::default() };
    assert!(contradiction(Method::Salak, |o| o.pkcs11 = Some(extractable)).contains("CKA_EXTRACTABLE"));
}

#[test]
fn tpm_that_did_not_make_the_key_contradicts_generation_on_the_device() {
    let (fixed_tpm, fixed_parent) = (1 << 1, 1 << 4);
    assert!(contradiction(Method::Salak, |o| o.tpma_object = Some(TpmaObject(fixed_tpm | fixed_parent))).contains("sensitiveDataOrigin"));
    let origin = 1 << 5;
    assert!(contradiction(Method::Salak, |o| o.tpma_object = Some(TpmaObject(origin))).contains("fixedTPM"));
}

#[test]
fn fips_level_is_one_to_four() {
    let fips = Fips { version: text("FIPS 140-3"), level: 5, module: None };
    assert!(contradiction(Method::Salak, |o| o.fips = Some(fips)).contains("level is 5"));
}

#[test]
fn split_that_tells_k_and_n_is_not_published_without_saying_so() {
    let publish = |split| {
        move |o: &mut KeyOrigin| {
            o.answers.identity_shared_split_extra = Some(2);
            o.disclosure.0.insert(Question::IdentitySharedSplitExtra.into(), Disclosure::Public);
            o.split = split;
        }
    };
    for unsafe_to_tell in [SplitReveal::MinimalMajority, SplitReveal::Unstated] {
        assert!(contradiction(Method::Salak, publish(unsafe_to_tell)).contains("2k-1"));
    }
    let mut decided = origin(Method::Salak);
    publish(SplitReveal::MinimalMajorityPublished)(&mut decided);
    assert_eq!(decided.check(), Ok(()));
}

#[test]
fn anchor_answers_only_what_is_asked_of_anchors() {
    let anchor = TrustAnchorRecord {
        kind: TrustAnchorKind::Onboarding,
        name: None,
        replaceable: None,
        addable: None,
        removable: None,
        private_key_kept: None,
        answers: Answers { first_stage_exposure: Some(3), ..Answers::default() },
    };
    assert!(contradiction(Method::Salak, |o| o.trust_anchors.push(anchor)).contains("first-stage-exposure"));
}

#[test]
fn endless_list_is_refused() {
    let evidence = Evidence { kind: EvidenceType::new("application/eat+cwt").unwrap(), data: vec![0] };
    assert!(contradiction(Method::Salak, |o| o.evidence = vec![evidence; 17]).contains("evidence has 17 entries"));
}
