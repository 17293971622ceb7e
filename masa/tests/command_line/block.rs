//! `block` and `unblock`. That a blocked device gets no voucher is shown beside the rule.

use serde_json::{Value, json};

use super::support::Folder;
use super::{manufacture, manufacturer, masa};

fn with_device(serial: &str) -> Folder {
    let folder = manufacturer();
    folder.write("reports.jsonl", manufacture::report(&folder, serial));
    masa(&folder, &["record", "reports.jsonl"]).ok();
    folder
}

#[test]
fn recorded_device_can_be_blocked_and_released() {
    let folder = with_device("JADA1");
    let told = |arguments: &[&str]| serde_json::from_str::<Value>(&masa(&folder, arguments).ok()).unwrap();
    let blocked = told(&["block", "JADA1", "--reason", "stolen", "-o", "json"]);
    assert_eq!((&blocked["device"]["serial"], &blocked["blocked"]), (&json!("JADA1"), &json!("stolen")));
    let released = told(&["unblock", "JADA1", "-o", "json"]);
    assert_eq!((&released["device"], &released["blocked"]), (&blocked["device"], &Value::Null));
}

#[test]
fn ledger_says_who_blocked_a_device_and_who_no_longer() {
    let folder = with_device("JADA1");
    masa(&folder, &["block", "JADA1", "--reason", "stolen", "--by", "Ann"]).ok();
    masa(&folder, &["unblock", "JADA1", "--by", "Bob"]).ok();
    let ledger = rusqlite::Connection::open(folder.path("masa/ledger.sqlite")).unwrap();
    let mut find = ledger.prepare("SELECT kind, octets FROM entry WHERE kind = 'standing' ORDER BY leaf_index").unwrap();
    let rows = find.query_map((), |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
    let entries: Vec<_> = rows.map(|row| row.map(|(kind, octets)| brski_masa::Entry::from_octets(&kind, &octets).unwrap()).unwrap()).collect();
    let told = |entry: &brski_masa::Entry| match entry {
        brski_masa::Entry::Standing(standing) => (standing.blocked.clone(), standing.by.clone()),
        other => panic!("{other:?}"),
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(entries.iter().map(told).collect::<Vec<_>>(), [(text("stolen"), text("Ann")), (None, text("Bob"))]);
}

#[test]
fn device_that_was_never_made_cannot_be_blocked() {
    let error = masa(&with_device("JADA1"), &["block", "JADA2", "--reason", "stolen"]).error();
    assert_eq!(error, "error: no device with serial number JADA2 was made here");
}

#[test]
fn device_of_another_issuer_than_the_one_named_is_not_blocked() {
    let error = masa(&with_device("JADA1"), &["block", "JADA1", "--reason", "stolen", "--idevid-issuer", "0102"]).error();
    assert_eq!(error, "error: no device with serial number JADA1 was made here");
}

#[test]
fn reason_is_one_line_of_text() {
    let folder = manufacturer();
    for reason in ["", "two\nlines"] {
        assert_eq!(masa(&folder, &["block", "JADA1", "--reason", reason]).code, Some(2));
    }
}
