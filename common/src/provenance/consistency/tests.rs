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
    let weak = Seed { bits: 255, storage: None, copies_destroyed: None, batch: None };
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
    let seed = Seed { bits: 256, storage: None, copies_destroyed: None, batch: None };
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
fn no_more_parties_make_a_key_than_their_signatures_fit_into_its_evidence() {
    let made_by = |count: usize| (0..count).map(|party| text(&format!("party {party}"))).collect();
    let signed = |count: usize| {
        let signature = Evidence { kind: EvidenceType::new("application/x").unwrap(), data: vec![0] };
        KeyOrigin {
            co_generation: Some(CoGeneration { parties: made_by(count), threshold: 2 }),
            evidence: vec![signature; count + 4],
            ..origin(Method::Carrot)
        }
    };
    assert_eq!(signed(12).check(), Ok(()));
    assert!(contradiction(Method::Carrot, |o| o.co_generation = signed(13).co_generation).contains("names 13 parties, but a key is made together by 2 to 12"));
}

#[test]
fn token_that_made_the_key_contradicts_loading() {
    let local = Pkcs11Attributes { local: Some(true), ..Pkcs11Attributes::default() };
    let elsewhere = |o: &mut KeyOrigin| (o.locus, o.pkcs11) = (Locus::MainCpu, Some(local));
    assert!(contradiction(Method::Bamboo, elsewhere).contains("CKA_LOCAL is true"));
}

#[test]
fn factory_s_token_tells_nothing_of_how_the_device_holds_the_key() {
    let wrapped_out = Pkcs11Attributes { local: Some(true), extractable: Some(true), always_sensitive: Some(true), ..Pkcs11Attributes::default() };
    let mut origin = origin(Method::Bamboo);
    (origin.locus, origin.protection, origin.pkcs11) = (Locus::Factory, Protection::NonExtractable, Some(wrapped_out));
    assert_eq!(origin.check(), Ok(()));
}

#[test]
fn key_that_cannot_leave_its_token_is_not_the_factory_s_to_load() {
    for kept in [None, Some(false)] {
        let kept = Pkcs11Attributes { local: Some(true), extractable: kept, ..Pkcs11Attributes::default() };
        let by_factory = |o: &mut KeyOrigin| (o.locus, o.pkcs11) = (Locus::Factory, Some(kept));
        assert!(contradiction(Method::Bamboo, by_factory).contains("CKA_LOCAL is true, so the token made the key, but source is loaded"));
    }
}

fn by_token(method: Method, attributes: Pkcs11Attributes) -> String {
    contradiction(method, |o| o.pkcs11 = Some(attributes))
}

#[test]
fn attributes_that_no_loaded_key_has_contradict_loading() {
    let attributes = Pkcs11Attributes::default;
    assert!(by_token(Method::Bamboo, Pkcs11Attributes { never_extractable: Some(true), ..attributes() }).starts_with("CKA_NEVER_EXTRACTABLE is true"));
    assert!(by_token(Method::Bamboo, Pkcs11Attributes { always_sensitive: Some(true), ..attributes() }).starts_with("CKA_ALWAYS_SENSITIVE is true"));
    let generated = Pkcs11Attributes { key_gen_mechanism: Some(0x1040), ..attributes() };
    let elsewhere = |o: &mut KeyOrigin| (o.locus, o.pkcs11) = (Locus::MainCpu, Some(generated));
    assert!(contradiction(Method::Bamboo, elsewhere).contains("one that makes keys, so the token made"));
    let as_loaded = Pkcs11Attributes {
        local: Some(false),
        key_gen_mechanism: Some(u64::MAX),
        never_extractable: Some(false),
        always_sensitive: Some(false),
        extractable: Some(false),
        sensitive: Some(true),
    };
    assert_eq!(KeyOrigin { pkcs11: Some(as_loaded), ..origin(Method::Bamboo) }.check(), Ok(()));
}

