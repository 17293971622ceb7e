//! Well-signed requests whose leaves are missing, doubled, of the wrong kind or beyond measure.

use brski_common::{Format, Method, Payload as _, VoucherRequest};
use serde_json::{Map, Value, json};

use crate::support::{Device, Raw, Reply, World, edited};

/// What a registrar and a MASA answer to this payload in the place of an honest one, under a good signature. Neither may record anything, and both must go on.
struct Answers {
    registrar: Reply,
    masa: Reply,
}

async fn answers(make: impl Fn(&VoucherRequest) -> Raw) -> Answers {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let before = world.recorded();
    let request = device.request(&world.owner, &world.hand);
    let pvr = device.party().seal(&make(&request), Format::Cms).await.unwrap();
    let registrar = world.owner.ask(pvr.wire(), &device.peer()).await;

    let honest = device.sign(&request).await;
    let rvr = world.owner.parts.identity.seal(&make(&world.owner.request(&device, &honest)), Format::Cms).await.unwrap();
    let masa = world.maker.ask("requestvoucher", rvr.wire(), &Default::default()).await;
    if registrar.status != 200 && masa.status != 200 {
        assert_eq!(world.recorded(), before);
    }
    both_go_on(&world, &device).await;
    Answers { registrar, masa }
}

async fn both_go_on(world: &World, device: &Device) {
    let request = device.sign(&device.request(&world.owner, &world.hand)).await;
    world.owner.ask(request.wire(), &device.peer()).await.ok("application/voucher-cms+json");
}

/// Both refuse with 400 and these words.
async fn both_refuse(edit: impl Fn(&mut Map<String, Value>), words: &str) {
    let Answers { registrar, masa } = answers(|request| edited(request, &edit)).await;
    registrar.refused(400, words);
    masa.refused(400, words);
}

/// The request's JSON with `leaf` written twice, which no JSON library would write.
fn doubled(request: &VoucherRequest, leaf: &str) -> Raw {
    let text = String::from_utf8(request.encode(Format::Cms).unwrap()).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let again = format!("{{\"{leaf}\":{},", document["ietf-voucher-request:voucher"][leaf]);
    let inner = text.find(":{").unwrap() + 1;
    Raw([&text[..inner], &again, &text[inner + 1..]].concat().into_bytes())
}

#[tokio::test]
async fn request_without_serial_number_gets_400_and_both_servers_go_on() {
    both_refuse(|leaves| drop(leaves.remove("serial-number")), "serial-number is missing from the voucher-request").await;
}

#[tokio::test]
async fn leaf_that_occurs_twice_gets_400() {
    for leaf in ["serial-number", "nonce", "assertion", "created-on"] {
        let Answers { registrar, masa } = answers(|request| doubled(request, leaf)).await;
        registrar.refused(400, &format!("{leaf} occurs twice in the voucher-request"));
        masa.refused(400, &format!("{leaf} occurs twice in the voucher-request"));
    }
}

#[tokio::test]
async fn leaf_of_the_wrong_kind_gets_400_with_its_name() {
    let wrong = [
        ("serial-number", json!(1)),
        ("serial-number", json!("")),
        ("serial-number", json!("x".repeat(65))),
        ("serial-number", json!("A\n1")),
        ("nonce", json!(["a nonce"])),
        ("nonce", json!("x".repeat(129))),
        ("assertion", json!("telepathy")),
        ("assertion", json!(2)),
        ("created-on", json!("yesterday")),
        ("created-on", json!(1_790_000_000)),
        ("expires-on", json!("2026-13-01T00:00:00Z")),
        ("idevid-issuer", json!("*")),
        ("pinned-domain-cert", json!("AAAA")),
        ("proximity-registrar-cert", json!("AAAA")),
        ("proximity-registrar-pubk-sha256", json!("AAAA")),
        ("domain-cert-revocation-checks", json!("true")),
        ("extensions", json!({})),
        ("agent-sign-cert", json!([1])),
    ];
    for (leaf, value) in wrong {
        both_refuse(|leaves| drop(leaves.insert(leaf.to_owned(), value.clone())), leaf).await;
    }
}

