//! Handshakes and records of no TLS library, and no TLS at all. Who sends them is told a TLS alert at most, and never an answer.

use std::io::Write as _;
use std::net::Shutdown;

use super::client::{Client, client_hello, knock, rest};
use super::honest_pledge_gets_in;
use crate::world::World;

/// TLS's content type of an alert.
const ALERT: u8 = 0x15;

/// What comes back for these octets at the beginning of a connection that sends no more, until the server closes it.
fn told(world: &World, octets: &[u8]) -> Vec<u8> {
    let mut stream = knock(world);
    // A server that closes at once does not take them all.
    let _ = stream.write_all(octets);
    let _ = stream.shutdown(Shutdown::Write);
    rest(&mut stream)
}

#[track_caller]
fn assert_alert_at_most(told: &[u8], octets: &[u8]) {
    assert!(told.first().is_none_or(|kind| *kind == ALERT), "{octets:02x?} are answered with {told:02x?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_handshake_is_answered_with_an_alert_at_most() {
    let Some(world) = World::start().await else { return };
    let malformed: [&[u8]; 14] = [
        b"",
        &[0; 64],
        &[0xff; 64],
        // The hello of SSL 2.0.
        &[0x80, 0x2e, 0x01, 0x00, 0x02, 0x00, 0x15, 0x00, 0x00, 0x00, 0x10],
        // A content type that does not exist, and a version of the future.
        &[0xff, 0x03, 0x01, 0x00, 0x01, 0x00],
        &[0x16, 0x7f, 0x7f, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00],
        // A handshake record without content; a message of no known type; a server's message; a hello that is empty; one whose length is not its record's.
        &[0x16, 0x03, 0x01, 0x00, 0x00],
        &[0x16, 0x03, 0x01, 0x00, 0x04, 0xff, 0x00, 0x00, 0x00],
        &[0x16, 0x03, 0x01, 0x00, 0x04, 0x02, 0x00, 0x00, 0x00],
        &[0x16, 0x03, 0x01, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00],
        &[0x16, 0x03, 0x01, 0x00, 0x06, 0x01, 0x00, 0x00, 0x01, 0x03, 0x03],
        // What may only follow a handshake: an alert, a change of cipher, data.
        &[ALERT, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28],
        &[0x14, 0x03, 0x03, 0x00, 0x01, 0x01],
        &[0x17, 0x03, 0x03, 0x00, 0x05, b'h', b'e', b'l', b'l', b'o'],
    ];
    for octets in malformed {
        assert_alert_at_most(&told(&world, octets), octets);
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_that_is_cut_off_anywhere_is_answered_with_an_alert_at_most() {
    let Some(world) = World::start().await else { return };
    let hello = client_hello(&world);
    for octets in (1..hello.len()).map(|end| &hello[..end]) {
        assert_alert_at_most(&told(&world, octets), octets);
    }
    // The whole of it is a good beginning.
    assert_eq!(told(&world, &hello)[0], 0x16);
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_with_any_octet_wrong_leads_to_no_answer() {
    let Some(world) = World::start().await else { return };
    let hello = client_hello(&world);
    for position in 0..hello.len() {
        let mut octets = hello.clone();
        octets[position] ^= 0xff;
        octets.extend_from_slice(b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: registrar\r\n\r\n");
        let told = told(&world, &octets);
        assert!(!told.windows(5).any(|window| window == b"HTTP/"), "octet {position}: {told:02x?}");
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_record_is_answered_with_an_alert_at_most() {
    let Some(world) = World::start().await else { return };
    // One octet more than TLS allows of an encrypted record (RFC 5246, section 6.2.3), and the most that can be said.
    for length in [(1 << 14) + 2048 + 1, u16::MAX] {
        let [high, low] = length.to_be_bytes();
        let octets = [&[0x16, 0x03, 0x01, high, low][..], &vec![1; usize::from(length)]].concat();
        assert_alert_at_most(&told(&world, &octets), &octets[..5]);
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_handshake_message_is_not_read_to_its_end() {
    let Some(world) = World::start().await else { return };
    let mut stream = knock(&world);
    // A hello of 16 MiB in records of the usual size, more than two sockets hold.
    let content = [&[0x01, 0xff, 0xff, 0xff][..], &vec![0; 1 << 24]].concat();
    let records = content.chunks(1 << 14).map(|piece| [&[0x16, 0x03, 0x01], &u16::try_from(piece.len()).unwrap().to_be_bytes()[..], piece].concat());
    let sent = records.take_while(|record| stream.write_all(record).is_ok()).count();
    assert!(sent < content.len() >> 14, "all {sent} records were taken");
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_record_after_the_handshake_ends_the_connection_without_an_answer() {
    let Some(world) = World::start().await else { return };
    let garbage: [&[u8]; 4] = [b"GET / HTTP/1.1\r\n\r\n", &[0x17, 0x03, 0x03, 0x00, 0x20], &[0x17, 0x03, 0x03, 0xff, 0xff], &[0x16, 0x03, 0x03, 0x00, 0x20]];
    for octets in garbage {
        let mut client = Client::open(&world, None);
        // Half a request is with the server already.
        client.send("GET /.well-known/est/cacerts HTTP/1.1\r\n");
        client.send_bare(&[octets, &[0x5a; 0x20]].concat());
        assert!(client.last_answer().is_none());
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_without_tls_is_not_answered_in_http() {
    let Some(world) = World::start().await else { return };
    let body = "x".repeat(1 << 20);
    let post = format!("POST /.well-known/brski/requestvoucher HTTP/1.1\r\nHost: registrar\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let get = "GET /.well-known/est/cacerts HTTP/1.1\r\nHost: registrar\r\n\r\n";
    for request in [get, post.as_str(), "GET /\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        assert_alert_at_most(&told(&world, request.as_bytes()), &request.as_bytes()[..5]);
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}
