//! What `/appraise` says of statements, voucher-requests and certification requests.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::csr::{Wish, request_wishing};
use brski_common::evidence::{AttestationBundle, AttestationStatement};
use brski_common::provenance::EvidenceType;

use super::*;

impl Scene {
    pub(super) fn appraise(&self, query: &str, media_type: &str, body: &[u8]) -> Reply {
        let request = Request::post(format!("/appraise{query}")).header(AUTHORIZATION, format!("Bearer {}", self.token(Role::Auditor)));
        self.send(request.header(CONTENT_TYPE, media_type).body(Full::from(body.to_vec())).unwrap())
    }

    /// What the manufacturer says of this pledge's key, now that it is avocado.
    pub(super) fn statement(&self, pledge: &Pledge) -> Reply {
        let statement = self.world.statement(pledge, brski_common::Method::Avocado, 1);
        self.appraise("", "application/eat+cwt", statement.wire())
    }
}

#[test]
fn statement_of_a_pledge_that_is_known_is_judged_by_the_policy() {
    let scene = Scene::new();
    let told = scene.statement(&scene.held).json();
    assert_eq!((&told["allow"], &told["verdict"], &told["rule"]), (&json!(true), &json!("accept"), &json!("made-inside")));
    assert_eq!((&told["claims"]["method"], &told["pledge"]["serial"]), (&json!("avocado"), &json!("JADA 2/2")));
    assert_eq!(told["trace"].as_array().unwrap().len(), 1);
    let carrot = scene.world.statement(&scene.held, brski_common::Method::Carrot, 0);
    let told = scene.appraise("", "application/eat+cwt", carrot.wire()).json();
    assert_eq!((&told["allow"], &told["verdict"]), (&json!(false), &json!("hold")));
}

#[test]
fn opinion_is_an_event_of_the_trail_with_question_answer_and_asker() {
    let scene = Scene::new();
    let octets = scene.world.statement(&scene.good, brski_common::Method::Avocado, 1).wire().to_vec();
    let told = scene.appraise("", "application/eat+cwt", &octets).json();
    let What::Opinion { by, question, allow, verdict, rule, about, sentence, left_out } = scene.last_event().what else { panic!("no opinion") };
    let question_was: [u8; 32] = brski_common::sign::Hash::Sha256.of(&octets).try_into().unwrap();
    assert_eq!((by.as_str(), question.0, allow, left_out), ("auditor", question_was, true, 0));
    assert_eq!(
        (json!(verdict), json!(rule), json!(about), json!(sentence)),
        (told["verdict"].clone(), told["rule"].clone(), told["pledge"].clone(), told["sentence"].clone())
    );
}

#[test]
fn same_opinion_is_told_of_once_until_it_changes() {
    let scene = Scene::new();
    let before = block_on(scene.store.head()).unwrap().size;
    let octets = scene.world.statement(&scene.good, brski_common::Method::Avocado, 1).wire().to_vec();
    let events = || {
        scene.appraise("", "application/eat+cwt", &octets);
        block_on(scene.store.head()).unwrap().size - before
    };
    assert_eq!((events(), events(), events()), (1, 1, 1));
    // The refusal is an event as well.
    scene.say(Role::Operator, "/pledges/JADA1", "refuse");
    assert_eq!((events(), events()), (3, 3));
}

#[test]
fn allow_is_the_first_thing_in_the_answer() {
    let scene = Scene::new();
    assert!(scene.statement(&scene.good).body.starts_with(b"{\"allow\":true,"));
}

#[test]
fn statement_of_a_stranger_needs_its_idevid() {
    let scene = Scene::new();
    let stranger = scene.world.pledge("JADA9");
    let told = scene.statement(&stranger).json();
    assert!(told["allow"] == false && told["sentence"].as_str().unwrap().ends_with("show its IDevID along with the statement"), "{told}");
    let statement = scene.world.statement(&stranger, brski_common::Method::Avocado, 0);
    for idevid in [stranger.idevid.certificate().der().to_vec(), stranger.idevid.certificate().to_pem().into_bytes()] {
        let query = format!("?idevid={}", URL_SAFE_NO_PAD.encode(idevid));
        assert_eq!(scene.appraise(&query, "application/eat+cwt", statement.wire()).json()["allow"], true);
    }
    // Another device's statement says nothing of this one.
    let query = format!("?idevid={}", URL_SAFE_NO_PAD.encode(scene.good.idevid.certificate().der()));
    assert_eq!(scene.appraise(&query, "application/eat+cwt", statement.wire()).json()["allow"], false);
}

#[test]
fn statement_that_somebody_else_signed_is_not_acceptable() {
    let scene = Scene::new();
    let forger = World::new();
    let forged = scene.world.statement_by(&forger.provenance, &scene.good, brski_common::Method::Avocado, 1);
    let told = scene.appraise("", "application/eat+cwt", forged.wire()).json();
    assert_eq!((&told["allow"], &told["verdict"], &told["claims"]), (&json!(false), &Value::Null, &Value::Null));
}

