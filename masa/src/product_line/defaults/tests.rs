use brski_common::provenance::{Disclosure, Fact, Seed};

use super::*;
use crate::testing::origin;

fn defaults(toml: &str) -> OriginDefaults {
    toml::from_str(toml).unwrap()
}

#[test]
fn what_the_station_left_out_is_filled_in() {
    let filled = defaults(
        r#"
        lock = "fuse"
        site = "Basel"
        line = "3"
        key-retained = false
        answers = {identity-pki-level = 3, pki-breadth = 12}
        disclosure = {site = "public"}
        "#,
    )
    .complete(&KeyOrigin { answers: Answers { pki_breadth: Some(7), ..Answers::default() }, ..origin() });
    assert_eq!((filled.lock, filled.key_retained), (Lock::Fuse, Some(false)));
    assert_eq!((filled.site, filled.line), (Some("Basel".parse().unwrap()), Some("3".parse().unwrap())));
    assert_eq!(filled.answers, Answers { identity_pki_level: 3.try_into().ok(), pki_breadth: Some(7), ..Answers::default() });
    assert_eq!(filled.disclosure.of(Fact::Site.into()), Disclosure::Public);
}

#[test]
fn seed_whose_batch_is_left_out_is_of_the_lines_batch() {
    let seed = |batch: Option<&str>| Seed { bits: 256, storage: None, copies_destroyed: Some(true), batch: batch.map(|batch| batch.parse().unwrap()) };
    let filled = defaults("seed = {bits = 128, batch = \"seeds 7\"}").complete(&KeyOrigin { seed: Some(seed(None)), ..origin() });
    assert_eq!(filled.seed, Some(seed(Some("seeds 7"))));
}

#[test]
fn what_the_station_says_counts() {
    let said = KeyOrigin { site: Some("Bern".parse().unwrap()), key_retained: Some(true), lock: Lock::None, ..origin() };
    let filled = defaults("site = \"Basel\"\nkey-retained = false\nlock = \"fuse\"\nprotection = \"none-software\"\nlocus = \"main-cpu\"").complete(&said);
    assert_eq!(filled, said);
}

#[test]
fn stricter_of_two_disclosure_levels_counts() {
    let of = |line: &str, station| {
        let said = KeyOrigin { disclosure: Overrides([(Fact::Site.into(), station)].into()), ..origin() };
        defaults(&format!("disclosure = {{site = \"{line}\"}}")).complete(&said).disclosure.of(Fact::Site.into())
    };
    assert_eq!(of("internal", Disclosure::Public), Disclosure::Internal);
    assert_eq!(of("public", Disclosure::Internal), Disclosure::Internal);
}

#[test]
fn unknown_is_as_good_as_nothing() {
    let said = KeyOrigin { protection: Protection::Unknown, se_generation: Some(SecureElementGeneration::Unknown), ..origin() };
    let filled = defaults("protection = \"non-extractable\"\nse-generation = \"internal\"").complete(&said);
    assert_eq!((filled.protection, filled.se_generation), (Protection::NonExtractable, Some(SecureElementGeneration::Internal)));
}

#[test]
fn no_defaults_change_nothing() {
    assert_eq!(OriginDefaults::default().complete(&origin()), origin());
}

#[test]
fn method_and_basis_have_no_default() {
    for line in ["method = \"avocado\"", "basis = \"station-signed\""] {
        let err = toml::from_str::<OriginDefaults>(line).unwrap_err();
        assert!(err.message().starts_with("method and basis have no default"), "{err}");
    }
}

#[test]
fn facts_of_a_single_key_have_no_default() {
    for line in ["made-at = \"2026-01-01T00:00:00Z\"", "batch = \"7\"", "station = \"3-b\"", "evidence = []", "tpma-object = 1", "pkcs11 = {}"] {
        assert!(toml::from_str::<OriginDefaults>(line).is_err(), "{line}");
    }
}
