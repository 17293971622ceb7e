//! `pledges`.

use brski_common::appraise::{HistoryFindings, MasaFindings};
use brski_common::time::at;
use brski_common::{Assertion, Method, SpkiDigest};

use brski_registrar::trail::What;

use super::policy::Device;
use super::support::Folder;
use super::{held, registrar, with_events};

/// Says yes to whatever is asked.
fn approve(folder: &Folder, pledge: &str, by: &str) -> super::Finished {
    registrar(folder, &["pledges", "approve", pledge, "--unseen", "--why", "it is ours", "--by", by])
}

/// The question that stands there, as a program reads it.
fn question(folder: &Folder, pledge: &str) -> String {
    json(folder, &["pledges", "show", pledge])["question"].as_str().unwrap().to_owned()
}

fn json(folder: &Folder, arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&registrar(folder, &[arguments, &["-o", "json"]].concat()).ok()).unwrap()
}

const DAY: u64 = 86_400;

#[test]
fn held_pledge_is_listed_with_its_reason() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    let line = registrar(&folder, &["pledges", "list", "--state", "held"]).ok();
    assert!(line.starts_with("held      JADA1  Maker  "), "{line}");
    let question = question(&folder, "JADA1");
    assert!(line.ends_with(&format!("  0 of 1 approved, question {question}  rule 'ask-about-carrots' holds carrot for a person to decide\n")), "{line}");
    assert_eq!(registrar(&folder, &["pledges", "list", "--state", "refused"]).ok(), "");
}

#[test]
fn state_that_is_none_is_told_with_those_there_are() {
    let error = registrar(&with_events([]), &["pledges", "list", "--state", "waiting"]);
    assert_eq!(error.code, Some(2));
    assert!(error.stderr.contains("is none of held, deferred, admitted, enrolled, refused, revoked"), "{}", error.stderr);
}

#[test]
fn show_begins_with_why_in_one_sentence() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    let shown = registrar(&folder, &["pledges", "show", "abababab"]).ok();
    assert_eq!(shown.lines().next(), Some("JADA1 of Maker is held: rule 'ask-about-carrots' holds carrot for a person to decide"));
    let question = question(&folder, "JADA1");
    let next = format!("`brski-registrar pledges approve JADA1 --question {question} --why REASON`, or `pledges refuse` with the same");
    assert!(shown.contains(&format!("\napprovals: 0 of 1 that count now\nquestion: {question}\nnext: {next}\n")), "{shown}");
    assert!(shown.contains("Z, or within the hour after: what it repeats is written down once an hour\n"), "{shown}");
    assert!(shown.lines().last().unwrap().ends_with("held: rule 'ask-about-carrots' holds carrot for a person to decide"), "{shown}");
}

const POLICY: &str = r#"
version = 1
[[rule]]
name = "made-inside"
method = ["avocado", "salak"]
then = "accept"
[[rule]]
name = "nobody-else-had-it"
audit-log = ["foreign-domain"]
then = "refuse"
"#;

#[test]
fn show_tells_what_was_judged_and_by_which_rules() {
    let device = Device::new();
    let history =
        HistoryFindings { foreign: vec![SpkiDigest([3; 32]).into()], earliest_foreign: Some(at(1_780_000_000)), names_us: true, ..HistoryFindings::default() };
    let word = MasaFindings { assertion: Some(Assertion::Logged), history: Some(history) };
    let event = device.refused_by(POLICY, Method::Carrot, Some(&word));
    let key = event.pledge.as_ref().unwrap().key.to_string();
    let folder = with_events([event]);
    let question = question(&folder, &key);
    let shown = registrar(&folder, &["pledges", "show", &key]).ok().replace(&key, "KEY").replace(&question, "QUESTION");
    assert_eq!(shown, SHOWN);
}

const SHOWN: &str = "\
ACME-1 of Acme is refused: rule 'nobody-else-had-it' does not accept carrot keys (derived from a seed shared with the factory) where audit-log is foreign-domain; accepted: avocado, salak
key: KEY
first seen 2026-05-28T20:26:40Z, last seen 2026-05-28T20:26:40Z
question: QUESTION
next: rule 'nobody-else-had-it' of the policy registrar/policy.toml decides; the device is judged anew when it asks after that was changed and reloaded

