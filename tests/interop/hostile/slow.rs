//! Clients that are never done: an octet now and then, for as long as one lets them.

use core::time::Duration;
use std::sync::Arc;
use std::thread;

use brski_common::serve::Limits;

use super::client::{Answer, Client, client_hello, knock, trickle};
use super::honest_pledge_gets_in;
use crate::world::World;

/// What the registrar gives to the one thing that a test is about.
const LIMIT: Duration = Duration::from_secs(3);

/// How many clients dawdle at once.
const CROWD: usize = 10;

/// At more than twenty octets a second these would take ten times the limit.
const OCTETS: usize = 700;

/// Any time for everything, so that what ends a connection is the one limit that a test makes short.
fn patient() -> Limits {
    let ages = Duration::from_secs(3600);
    Limits { handshake: ages, header: ages, body: ages, body_pause: ages, request: ages, idle: ages, write: ages, ..Limits::default() }
}

/// What came of a crowd that does this at once. A pledge gets in beside it, and another after it.
async fn besieged<T: Send + 'static>(limits: Limits, client: fn(&World) -> T) -> Vec<T> {
    let Some(world) = World::start_within(limits).await else { return Vec::new() };
    let world = Arc::new(world);
    let crowd: Vec<_> = (0..CROWD).map(|_| world.clone()).map(|world| thread::spawn(move || client(&world))).collect();
    honest_pledge_gets_in(&world, "HONEST1").await;
    let outcomes = crowd.into_iter().map(|client| client.join().unwrap()).collect();
    honest_pledge_gets_in(&world, "HONEST2").await;
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn handshake_that_trickles_in_is_cut_off() {
    let dawdle = |world: &World| {
        let mut stream = knock(world);
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        // Only the end makes it whole, and a hello is short: most of it is an extension that nobody knows.
        let hello = padded(client_hello(world));
        let mut heard = Vec::new();
        let sent = trickle(&mut stream, &hello, &mut heard);
        (sent < hello.len(), heard)
    };
    for outcome in besieged(Limits { handshake: LIMIT, ..patient() }, dawdle).await {
        assert_eq!(outcome, (true, Vec::new()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_that_trickles_in_is_cut_off() {
    let dawdle = |world: &World| {
        let mut client = Client::open(world, None);
        let head = format!("GET /.well-known/est/cacerts HTTP/1.1\r\nHost: registrar\r\nX: {}\r\n\r\n", "x".repeat(OCTETS));
        (client.trickle(head.as_bytes()) < head.len(), client.last_answer().map(|answer| answer.status))
    };
    for outcome in besieged(Limits { header: LIMIT, ..patient() }, dawdle).await {
        assert_eq!(outcome, (true, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn body_that_trickles_in_is_answered_before_its_end_and_the_connection_closed() {
    let dawdle = |world: &World| {
        let mut client = Client::open(world, None);
        let length = format!("Content-Length: {OCTETS}");
        client.send(format!(
            "POST /.well-known/brski/requestvoucher HTTP/1.1\r\nHost: registrar\r\nContent-Type: application/voucher-cms+json\r\n{length}\r\n\r\n"
        ));
        let sent = client.trickle(&[b'x'; OCTETS]);
        (sent < OCTETS, client.answer(), client.last_answer())
    };
    for (was_cut_off, answer, next) in besieged(Limits { body: LIMIT, ..patient() }, dawdle).await {
        assert!(was_cut_off);
        Answer::refused(&answer, 400, "could not be read to its end");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(next.is_none());
    }
}

/// The hello as a record that is never whole before [`OCTETS`] of it are there.
fn padded(hello: Vec<u8>) -> Vec<u8> {
    // The record's length is made that of what follows; the message within becomes one that ends long before the record does, which is judged when all of it is there.
    let padding = vec![0; OCTETS.saturating_sub(hello.len())];
    let [high, low] = u16::try_from(hello.len() + padding.len() - 5).unwrap().to_be_bytes();
    [&hello[..3], &[high, low], &hello[5..], &padding].concat()
}
