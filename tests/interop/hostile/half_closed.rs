//! Clients that close their own side and keep listening: with TLS's word about it (close_notify) or without, wherever they stand.

use core::time::Duration;
use std::net::Shutdown;

use brski_common::serve::Limits;

use super::client::{Client, knock, rest};
use super::honest_pledge_gets_in;
use crate::world::World;

/// A registrar that would wait for ages, so that nothing but a closed side can be why it closes.
async fn patient_world() -> Option<World> {
    let ages = Duration::from_secs(3600);
    World::start_within(Limits { handshake: ages, header: ages, body: ages, body_pause: ages, request: ages, idle: ages, write: ages, ..Limits::default() })
        .await
}

/// The status of the answer to these octets, if any, on connections whose other side is closed right after them; the registrar closes its own, too.
fn statuses(world: &World, octets: &str) -> [Option<u16>; 2] {
    [true, false].map(|with_notice| {
        let mut client = Client::open(world, None);
        client.send(octets);
        client.half_close(with_notice);
        let answer = client.last_answer();
        assert!(client.last_answer().is_none());
        answer.map(|answer| answer.status)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_half_closed_before_its_handshake_is_closed() {
    let Some(world) = patient_world().await else { return };
    let mut stream = knock(&world);
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut stream), b"");
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_half_closed_before_or_amid_a_head_is_closed_without_an_answer() {
    let Some(world) = patient_world().await else { return };
    for octets in ["", "GET /.well-known/est/ca", "GET /.well-known/est/cacerts HTTP/1.1\r\nHost: registrar\r\n"] {
        assert_eq!(statuses(&world, octets), [None, None], "{octets}");
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn body_cut_off_by_a_half_closed_connection_is_never_taken_for_whole() {
    let Some(world) = patient_world().await else { return };
    let head = "POST /.well-known/brski/requestvoucher HTTP/1.1\r\nHost: registrar\r\nContent-Type: application/voucher-cms+json\r\n";
    for rest in ["Content-Length: 100\r\n\r\nten octets", "Transfer-Encoding: chunked\r\n\r\na\r\nten octets\r\n", "Transfer-Encoding: chunked\r\n\r\na\r\nten"]
    {
        for status in statuses(&world, &format!("{head}{rest}")) {
            assert!(matches!(status, None | Some(400)), "{rest}: {status:?}");
        }
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_that_half_closed_behind_its_request_gets_its_voucher_when_it_asks_again() {
    let Some(world) = patient_world().await else { return };
    world.manufacture("JADA1").await;
    let request = world.pledges_request("JADA1", crate::requests::NONCE, "");
    let fields = "Host: registrar\r\nContent-Type: application/voucher-cms+json\r\nContent-Length";
    let octets = [format!("POST /.well-known/brski/requestvoucher HTTP/1.1\r\n{fields}: {}\r\n\r\n", request.len()).as_bytes(), &request].concat();
    for with_notice in [true, false] {
        let mut client = Client::open(&world, Some("JADA1"));
        client.send(&octets);
        client.half_close(with_notice);
        // Whoever leaves may miss the answer, but never gets half of one.
        assert!(client.last_answer().is_none_or(|answer| answer.status == 200));
    }
    let mut client = Client::open(&world, Some("JADA1"));
    client.send(&octets);
    assert_eq!(client.answer().status, 200);
    honest_pledge_gets_in(&world, "HONEST").await;
}
