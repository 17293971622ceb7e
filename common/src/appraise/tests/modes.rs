//! Modes, and what applies to single manufacturers.

use super::super::view::{View, Word};
use super::*;
use crate::identity::DomainId;

fn of_maker(policy: &Policy, manufacturer: &str, said: impl FnOnce(&mut ProvenanceStatement), word: Option<&MasaFindings>) -> Result<Appraisal, Refusal> {
    let idevid = any_device();
    let mut statement = statement(&idevid, origin(Method::Bamboo), Disclosure::Customer);
    said(&mut statement);
    let view = View {
        idevid: Some(&idevid),
        device: idevid.device(),
        manufacturer,
        statement: Some(&statement),
        receipt: ReceiptFinding::Missing,
        word: Word::Said(word),
    };
    decided(policy, &view, now())
}

fn warning(then: &str) -> Policy {
    policy(&format!("version = 1\nmode = \"warn\"\n[[rule]]\nname = \"no-bamboo\"\nmethod = [\"bamboo\"]\nthen = \"{then}\""))
}

#[test]
fn warning_policy_lets_pass_what_it_would_refuse_and_says_so() {
    let appraisal = of_maker(&warning("refuse"), "Maker", |_| (), None).unwrap();
    assert_eq!((appraisal.verdict(), appraisal.warned(), appraisal.rule()), (Verdict::Accept, Some(Verdict::Refuse), "no-bamboo"));
    let last = appraisal.trace().last().unwrap();
    assert_eq!((last.rule.as_str(), last.because.as_str()), (WARNED, "mode is warn, so that the pledge passes; enforced, rule 'no-bamboo' would refuse it"));
    assert!(appraisal.permit(Duration::ZERO).is_ok());
}

#[test]
fn warning_policy_lets_pass_what_it_would_hold_and_what_no_rule_matches() {
    assert_eq!(of_maker(&warning("hold"), "Maker", |_| (), None).unwrap().warned(), Some(Verdict::Hold));
    let other = of_maker(&warning("hold"), "Maker", |said| said.method = Method::Carrot, None).unwrap();
    assert_eq!((other.verdict(), other.rule()), (Verdict::Accept, NOTHING_ELSE_MATCHED));
}

#[test]
fn acceptance_of_a_warning_policy_is_an_ordinary_one() {
    let appraisal = of_maker(&warning("accept"), "Maker", |_| (), None).unwrap();
    assert_eq!((appraisal.verdict(), appraisal.warned(), appraisal.trace().len()), (Verdict::Accept, None, 1));
}

#[test]
fn what_no_policy_accepts_is_refused_by_a_warning_one_too() {
    let warns = warning("refuse");
    assert!(matches!(of_maker(&warns, "Maker", |said| said.status = Status::Compromised, None), Err(Refusal::StatementVoid(_))));
    assert!(matches!(of_maker(&warns, "Maker", |said| said.expires_at = Some(now()), None), Err(Refusal::StatementVoid(_))));
    let other_key = |said: &mut ProvenanceStatement| said.spki = any_device().spki_digest();
    assert!(matches!(of_maker(&warns, "Maker", other_key, None), Err(Refusal::StatementMismatch { what: "key", .. })));
}

#[test]
fn what_is_refused_unless_a_rule_lists_it_stays_refused_by_a_warning_policy() {
    let domain = DomainId::new(vec![7; 20]).unwrap();
    let history = HistoryFindings { foreign: vec![domain.clone()], foreign_nonceless: vec![domain], ..HistoryFindings::default() };
    let word = MasaFindings { assertion: None, history: Some(history) };
    for then in ["accept", "hold", "refuse"] {
        let refusal = of_maker(&warning(then), "Maker", |_| (), Some(&word)).unwrap().permit(Duration::ZERO).unwrap_err();
        assert!(matches!(refusal, Refusal::AuditLogUnacceptable(_)), "{then}: {refusal}");
        let refusal = of_maker(&warning(then), "Maker", |said| said.status = Status::Disputed, None).unwrap().permit(Duration::ZERO).unwrap_err();
        assert!(matches!(refusal, Refusal::StatementVoid(_)), "{then}: {refusal}");
    }
}

const OVERRIDES: &str = r#"
version = 1

[[rule]]
name = "no-bamboo"
method = ["bamboo"]
then = "refuse"

[[rule]]
name = "rest"
statement = "present"
then = "accept"

[manufacturer."Old Maker"]
mode = "warn"

[[manufacturer."Fruit & Co".rule]]
name = "their-bamboo"
method = ["bamboo"]
then = "hold"
"#;

#[test]
fn manufacturers_own_rules_come_before_those_for_all() {
    let policy = policy(OVERRIDES);
    let theirs = of_maker(&policy, "Fruit & Co", |_| (), None).unwrap();
    assert_eq!((theirs.verdict(), theirs.rule()), (Verdict::Hold, "their-bamboo"));
    let others = of_maker(&policy, "Maker", |_| (), None).unwrap();
    assert_eq!((others.verdict(), others.trace().len()), (Verdict::Refuse, 1));
    let left_over = of_maker(&policy, "Fruit & Co", |said| said.method = Method::Carrot, None).unwrap();
    assert_eq!((left_over.rule(), left_over.trace().len()), ("rest", 3));
}

#[test]
fn manufacturers_own_mode_replaces_the_policys() {
    let policy = policy(OVERRIDES);
    assert_eq!((policy.mode(), policy.mode_for("Old Maker"), policy.mode_for("Fruit & Co")), (Mode::Enforce, Mode::Warn, Mode::Enforce));
    assert_eq!(of_maker(&policy, "Old Maker", |_| (), None).unwrap().warned(), Some(Verdict::Refuse));
}

#[test]
fn manufacturers_own_rules_are_told_with_its_name() {
    let policy = policy(OVERRIDES);
    let expected =
        ["from Fruit & Co: hold by 'their-bamboo': bamboo", "from Old Maker: mode is warn", "refuse by 'no-bamboo': bamboo", "accept by 'rest': any method"];
    assert_eq!(policy.rules_in_words(), expected);
    assert_eq!(policy.manufacturers().into_iter().collect::<Vec<_>>(), ["Fruit & Co", "Old Maker"]);
}