What was judged:
  IDevID: serialNumber=ACME-1, CN=Basket
  method: carrot
  source: generated-on-device
  protection: non-extractable
  basis: station-signed
  locus: secure-element
  status: valid
  lock: unknown
  private transfer: unknown
  receipt: none
  voucher asserts: logged
  audit log: 1 foreign domain had it, first at 2026-05-28T20:26:40Z, it names this domain

Policy b8d7f6a696e90e5a: refuse by rule 'nobody-else-had-it'
     made-inside         method is carrot, not avocado or salak
  -> nobody-else-had-it  audit-log is foreign-domain

Events:
  0  2026-05-28T20:26:40Z  refused: rule 'nobody-else-had-it' does not accept carrot keys (derived from a seed shared with the factory) where audit-log is foreign-domain; accepted: avocado, salak
";

#[test]
fn approval_is_on_record_with_name_and_reason() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    assert_eq!(approve(&folder, "JADA1", "ann").ok(), "JADA1 is approved (1 of 1); it gets its voucher when it asks again, within four days\n");
    let shown = json(&folder, &["pledges", "show", "JADA1"]);
    assert_eq!((&shown["approvals"], &shown["needed"]), (&1.into(), &1.into()));
    assert_eq!(shown["file"]["approvals"][0]["name"], "ann");
    assert_eq!(shown["next"], "it is approved, and goes on when it asks again");
    assert_eq!(shown["history"][1]["event"]["what"]["by"]["why"], "it is ours");
}

#[cfg(target_os = "linux")]
#[test]
fn approval_tells_whose_process_it_came_from() {
    use std::os::unix::fs::MetadataExt as _;

    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    approve(&folder, "JADA1", "ann").ok();
    let via = &json(&folder, &["pledges", "show", "JADA1"])["history"][1]["event"]["what"]["by"]["via"];
    let number = std::fs::metadata("/proc/self").unwrap().uid();
    assert_eq!(via["way"], "command-line");
    assert!(via["user"].as_str().unwrap().contains(&format!("user {number}")), "{via}");
}

#[test]
fn decision_without_terminal_names_the_question_that_was_looked_at() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    for verb in ["approve", "refuse"] {
        let error = registrar(&folder, &["pledges", verb, "JADA1", "--why", "it is ours", "--by", "ann"]).error();
        assert!(error.contains("nobody says to which question: look with `brski-registrar pledges show JADA1`"), "{error}");
    }
    let question = question(&folder, "JADA1");
    registrar(&folder, &["pledges", "approve", "JADA1", "--question", &question, "--why", "it is ours", "--by", "ann"]).ok();
    // Who else approved it is no other question.
    registrar(&folder, &["pledges", "refuse", "JADA1", "--question", &question, "--why", "never ordered", "--by", "ann"]).ok();
}

/// Says yes to JADA1 on a terminal, with this answer; `None` where `script`, which makes one, is missing.
#[cfg(target_os = "linux")]
fn approve_on_a_terminal(folder: &Folder, answer: &str) -> Option<super::Finished> {
    std::process::Command::new("script").arg("--version").output().ok()?;
    let line = format!("printf '{answer}\\n' | script -qec \"$0 pledges approve JADA1 --why plant --by ann\" /dev/null");
    Some(folder.run("sh", &["-c", &line, super::REGISTRAR]))
}

#[cfg(target_os = "linux")]
#[test]
fn terminal_shows_the_question_and_a_yes_is_to_that() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    let Some(told) = approve_on_a_terminal(&folder, "y") else { return };
    let question = question(&folder, "JADA1");
    assert!(told.stdout.contains(&format!("question: {question}")) && told.stdout.contains("approve JADA1? [y/N]"), "{told:?}");
    assert_eq!((told.code, json(&folder, &["pledges", "show", "JADA1"])["approvals"].as_u64()), (Some(0), Some(1)), "{told:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn terminal_without_a_yes_decides_nothing() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    let Some(told) = approve_on_a_terminal(&folder, "n") else { return };
    assert!(told.code == Some(1) && told.stdout.contains("nothing was decided about JADA1"), "{told:?}");
    assert_eq!(json(&folder, &["pledges", "show", "JADA1"])["approvals"], 0);
}