#[test]
fn token_that_did_not_make_the_key_contradicts_generation_on_the_device() {
    let attributes = Pkcs11Attributes::default;
    assert!(by_token(Method::Salak, Pkcs11Attributes { local: Some(false), ..attributes() }).starts_with("CKA_LOCAL is false"));
    for unavailable in [u64::MAX, u64::from(u32::MAX)] {
        let unavailable = Pkcs11Attributes { key_gen_mechanism: Some(unavailable), ..attributes() };
        assert!(by_token(Method::Salak, unavailable).starts_with("CKA_KEY_GEN_MECHANISM is unavailable"));
    }
    let injected = |o: &mut KeyOrigin| {
        (o.source, o.se_generation) = (Source::Unknown, Some(SecureElementGeneration::Injected));
        o.pkcs11 = Some(Pkcs11Attributes { local: Some(true), ..attributes() });
    };
    assert!(contradiction(Method::Sapodilla, injected).ends_with("se-generation is injected"));
    let as_made = Pkcs11Attributes {
        local: Some(true),
        key_gen_mechanism: Some(0x1040),
        never_extractable: Some(true),
        always_sensitive: Some(true),
        extractable: Some(false),
        sensitive: Some(true),
    };
    assert_eq!(KeyOrigin { pkcs11: Some(as_made), ..origin(Method::Salak) }.check(), Ok(()));
}

#[test]
fn attributes_of_one_key_do_not_contradict_each_other() {
    let attributes = Pkcs11Attributes::default;
    let impossible = [
        Pkcs11Attributes { local: Some(true), key_gen_mechanism: Some(u64::MAX), ..attributes() },
        Pkcs11Attributes { local: Some(false), key_gen_mechanism: Some(0x1040), ..attributes() },
        Pkcs11Attributes { sensitive: Some(false), always_sensitive: Some(true), ..attributes() },
        Pkcs11Attributes { extractable: Some(true), never_extractable: Some(true), ..attributes() },
    ];
    for attributes in impossible {
        assert!(by_token(Method::Unknown, attributes.clone()).starts_with("CKA_"), "{attributes:?}");
    }
}

#[test]
fn key_that_could_leave_once_or_be_read_is_not_non_extractable() {
    let once = Pkcs11Attributes { never_extractable: Some(false), ..Pkcs11Attributes::default() };
    assert!(by_token(Method::Salak, once).contains("may have left the token"));
    let readable = Pkcs11Attributes { sensitive: Some(false), ..Pkcs11Attributes::default() };
    assert!(by_token(Method::Salak, readable.clone()).contains("can be read"));
    assert_eq!(KeyOrigin { protection: Protection::NoneSoftware, pkcs11: Some(readable), ..origin(Method::Salak) }.check(), Ok(()));
}

#[test]
fn tpm_s_attributes_are_held_against_every_word_for_where_the_key_was_made() {
    let (imported, made) = (Some(TpmaObject(0)), Some(TpmaObject(1 << 1 | 1 << 4 | 1 << 5)));
    let unheld = |o: &mut KeyOrigin| (o.protection, o.tpma_object) = (Protection::Unknown, imported);
    let derived = contradiction(Method::Avocado, |o| {
        o.source = Source::DeviceDerived;
        unheld(o);
    });
    assert!(derived.contains("sensitiveDataOrigin is clear, so the TPM did not make the key, but source is device-derived"), "{derived}");
    let salak = contradiction(Method::Salak, |o| {
        (o.source, o.se_generation) = (Source::Unknown, None);
        unheld(o);
    });
    assert!(salak.ends_with("but method is salak"), "{salak}");
    let loaded = contradiction(Method::Bamboo, |o| o.tpma_object = made);
    assert!(loaded.contains("so the TPM made the key and it never leaves it, but source is loaded"), "{loaded}");
    // Another TPM may have made it: sensitiveDataOrigin alone tells nothing.
    assert_eq!(KeyOrigin { protection: Protection::Unknown, tpma_object: Some(TpmaObject(1 << 5)), ..origin(Method::Bamboo) }.check(), Ok(()));
    assert_eq!(KeyOrigin { source: Source::DeviceDerived, tpma_object: made, ..origin(Method::Carrot) }.check(), Ok(()));
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
    assert!(contradiction(Method::Salak, |o| o.tpma_object = Some(TpmaObject(origin | fixed_parent))).contains("fixedTPM"));
    assert!(contradiction(Method::Salak, |o| o.tpma_object = Some(TpmaObject(origin | fixed_tpm))).contains("fixedParent"));
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
