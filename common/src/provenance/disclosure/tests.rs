use super::*;
use crate::provenance::Answers;
use crate::provenance::testing::all_answers;

fn seen(level: Disclosure, overrides: &Overrides, split: SplitReveal) -> Vec<u8> {
    let answers: Answers = all_answers().disclosed(level, overrides, split);
    Question::ALL.iter().filter(|q| answers.has(**q)).map(|q| q.number()).collect()
}

#[test]
fn each_level_sees_its_answers_and_those_before_it() {
    let none = Overrides::default();
    assert_eq!(seen(Disclosure::Public, &none, SplitReveal::Harmless), [6, 7, 10, 12, 13, 14]);
    let all_but_exposure: Vec<u8> = (1..=18).filter(|number| *number != 4).collect();
    assert_eq!(seen(Disclosure::Customer, &none, SplitReveal::Harmless), all_but_exposure);
    assert_eq!(seen(Disclosure::Auditor, &none, SplitReveal::Harmless), all_but_exposure);
    assert_eq!(seen(Disclosure::Internal, &none, SplitReveal::Harmless), (1..=18).collect::<Vec<u8>>());
}

#[test]
fn manufacturer_can_open_and_close_an_answer() {
    let overrides = Overrides([(Question::PkiLevel.into(), Disclosure::Auditor), (Question::PkiBreadth.into(), Disclosure::Public)].into());
    assert_eq!(seen(Disclosure::Public, &overrides, SplitReveal::Harmless), [6, 7, 10, 13, 14, 16]);
}

#[test]
fn split_that_tells_k_and_n_stays_with_the_manufacturer() {
    let none = Overrides::default();
    let split = Question::IdentitySharedSplitExtra.number();
    for level in [Disclosure::Public, Disclosure::Customer, Disclosure::Auditor] {
        assert!(!seen(level, &none, SplitReveal::MinimalMajority).contains(&split));
        assert!(!seen(level, &none, SplitReveal::Unstated).contains(&split));
        assert!(seen(level, &none, SplitReveal::MinimalMajorityPublished).contains(&split));
    }
    assert!(seen(Disclosure::Internal, &none, SplitReveal::MinimalMajority).contains(&split));
}

#[test]
fn override_of_an_unknown_field_is_refused() {
    assert!(serde_json::from_str::<Overrides>(r#"{"batch": "public"}"#).is_ok());
    assert!(serde_json::from_str::<Overrides>(r#"{"method": "internal"}"#).is_err());
}
