mod conditions;
mod history;
mod modes;

use std::sync::Arc;

use super::view::Word;
use super::*;
use crate::certificate::IDevIdCert;
use crate::envelope::Format;
use crate::provenance::testing::{any_device, origin, statement, text};
use crate::provenance::{CoGeneration, Disclosure, KeyOrigin, Lock, Protection, ProvenanceStatement, SecureElementGeneration, Status, Transfer};
use crate::sign::{SignatureAlgorithm, Signer as _};
use crate::signed::{EnrolledKey, SignedBy, SigningParty, Verifier};
use crate::test_pki::{NOW, block_on, new_key, now};
use crate::time::{UnixTime, at};

const OWNER: &str = r#"
version = 1

[[rule]]
name = "made-in-the-device"
method = ["avocado", "salak"]
then = "accept"

[[rule]]
name = "made-inside"
method = ["sapodilla"]
se-generation = ["internal"]
then = "accept"

[[rule]]
name = "ask-about-carrots"
method = ["carrot"]
then = "hold"
"#;

/// What a policy makes of a statement alone.
fn judge(policy: &Policy, idevid: &IDevIdCert, statement: Option<&ProvenanceStatement>, now: UnixTime) -> Result<Appraisal, Refusal> {
    decided(
        policy,
        &View { idevid: Some(idevid), device: idevid.device(), manufacturer: "Maker", statement, receipt: ReceiptFinding::Missing, word: Word::Said(None) },
        now,
    )
}

fn policy(text: &str) -> Policy {
    Policy::from_toml(text).unwrap()
}

/// A policy of one accepting rule with this condition.
fn accept_if(condition: &str) -> Policy {
    policy(&format!("version = 1\n[[rule]]\nname = \"only\"\n{condition}\nthen = \"accept\""))
}

fn verdict(policy: &Policy, origin: KeyOrigin) -> Verdict {
    let idevid = any_device();
    let said = statement(&idevid, origin, Disclosure::Customer);
    judge(policy, &idevid, Some(&said), now()).unwrap().verdict()
}

#[test]
fn first_rule_that_matches_decides() {
    let owner = policy(OWNER);
    let verdicts = Method::ALL.iter().map(|method| (*method, verdict(&owner, origin(*method))));
    let expected = [
        (Method::Unknown, Verdict::Refuse),
        (Method::Avocado, Verdict::Accept),
        (Method::Bamboo, Verdict::Refuse),
        (Method::Carrot, Verdict::Hold),
        (Method::Salak, Verdict::Accept),
        (Method::Sapodilla, Verdict::Accept),
    ];
    assert_eq!(verdicts.collect::<Vec<_>>(), expected);
}

#[test]
fn sapodilla_key_loaded_into_its_element_is_not_accepted() {
    let injected = KeyOrigin { se_generation: Some(SecureElementGeneration::Injected), ..origin(Method::Sapodilla) };
    assert_eq!(verdict(&policy(OWNER), injected), Verdict::Refuse);
}

#[test]
fn verified_statement_leads_to_an_acceptance() {
    let idevid = any_device();
    let key = new_key(SignatureAlgorithm::Es256);
    let enrolled = [EnrolledKey { name: "provenance-1".to_owned(), key: key.public_key().clone() }];
    let said = statement(&idevid, origin(Method::Salak), Disclosure::Customer);
    let sealed = block_on(SigningParty::with_name("provenance-1", Arc::new(key)).seal(&said, Format::Cose)).unwrap();
    let verified = sealed.verify(&Verifier::strict(SignedBy::Enrolled(&enrolled)), now()).unwrap();

    let appraisal = appraise(
        &policy(OWNER),
        &Case { idevid: &idevid, manufacturer: "Maker", statement: Some(&verified), receipt: ReceiptFinding::Missing, word: None },
        now(),
    )
    .unwrap();
    let accepted = appraisal.permit(Duration::ZERO).unwrap();
    assert_eq!(accepted.appraisal().rule(), "made-in-the-device");
}

#[test]
fn refusal_names_rule_finding_and_what_would_be_accepted() {
    let idevid = any_device();
    let said = statement(&idevid, origin(Method::Bamboo), Disclosure::Customer);
    let refusal = judge(&policy(OWNER), &idevid, Some(&said), now()).unwrap().permit(Duration::ZERO).unwrap_err();
    let expected = Refusal::ProvenanceUnacceptable {
        rule: NOTHING_ELSE_MATCHED.to_owned(),
        found: Some(Method::Bamboo),
        because: String::new(),
        accepted: "avocado, salak; sapodilla made inside the element".to_owned(),
    };
    assert_eq!(refusal, expected);
}

