//! Clients that do not wait for an answer before they ask again, and clients that hide one request in another.

use super::client::Client;
use super::honest_pledge_gets_in;
use crate::requests::NONCE;
use crate::world::World;

/// A request for a voucher.
fn voucher_request(body: &[u8]) -> Vec<u8> {
    let fields = format!("Host: registrar\r\nContent-Type: application/voucher-cms+json\r\nContent-Length: {}", body.len());
    [format!("POST /.well-known/brski/requestvoucher HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes(), body].concat()
}

fn get(resource: &str) -> Vec<u8> {
    format!("GET /.well-known/est/{resource} HTTP/1.1\r\nHost: registrar\r\n\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_sent_at_once_are_answered_in_order_and_each_judged_by_itself() {
    let Some(world) = World::with_pledge().await else { return };
    world.manufacture("JADA2").await;
    let (own, of_another) = (world.openssl.read("pvr.der"), world.pledges_request("JADA2", NONCE, ""));
    let enrollment = b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: registrar\r\nContent-Type: application/pkcs10\r\nContent-Length: 4\r\n\r\nMAA=";
    let encoded = b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: registrar\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nMAA=";
    let requests = [
        enrollment.to_vec(),
        get("cacerts"),
        encoded.to_vec(),
        voucher_request(&of_another),
        voucher_request(&own),
        voucher_request(b"garbage"),
        get("serverkeygen"),
        voucher_request(&of_another),
        get("csrattrs"),
        voucher_request(&own),
    ];
    let mut client = Client::open(&world, Some("JADA1"));
    client.send(requests.concat());
    let answers = requests.map(|_| client.answer());
    assert_eq!(answers.each_ref().map(|answer| answer.status), [400, 200, 415, 403, 200, 400, 405, 403, 200, 200]);
    let types = [1, 4, 8, 9].map(|number| answers[number].header("content-type").unwrap());
    assert_eq!(
        types,
        ["application/pkcs7-mime; smime-type=certs-only", "application/voucher-cms+json", "application/csrattrs", "application/voucher-cms+json"]
    );
    answers[3].refused(403, "is signed by");
    // The same request again, and the same voucher.
    assert_eq!(answers[4].body, answers[9].body);
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_behind_one_that_ends_the_connection_are_not_answered() {
    let Some(world) = World::with_pledge().await else { return };
    let closing = b"GET /.well-known/est/csrattrs HTTP/1.1\r\nHost: registrar\r\nConnection: close\r\n\r\n".to_vec();
    let too_large = voucher_request(&vec![b'x'; 70_000]);
    for (last, status) in [(closing, 200), (too_large, 413)] {
        let mut client = Client::open(&world, Some("JADA1"));
        client.send([&last[..], &voucher_request(&world.openssl.read("pvr.der"))].concat());
        assert_eq!(client.answer().status, status);
        assert!(client.last_answer().is_none());
    }
    assert!(world.relayed().is_empty());
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousand_requests_sent_at_once_are_answered_one_by_one() {
    let Some(world) = World::start().await else { return };
    let mut client = Client::open(&world, None);
    client.send(get("csrattrs").repeat(1000));
    let first = client.answer();
    assert_eq!(first.status, 200);
    for _ in 1..1000 {
        assert_eq!(client.answer().body, first.body);
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}

/// A good request hidden where a proxy and a server might disagree about the end of the one before it: nobody answers the hidden one.
#[tokio::test(flavor = "multi_thread")]
async fn request_hidden_behind_two_lengths_is_not_answered() {
    let Some(world) = World::with_pledge().await else { return };
    let hidden = voucher_request(&world.openssl.read("pvr.der"));
    let start = "POST /.well-known/brski/requestvoucher HTTP/1.1\r\nHost: registrar\r\nContent-Type: application/voucher-cms+json\r\n";
    for lengths in [
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 3\r\nContent-Length: 0\r\n\r\n0\r\n",
        "Content-Length: +0\r\n\r\n",
        "Content-Length: 0, 0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Content-Length\r\n : 0\r\n\r\n",
    ] {
        let mut client = Client::open(&world, Some("JADA1"));
        client.send([start.as_bytes(), lengths.as_bytes(), &hidden].concat());
        let answers: Vec<u16> = core::iter::from_fn(|| client.last_answer()).map(|answer| answer.status).collect();
        assert_eq!(answers, [400], "{lengths:?}");
    }
    assert!(world.relayed().is_empty());
    honest_pledge_gets_in(&world, "HONEST").await;
}
