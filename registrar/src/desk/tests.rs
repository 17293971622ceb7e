mod overtaken;

use brski_common::time::at;

use super::*;
use crate::MemoryPledges;
use crate::testing::block_on;
use crate::trail::Subject;

const DAY: u64 = 86_400;

fn subject(octet: u8, serial: &str, manufacturer: &str) -> Subject {
    Subject { key: SpkiDigest([octet; 32]), serial: SerialNumber::new(serial).unwrap(), manufacturer: manufacturer.to_owned() }
}

fn ann(secs: u64) -> Person {
    Person::new("ann", "it is ours", at(secs))
}

fn question(pledge: &Subject, rule: &str) -> HeldBy {
    HeldBy { pledge: pledge.key, rule: rule.to_owned(), record: None, policy: None, findings: None }
}

fn note(store: &MemoryPledges, pledge: &Subject, secs: u64, what: What) {
    block_on(store.note(Event { at: at(secs), pledge: Some(pledge.clone()), what })).unwrap();
}

fn hold(store: &MemoryPledges, pledge: &Subject, rule: &str, secs: u64) {
    let sentence = format!("rule '{rule}' holds it");
    note(store, pledge, secs, What::Held { request: SpkiDigest([9; 32]), held: Some(question(pledge, rule)), sentence, decision: None });
}

/// A store with one held pledge.
fn held() -> (MemoryPledges, Subject) {
    let (store, pledge) = (MemoryPledges::new(), subject(0xab, "JADA1", "Maker"));
    hold(&store, &pledge, "ask", 0);
    (store, pledge)
}

fn found(store: &MemoryPledges, text: &str) -> Result<PledgeFile, String> {
    block_on(pick(store, text)).map_err(|err| err.to_string())
}

fn say_yes(store: &MemoryPledges, by: Person) -> Result<Approved, String> {
    let pick = Pick::of(&found(store, "JADA1")?);
    block_on(approve(store, &pick, by, 1)).map_err(|err| err.to_string())
}

fn say_no(store: &MemoryPledges, by: Person) -> Result<PledgeFile, String> {
    let pick = Pick::of(&found(store, "JADA1")?);
    block_on(refuse(store, &pick, by)).map_err(|err| err.to_string())
}

#[test]
fn pledge_is_found_by_serial_number_and_by_the_beginning_of_its_key() {
    let (store, pledge) = held();
    for text in ["JADA1", "abababab", "ABABABABA", &pledge.key.to_string()] {
        assert_eq!(found(&store, text).unwrap().pledge, pledge, "{text}");
    }
}

#[test]
fn pledge_that_is_not_there_is_told() {
    let (store, _) = held();
    for text in ["JADA2", "abababa", "cdcdcdcd"] {
        let expected = format!("no pledge is on record with serial number '{text}', nor with a key that begins so; name at least eight digits of a key. ");
        let told = found(&store, text).unwrap_err();
        assert!(told.starts_with(&expected) && told.contains("`brski-registrar trust pending`"), "{told}");
    }
}

#[test]
fn serial_number_of_two_manufacturers_is_ambiguous() {
    let (store, pledge) = held();
    let other = subject(0xcd, "JADA1", "Other");
    hold(&store, &other, "ask", 1);
    let (key, other_key) = (pledge.key, other.key);
    let expected = format!("'JADA1' is ambiguous; name the key instead: {other_key} of Other, {key} of Maker");
    assert_eq!(found(&store, "JADA1").unwrap_err(), expected);
    assert_eq!(found(&store, "cdcdcdcd").unwrap().pledge, other);
}

#[test]
fn held_pledge_is_approved_by_name_and_reason() {
    let (store, pledge) = held();
    let approved = say_yes(&store, ann(60)).unwrap();
    assert_eq!((approved.persons, &approved.file.approvals), (1, &vec![ann(60)]));
    let events = block_on(store.history(pledge.key, 1)).unwrap();
    let seen = Some(QuestionDigest::of(&approved.file));
    assert_eq!(events[0].1.what, What::Approved { held: question(&pledge, "ask"), by: ann(60), needed: Some(1), question: seen });
}

#[test]
fn approval_says_how_many_are_still_needed() {
    let (store, _) = held();
    let approved = say_yes(&store, ann(60)).unwrap();
    assert_eq!(approved.in_words(2), "JADA1: 1 of 2 approved; another person has to approve it as well");
    assert_eq!(approved.in_words(1), "JADA1 is approved (1 of 1); it gets its voucher when it asks again, within four days");
}