#[test]
fn refusal_and_hold_name_what_met_the_rule_beside_the_method() {
    let idevid = any_device();
    let said = statement(&idevid, origin(Method::Salak), Disclosure::Customer);
    let sentence = |then: &str| {
        let rule = format!("version = 1\n[[rule]]\nname = \"odd\"\nmethod = [\"salak\"]\nserial = [\"JADA*\"]\nmanufacturer = [\"Maker\"]\nthen = \"{then}\"");
        judge(&policy(&rule), &idevid, Some(&said), now()).unwrap().permit(Duration::ZERO).unwrap_err().to_string()
    };
    let salak = Method::in_words(&Some(Method::Salak));
    assert_eq!(sentence("refuse"), format!("rule 'odd' does not accept {salak} where manufacturer is Maker and serial is JADA123456789"));
    assert!(sentence("hold").contains(&format!("rule 'odd' holds {salak} where manufacturer is Maker and serial is JADA123456789 for a person to decide")));
}

#[test]
fn held_pledge_is_told_when_to_come_back() {
    let idevid = any_device();
    let said = statement(&idevid, origin(Method::Carrot), Disclosure::Customer);
    let refusal = judge(&policy(OWNER), &idevid, Some(&said), now()).unwrap().permit(Duration::from_secs(60)).unwrap_err();
    assert!(matches!(refusal, Refusal::Pending { wait, reason } if wait == Duration::from_secs(60) && reason.contains("'ask-about-carrots'")));
}

#[test]
fn trace_tells_of_each_rule_why_it_matched_or_not() {
    let idevid = any_device();
    let said = statement(&idevid, origin(Method::Sapodilla), Disclosure::Customer);
    let appraisal = judge(&policy(OWNER), &idevid, Some(&said), now()).unwrap();
    let step = |rule: &str, matched, because: &str| TraceStep { rule: rule.to_owned(), matched, because: because.to_owned() };
    let expected = [
        step("made-in-the-device", false, "method is sapodilla, not avocado or salak"),
        step("made-inside", true, "method is sapodilla, se-generation is internal"),
    ];
    assert_eq!(appraisal.trace(), expected);
}

#[test]
fn absence_matches_only_rules_that_name_it() {
    let absent = |policy: &Policy| judge(policy, &any_device(), None, now()).unwrap().verdict();
    assert_eq!(absent(&accept_if("statement = \"absent\"")), Verdict::Accept);
    let conditions = [
        "statement = \"present\"",
        "method = [\"unknown\"]",
        "lock = [\"unknown\"]",
        "se-generation = [\"unknown\"]",
        "private-transfer = [\"unknown\"]",
        "status = [\"valid\"]",
        "key-retained = false",
        "protection-at-least = \"none-software\"",
    ];
    for condition in conditions {
        assert_eq!(absent(&accept_if(condition)), Verdict::Refuse, "{condition}");
    }
}

#[test]
fn rule_without_conditions_catches_absence_as_well() {
    let hold_the_rest = policy("version = 1\n[[rule]]\nname = \"rest\"\nthen = \"hold\"");
    assert_eq!(judge(&hold_the_rest, &any_device(), None, now()).unwrap().verdict(), Verdict::Hold);
}

#[test]
fn absence_is_refused_in_words() {
    let refusal = judge(&policy(OWNER), &any_device(), None, now()).unwrap().permit(Duration::ZERO).unwrap_err();
    assert!(matches!(refusal, Refusal::ProvenanceUnacceptable { found: None, .. }));
}

#[test]
fn what_was_not_said_counts_as_unknown() {
    assert_eq!(verdict(&accept_if("se-generation = [\"internal\"]"), origin(Method::Salak)), Verdict::Refuse);
    assert_eq!(verdict(&accept_if("se-generation = [\"unknown\"]"), origin(Method::Salak)), Verdict::Accept);
    assert_eq!(verdict(&accept_if("key-retained = false"), origin(Method::Bamboo)), Verdict::Refuse);
    assert_eq!(verdict(&accept_if("co-generation-parties-at-least = 1"), origin(Method::Carrot)), Verdict::Refuse);
    let unprotected = KeyOrigin { protection: Protection::Unknown, ..origin(Method::Bamboo) };
    assert_eq!(verdict(&accept_if("protection-at-least = \"none-software\""), unprotected), Verdict::Refuse);
}