#[tokio::test]
async fn null_is_a_wrong_value_and_no_absent_leaf() {
    for leaf in ["serial-number", "nonce", "assertion", "created-on", "expires-on"] {
        both_refuse(|leaves| drop(leaves.insert(leaf.to_owned(), Value::Null)), leaf).await;
    }
}

#[tokio::test]
async fn leaf_that_nobody_knows_is_ignored() {
    let unknown = |leaves: &mut Map<String, Value>| drop(leaves.insert("shoe-size".to_owned(), json!({"eu": 42})));
    let Answers { registrar, masa } = answers(|request| edited(request, unknown)).await;
    registrar.ok("application/voucher-cms+json");
    masa.ok("application/voucher-cms+json");
}

#[tokio::test]
async fn other_documents_than_a_request_get_400() {
    let honest = |request: &VoucherRequest| serde_json::from_slice::<Value>(&request.encode(Format::Cms).unwrap()).unwrap();
    let documents: [fn(Value) -> Value; 6] = [
        |request| json!({"ietf-voucher:voucher": request["ietf-voucher-request:voucher"]}),
        |request| json!({"ietf-voucher-request:voucher": request["ietf-voucher-request:voucher"], "ietf-voucher:voucher": {}}),
        |request| request["ietf-voucher-request:voucher"].clone(),
        |request| json!([request]),
        |_| json!({}),
        |_| json!({"ietf-voucher-request:voucher": null}),
    ];
    for document in documents {
        let Answers { registrar, masa } = answers(|request| Raw(document(honest(request)).to_string().into_bytes())).await;
        registrar.no(400);
        masa.no(400);
    }
}

#[tokio::test]
async fn payload_that_is_no_json_gets_400() {
    for octets in [&b""[..], b"\xff\xfe", b"{", b"{} {}", &b"[".repeat(30_000), &b"{\"a\":".repeat(8_000)] {
        let Answers { registrar, masa } = answers(|_| Raw(octets.to_vec())).await;
        registrar.no(400);
        masa.no(400);
    }
}

/// The registrar alone refuses what a pledge left out or should have left out.
async fn registrar_refuses(change: impl FnOnce(&World, &mut VoucherRequest), words: &str) {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let mut request = device.request(&world.owner, &world.hand);
    change(&world, &mut request);
    let before = world.recorded();
    world.owner.ask(device.sign(&request).await.wire(), &device.peer()).await.refused(403, words);
    assert!(world.owner.masa.asked().is_empty());
    assert_eq!(world.recorded(), before);
    both_go_on(&world, &device).await;
}

#[tokio::test]
async fn pledge_must_send_a_nonce() {
    registrar_refuses(|_, request| request.nonce = None, "nonce is missing from the voucher-request (RFC 8995, section 5.2)").await;
}

#[tokio::test]
async fn pledge_must_claim_proximity() {
    registrar_refuses(|_, request| request.assertion = None, "assertion is absent, expected proximity").await;
}

#[tokio::test]
async fn pledge_must_name_its_registrar() {
    registrar_refuses(|_, request| request.proximity_registrar_cert = None, "proximity-registrar-cert is missing").await;
}

#[tokio::test]
async fn pledge_may_not_enclose_a_request() {
    registrar_refuses(|_, request| request.prior_signed_voucher_request = Some(b"x".to_vec()), "prior-signed-voucher-request must not be in").await;
}

#[tokio::test]
async fn pledge_may_not_name_another_idevid_issuer() {
    let foreign = |world: &World, request: &mut VoucherRequest| {
        let issuer = world.owner.ca.certificate().subject_key_id().unwrap().to_vec();
        request.idevid_issuer = Some(brski_common::KeyIdentifier::new(issuer).unwrap());
    };
    registrar_refuses(foreign, "idevid-issuer names").await;
}