#[test]
fn same_person_cannot_approve_twice() {
    let (store, _) = held();
    say_yes(&store, ann(60)).unwrap();
    assert_eq!(say_yes(&store, ann(70)).unwrap_err(), "ann has approved JADA1 already");
    assert_eq!(block_on(store.head()).unwrap().size, 2);
}

#[test]
fn pledge_that_is_not_held_cannot_be_approved() {
    let (store, pledge) = held();
    note(&store, &pledge, 5, What::Refused { request: None, sentence: "rule 'no' refuses it".to_owned(), decision: None, withdrawn: false });
    assert_eq!(say_yes(&store, ann(60)).unwrap_err(), "JADA1 is refused, not held: there is nothing to approve (rule 'no' refuses it)");
}

#[test]
fn pledge_of_an_unknown_manufacturer_cannot_be_approved() {
    let (store, pledge) = held();
    note(&store, &pledge, 5, What::Held { request: SpkiDigest([9; 32]), held: None, sentence: "unknown".to_owned(), decision: None });
    let expected = "JADA1 is held because no accepted manufacturer made it, which nobody can approve; accept its manufacturer with `brski-registrar trust add`";
    assert_eq!(say_yes(&store, ann(60)).unwrap_err(), expected);
}

#[test]
fn pledge_that_gave_up_cannot_be_approved() {
    let (store, _) = held();
    let expected = "JADA1 has waited for more than four days and given up; it can be approved once it comes with a new request";
    assert_eq!(say_yes(&store, ann(4 * DAY)).unwrap_err(), expected);
    assert!(say_yes(&store, ann(4 * DAY - 1)).is_ok());
}

#[test]
fn yes_is_to_what_was_looked_at_alone() {
    let (store, pledge) = held();
    let looked_at = Pick::of(&found(&store, "JADA1").unwrap());
    hold(&store, &pledge, "another-rule", 5);
    let told = block_on(approve(&store, &looked_at, ann(60), 1)).unwrap_err().to_string();
    let changed =
        "JADA1 has changed since it was looked at: rule 'another-rule' holds it, and no longer 'ask'; look again, with `brski-registrar pledges show JADA1`";
    assert!(told.starts_with(changed), "{told}");
    assert_eq!(block_on(refuse(&store, &looked_at, ann(60))).unwrap_err().to_string(), told);
    assert_eq!(block_on(store.head()).unwrap().size, 2);
}

