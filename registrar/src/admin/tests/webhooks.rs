//! What step-ca's webhooks are told, and that nobody else can ask as one.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::{Signer as _, SoftwareKey};

use super::*;

/// Octets 0 to 23, as `step ca provisioner webhook add` would show them.
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// One that goes by keys, and one that believes the subject.
pub(super) fn hooks() -> Vec<Webhook> {
    vec![Webhook::new("by-key", SECRET, false).unwrap(), Webhook::new("by-subject", SECRET, true).unwrap()]
}

fn signature(body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &(0..24).collect::<Vec<u8>>());
    hmac::sign(&key, body.as_bytes()).as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
}

impl Scene {
    fn webhook(&self, id: &str, signature: &str, body: &str) -> Reply {
        let request = Request::post("/appraise").header("X-Smallstep-Webhook-ID", id).header("X-Smallstep-Signature", signature);
        self.send(request.header(CONTENT_TYPE, "application/json").body(Full::from(body.to_owned())).unwrap())
    }

    fn signed(&self, id: &str, body: &Value) -> Value {
        let body = body.to_string();
        let reply = self.webhook(id, &signature(&body), &body);
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
        reply.json()
    }
}

/// What an AUTHORIZING webhook says of a certificate to be signed.
fn certificate(key: &SoftwareKey, serial: &str) -> Value {
    let subject = json!({ "commonName": "a device", "serialNumber": serial });
    json!({ "publicKey": STANDARD.encode(key.public_key().spki()), "publicKeyAlgorithm": "ECDSA", "subject": subject, "notBefore": "2026-11-23T12:00:00Z" })
}

fn authorizing(key: &SoftwareKey, serial: &str) -> Value {
    json!({ "timestamp": "2026-11-23T12:00:00.123Z", "provisionerName": "acme", "x509Certificate": certificate(key, serial) })
}

