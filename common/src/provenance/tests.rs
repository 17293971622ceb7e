use super::testing::{full_origin, origin, text};
use super::*;

#[test]
fn every_word_leads_back_to_its_variant() {
    macro_rules! check {
        ($($enum:ident)+) => { $( for variant in $enum::ALL.iter().copied() {
            assert_eq!($enum::from_name(variant.name()), Some(variant));
            assert_eq!($enum::from_number(variant.number().into()), Some(variant));
            let json = serde_json::to_value(variant).unwrap();
            assert_eq!(json, variant.name());
            assert_eq!(serde_json::from_value::<$enum>(json).unwrap(), variant);
        } )+ };
    }
    check!(Method Source Protection Transfer Locus Lock SecureElementGeneration CaArrangement Basis Status Disclosure SplitReveal TrustAnchorKind Question Fact);
}

#[test]
fn a_word_in_another_case_is_refused() {
    assert!(serde_json::from_str::<Method>("\"Avocado\"").is_err());
}

#[test]
fn numbers_are_those_of_the_cbor_claim() {
    assert_eq!(Method::ALL.iter().map(|m| m.number()).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!((Method::Avocado.number(), Method::Bamboo.number(), Method::Sapodilla.number()), (1, 2, 5));
    assert_eq!((Source::Loaded.number(), Source::GeneratedOnDevice.number(), Source::Kdf.number()), (1, 3, 6));
    assert_eq!((Protection::ExtractableForStorage.number(), Protection::NonExtractable.number()), (4, 5));
    assert_eq!((Transfer::None.number(), Transfer::NetworkTransferred.number()), (1, 4));
    assert_eq!((Locus::FirmwareTpm.number(), Locus::SiliconFactory.number()), (3, 7));
    assert_eq!((Basis::SelfDeclared.number(), Basis::ThirdPartyAudit.number()), (0, 6));
    assert_eq!((Status::Valid.number(), Status::Compromised.number()), (0, 2));
}

#[test]
fn only_protection_that_was_stated_reaches_a_minimum() {
    assert!(Protection::Unknown < Protection::NoneSoftware);
    assert!(Protection::ExtractableForStorage < Protection::NonExtractable);
}

#[test]
fn methods_are_named_in_words_with_their_nist_counterpart() {
    assert_eq!(Method::in_words(&Some(Method::Bamboo)), "bamboo keys (generated off the device)");
    assert_eq!(Method::in_words(&None), "pledges without a provenance statement");
    assert_eq!(Method::Bamboo.nist_method(), Some("Method 3 Key Pair Loaded into IoT Device"));
    assert_eq!(Method::Unknown.nist_method(), None);
}

#[test]
fn there_are_eighteen_questions_numbered_from_one() {
    assert_eq!(Question::ALL.iter().map(|q| q.number()).collect::<Vec<_>>(), (1..=18).collect::<Vec<u8>>());
}

#[test]
fn origin_survives_json_with_every_question_answered() {
    let origin = full_origin();
    assert!(Question::ALL.iter().all(|q| origin.answers.has(*q)));
    let json = serde_json::to_string(&origin).unwrap();
    assert_eq!(serde_json::from_str::<KeyOrigin>(&json).unwrap(), origin);
}

#[test]
fn answers_stand_under_the_names_of_the_questions() {
    let json = serde_json::to_value(full_origin().answers).unwrap();
    assert_eq!(json["identity-time-limits-per-subordinate"], "P2Y");
    assert_eq!(json["identity-number-per-subordinate"], "unlimited");
    assert_eq!(json["identity-pki-level"], 3);
}

#[test]
fn k_and_n_have_no_place_in_the_answers() {
    for name in ["identity-shared-split-k", "identity-shared-split-n", "key-executives"] {
        let json = serde_json::json!({ name: 3 });
        assert!(serde_json::from_value::<Answers>(json).is_err());
    }
}

#[test]
fn origin_of_each_method_is_consistent() {
    for method in Method::ALL {
        assert_eq!(origin(*method).check(), Ok(()));
    }
    assert_eq!(full_origin().check(), Ok(()));
}

#[test]
fn text_is_bounded_and_has_no_control_characters() {
    assert!(Text::new("x".repeat(200)).is_ok());
    assert!(Text::new("x".repeat(201)).is_err());
    assert!(Text::new("").is_err());
    assert!(Text::new("two\nlines").is_err());
    assert_eq!(serde_json::from_str::<Text>("\"Basel\"").unwrap(), text("Basel"));
}

#[test]
fn period_is_kept_in_the_unit_it_was_stated_in() {
    for words in ["P2Y", "P18M", "P90D", "PT8H", "PT30M", "P0D"] {
        assert_eq!(words.parse::<Period>().unwrap().to_string(), words);
    }
    for wrong in ["", "P", "PY", "2Y", "P-2Y", "P02Y", "P2Y6M", "P4294967296Y", "P+2Y"] {
        assert!(wrong.parse::<Period>().is_err(), "{wrong}");
    }
}

#[test]
fn evidence_type_is_a_media_type_or_an_oid() {
    assert!(EvidenceType::new("application/eat+cwt").is_ok());
    assert!(EvidenceType::new("2.23.133.2.18").is_ok());
    for wrong in ["", "evidence", "1.", "a/b;c=d", "text/"] {
        assert!(EvidenceType::new(wrong).is_err(), "{wrong}");
    }
}