#[test]
fn every_condition_can_hold_and_fail() {
    let base = || KeyOrigin {
        lock: Lock::Fuse,
        key_retained: Some(false),
        protection: Protection::ExtractableForStorage,
        co_generation: Some(CoGeneration { parties: vec![text("a"), text("b"), text("c")], threshold: 2 }),
        disclosure: crate::provenance::Overrides([(crate::provenance::Fact::CoGeneration.into(), crate::provenance::Disclosure::Public)].into()),
        private_transfer: Transfer::MechanicallyTransferred,
        ..origin(Method::Carrot)
    };
    let conditions = [
        ("method = [\"carrot\"]", "method = [\"salak\"]"),
        ("source = [\"kdf\"]", "source = [\"loaded\"]"),
        ("basis = [\"station-signed\"]", "basis = [\"third-party-audit\"]"),
        ("locus = [\"unknown\"]", "locus = [\"factory\"]"),
        ("lock = [\"software\", \"fuse\"]", "lock = [\"none\"]"),
        ("private-transfer = [\"mechanically-transferred\"]", "private-transfer = [\"none\"]"),
        ("status = [\"valid\"]", "status = [\"disputed\"]"),
        ("protection-at-least = \"extractable-for-storage\"", "protection-at-least = \"non-extractable\""),
        ("key-retained = false", "key-retained = true"),
        ("co-generation-parties-at-least = 3", "co-generation-parties-at-least = 4"),
        ("statement = \"present\"", "statement = \"absent\""),
    ];
    for (holds, fails) in conditions {
        assert_eq!(verdict(&accept_if(holds), base()), Verdict::Accept, "{holds}");
        assert_eq!(verdict(&accept_if(fails), base()), Verdict::Refuse, "{fails}");
    }
}

#[test]
fn all_conditions_of_a_rule_must_hold() {
    let both = accept_if("method = [\"salak\"]\nlock = [\"fuse\"]");
    assert_eq!(verdict(&both, origin(Method::Salak)), Verdict::Refuse);
    assert_eq!(verdict(&both, KeyOrigin { lock: Lock::Fuse, ..origin(Method::Salak) }), Verdict::Accept);
}

#[test]
fn statement_of_another_device_is_refused_under_any_policy() {
    let said = statement(&any_device(), origin(Method::Salak), Disclosure::Customer);
    let refusal = judge(&accept_if("statement = \"present\""), &any_device(), Some(&said), now()).unwrap_err();
    assert!(matches!(refusal, Refusal::StatementMismatch { what: "key", .. }));
}

#[test]
fn expired_statement_is_refused_under_any_policy() {
    let idevid = any_device();
    let said = ProvenanceStatement { expires_at: Some(at(NOW)), ..statement(&idevid, origin(Method::Salak), Disclosure::Customer) };
    let present = accept_if("statement = \"present\"");
    assert!(judge(&present, &idevid, Some(&said), at(NOW - 1)).is_ok());
    assert!(matches!(judge(&present, &idevid, Some(&said), at(NOW)), Err(Refusal::StatementVoid(_))));
}

#[test]
fn compromised_key_is_refused_even_where_a_rule_lists_it() {
    let idevid = any_device();
    let said = ProvenanceStatement { status: Status::Compromised, ..statement(&idevid, origin(Method::Salak), Disclosure::Customer) };
    let lists_it = accept_if("status = [\"compromised\"]");
    assert!(matches!(judge(&lists_it, &idevid, Some(&said), now()), Err(Refusal::StatementVoid(_))));
}

#[test]
fn disputed_key_is_refused_unless_a_rule_lists_that_status() {
    let idevid = any_device();
    let said = ProvenanceStatement { status: Status::Disputed, ..statement(&idevid, origin(Method::Salak), Disclosure::Customer) };
    let judged = |condition| judge(&accept_if(condition), &idevid, Some(&said), now());
    for silent in ["statement = \"present\"", "method = [\"salak\"]"] {
        let Err(Refusal::StatementVoid(why)) = judged(silent).unwrap().permit(Duration::ZERO) else { panic!("{silent}") };
        assert!(why.starts_with("its manufacturer disputes the record behind it; rule '"), "{why}");
    }
    assert_eq!(judged("status = [\"valid\", \"disputed\"]").unwrap().verdict(), Verdict::Accept);
    assert_eq!(judged("status = [\"valid\"]").unwrap().verdict(), Verdict::Refuse);
}

#[test]
fn disputed_key_is_not_held_by_a_rule_that_says_nothing_of_it() {
    let idevid = any_device();
    let said = ProvenanceStatement { status: Status::Disputed, ..statement(&idevid, origin(Method::Salak), Disclosure::Customer) };
    let hold = Policy::from_toml("version = 1\n[[rule]]\nname = \"ask\"\nmethod = [\"salak\"]\nthen = \"hold\"\n").unwrap();
    let appraisal = judge(&hold, &idevid, Some(&said), now()).unwrap();
    assert!(matches!(appraisal.permit_approved(), Err(Refusal::StatementVoid(_))));
    let tried: Vec<(&str, bool)> = appraisal.trace().iter().map(|step| (step.rule.as_str(), step.matched)).collect();
    assert_eq!(tried, [("ask", false), (NOTHING_ELSE_MATCHED, true), ("disputed-record", true)]);
}
