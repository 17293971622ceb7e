//! The same service in CMS, JWS and COSE, and the formats mixed.

use super::*;

/// A request for the usual voucher, all of it in this format.
fn body(scene: &Scene, format: Format) -> Vec<u8> {
    scene.owner.request_in(format, &scene.pledge, &scene.pledge.leaves(&scene.owner, nonce(1))).wire().to_vec()
}

/// These octets, said to be in this format.
fn post_as(format: Format, body: Vec<u8>) -> Request<Full<Bytes>> {
    let mut request = post("requestvoucher", body);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.voucher_media_type()));
    request
}

fn post_in(scene: &Scene, resource: &str, format: Format, accept: &str) -> Request<Full<Bytes>> {
    let mut request = post_as(format, body(scene, format));
    *request.uri_mut() = format!("/.well-known/brski/{resource}").parse().unwrap();
    request.headers_mut().insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
    request
}

/// The type of the answer to a request for a voucher.
fn answered(scene: &Scene, format: Format, accept: &str) -> Option<String> {
    let (status, content_type, _) = scene.send(post_in(scene, "requestvoucher", format, accept));
    (status == StatusCode::OK).then_some(content_type).flatten()
}

#[test]
fn voucher_comes_in_the_format_of_its_request() {
    for &format in Format::ALL {
        let scene = Scene::new();
        let (status, content_type, body) = scene.send(post_in(&scene, "requestvoucher", format, "*/*"));
        assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some(format.voucher_media_type())));
        let voucher = read_voucher(&scene.maker, &Signed::from_wire(format, body));
        assert_eq!(voucher.serial_number, scene.pledge.device().serial);
    }
}

#[test]
fn voucher_comes_in_another_format_where_only_that_is_admitted() {
    for (asked, answer) in Format::ALL.iter().flat_map(|asked| Format::ALL.iter().map(|answer| (*asked, *answer))) {
        let scene = Scene::new();
        let (status, content_type, body) = scene.send(post_in(&scene, "requestvoucher", asked, answer.voucher_media_type()));
        assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some(answer.voucher_media_type())));
        let voucher = read_voucher(&scene.maker, &Signed::from_wire(answer, body));
        assert_eq!(voucher.nonce, Some(nonce(1)));
    }
}

#[test]
fn own_format_comes_before_those_with_more_weight() {
    let scene = Scene::new();
    let found = answered(&scene, Format::Jws, "application/voucher-cms+json, application/voucher-jws+json;q=0.1");
    assert_eq!(found.as_deref(), Some("application/voucher-jws+json"));
}

#[test]
fn format_with_the_most_weight_is_taken_where_the_own_is_forbidden() {
    let scene = Scene::new();
    let found = answered(&scene, Format::Cms, "application/voucher-cms+json;q=0, application/voucher+cose;q=0.5, application/voucher-jws+json;q=0.7");
    assert_eq!(found.as_deref(), Some("application/voucher-jws+json"));
}

#[test]
fn sentence_of_a_406_says_what_there_is() {
    let scene = Scene::new();
    let (status, _, sentence) = scene.send(post_in(&scene, "requestvoucher", Format::Jws, "text/html"));
    let expected =
        "the Accept header excludes what this resource answers: application/voucher-cms+json, application/voucher-jws+json or application/voucher+cose";
    assert_eq!((status, sentence), (StatusCode::NOT_ACCEPTABLE, expected.into()));
}

#[test]
fn sentence_of_a_415_says_what_would_be_right() {
    let scene = Scene::new();
    let mut request = post("requestvoucher", scene.body());
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let (status, _, sentence) = scene.send(request);
    let expected = "the body is application/json, expected application/voucher-cms+json, application/voucher-jws+json or application/voucher+cose";
    assert_eq!((status, sentence), (StatusCode::UNSUPPORTED_MEDIA_TYPE, expected.into()));
}

#[test]
fn audit_log_and_provenance_are_asked_for_in_every_format() {
    for &format in Format::ALL {
        let scene = Scene::new();
        assert_eq!(scene.send(post_in(&scene, "requestvoucher", format, "*/*")).0, StatusCode::OK);
        let (status, content_type, body) = scene.send(post_in(&scene, "requestauditlog", format, "application/json"));
        assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some("application/json")));
        assert_eq!(brski_common::AuditLog::from_json(&body).unwrap().events.len(), 1);
        let (status, content_type, _) = scene.send(post_in(&scene, "requestkeyprovenance", format, "application/eat+cwt"));
        assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some("application/eat+cwt")));
    }
}

#[test]
fn vouchers_type_does_not_admit_an_audit_log() {
    let scene = Scene::new();
    for resource in ["requestauditlog", "requestkeyprovenance"] {
        assert_eq!(scene.send(post_in(&scene, resource, Format::Cms, CMS)).0, StatusCode::NOT_ACCEPTABLE);
    }
}

#[test]
fn request_in_another_format_than_its_type_says_is_a_bad_request() {
    let scene = Scene::new();
    for (real, stated) in [(Format::Cms, Format::Jws), (Format::Jws, Format::Cose), (Format::Cose, Format::Cms)] {
        assert_eq!(scene.send(post_as(stated, body(&scene, real))).0, StatusCode::BAD_REQUEST);
    }
}

#[test]
fn pledges_request_in_another_format_than_the_registrars_is_a_bad_request() {
    let scene = Scene::new();
    let leaves = scene.owner.leaves_in(Format::Cms, &scene.pledge, &scene.pledge.leaves(&scene.owner, nonce(1)));
    let request = crate::testing::seal(&scene.owner.party(), &leaves, Format::Jws);
    assert_eq!(scene.send(post_as(Format::Jws, request.wire().to_vec())).0, StatusCode::BAD_REQUEST);
}

#[test]
fn request_cut_short_anywhere_never_gets_a_voucher() {
    let scene = Scene::new();
    for &format in Format::ALL {
        let body = body(&scene, format);
        for end in (0..body.len()).step_by(7) {
            assert!(scene.send(post_as(format, body[..end].to_vec())).0.is_client_error());
        }
    }
}

#[test]
fn request_with_any_bit_flipped_gets_a_voucher_for_its_own_domain_or_none() {
    for &format in Format::ALL {
        let scene = Scene::new();
        // The topmost certificate is only an anchor for consistency: nobody has checked its signature, but its key has to be the domain's. In COSE no certificate is
        // signed along, so that the registrar's own may be the topmost.
        let keys = [&scene.owner.registrar, &scene.owner.authority, &scene.owner.root].map(|entity| entity.certificate.spki_digest());
        let body = body(&scene, format);
        for place in (0..body.len()).step_by(11) {
            let mut flipped = body.clone();
            flipped[place] ^= 0x10;
            let (status, _, answer) = scene.send(post_as(format, flipped));
            match status {
                StatusCode::OK => {
                    let voucher = read_voucher(&scene.maker, &Signed::from_wire(format, answer));
                    assert!(keys.contains(&voucher.pinned_domain_cert.unwrap().spki_digest()));
                }
                status => assert!(status.is_client_error()),
            }
        }
    }
}
