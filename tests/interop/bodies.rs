//! Requests of unusual size and framing, and answers in the framing that EST clients need.

use std::fs::File;

use crate::curl::Reply;
use crate::world::{IDEVID, World};

const MIB: u64 = 1024 * 1024;

/// What two sockets may hold between a client that sends at once and a server that says no at once.
const BUFFERS: u64 = 32 * MIB;

/// The most memory that this process ever had, in octets; none where the system does not tell.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(peak.trim().strip_suffix(" kB")?.parse::<u64>().unwrap() * 1024)
}

/// 200 MiB are announced or streamed: no more than so many octets leave the client, and they are not kept.
async fn huge_body_is_refused(arguments: &str, most_sent: u64) {
    let Some(world) = World::start().await else { return };
    File::create(world.openssl.path("huge")).unwrap().set_len(200 * MIB).unwrap();
    let before = peak_memory();
    let upload = format!("--request POST --upload-file huge --header Content-Type:application/voucher-cms+json {arguments}");
    let replies = [
        world.ask_masa("requestvoucher", &upload).finish().unwrap(),
        world.ask_registrar("brski/requestvoucher", &format!("--insecure {upload}")),
        world.ask_registrar("est/simpleenroll", &format!("--insecure {upload}")),
    ];
    for reply in &replies {
        assert_eq!(reply.status, 413, "{reply:?}");
        assert!(reply.sent <= most_sent, "{} octets were taken", reply.sent);
    }
    // Tests beside this one need some memory, too; and the system counts roughly, so that the peak may even sink.
    assert!(peak_memory().zip(before).is_none_or(|(after, before)| after < before + 64 * MIB));
    assert_eq!(world.ask_registrar("est/cacerts", "--insecure").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_body_is_refused_before_it_is_sent() {
    huge_body_is_refused("--expect100-timeout 20", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_body_that_comes_at_once_is_refused() {
    huge_body_is_refused("--header Expect:", BUFFERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_body_of_unknown_length_is_refused() {
    huge_body_is_refused("--header Expect: --header Transfer-Encoding:chunked", BUFFERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_request_is_answered_and_harmless() {
    let Some(world) = World::with_pledge().await else { return };
    let reply = world.ask_registrar(
        "brski/requestvoucher",
        &format!("--insecure {IDEVID} --header Connection:close --header Accept:*/* --header Content-Type: --data-binary @/dev/null"),
    );
    assert_eq!(reply.status, 400);
    assert_eq!(world.ask_for_voucher("").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_serves_several_requests() {
    let Some(world) = World::start().await else { return };
    let again = format!("--insecure --output first https://{}/.well-known/est/csrattrs", world.registrar_address);
    let reply = world.ask_registrar("est/cacerts", &again);
    assert_eq!((reply.status, reply.connections), (200, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_is_closed_for_a_client_that_says_so() {
    let Some(world) = World::start().await else { return };
    let again = format!("--insecure --header Connection:close --output first https://{}/.well-known/est/csrattrs", world.registrar_address);
    let reply = world.ask_registrar("est/cacerts", &again);
    assert_eq!((reply.status, reply.connections), (200, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn chunked_request_is_read() {
    let Some(world) = World::with_pledge().await else { return };
    let reply = world.ask_for_voucher("--header Transfer-Encoding:chunked");
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_over_http_1_0_is_answered() {
    let Some(world) = World::with_pledge().await else { return };
    assert_eq!(world.ask_for_voucher("--http1.0 --no-alpn").status, 200);
}

/// What libest's client needs: the length stated, base64 in short lines, the type without anything added.
fn assert_framing_for_est(reply: &Reply, media_type: &str) {
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(media_type)), "{reply:?}");
    assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
    assert_eq!(reply.header("transfer-encoding"), None);
    let lines: Vec<&str> = reply.text().lines().collect();
    let is_base64 = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=');
    assert!(lines.len() > 1 && lines.iter().all(|line| (1..=76).contains(&line.len()) && line.bytes().all(is_base64)));
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_framed_as_est_clients_need() {
    let Some(world) = World::start().await else { return };
    assert_framing_for_est(&world.ask_registrar("est/cacerts", "--insecure"), "application/pkcs7-mime; smime-type=certs-only");
}

#[tokio::test(flavor = "multi_thread")]
async fn ldevid_is_framed_as_est_clients_need() {
    let Some(world) = World::with_pledge().await else { return };
    assert_eq!(world.ask_for_voucher("").status, 200);
    world.openssl.run("req -new -config pki.cnf -newkey ed25519 -nodes -keyout new.key -subj /serialNumber=JADA1 -outform DER -out new.csr");
    world.openssl.run("base64 -in new.csr -out new.csr.base64");
    let reply = world.ask_registrar("est/simpleenroll", &format!("--insecure {IDEVID} --header Content-Type:application/pkcs10 --data-binary @new.csr.base64"));
    assert_framing_for_est(&reply, "application/pkcs7-mime; smime-type=certs-only");
}
