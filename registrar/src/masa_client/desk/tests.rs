use brski_common::time::at;
use brski_common::{Format, MasaUrl, Signed};

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
        device: id,
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
                INSERT INTO question SELECT randomblob(32), randomblob(32), manufacturer, url, request_type, request, pledge_request, wanted, asked_at, not_before,
                ticket, tries, NULL, NULL, NULL FROM question, n";
    Connection::open(scratch.file()).unwrap().execute(many, [BOUNDS.questions]).unwrap();
    assert_eq!((put(&desk, 2, 1), put(&desk, 1, 1)), (Standing::Full, open(0)));
}

fn about(device: u8, number: u64) -> Task {
    Task { device: [device; 32], ..task(number) }
}

#[test]
fn questions_about_one_device_beyond_its_share_are_not_put_down_until_one_is_answered() {
    let scratch = Scratch::new();
    let desk = SqliteDesk::open(scratch.file()).unwrap();
    let put = |device, number| block_on(desk.put(about(device, number), at(NOW))).unwrap();
    for number in 1..=4 {
        assert_eq!(put(1, number), open(0));
    }
    assert_eq!((put(1, 5), put(1, 4), put(2, 6)), (Standing::Crowded(4), open(0), open(0)));
    let taken = take(&desk, 0).unwrap();
    assert!(block_on(desk.end(&taken, &refused(), at(NOW))).unwrap());
    assert_eq!((put(1, 5), put(1, 7)), (open(0), Standing::Crowded(4)));
}

#[test]
fn answers_that_a_device_does_not_come_for_are_kept_up_to_its_share() {
    let scratch = Scratch::new();
    let desk = SqliteDesk::open(scratch.file()).unwrap();
    for number in 1..=9 {
        assert_eq!(block_on(desk.put(about(1, number), at(NOW + number))).unwrap(), open(number));
        let taken = take(&desk, number).unwrap();
        assert!(block_on(desk.end(&taken, &refused(), at(NOW + number))).unwrap());
    }
    let kept: i64 = Connection::open(scratch.file()).unwrap().query_row("SELECT count(*) FROM question", [], |row| row.get(0)).unwrap();
    assert_eq!((kept, block_on(desk.put(about(1, 9), at(NOW + 10))).unwrap()), (5, Standing::Ended(refused())));
}

/// A desk with room for so many octets of questions and answers, and of answers that are remembered.
fn narrow(scratch: &Scratch, octets: i64) -> SqliteDesk {
    SqliteDesk::bounded(&scratch.file(), Bounds { octets, octets_of_answers: octets, ..BOUNDS }).unwrap()
}

#[test]
fn questions_take_up_no_more_than_half_of_the_octets() {
    let scratch = Scratch::new();
    let each = i64::try_from(task(1).request.wire().len()).unwrap();
    let desk = narrow(&scratch, 4 * each);
    assert_eq!([1, 2, 3].map(|number| put(&desk, number, 0)), [open(0), open(0), Standing::Full]);
}

#[test]
fn answer_for_which_there_is_no_room_is_not_written_down() {
    let scratch = Scratch::new();
    let desk = narrow(&scratch, 100);
    put(&desk, 1, 0);
    let taken = take(&desk, 0).unwrap();
    let long = Stored::Refused { status: 403, sentence: "n".repeat(100) };
    assert!(!block_on(desk.end(&taken, &long, at(NOW))).unwrap());
    assert_eq!(put(&desk, 1, 1), open(0));
    assert!(block_on(desk.end(&taken, &refused(), at(NOW))).unwrap());
    assert_eq!(put(&desk, 1, 2), Standing::Ended(refused()));
}

#[test]
fn oldest_remembered_answers_make_room_when_there_are_too_many_octets() {
    use crate::masa_client::answers::tests::{answer, key};
    use crate::masa_client::{AnswerKey, AnswerStore};
    let scratch = Scratch::new();
    let desk = narrow(&scratch, 1000);
    let recalled = |key: AnswerKey| block_on(desk.recall(key, at(NOW + 3))).unwrap().is_some();
    for octet in 1..=3 {
        block_on(desk.remember(key(octet), answer(&[octet; 200]), at(NOW + u64::from(octet)))).unwrap();
    }
    assert_eq!([1, 2, 3].map(|octet| recalled(key(octet))), [false, true, true]);
}

#[test]
fn file_of_an_older_version_is_begun_anew() {
    let scratch = Scratch::new();
    let older = format!("CREATE TABLE question (id BLOB PRIMARY KEY); PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1;");
    Connection::open(scratch.file()).unwrap().execute_batch(&older).unwrap();
    assert_eq!(put(&SqliteDesk::open(scratch.file()).unwrap(), 1, 0), open(0));
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
#[cfg(unix)]
fn group_whose_folder_it_lies_in_may_use_the_file_and_those_beside_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new();
    let folder = scratch.file().with_extension("shared");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o2770)).unwrap();
    let desk = SqliteDesk::open(folder.join("masas.sqlite")).unwrap();
    put(&desk, 1, 0);
    let mode = |name: &str| std::fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(["masas.sqlite", "masas.sqlite-wal", "masas.sqlite-shm"].map(mode), [0o660; 3]);
    drop(desk);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn database_of_another_program_is_left_alone() {
    let scratch = Scratch::new();
    Connection::open(scratch.file()).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(SqliteDesk::open(scratch.file()), Err(QuestionsError::Damaged(_))));
}
