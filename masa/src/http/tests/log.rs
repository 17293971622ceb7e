//! The log's checkpoint.

use brski_common::log::SignedCheckpoint;

use super::*;

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).body(Full::default()).unwrap()
}

#[test]
fn anybody_reads_the_newest_checkpoint_as_plain_text() {
    let scene = Scene::new();
    let (status, content_type, body) = scene.send(get(CHECKPOINT));
    assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some("text/plain; charset=utf-8")));
    let checkpoint = SignedCheckpoint::parse(core::str::from_utf8(&body).unwrap()).unwrap();
    // Genesis, the device, its record and its statement.
    assert_eq!(checkpoint.verify(&scene.service.masa.log_verifier().unwrap()).unwrap().size, 4);
}

#[test]
fn checkpoint_is_only_read() {
    let scene = Scene::new();
    let response = block_on(scene.service.respond(Request::post(CHECKPOINT).body(Full::<Bytes>::default()).unwrap()));
    assert_eq!((response.status(), response.headers()[ALLOW].to_str().unwrap()), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
}

#[test]
fn checkpoint_s_head_is_that_of_its_body() {
    let scene = Scene::new();
    let answer =
        |method| block_on(scene.service.respond(Request::builder().method(method).uri(CHECKPOINT).body(Full::<Bytes>::default()).unwrap())).into_parts();
    let ((got, _), (asked, body)) = (answer(Method::GET), answer(Method::HEAD));
    assert_eq!((asked.status, &asked.headers), (StatusCode::OK, &got.headers));
    assert_eq!(block_on(body.collect()).unwrap().to_bytes(), Bytes::new());
}

#[test]
fn caches_are_told_to_ask_for_the_newest_checkpoint() {
    let response = block_on(Scene::new().service.respond(get(CHECKPOINT)));
    assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");
}

#[test]
fn nothing_else_of_the_log_is_served() {
    let scene = Scene::new();
    for path in ["", "/", "/checkpoint/", "/tile/0/000", "/tile/entries/000", "/entries"] {
        assert_eq!(scene.send(get(&format!("/.well-known/brski-log{path}"))).0, StatusCode::NOT_FOUND, "{path}");
    }
}
