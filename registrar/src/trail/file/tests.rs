use brski_common::time::at;
use brski_common::{SerialNumber, SpkiDigest};

use super::super::KeptRequest;
use super::*;

const REQUEST: SpkiDigest = SpkiDigest([7; 32]);
const DAY: u64 = 86_400;

fn subject() -> Subject {
    Subject { key: SpkiDigest([1; 32]), serial: SerialNumber::new("JADA1").unwrap(), manufacturer: "Maker".to_owned() }
}

fn question(record: &str) -> HeldBy {
    HeldBy { pledge: subject().key, rule: "ask".to_owned(), record: Some(record.to_owned()), policy: Some("p1".to_owned()), findings: Some("f1".to_owned()) }
}

fn person(name: &str, secs: u64) -> Person {
    Person::new(name, "it is ours", at(secs))
}

fn held(record: &str) -> What {
    What::Held { request: REQUEST, held: Some(question(record)), sentence: "rule 'ask' holds it".to_owned(), decision: None }
}

fn approved(record: &str, name: &str, secs: u64) -> What {
    What::Approved { held: question(record), by: person(name, secs), needed: None, question: None }
}

fn admitted() -> What {
    What::Admitted { request: REQUEST, decision: None, approved_by: Vec::new(), admission: None }
}

fn issued(serial: &str) -> What {
    let certificate =
        IssuedCertificate { serial: serial.to_owned(), issuer: None, key: SpkiDigest([2; 32]), sha256: "ab".to_owned(), not_after: at(100 * DAY) };
    What::Issued { certificate, renewal: false, decision: None }
}

fn revoked(serial: &str) -> What {
    What::Revoked { certificate: serial.to_owned(), issuer: None, reason: RevocationReason::KeyCompromise, by: person("ann", 5), withdrawn: false }
}

fn refused() -> What {
    What::Refused { request: Some(REQUEST), sentence: "rule 'no' refuses it".to_owned(), decision: None, withdrawn: false }
}

/// The file after these, one a second.
fn fold(events: impl IntoIterator<Item = What>) -> PledgeFile {
    let event = |(secs, what)| Event { at: at(secs), pledge: Some(subject()), what };
    (0..).zip(events).map(event).fold(None, |file, event| PledgeFile::after(file, &event)).unwrap()
}

fn states(events: Vec<What>) -> Vec<State> {
    (1..=events.len()).map(|count| fold(events.iter().take(count).cloned()).state).collect()
}

fn approvers(file: &PledgeFile, now: u64) -> Vec<String> {
    file.approval_at(at(now)).map(|approval| approval.persons().iter().map(|person| person.name.clone()).collect()).unwrap_or_default()
}

#[test]
fn pledge_goes_from_held_to_admitted_to_enrolled_to_revoked() {
    let events = vec![held("r1"), approved("r1", "ann", 1), admitted(), issued("01"), revoked("01")];
    assert_eq!(states(events), [State::Held, State::Held, State::Admitted, State::Enrolled, State::Revoked]);
}

#[test]
fn newest_that_the_manufacturer_said_stays_whatever_else_happens() {
    let stated = |seq: u32| What::Stated { statement: format!("s{seq}"), seq, issued_at: None, status: brski_common::provenance::Status::Disputed };
    let file = fold([admitted(), stated(3), issued("01"), stated(2), refused(), admitted()]);
    assert_eq!(file.stated, Some(Stated { statement: "s3".to_owned(), seq: 3, issued_at: None, at: at(1) }));
}

#[test]
fn of_statements_of_one_number_that_stays_which_was_issued_last() {
    let stated = |statement: &str, issued_at: Option<u64>| What::Stated {
        statement: statement.to_owned(),
        seq: 3,
        issued_at: issued_at.map(at),
        status: brski_common::provenance::Status::Valid,
    };
    let newest = |events: Vec<What>| fold(events).stated.unwrap().statement;
    assert_eq!(newest(vec![stated("later", Some(70)), stated("earlier", Some(60))]), "later");
    assert_eq!(newest(vec![stated("undated", None), stated("dated", Some(60))]), "dated");
    assert_eq!(newest(vec![stated("dated", Some(60)), stated("undated", None)]), "dated");
}

#[test]
fn yes_to_a_question_that_no_longer_stands_there_counts_for_nothing_and_a_no_always_counts() {
    let seen = Some(QuestionDigest::of(&fold([held("r1")])));
    let no = |question| What::Disapproved { by: person("bob", 1), question };
    let yes = |seen| What::Approved { held: question("r1"), by: person("ann", 2), needed: None, question: seen };
    for (events, refused) in [
        (vec![held("r1"), no(seen)], true),
        (vec![held("r1"), held("r2"), no(seen)], true),
        (vec![held("r1"), no(None), yes(seen)], true),
        (vec![held("r1"), no(None), yes(Some(QuestionDigest::of(&fold([held("r1"), no(None)]))))], false),
    ] {
        assert_eq!(fold(events.clone()).disapproval.is_some(), refused, "{events:?}");
    }
}

