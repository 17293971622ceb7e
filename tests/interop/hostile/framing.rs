//! Bodies in odd wrappings. Pieces (chunked) are HTTP/1.1's own and put together; a compressed body is nobody's voucher-request.

use super::client::Client;
use super::honest_pledge_gets_in;
use crate::requests::NONCE;
use crate::world::{IDEVID, World};

const START: &str = "POST /.well-known/brski/requestvoucher HTTP/1.1\r\nHost: registrar\r\nContent-Type: application/voucher-cms+json\r\n";

/// What the registrar answers to a body in chunked framing, which this is already.
fn chunked(world: &World, framed: &[u8]) -> Option<u16> {
    let mut client = Client::open(world, Some("JADA1"));
    client.send([START.as_bytes(), b"Transfer-Encoding: chunked\r\n\r\n", framed].concat());
    client.last_answer().map(|answer| answer.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn body_in_pieces_of_one_octet_is_put_together() {
    let Some(world) = World::with_pledge().await else { return };
    let pieces = world.openssl.read("pvr.der").into_iter().flat_map(|octet| [&b"1\r\n"[..], &[octet], b"\r\n"].concat());
    let framed: Vec<u8> = pieces.chain(*b"0;name=value\r\nTrailer: value\r\n\r\n").collect();
    assert_eq!(chunked(&world, &framed), Some(200));
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn body_in_malformed_pieces_is_refused() {
    let Some(world) = World::with_pledge().await else { return };
    let endless_extension = [b"1;", &b"x".repeat(100_000)[..]].concat();
    let malformed: [&[u8]; 6] =
        [b"fffffffffffffffff\r\nx\r\n0\r\n\r\n", b"-1\r\nx\r\n0\r\n\r\n", b"0x1\r\nx\r\n0\r\n\r\n", b"1\r\nxx\r\n0\r\n\r\n", b"\r\n\r\n", &endless_extension];
    for framed in malformed {
        assert_eq!(chunked(&world, framed), Some(400), "{:?}", String::from_utf8_lossy(&framed[..framed.len().min(40)]));
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn body_in_more_pieces_than_the_limit_is_too_large() {
    let Some(world) = World::with_pledge().await else { return };
    let framed = [b"1000\r\n", &[b'x'; 0x1000][..], b"\r\n"].concat().repeat(17);
    assert_eq!(chunked(&world, &framed), Some(413));
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_body_is_refused_with_what_would_be_right() {
    let Some(world) = World::with_pledge().await else { return };
    world.openssl.write("pvr.gz", gzip(&world.openssl.read("pvr.der")));
    let posted = "--header Content-Encoding:gzip --data-binary @pvr.gz";
    let replies = [
        ("application/voucher-cms+json", "brski/requestvoucher"),
        ("application/json", "brski/voucher_status"),
        ("application/json", "brski/enrollstatus"),
        ("application/pkcs10", "est/simpleenroll"),
        ("application/pkcs10", "est/simplereenroll"),
    ]
    .map(|(typed, resource)| world.ask_registrar(resource, &format!("--insecure {IDEVID} --header Content-Type:{typed} {posted}")));
    let masas = world.ask_masa("requestvoucher", &format!("--header Content-Type:application/voucher-cms+json {posted}")).finish().unwrap();
    for reply in replies.iter().chain([&masas]) {
        assert_eq!((reply.status, reply.header("accept-encoding")), (415, Some("identity")), "{reply:?}");
        assert_eq!(reply.text(), "the body has the content encoding gzip, expected none: no encoding is undone here");
    }
    // The same request as it is.
    assert_eq!(world.ask_for_voucher("--header Content-Encoding:identity").status, 200);
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_body_that_does_not_say_so_is_no_request() {
    let Some(world) = World::with_pledge().await else { return };
    let body = gzip(&world.pledges_request("JADA1", NONCE, ""));
    let framed = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    for coding in ["chunked", "gzip, chunked"] {
        let mut client = Client::open(&world, Some("JADA1"));
        client.send([START.as_bytes(), format!("Transfer-Encoding: {coding}\r\n\r\n").as_bytes(), &framed].concat());
        client.answer().refused(400, "CMS is not valid DER");
    }
    assert!(world.relayed().is_empty());
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_is_never_compressed() {
    let Some(world) = World::with_pledge().await else { return };
    let reply = world.ask_for_voucher("--header Accept-Encoding:gzip,br,deflate");
    assert_eq!((reply.status, reply.header("content-encoding")), (200, None));
    honest_pledge_gets_in(&world, "HONEST").await;
}

/// In gzip's format (RFC 1952) without compression.
fn gzip(octets: &[u8]) -> Vec<u8> {
    let length = u16::try_from(octets.len()).unwrap();
    let stored = [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), octets].concat();
    [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff][..], &stored, &crc32(octets).to_le_bytes(), &u32::from(length).to_le_bytes()].concat()
}

fn crc32(octets: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !octets.iter().fold(u32::MAX, |crc, octet| (0..8).fold(crc ^ u32::from(*octet), |crc, _| step(crc)))
}