#[test]
fn device_of_an_unknown_manufacturer_is_not_acceptable() {
    let scene = Scene::new();
    let other = World::new();
    let stranger = other.pledge("JADA1");
    let query = format!("?idevid={}", URL_SAFE_NO_PAD.encode(stranger.idevid.certificate().der()));
    let statement = other.statement(&stranger, brski_common::Method::Avocado, 0);
    assert_eq!(scene.appraise(&query, "application/eat+cwt", statement.wire()).json()["allow"], false);
}

#[test]
fn voucher_request_is_judged_by_the_statement_it_carries() {
    let scene = Scene::new();
    let mut leaves = scene.world.request(&scene.good);
    let bare = scene.good.sign(&leaves);
    let told = scene.appraise("", "application/voucher-cms+json", bare.wire()).json();
    assert_eq!((&told["allow"], &told["verdict"]), (&json!(false), &json!("refuse")));
    assert!(told["notes"][0].as_str().unwrap().starts_with("the voucher-request carries no statement"), "{told}");
    let statement = scene.world.statement(&scene.good, brski_common::Method::Avocado, 0).wire().to_vec();
    leaves.provenance = Some(brski_common::voucher::ProvenanceExtension::with_statement(statement));
    let told = scene.appraise("", "application/voucher-cms+json", scene.good.sign(&leaves).wire()).json();
    assert_eq!((&told["allow"], &told["claims"]["serial"]), (&json!(true), &json!("JADA1")));
}

#[test]
fn certification_request_is_judged_by_whose_key_it_is() {
    let scene = Scene::new();
    let ldevid = scene.enroll(&scene.good);
    for key in [&ldevid, &scene.good.key] {
        let told = scene.appraise("", "application/pkcs10", &scene.good.csr(key)).json();
        assert_eq!((&told["allow"], &told["pledge"]["serial"]), (&json!(true), &json!("JADA1")));
    }
    let stranger = scene.appraise("", "application/pkcs10", &scene.good.csr(&crate::testing::key())).json();
    assert_eq!(
        (&stranger["allow"], &stranger["sentence"]),
        (&json!(false), &json!("the key is of no pledge that was admitted, or its admission was withdrawn"))
    );
    assert_eq!(scene.appraise("", "application/pkcs10", &scene.held.csr(&scene.held.key)).json()["allow"], false);
}

#[test]
fn refused_and_revoked_devices_are_not_acceptable_any_more() {
    let scene = Scene::new();
    let key = scene.enroll(&scene.good);
    scene.post(Role::Operator, "/pledges/JADA1/revoke", &json!({ "why": "stolen", "reason": "key-compromise" }));
    let told = scene.appraise("", "application/pkcs10", &scene.good.csr(&key)).json();
    assert_eq!((&told["allow"], &told["sentence"]), (&json!(false), &json!("the key is of no pledge that was admitted, or its admission was withdrawn")));
    scene.say(Role::Operator, "/pledges/JADA1", "refuse");
    assert_eq!(scene.statement(&scene.good).json()["allow"], false);
}

/// What is told of a request of the held pledge with this attestation.
fn told_of(scene: &Scene, attestation: Option<Vec<u8>>) -> serde_json::Value {
    let wish = Wish { attestation, ..Wish::default() };
    let der = block_on(request_wishing(scene.held.idevid.certificate().subject_der(), &wish, &*scene.held.key)).unwrap();
    scene.appraise("", "application/pkcs10", &der).json()
}

#[test]
fn evidence_that_cannot_be_read_is_told() {
    let told = told_of(&Scene::new(), Some(vec![0x30, 0]));
    assert_eq!((&told["allow"], &told["evidence"][0]["result"]), (&json!(false), &json!("refused")));
    assert!(told["notes"][0].as_str().unwrap().contains("the attestation bundle cannot be read"), "{told}");
}

#[test]
fn evidence_of_an_unknown_kind_is_told_and_counts_for_nothing() {
    let statement = AttestationStatement { kind: EvidenceType::new("1.3.6.1.4.1.32473.9").unwrap(), der: vec![5, 0] };
    let bundle = AttestationBundle::new(&[statement], &[]).unwrap();
    let told = told_of(&Scene::new(), Some(bundle.der().to_vec()));
    assert_eq!((&told["evidence"][0]["kind"], &told["evidence"][0]["result"]), (&json!("1.3.6.1.4.1.32473.9"), &json!("unknown")));
    assert_eq!(told["notes"], json!([]));
}

#[test]
fn what_cannot_be_read_is_a_bad_request_and_what_is_no_exhibit_an_unsupported_type() {
    let scene = Scene::new();
    for (media_type, status) in [
        ("application/eat+cwt", StatusCode::BAD_REQUEST),
        ("application/pkcs10", StatusCode::BAD_REQUEST),
        ("application/voucher-cms+json", StatusCode::BAD_REQUEST),
        ("text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let reply = scene.appraise("", media_type, b"nothing");
        assert_eq!(reply.status, status, "{media_type}: {}", reply.error());
    }
    assert_eq!(scene.appraise("?idevid=AAAA", "application/eat+cwt", b"x").status, StatusCode::BAD_REQUEST);
}