#[test]
fn decision_about_what_is_asked_no_more_is_refused_with_what_changed() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    let question = question(&folder, "JADA1");
    let mut anew = held("JADA1", 0xab, "Maker", 30);
    if let What::Held { held: Some(held), .. } = &mut anew.what {
        held.rule = "ask-twice".to_owned();
    }
    super::append(&folder, [anew]);
    let error = registrar(&folder, &["pledges", "approve", "JADA1", "--question", &question, "--why", "it is ours", "--by", "ann"]).error();
    assert!(
        error.contains("JADA1 has changed since it was looked at: rule 'ask-twice' holds it, and no longer 'ask-about-carrots'; look again, with"),
        "{error}"
    );
    assert_eq!(json(&folder, &["pledges", "show", "JADA1"])["approvals"], 0);
}

#[test]
fn question_that_is_none_is_told() {
    let error = registrar(&with_events([]), &["pledges", "approve", "JADA1", "--question", "6b1d", "--why", "x"]);
    assert_eq!(error.code, Some(2));
    assert!(error.stderr.contains("a question is 32 hexadecimal digits, as `pledges show` tells them"), "{}", error.stderr);
}

#[test]
fn two_persons_have_to_approve_where_the_owner_says_so() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    folder.edit("registrar/registrar.toml", "persons = 1", "persons = 2");
    assert_eq!(approve(&folder, "JADA1", "ann").ok(), "JADA1: 1 of 2 approved; another person has to approve it as well\n");
    assert!(approve(&folder, "JADA1", "Ann").error().contains("Ann has approved JADA1 already"));
    assert_eq!(approve(&folder, "JADA1", "bob").ok(), "JADA1 is approved (2 of 2); it gets its voucher when it asks again, within four days\n");
}

#[test]
fn number_of_persons_is_one_or_two() {
    let folder = with_events([]);
    folder.edit("registrar/registrar.toml", "persons = 1", "persons = 3");
    let error = registrar(&folder, &["config", "check"]).error();
    assert!(error.contains("field approvals.persons: must be 1, or 2 where nobody shall decide alone"), "{error}");
}

#[test]
fn refused_pledge_can_be_approved_again() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    let refused = registrar(&folder, &["pledges", "refuse", "JADA1", "--unseen", "--why", "never ordered", "--by", "bob"]).ok();
    assert_eq!(refused, "JADA1 is refused until somebody approves it\n");
    let shown = registrar(&folder, &["pledges", "show", "JADA1"]).ok();
    assert_eq!(shown.lines().next(), Some("JADA1 of Maker is refused: bob refused it: never ordered"));
    let next = format!("\nnext: `brski-registrar pledges approve JADA1 --question {} --why REASON` takes that back\n", question(&folder, "JADA1"));
    assert!(shown.contains(&next), "{shown}");
    approve(&folder, "JADA1", "ann").ok();
}

#[test]
fn pledge_that_gave_up_is_not_approved() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 5 * DAY)]);
    assert!(approve(&folder, "JADA1", "ann").error().contains("JADA1 has waited for more than four days and given up"));
    let shown = registrar(&folder, &["pledges", "show", "JADA1"]).ok();
    assert!(shown.contains("\nnext: have the device ask anew, such as by a restart: it has given up"), "{shown}");
}

#[test]
fn serial_number_of_two_manufacturers_needs_the_key() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60), held("JADA1", 0xcd, "Other", 30)]);
    let error = approve(&folder, "JADA1", "ann").error();
    assert!(error.contains("'JADA1' is ambiguous; name the key instead: cdcd"), "{error}");
    approve(&folder, "abababab", "ann").ok();
}

#[test]
fn reason_cannot_be_empty() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    let error = registrar(&folder, &["pledges", "approve", "JADA1", "--unseen", "--why", " "]).error();
    assert!(error.contains("why is missing: say it in 1 to 300 characters"), "{error}");
}

#[test]
fn name_cannot_hide_characters() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    assert!(approve(&folder, "JADA1", "an\u{200b}n").error().contains("who decides has a control character, or one that hides or reorders its neighbours"));
}

#[test]
fn device_that_is_not_on_record_may_be_one_of_an_unknown_manufacturer() {
    let error = registrar(&with_events([]), &["pledges", "show", "JADA1"]).error();
    assert!(error.contains("where unknown-manufacturers is \"hold\", and `brski-registrar trust pending` shows what it presented"), "{error}");
}

#[test]
fn store_that_does_not_exist_is_not_made() {
    let folder = super::owner();
    let error = registrar(&folder, &["pledges", "list"]).error();
    assert!(error.ends_with("pledges.sqlite does not exist; `brski-registrar serve` makes it"), "{error}");
    assert!(!folder.path("registrar/pledges.sqlite").exists());
}
