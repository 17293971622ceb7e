//! What becomes of a pledge whose history speaks against it, and of one whose MASA has not been asked.

use super::super::view::{View, Word};
use super::*;
use crate::identity::DomainId;
use crate::voucher::Assertion;

fn foreign() -> DomainId {
    DomainId::new(vec![7; 20]).unwrap()
}

fn nonceless() -> MasaFindings {
    word(HistoryFindings { foreign: vec![foreign()], foreign_nonceless: vec![foreign()], ..HistoryFindings::default() })
}

fn truncated() -> MasaFindings {
    word(HistoryFindings { arbitrarily_truncated: 3, ..HistoryFindings::default() })
}

fn word(history: HistoryFindings) -> MasaFindings {
    MasaFindings { assertion: Some(Assertion::Logged), history: Some(history) }
}

fn with_word(policy: &Policy, word: Option<&MasaFindings>) -> Appraisal {
    let idevid = any_device();
    let said = statement(&idevid, origin(Method::Salak), Disclosure::Customer);
    let view = View {
        idevid: Some(&idevid),
        device: idevid.device(),
        manufacturer: "Maker",
        statement: Some(&said),
        receipt: ReceiptFinding::Missing,
        word: Word::Said(word),
    };
    decided(policy, &view, now()).unwrap()
}

/// What is said before the MASA was asked; none if it has to be.
fn early(policy: &Policy) -> Option<Verdict> {
    let idevid = any_device();
    let said = statement(&idevid, origin(Method::Salak), Disclosure::Customer);
    let view = View {
        idevid: Some(&idevid),
        device: idevid.device(),
        manufacturer: "Maker",
        statement: Some(&said),
        receipt: ReceiptFinding::Missing,
        word: Word::NotYet,
    };
    hopeless(policy, &view, now()).unwrap().map(|appraisal| appraisal.verdict())
}

fn refusal(policy: &Policy, word: &MasaFindings) -> String {
    with_word(policy, Some(word)).permit(Duration::ZERO).unwrap_err().to_string()
}

#[test]
fn foreign_voucher_without_nonce_is_refused_by_domain_and_with_what_would_allow_it() {
    let expected = format!(
        "the audit log shows a voucher without nonce for the foreign domain {}; accepted-foreign-domains could allow it, or rule 'only' would decide if it \
         listed audit-log = [\"foreign-nonceless\"]",
        foreign()
    );
    assert_eq!(refusal(&accept_if("method = [\"salak\"]"), &nonceless()), expected);
}

#[test]
fn log_that_was_cut_at_will_is_refused_with_what_would_allow_it() {
    let expected = "the audit log shows that 3 entries were removed at will, so that former owners cannot be told; rule 'only' would decide if it listed \
                    audit-log = [\"truncated\"]";
    assert_eq!(refusal(&accept_if("method = [\"salak\"]"), &truncated()), expected);
}

#[test]
fn rule_that_lists_the_finding_decides() {
    let lists = accept_if("method = [\"salak\"]\naudit-log = [\"foreign-nonceless\"]");
    assert_eq!(with_word(&lists, Some(&nonceless())).verdict(), Verdict::Accept);
    let lists = accept_if("method = [\"salak\"]\naudit-log = [\"clean\", \"truncated\"]");
    assert_eq!(with_word(&lists, Some(&truncated())).verdict(), Verdict::Accept);
}

#[test]
fn rule_that_lists_one_finding_says_nothing_of_another() {
    let lists = accept_if("method = [\"salak\"]\naudit-log = [\"foreign-domain\"]");
    let appraisal = with_word(&lists, Some(&nonceless()));
    assert_eq!((appraisal.verdict(), appraisal.rule()), (Verdict::Refuse, "audit-log"));
}

#[test]
fn rule_further_down_that_lists_the_finding_decides_instead() {
    let policy = policy(
        "version = 1\n[[rule]]\nname = \"good\"\nmethod = [\"salak\"]\nthen = \"accept\"\n[[rule]]\nname = \"second-hand\"\naudit-log = [\"foreign-nonceless\"]\nthen = \"hold\"",
    );
    let appraisal = with_word(&policy, Some(&nonceless()));
    assert_eq!((appraisal.verdict(), appraisal.rule()), (Verdict::Hold, "second-hand"));
    assert_eq!(appraisal.trace()[0].because, "audit-log is foreign-nonceless, which this rule does not list");
}

#[test]
fn key_that_no_rule_admits_is_refused_for_that_whatever_its_history() {
    let appraisal = with_word(&accept_if("method = [\"avocado\"]"), Some(&nonceless()));
    assert_eq!(appraisal.rule(), NOTHING_ELSE_MATCHED);
}

#[test]
fn foreign_domain_with_nonce_stops_nobody_by_itself() {
    let history = word(HistoryFindings { foreign: vec![foreign()], ..HistoryFindings::default() });
    assert_eq!(with_word(&accept_if("method = [\"salak\"]"), Some(&history)).verdict(), Verdict::Accept);
}

#[test]
fn condition_on_the_masas_word_is_undecided_until_it_is_asked() {
    for condition in ["assertion = [\"verified\"]", "audit-log = [\"clean\"]", "audit-log-events-before = 2026-01-01T00:00:00Z", "receipt = \"checked\""] {
        assert_eq!(early(&accept_if(&format!("statement = \"present\"\n{condition}"))), None, "{condition}");
    }
}

#[test]
fn old_statement_may_come_anew_from_the_masa() {
    assert_eq!(early(&accept_if("statement-age-at-most = \"1m\"")), None);
}

#[test]
fn pledge_is_refused_early_if_what_is_undecided_leads_nowhere() {
    assert_eq!(early(&accept_if("method = [\"avocado\"]\naudit-log = [\"clean\"]")), Some(Verdict::Refuse));
    let refuses = policy(
        "version = 1\n[[rule]]\nname = \"new\"\nassertion = [\"logged\"]\nthen = \"refuse\"\n[[rule]]\nname = \"no-salak\"\nmethod = [\"salak\"]\nthen = \"refuse\"\n[[rule]]\nname = \"rest\"\nstatement = \"present\"\nthen = \"accept\"",
    );
    assert_eq!(early(&refuses), Some(Verdict::Refuse));
}

#[test]
fn undecided_refusal_leaves_hope_for_the_rules_below() {
    let refuses = policy(
        "version = 1\n[[rule]]\nname = \"new\"\nassertion = [\"logged\"]\nthen = \"refuse\"\n[[rule]]\nname = \"rest\"\nstatement = \"present\"\nthen = \"accept\"",
    );
    assert_eq!(early(&refuses), None);
    assert_eq!(with_word(&refuses, Some(&word(HistoryFindings::default()))).verdict(), Verdict::Refuse);
}