#[test]
fn word_that_an_older_version_wrote_down_is_read_and_written_as_it_was() {
    for old in [
        r#"{"event":"disapproved","by":{"name":"bob","why":"never ordered","at":"1970-01-01T00:00:01Z"}}"#,
        r#"{"event":"stated","statement":"s3","seq":3,"status":"disputed"}"#,
    ] {
        let read: What = serde_json::from_str(old).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
    }
    let old = serde_json::to_string(&approved("r1", "ann", 1)).unwrap();
    assert!(!old.contains("question"), "{old}");
    assert_eq!(fold([held("r1"), serde_json::from_str(&old).unwrap()]).approvals, [person("ann", 1)]);
}

#[test]
fn what_was_revoked_needs_a_new_yes() {
    let enrolled = || vec![held("1"), approved("1", "ann", 1), admitted(), issued("01")];
    assert_eq!(approvers(&fold(enrolled()), 5), ["ann"]);
    let events = enrolled().into_iter().chain([revoked("01"), held("1")]);
    assert!(approvers(&fold(events), 5).is_empty());
}

#[test]
fn pledge_with_another_ldevid_is_not_revoked_by_the_loss_of_one() {
    let events = vec![admitted(), issued("01"), issued("02"), revoked("01"), revoked("02")];
    assert_eq!(states(events), [State::Admitted, State::Enrolled, State::Enrolled, State::Enrolled, State::Revoked]);
}

#[test]
fn another_statement_is_another_question_that_nobody_approved() {
    let file = fold([held("r1"), approved("r1", "ann", 1), held("r2")]);
    assert_eq!((approvers(&file, 3), file.held), (Vec::new(), Some(question("r2"))));
}

#[test]
fn same_question_again_keeps_its_approvals() {
    assert_eq!(approvers(&fold([held("r1"), approved("r1", "ann", 1), held("r1")]), 3), ["ann"]);
}

#[test]
fn approval_of_another_question_counts_for_nothing() {
    assert_eq!(approvers(&fold([held("r1"), approved("r2", "ann", 1)]), 3), Vec::<String>::new());
}

#[test]
fn one_person_counts_once_and_two_count_twice() {
    let file = fold([held("r1"), approved("r1", "ann", 1), approved("r1", "ann", 2), approved("r1", "bob", 3)]);
    assert_eq!(approvers(&file, 4), ["ann", "bob"]);
}

#[test]
fn approval_counts_for_four_days() {
    let file = fold([held("r1"), approved("r1", "ann", 1)]);
    assert_eq!(approvers(&file, 4 * DAY), ["ann"]);
    assert_eq!(approvers(&file, 4 * DAY + 1), Vec::<String>::new());
}

#[test]
fn person_who_says_so_again_is_counted_from_then_on() {
    let file = fold([held("r1"), approved("r1", "ann", 1), approved("r1", "ann", 3 * DAY)]);
    assert_eq!(approvers(&file, 5 * DAY), ["ann"]);
}

#[test]
fn admission_stands_on_its_approval_for_good() {
    let file = fold([held("r1"), approved("r1", "ann", 1), admitted()]);
    assert!(file.approval().unwrap().covers(&question("r1"), 1));
}

#[test]
fn refusal_by_a_person_ends_approvals_and_says_who_and_why() {
    let file = fold([held("r1"), approved("r1", "ann", 1), What::Disapproved { by: person("bob", 2), question: None }]);
    assert_eq!((file.state, file.sentence.as_str(), approvers(&file, 3)), (State::Refused, "bob refused it: it is ours", Vec::new()));
}

#[test]
fn refusal_by_a_person_ends_with_an_approval() {
    let file = fold([held("r1"), What::Disapproved { by: person("bob", 1), question: None }, approved("r1", "ann", 2)]);
    assert_eq!((file.disapproval, file.state), (None, State::Held));
}

#[test]
fn what_was_on_its_way_does_not_undo_a_refusal_by_a_person() {
    for what in [admitted(), held("r1"), issued("01"), refused()] {
        let file = fold([held("r1"), What::Disapproved { by: person("bob", 1), question: None }, what.clone()]);
        assert_eq!((file.state, file.disapproval.is_some()), (State::Refused, true), "{what:?}");
    }
}

