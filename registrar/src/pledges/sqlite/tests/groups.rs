use super::*;
use crate::pledges::sqlite::queue::{self, Job};
use crate::testing::now;
use crate::trail::What;

fn event(sentence: &str) -> Event {
    Event { at: now(), pledge: None, what: What::Strangers { sentence: sentence.to_owned(), count: 1 } }
}

/// A connection to a new store, for jobs in one group.
fn connection(scratch: &Scratch) -> Connection {
    drop(SqlitePledges::open(scratch.file()).unwrap());
    let connection = Connection::open(scratch.file()).unwrap();
    prepare(&connection).unwrap();
    connection
}

fn size(connection: &Connection) -> u64 {
    trail::edge(connection).unwrap().size()
}

/// Commits these jobs as one group, and says what each was answered.
fn commit(connection: &Connection, jobs: Vec<(Job, oneshot::Receiver<Result<(), StoreError>>)>) -> Vec<Result<(), String>> {
    let (writes, answers): (Vec<_>, Vec<_>) = jobs
        .into_iter()
        .map(|(job, answer)| match job {
            Job::Write(write) => (write, answer),
            Job::Read(_) => panic!("a job that writes"),
        })
        .unzip();
    queue::commit(connection, writes);
    answers.into_iter().map(|mut answer| answer.try_recv().unwrap().unwrap().map_err(|err| err.to_string())).collect()
}

fn appends(sentence: &'static str) -> (Job, oneshot::Receiver<Result<(), StoreError>>) {
    Job::write(move |connection| trail::append(connection, &event(sentence)))
}

/// Appends, and then finds that it should not have.
fn fails() -> (Job, oneshot::Receiver<Result<(), StoreError>>) {
    Job::write(|connection| {
        trail::append(connection, &event("never"))?;
        Err(StoreError::NotAdmitted(SpkiDigest([1; 32])))
    })
}

#[test]
fn job_that_fails_leaves_nothing_and_spoils_no_other() {
    let scratch = Scratch::new();
    let connection = connection(&scratch);
    let answers = commit(&connection, vec![appends("a"), fails(), appends("b")]);
    let failed = Err(StoreError::NotAdmitted(SpkiDigest([1; 32])).to_string());
    assert_eq!(answers, [Ok(()), failed, Ok(())]);
    let events: Vec<Event> = trail::events(&connection, 0, 9).unwrap().iter().map(|octets| serde_json::from_slice(octets).unwrap()).collect();
    assert_eq!(events, [event("a"), event("b")]);
}

#[test]
fn group_that_cannot_be_written_is_unavailable_to_everybody_and_leaves_nothing() {
    let scratch = Scratch::new();
    let connection = connection(&scratch);
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    connection.pragma_update(None, "max_page_count", pages).unwrap();
    let large: &'static str = Box::leak("x".repeat(1 << 20).into_boxed_str());
    let answers = commit(&connection, vec![appends("small"), appends(large)]);
    let unavailable = Err("the store of pledges did not answer".to_owned());
    assert_eq!(answers, [unavailable.clone(), unavailable]);
    assert_eq!(size(&connection), 0);

    connection.pragma_update(None, "max_page_count", 1 << 20).unwrap();
    assert_eq!(commit(&connection, vec![appends("small")]), [Ok(())]);
    assert_eq!(size(&connection), 1);
}

#[test]
fn store_that_another_process_keeps_locked_is_unavailable() {
    let scratch = Scratch::new();
    let connection = connection(&scratch);
    connection.busy_timeout(core::time::Duration::ZERO).unwrap();
    let other = Connection::open(scratch.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(commit(&connection, vec![appends("a")]), [Err("the store of pledges did not answer".to_owned())]);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(commit(&connection, vec![appends("a")]), [Ok(())]);
}

#[test]
fn several_processes_append_to_one_trail() {
    let scratch = Scratch::new();
    let stores = [SqlitePledges::open(scratch.file()).unwrap(), SqlitePledges::open(scratch.file()).unwrap()];
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(move || (0..50).for_each(|_| block_on(store.note(event("a"))).unwrap()));
        }
    });
    assert_eq!(block_on(stores[0].head()).unwrap(), block_on(stores[1].head()).unwrap());
    assert_eq!(block_on(stores[0].head()).unwrap().size, 100);
    assert_eq!(verify(&scratch.file(), &[], &[]).unwrap().events, 100);
}

#[test]
fn notes_of_many_at_once_are_all_kept() {
    let scratch = Scratch::new();
    let store = SqlitePledges::open(scratch.file()).unwrap();
    let waiting: Vec<_> = (0..300).map(|_| store.note(event("a"))).collect();
    waiting.into_iter().for_each(|noted| block_on(noted).unwrap());
    assert_eq!(block_on(store.head()).unwrap().size, 300);
}