#[test]
fn each_part_of_a_question_that_changed_is_named() {
    let asked =
        |pledge: &Subject| HeldBy { record: Some("r".to_owned()), policy: Some("p".to_owned()), findings: Some("f".to_owned()), ..question(pledge, "ask") };
    let ask = |store: &MemoryPledges, pledge: &Subject, secs, held| {
        note(store, pledge, secs, What::Held { request: SpkiDigest([9; 32]), held: Some(held), sentence: String::new(), decision: None });
    };
    let (store, pledge) = (MemoryPledges::new(), subject(0xab, "JADA1", "Maker"));
    ask(&store, &pledge, 0, asked(&pledge));
    let looked_at = Pick::of(&found(&store, "JADA1").unwrap());
    for (now, words) in [
        (HeldBy { record: None, ..asked(&pledge) }, ": the manufacturer's record of its key is another; "),
        (HeldBy { policy: Some("q".to_owned()), ..asked(&pledge) }, ": the policy is another; "),
        (HeldBy { findings: Some("g".to_owned()), ..asked(&pledge) }, ": what its MASA says of it, or its receipt, is another; "),
    ] {
        ask(&store, &pledge, 5, now);
        let told = block_on(approve(&store, &looked_at, ann(60), 1)).unwrap_err().to_string();
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn yes_of_somebody_who_does_not_know_that_another_refused_it_is_none() {
    let (store, _) = held();
    let looked_at = Pick::of(&found(&store, "JADA1").unwrap());
    say_no(&store, ann(60)).unwrap();
    let bob = Person::new("bob", "it is ours", at(70));
    let told = block_on(approve(&store, &looked_at, bob.clone(), 1)).unwrap_err().to_string();
    assert!(told.contains("changed since it was looked at: ann refused it; "), "{told}");
    assert_eq!(say_yes(&store, bob).unwrap().file.disapproval, None);
}

#[test]
fn yes_of_another_person_does_not_change_the_question() {
    let (store, _) = held();
    let looked_at = Pick::of(&found(&store, "JADA1").unwrap());
    block_on(approve(&store, &looked_at, ann(60), 2)).unwrap();
    assert_eq!(block_on(approve(&store, &looked_at, Person::new("bob", "x", at(70)), 2)).unwrap().persons, 2);
}

#[test]
fn question_that_was_never_asked_is_told_apart() {
    let (store, _) = held();
    let file = found(&store, "JADA1").unwrap();
    let told = block_on(approve(&store, &Pick::asking(&file, "000000000000000000000000000000ff".parse().unwrap()), ann(60), 1)).unwrap_err().to_string();
    assert!(told.contains("among its last 100 events nothing led to question 000000000000000000000000000000ff"), "{told}");
}

#[test]
fn person_who_writes_their_name_otherwise_is_no_second_person() {
    let (store, _) = held();
    say_yes(&store, ann(60)).unwrap();
    for name in ["Ann", "ANN", " ann "] {
        assert_eq!(say_yes(&store, Person::new(name, "x", at(70))).unwrap_err(), format!("{} has approved JADA1 already", name.trim()));
    }
    say_no(&store, Person::new("Bob", "never ordered", at(80))).unwrap();
    let pick = Pick::of(&found(&store, "JADA1").unwrap());
    assert_eq!(block_on(approve(&store, &pick, Person::new("bob", "a mistake", at(90)), 2)).unwrap().file.disapproval, None);
}

#[test]
fn refused_pledge_stays_refused_until_it_is_approved() {
    let (store, _) = held();
    assert_eq!(say_no(&store, ann(60)).unwrap().disapproval, Some(ann(60)));
    assert_eq!(say_no(&store, ann(70)).unwrap_err(), "ann has refused JADA1 already");
    let approved = say_yes(&store, ann(80)).unwrap();
    assert_eq!((approved.persons, approved.file.disapproval), (1, None));
}

#[test]
fn refusal_of_a_pledge_nobody_was_asked_about_can_be_taken_back() {
    let (store, pledge) = (MemoryPledges::new(), subject(0xab, "JADA1", "Maker"));
    note(&store, &pledge, 0, What::Admitted { request: SpkiDigest([9; 32]), decision: None, approved_by: Vec::new(), admission: None });
    say_no(&store, ann(60)).unwrap();
    let approved = say_yes(&store, ann(70)).unwrap();
    assert_eq!((approved.persons, approved.file.disapproval), (0, None));
}

#[test]
fn decision_without_a_name_or_a_reason_is_none() {
    let (store, _) = held();
    let nameless = Person { name: " ".to_owned(), ..ann(60) };
    let groundless = Person { why: String::new(), ..ann(60) };
    assert_eq!(say_yes(&store, nameless).unwrap_err(), "who decides is missing: say it in 1 to 300 characters");
    assert_eq!(say_no(&store, groundless).unwrap_err(), "why is missing: say it in 1 to 300 characters");
}

#[test]
fn held_pledge_is_approved_while_its_masa_is_down() {
    let (store, pledge) = held();
    note(&store, &pledge, 5, What::Deferred { request: SpkiDigest([9; 32]), sentence: "the MASA cannot be reached".to_owned() });
    assert_eq!(say_yes(&store, ann(60)).unwrap().persons, 1);
}

#[test]
fn pledge_that_waits_for_its_masa_alone_cannot_be_approved() {
    let (store, pledge) = (MemoryPledges::new(), subject(0xab, "JADA1", "Maker"));
    note(&store, &pledge, 5, What::Deferred { request: SpkiDigest([9; 32]), sentence: "the MASA cannot be reached".to_owned() });
    assert_eq!(say_yes(&store, ann(60)).unwrap_err(), "JADA1 is deferred, not held: there is nothing to approve (the MASA cannot be reached)");
}

#[test]
fn serial_number_that_is_another_pledge_s_key_does_not_shadow_it() {
    let (store, pledge) = held();
    let impostor = subject(0xcd, &pledge.key.to_string(), "Other");
    hold(&store, &impostor, "ask", 1);
    assert_eq!(found(&store, &pledge.key.to_string()).unwrap().pledge, pledge);
}

#[test]
fn serial_number_that_is_the_beginning_of_another_pledge_s_key_is_ambiguous() {
    let (store, pledge) = held();
    let impostor = subject(0xcd, "abababab", "Other");
    hold(&store, &impostor, "ask", 1);
    let expected = format!("'abababab' is ambiguous; name the key instead: {} of Other, {} of Maker", impostor.key, pledge.key);
    assert_eq!(found(&store, "abababab").unwrap_err(), expected);
}