#[test]
fn pledge_waits_since_its_request_first_came() {
    let another = What::Held { request: SpkiDigest([8; 32]), held: Some(question("r1")), sentence: String::new(), decision: None };
    let since = |file: PledgeFile| file.waiting.map(|waiting| waiting.since.as_secs());
    assert_eq!(since(fold([held("r1"), held("r1"), held("r1")])), Some(0));
    assert_eq!(since(fold([held("r1"), held("r1"), another])), Some(2));
    assert_eq!(since(fold([held("r1"), refused()])), None);
}

/// A file with so many LDevIDs that expire after a hundred days, and after another that is issued after so many seconds.
fn fold_and_one_more(count: u64, more: Vec<What>, secs: u64) -> PledgeFile {
    let file = fold((0..count).map(|number| issued(&format!("{number:02x}"))).chain(more));
    PledgeFile::after(Some(file), &Event { at: at(secs), pledge: Some(subject()), what: issued("ff") }).unwrap()
}

#[test]
fn ldevid_that_can_be_revoked_is_never_forgotten() {
    let file = fold_and_one_more(100, Vec::new(), DAY);
    assert_eq!((file.certificates.len(), file.certificates[0].certificate.serial.as_str()), (101, "00"));
}

#[test]
fn oldest_expired_ldevid_is_forgotten_at_the_hundred_and_first() {
    let file = fold_and_one_more(100, Vec::new(), 100 * DAY + 1);
    assert_eq!((file.certificates.len(), file.certificates[0].certificate.serial.as_str()), (100, "01"));
}

#[test]
fn revoked_ldevid_is_forgotten_before_an_older_one_that_is_in_use() {
    let file = fold_and_one_more(100, vec![revoked("05")], DAY);
    let kept = |serial: &str| file.certificates.iter().any(|filed| filed.certificate.serial == serial);
    assert_eq!((file.certificates.len(), kept("00"), kept("05")), (100, true, false));
}

#[test]
fn event_about_no_pledge_makes_no_file() {
    let event = Event { at: at(0), pledge: None, what: What::Strangers { sentence: "no path".to_owned(), count: 3 } };
    assert_eq!(PledgeFile::after(None, &event), None);
}

fn one_of_two(name: &str, secs: u64) -> What {
    What::Approved { held: question("r1"), by: person(name, secs), needed: Some(2), question: None }
}

#[test]
fn refusal_by_a_person_is_lifted_by_as_many_as_approve() {
    let no = || What::Disapproved { by: person("bob", 1), question: None };
    let one = fold([held("r1"), no(), one_of_two("ann", 2)]);
    assert_eq!((one.state, one.disapproval.map(|by| by.name), approvers(&fold([held("r1"), no(), one_of_two("ann", 2)]), 3)), {
        (State::Refused, Some("bob".to_owned()), Vec::new())
    });
    let two = fold([held("r1"), no(), one_of_two("ann", 2), one_of_two("eve", 3)]);
    assert_eq!((two.state, two.disapproval.clone(), approvers(&two, 4)), (State::Held, None, vec!["ann".to_owned(), "eve".to_owned()]));
}

#[test]
fn one_person_who_says_so_twice_does_not_lift_a_refusal_that_two_have_to() {
    let file = fold([held("r1"), What::Disapproved { by: person("bob", 1), question: None }, one_of_two("ann", 2), one_of_two("ann", 3)]);
    assert_eq!(file.state, State::Refused);
}

#[test]
fn whoever_refused_it_takes_that_back_alone() {
    let file = fold([held("r1"), What::Disapproved { by: person("bob", 1), question: None }, one_of_two("bob", 2)]);
    assert_eq!((file.state, file.disapproval.clone(), approvers(&file, 3)), (State::Held, None, vec!["bob".to_owned()]));
}

#[test]
fn refusal_of_a_pledge_nobody_was_asked_about_is_lifted_by_as_many_as_approve() {
    let no = || What::Disapproved { by: person("bob", 1), question: None };
    assert_eq!(fold([admitted(), no(), one_of_two("ann", 2)]).disapproval, Some(person("bob", 1)));
    assert_eq!(fold([admitted(), no(), one_of_two("ann", 2), one_of_two("eve", 3)]).disapproval, None);
}

fn attested(key: u8) -> What {
    What::Attested {
        request: REQUEST,
        key: SpkiDigest([key; 32]),
        kept: Box::new(KeptRequest { csr: String::new(), nonce: None }),
        findings: Vec::new(),
        warned: Some("it holds no attestation".to_owned()),
    }
}

#[test]
fn what_was_attested_stays_with_the_ldevid_of_that_key_alone() {
    let key_of = |file: PledgeFile| file.attested.map(|attested| attested.key);
    assert_eq!(key_of(fold([admitted(), attested(2), issued("05")])), Some(SpkiDigest([2; 32])));
    assert_eq!(key_of(fold([admitted(), attested(3), issued("05")])), None);
}
