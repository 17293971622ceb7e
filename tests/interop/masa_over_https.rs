//! `curl` as a registrar: the request is made and signed by `openssl`, the voucher is verified by it.

use serde_json::{Value, json};

use crate::curl::Reply;
use crate::pki::{certificate, identifier};
use crate::requests::{NONCE, VOUCHER, base64, expected_voucher, verified};
use crate::world::{World, post_voucher_request};

/// A world with the pledge JADA1 and a registrar's request for it, `rvr.der`, signed with a key on this curve and these options.
async fn world_with_request(curve: &'static str, options: &str) -> Option<World> {
    let world = World::start_on(curve).await?;
    world.manufacture("JADA1").await;
    world.openssl.write("rvr.der", world.registrars_request("JADA1", NONCE, options));
    Some(world)
}

fn ask(world: &World, resource: &str, arguments: &str) -> Reply {
    world.ask_masa(resource, &format!("--cert registrar-chain.pem --key registrar.key {arguments}")).finish().unwrap()
}

async fn voucher_for_request_of_openssl_is_verified_by_it(curve: &'static str, options: &str, tls: &str) {
    let Some(world) = world_with_request(curve, options).await else { return };
    let reply = ask(&world, "requestvoucher", &format!("{tls} {}", post_voucher_request("rvr.der")));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/voucher-cms+json")), "{reply:?}");

    let (voucher, enclosed) = verified(&world.openssl, &reply.body, "services", VOUCHER);
    assert_eq!(voucher, expected_voucher(&world.openssl));
    assert!(enclosed.contains(&certificate(&world.openssl, "voucher")));
}

#[tokio::test(flavor = "multi_thread")]
async fn request_is_answered_over_tls_1_3() {
    voucher_for_request_of_openssl_is_verified_by_it("P-256", "", "--tlsv1.3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_is_answered_over_tls_1_2() {
    voucher_for_request_of_openssl_is_verified_by_it("P-256", "", "--tls-max 1.2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streamed_request_is_answered() {
    voucher_for_request_of_openssl_is_verified_by_it("P-256", "-stream", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_signed_on_p384_is_answered() {
    voucher_for_request_of_openssl_is_verified_by_it("P-384", "-md sha384", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streamed_request_signed_on_p384_is_answered() {
    voucher_for_request_of_openssl_is_verified_by_it("P-384", "-md sha384 -stream", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_that_names_its_signer_by_key_identifier_is_answered() {
    voucher_for_request_of_openssl_is_verified_by_it("P-256", "-keyid", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn same_request_gets_the_same_leaves_again() {
    let Some(world) = world_with_request("P-256", "").await else { return };
    for _ in 0..2 {
        let reply = ask(&world, "requestvoucher", &post_voucher_request("rvr.der"));
        let (voucher, _) = verified(&world.openssl, &reply.body, "services", VOUCHER);
        assert_eq!(voucher, expected_voucher(&world.openssl));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_log_tells_of_the_voucher() {
    let Some(world) = world_with_request("P-256", "").await else { return };
    let request = "--header Content-Type:application/voucher-cms+json --header Accept:application/json --data-binary @rvr.der";
    assert_eq!(ask(&world, "requestauditlog", request).status, 404);
    assert_eq!(ask(&world, "requestvoucher", &post_voucher_request("rvr.der")).status, 200);

    let reply = ask(&world, "requestauditlog", request);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let mut log: Value = serde_json::from_slice(&reply.body).unwrap();
    assert!(log["events"][0]["date"].take().is_string());
    let domain = base64(&world.openssl, &identifier(&world.openssl, "domain-ca", "subjectKeyIdentifier"));
    assert_eq!(log, json!({ "version": 1, "events": [{ "assertion": "proximity", "date": null, "domainID": domain, "nonce": NONCE }] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_is_a_sentence_in_plain_text() {
    let Some(world) = world_with_request("P-256", "").await else { return };
    world.openssl.write("rvr.der", b"no request");
    let reply = ask(&world, "requestvoucher", &post_voucher_request("rvr.der"));
    assert_eq!((reply.status, reply.header("content-type")), (400, Some("text/plain; charset=utf-8")));
    assert!(!reply.text().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn body_of_another_type_is_refused() {
    let Some(world) = world_with_request("P-256", "").await else { return };
    let reply = ask(&world, "requestvoucher", "--header Content-Type:application/json --data-binary @rvr.der");
    assert_eq!(reply.status, 415);
}