/// Computed with `openssl dgst -sha256 -mac HMAC -macopt hexkey:000102030405060708090a0b0c0d0e0f1011121314151617`.
#[test]
fn signature_is_the_hmac_that_openssl_computes() {
    let (body, right) = (r#"{"timestamp":"2026-11-23T12:00:00Z"}"#, "284d020d9fc68531f045907da6c710e9a85e609364f954fa3e35cbb0f14089b4");
    let mut headers = http::HeaderMap::new();
    headers.insert("x-smallstep-webhook-id", HeaderValue::from_static("by-key"));
    headers.insert("x-smallstep-signature", HeaderValue::from_static(right));
    assert_eq!(webhook::signer(&hooks(), &headers, body.as_bytes()).map(Webhook::id), Ok("by-key"));
    headers.insert("x-smallstep-signature", right.to_uppercase().parse().unwrap());
    assert!(webhook::signer(&hooks(), &headers, body.as_bytes()).is_ok());
    assert_eq!(webhook::signer(&hooks(), &headers, b"another body").map(Webhook::id), Err(Unsigned::WrongSignature));
}

#[test]
fn missing_or_wrong_signature_is_401_whoever_else_vouches_for_it() {
    let scene = Scene::new();
    let body = authorizing(&scene.good.key, "JADA1").to_string();
    let right = signature(&body);
    for (id, signature) in [("by-key", &"00".repeat(32)), ("nobody", &right), ("by-key", &right[..63].to_owned()), ("by-key", &"zz".repeat(32))] {
        let reply = scene.webhook(id, signature, &body);
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert!(reply.error().starts_with("the signature is not the HMAC-SHA256"), "{}", reply.error());
        assert!(reply.headers.contains_key(WWW_AUTHENTICATE));
    }
    let unsigned = scene.post(Role::Operator, "/appraise", &authorizing(&scene.good.key, "JADA1"));
    assert_eq!((unsigned.status, unsigned.error()), (StatusCode::UNAUTHORIZED, Unsigned::NoSignature.to_string()));
}

#[test]
fn secret_is_base64_of_some_length_and_is_never_shown() {
    for secret in ["", "no base64!", "AAECAwQF"] {
        assert_eq!(Webhook::new("id", secret, false).unwrap_err(), NoSecret);
    }
    assert_eq!(format!("{:?}", Webhook::new("id", &format!("{SECRET}\n"), false).unwrap()), "Webhook(id)");
}

#[test]
fn certificate_is_allowed_for_the_key_of_an_admitted_pledge() {
    let scene = Scene::new();
    let ldevid = scene.enroll(&scene.good);
    for key in [&ldevid, &scene.good.key] {
        let told = scene.signed("by-key", &authorizing(key, "JADA1"));
        assert_eq!((&told["allow"], &told["rule"], &told["data"]["method"]), (&json!(true), &json!("made-inside"), &json!("avocado")));
    }
    assert_eq!(scene.signed("by-key", &authorizing(&scene.held.key, "JADA 2/2"))["allow"], false);
}

#[test]
fn enriching_webhook_is_judged_by_its_certification_request() {
    let scene = Scene::new();
    let raw = STANDARD.encode(scene.good.csr(&scene.good.key));
    // What was copied out beside the request does not count.
    let request = json!({ "raw": raw, "publicKey": STANDARD.encode(scene.held.key.public_key().spki()), "subject": "a common name" });
    let told = scene.signed("by-key", &json!({ "x509CertificateRequest": request }));
    assert_eq!((&told["allow"], &told["pledge"]["serial"]), (&json!(true), &json!("JADA1")));
}

#[test]
fn key_of_one_pledge_gets_no_certificate_in_the_name_of_another() {
    let scene = Scene::new();
    let told = scene.signed("by-subject", &authorizing(&scene.good.key, "JADA9"));
    assert_eq!(told["allow"], false);
    assert_eq!(told["sentence"], "the key is that of JADA1, and the request is in the name of another device, JADA9");
}

#[test]
fn new_key_is_allowed_to_a_device_that_step_ca_has_verified() {
    let scene = Scene::new();
    let key = crate::testing::key();
    let mut body = authorizing(&key, "JADA1");
    assert_eq!(scene.signed("by-key", &body)["allow"], false);
    body["attestationData"] = json!({ "permanentIdentifier": "JADA1" });
    assert_eq!(scene.signed("by-key", &body)["allow"], true);
    body["attestationData"] = json!({ "permanentIdentifier": "JADA 2/2" });
    assert_eq!(scene.signed("by-key", &body)["sentence"], "the device was verified to be JADA 2/2, and asks for a certificate in the name of JADA1");
}

#[test]
fn serial_number_in_the_subject_counts_only_where_the_configuration_says_so() {
    let scene = Scene::new();
    let body = authorizing(&crate::testing::key(), "JADA1");
    let told = scene.signed("by-key", &body);
    assert!(told["allow"] == false && told["sentence"].as_str().unwrap().contains("subject-serial would let it count"), "{told}");
    assert_eq!(scene.signed("by-subject", &body)["allow"], true);
    assert_eq!(scene.signed("by-subject", &authorizing(&crate::testing::key(), "JADA 2/2"))["allow"], false);
}

#[test]
fn refused_pledge_is_not_allowed_by_any_authority() {
    let scene = Scene::new();
    scene.say(Role::Approver, "/pledges/JADA1", "refuse");
    assert_eq!(scene.signed("by-key", &authorizing(&scene.good.key, "JADA1"))["allow"], false);
}

#[test]
fn body_that_is_no_webhook_s_is_a_bad_request() {
    let scene = Scene::new();
    for body in
        [json!({}), json!({ "sshCertificateRequest": {} }), json!({ "x509Certificate": {} }), json!({ "x509Certificate": { "publicKey": "AA" } }), json!([])]
    {
        let text = body.to_string();
        assert_eq!(scene.webhook("by-key", &signature(&text), &text).status, StatusCode::BAD_REQUEST, "{body}");
    }
}
