//! `pledges`.

use brski_common::appraise::{HistoryFindings, MasaFindings};
use brski_common::time::at;
use brski_common::{Assertion, Method, SpkiDigest};

use super::policy::Device;
use super::support::Folder;
use super::{held, registrar, with_events};

fn approve(folder: &Folder, pledge: &str, by: &str) -> super::Finished {
    registrar(folder, &["pledges", "approve", pledge, "--why", "it is ours", "--by", by])
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
    assert!(line.ends_with("  0 of 1 approved  rule 'ask-about-carrots' holds carrot for a person to decide\n"), "{line}");
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
    assert!(shown.contains("\napprovals: 0 of 1 that count now\n"), "{shown}");
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
    let shown = registrar(&with_events([event]), &["pledges", "show", &key]).ok().replace(&key, "KEY");
    assert_eq!(shown, SHOWN);
}

const SHOWN: &str = "\
ACME-1 of Acme is refused: rule 'nobody-else-had-it' does not accept carrot keys (derived from a seed shared with the factory) where audit-log is foreign-domain; accepted: avocado, salak
key: KEY
first seen 2026-05-28T20:26:40Z, last seen 2026-05-28T20:26:40Z

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
    assert_eq!(shown["history"][1]["event"]["what"]["by"]["why"], "it is ours");
}

#[test]
fn two_persons_have_to_approve_where_the_owner_says_so() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 60)]);
    folder.edit("registrar/registrar.toml", "persons = 1", "persons = 2");
    assert_eq!(approve(&folder, "JADA1", "ann").ok(), "JADA1: 1 of 2 approved; another person has to approve it as well\n");
    assert!(approve(&folder, "JADA1", "ann").error().contains("ann has approved JADA1 already"));
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
    let refused = registrar(&folder, &["pledges", "refuse", "JADA1", "--why", "never ordered", "--by", "bob"]).ok();
    assert_eq!(refused, "JADA1 is refused until somebody approves it\n");
    let shown = registrar(&folder, &["pledges", "show", "JADA1"]).ok();
    assert_eq!(shown.lines().next(), Some("JADA1 of Maker is refused: bob refused it: never ordered"));
    approve(&folder, "JADA1", "ann").ok();
}

#[test]
fn pledge_that_gave_up_is_not_approved() {
    let folder = with_events([held("JADA1", 0xab, "Maker", 5 * DAY)]);
    assert!(approve(&folder, "JADA1", "ann").error().contains("JADA1 has waited for more than four days and given up"));
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
    let error = registrar(&folder, &["pledges", "approve", "JADA1", "--why", " "]).error();
    assert!(error.contains("why is missing: say it in 1 to 300 characters"), "{error}");
}

#[test]
fn store_that_does_not_exist_is_not_made() {
    let folder = super::owner();
    let error = registrar(&folder, &["pledges", "list"]).error();
    assert!(error.ends_with("pledges.sqlite does not exist; `brski-registrar serve` makes it"), "{error}");
    assert!(!folder.path("registrar/pledges.sqlite").exists());
}
