//! What a listener overlooks only where it is told to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use brski_common::Leniency;

use super::*;

const OLDER: &str = "application/voucher-cose+cbor";

fn tolerant() -> Scene {
    Scene::lenient(Leniencies::with([Leniency::VoucherCoseCbor]))
}

/// A COSE request with this type and this Accept header.
fn cose(scene: &Scene, content_type: &'static str, accept: &'static str) -> Request<Full<Bytes>> {
    let inner = scene.pledge.leaves(&scene.owner, nonce(1));
    let mut request = post("requestvoucher", scene.owner.request_in(Format::Cose, &scene.pledge, &inner).wire().to_vec());
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    request
}

#[test]
fn older_cose_type_is_unsupported_without_its_leniency() {
    let scene = Scene::new();
    let (status, _, sentence) = scene.send(cose(&scene, OLDER, "*/*"));
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(sentence.ends_with(b"the leniency voucher-cose-cbor would accept it"), "{sentence:?}");
    assert_eq!(scene.status_with(ACCEPT, OLDER), StatusCode::NOT_ACCEPTABLE);
}

#[test]
fn client_that_uses_the_older_cose_type_is_answered_with_it() {
    let scene = tolerant();
    for accept in ["*/*", OLDER] {
        let (status, content_type, body) = scene.send(cose(&scene, OLDER, accept));
        assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some(OLDER)));
        assert_eq!(read_voucher(&scene.maker, &Signed::from_wire(Format::Cose, body)).nonce, Some(nonce(1)));
    }
}

#[test]
fn client_that_uses_the_present_cose_type_is_answered_with_that() {
    let scene = tolerant();
    let (status, content_type, _) = scene.send(cose(&scene, "application/voucher+cose", "*/*"));
    assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some("application/voucher+cose")));
}

#[test]
fn older_cose_type_in_accept_alone_names_the_answer() {
    let scene = tolerant();
    let mut request = post("requestvoucher", scene.body());
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(OLDER));
    let (status, content_type, body) = scene.send(request);
    assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some(OLDER)));
    assert_eq!(read_voucher(&scene.maker, &Signed::from_wire(Format::Cose, body)).nonce, Some(nonce(1)));
}

#[test]
fn older_cose_type_is_understood_at_every_resource() {
    let scene = tolerant();
    assert_eq!(scene.send(cose(&scene, OLDER, "*/*")).0, StatusCode::OK);
    for resource in ["requestauditlog", "requestkeyprovenance"] {
        let mut request = cose(&scene, OLDER, "*/*");
        *request.uri_mut() = format!("/.well-known/brski/{resource}").parse().unwrap();
        assert_eq!(scene.send(request).0, StatusCode::OK);
    }
}

#[test]
fn request_in_base64_is_understood_only_with_its_leniency_at_every_resource() {
    let (strict, lenient) = (Scene::new(), Scene::lenient(Leniencies::with([Leniency::Base64Body])));
    for resource in ["requestvoucher", "requestauditlog", "requestkeyprovenance"] {
        assert_eq!(strict.post(resource, BASE64.encode(strict.body()).into_bytes()).0, StatusCode::BAD_REQUEST);
        assert_eq!(lenient.post(resource, BASE64.encode(lenient.body()).into_bytes()).0, StatusCode::OK);
    }
}

#[test]
fn pledges_request_in_base64_is_understood_only_with_its_leniency() {
    let body = |scene: &Scene| {
        let leaves = scene.owner.leaves(&scene.pledge, &scene.pledge.leaves(&scene.owner, nonce(1)));
        let prior = leaves.prior_signed_voucher_request.as_ref().map(|prior| BASE64.encode(prior).into_bytes());
        scene.owner.sign(&VoucherRequest { prior_signed_voucher_request: prior, ..leaves }).wire().to_vec()
    };
    let (strict, lenient) = (Scene::new(), Scene::lenient(Leniencies::with([Leniency::Base64Body])));
    assert_eq!(strict.post("requestvoucher", body(&strict)).0, StatusCode::BAD_REQUEST);
    assert_eq!(lenient.post("requestvoucher", body(&lenient)).0, StatusCode::OK);
}

#[test]
fn pledges_request_under_the_vouchers_root_is_understood_only_with_its_leniency() {
    for format in [Format::Cms, Format::Jws] {
        let scene = Scene::lenient(Leniencies::with([Leniency::RequestRootVoucher]));
        let (status, _, sentence) = post_misnamed(&scene, format);
        // Read, and found to lack a leaf that a voucher has no room for.
        let missing = Refusal::LeafMissing { leaf: "proximity-registrar-cert", section: "RFC 8995, section 5.2" };
        assert_eq!((status, sentence), (StatusCode::FORBIDDEN, missing.to_string().into()));

        let (status, _, sentence) = post_misnamed(&Scene::new(), format);
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(String::from_utf8(sentence.to_vec()).unwrap().contains("request-root-voucher"));
    }
}

/// A pledge's request that calls itself a voucher, inside a proper one of the registrar.
fn post_misnamed(scene: &Scene, format: Format) -> (StatusCode, Option<String>, Bytes) {
    let inner = brski_common::Voucher {
        assertion: Some(brski_common::Assertion::Proximity),
        nonce: Some(nonce(1)),
        ..brski_common::Voucher::new(scene.pledge.device().serial)
    };
    let prior = crate::testing::seal(&scene.pledge.0.party(&[]), &inner, format).wire().to_vec();
    let leaves = scene.owner.leaves_in(format, &scene.pledge, &scene.pledge.leaves(&scene.owner, nonce(1)));
    let leaves = VoucherRequest { prior_signed_voucher_request: Some(prior), ..leaves };
    let mut request = post("requestvoucher", crate::testing::seal(&scene.owner.party(), &leaves, format).wire().to_vec());
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.voucher_media_type()));
    scene.send(request)
}
