use brski_common::time::at;
use brski_common::{Format, MasaUrl, Signed};

use super::questions::MOST_QUESTIONS;
use super::*;
use crate::masa_client::stored::Stored;
use crate::pledges::Scratch;
use crate::testing::{NOW, block_on};

const DAY: u64 = 86_400;

fn task(number: u64) -> Task {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Task {
        id,
        manufacturer: "Maker".to_owned(),
        url: MasaUrl::new("masa.example.com").unwrap(),
        request: Signed::from_wire(Format::Jws, *b"a voucher-request"),
        errand: Errand::Voucher { pledge_request: [7; 32], wanted: Format::Cose },
        ticket: 0,
        tries: 0,
    }
}

fn refused() -> Stored {
    Stored::Refused { status: 403, sentence: "no".to_owned() }
}

fn put(desk: &SqliteDesk, number: u64, after: u64) -> Standing {
    block_on(desk.put(task(number), at(NOW + after))).unwrap()
}

fn take(desk: &SqliteDesk, after: u64) -> Option<Task> {
    block_on(desk.take(at(NOW + after), at(NOW + after + 120))).unwrap()
}

fn open(after: u64) -> Standing {
    Standing::Open { since: at(NOW + after), trouble: None }
}

#[test]
fn question_is_taken_up_as_it_was_put_down() {
    let scratch = Scratch::new();
    let desk = SqliteDesk::open(scratch.file()).unwrap();
    assert_eq!(put(&desk, 1, 0), open(0));
    let taken = take(&desk, 1).unwrap();
    let as_put = Task { ticket: 1, ..task(1) };
    assert_eq!(format!("{taken:?}"), format!("{as_put:?}"));
    assert_eq!(taken.request.wire(), task(1).request.wire());
}

#[test]
fn question_that_one_worker_has_is_given_to_no_other_until_its_time_is_over() {
    let scratch = Scratch::new();
    let (one, other) = (SqliteDesk::open(scratch.file()).unwrap(), SqliteDesk::open(scratch.file()).unwrap());
    put(&one, 1, 0);
    assert_eq!(take(&one, 1).map(|task| task.ticket), Some(1));
    assert!(take(&other, 120).is_none());
    assert_eq!(take(&other, 121).map(|task| task.ticket), Some(2));
}

#[test]
fn answer_of_a_worker_whose_time_was_over_does_not_count() {
    let scratch = Scratch::new();
    let desk = SqliteDesk::open(scratch.file()).unwrap();
    put(&desk, 1, 0);
    let late = take(&desk, 0).unwrap();
    let current = take(&desk, 120).unwrap();
    block_on(desk.end(&late, &Stored::Later { seconds: 1 }, at(NOW + 121))).unwrap();
    assert_eq!(put(&desk, 1, 122), open(0));
    block_on(desk.end(&current, &refused(), at(NOW + 123))).unwrap();
    assert_eq!(put(&desk, 1, 124), Standing::Ended(refused()));
}

#[test]
fn question_survives_the_processes_that_know_of_it() {
    let scratch = Scratch::new();
    put(&SqliteDesk::open(scratch.file()).unwrap(), 1, 0);
    let taken = take(&SqliteDesk::open(scratch.file()).unwrap(), 1).unwrap();
    block_on(SqliteDesk::open(scratch.file()).unwrap().end(&taken, &refused(), at(NOW + 2))).unwrap();
    assert_eq!(put(&SqliteDesk::open(scratch.file()).unwrap(), 1, 3), Standing::Ended(refused()));
}

#[test]
fn outcome_is_told_once() {
    let scratch = Scratch::new();
    let desk = SqliteDesk::open(scratch.file()).unwrap();
    put(&desk, 1, 0);
    let taken = take(&desk, 0).unwrap();
    block_on(desk.end(&taken, &refused(), at(NOW))).unwrap();
    assert_eq!((put(&desk, 1, 1), put(&desk, 1, 2)), (Standing::Ended(refused()), open(2)));
}

#[test]
fn outcome_for_which_nobody_came_within_an_hour_is_asked_for_anew() {
    let scratch = Scratch::new();
    let desk = SqliteDesk::open(scratch.file()).unwrap();
    put(&desk, 1, 0);
    let taken = take(&desk, 0).unwrap();
    block_on(desk.end(&taken, &refused(), at(NOW))).unwrap();
    assert_eq!(put(&desk, 1, 3600), open(3600));
}

#[test]
fn question_without_answer_rests_and_says_why() {
    let scratch = Scratch::new();
    let desk = SqliteDesk::open(scratch.file()).unwrap();
    put(&desk, 1, 0);
    let taken = take(&desk, 0).unwrap();
    block_on(desk.put_back(&taken, "nobody is there".to_owned(), at(NOW + 10))).unwrap();
    assert_eq!(put(&desk, 1, 1), Standing::Open { since: at(NOW), trouble: Some("nobody is there".to_owned()) });
    assert!(take(&desk, 9).is_none());
    assert_eq!(take(&desk, 10).map(|task| task.tries), Some(1));
}

#[test]
fn question_is_asked_with_the_request_that_was_signed_last() {
    let scratch = Scratch::new();
    let desk = SqliteDesk::open(scratch.file()).unwrap();
    put(&desk, 1, 0);
    block_on(desk.put(Task { request: Signed::from_wire(Format::Jws, *b"signed again"), ..task(1) }, at(NOW + 1))).unwrap();
    assert_eq!(take(&desk, 1).unwrap().request.wire(), b"signed again");
}

#[test]
fn question_is_given_up_after_four_days() {
    let scratch = Scratch::new();
    let desk = SqliteDesk::open(scratch.file()).unwrap();
    put(&desk, 1, 0);
    assert!(take(&desk, 4 * DAY).is_none());
    assert_eq!(put(&desk, 1, 4 * DAY), open(4 * DAY));
}

#[test]
fn questions_beyond_the_bound_are_not_put_down() {
    let scratch = Scratch::new();
    let desk = SqliteDesk::open(scratch.file()).unwrap();
    put(&desk, 1, 0);
    let many = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                INSERT INTO question SELECT randomblob(32), manufacturer, url, request_type, request, pledge_request, wanted, asked_at, not_before, ticket, tries,
                NULL, NULL, NULL FROM question, n";
    Connection::open(scratch.file()).unwrap().execute(many, [MOST_QUESTIONS]).unwrap();
    assert_eq!((put(&desk, 2, 1), put(&desk, 1, 1)), (Standing::Full, open(0)));
}

#[test]
fn question_that_cannot_be_read_does_not_hold_the_others_up() {
    let scratch = Scratch::new();
    let desk = SqliteDesk::open(scratch.file()).unwrap();
    put(&desk, 1, 0);
    Connection::open(scratch.file()).unwrap().execute("UPDATE question SET request_type = 'text/html'", []).unwrap();
    put(&desk, 2, 1);
    assert!(take(&desk, 2).is_none());
    assert_eq!(take(&desk, 2).map(|task| task.id), Some(task(2).id));
}

#[test]
#[cfg(unix)]
fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new();
    let _desk = SqliteDesk::open(scratch.file()).unwrap();
    assert_eq!(std::fs::metadata(scratch.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn database_of_another_program_is_left_alone() {
    let scratch = Scratch::new();
    Connection::open(scratch.file()).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(SqliteDesk::open(scratch.file()), Err(DeskError::Damaged(_))));
}
