//! HTTP that is not what the resource takes: types, lengths, methods, paths.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use brski_common::{Method, PeerCertificates, est};
use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame};

use crate::support::{Device, Reply, World, new_key, onboard, request, to_masa, to_registrar};

const VOUCHERS: &str = "application/voucher-cms+json";
const CERTIFICATES: &str = "application/pkcs7-mime; smime-type=certs-only";

/// A world with an enrolled device, a good voucher-request of it, and what the registrar would make of that for the MASA.
struct Ready {
    world: World,
    device: Device,
    pvr: Vec<u8>,
    rvr: Vec<u8>,
}

impl Ready {
    async fn new() -> Self {
        let world = World::new().await;
        let device = world.maker.make("A-1", Method::Avocado).await;
        onboard(&device, &world.owner, &world.hand).await.succeeded();
        let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
        let rvr = world.owner.sign(&world.owner.request(&device, &pvr)).await.wire().to_vec();
        Self { pvr: pvr.wire().to_vec(), world, device, rvr }
    }

    /// Sends the same headers and the fitting good body to `resource` of the registrar.
    async fn registrar(&self, method: &str, resource: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        let path = format!("/.well-known/{resource}");
        to_registrar(&self.world.owner.service, request(method, &path, headers, body, &self.device.peer())).await
    }

    async fn masa(&self, method: &str, resource: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        let service = self.world.maker.service().read().unwrap().clone();
        to_masa(&service, request(method, &format!("/.well-known/brski/{resource}"), headers, body, &PeerCertificates::default())).await
    }

    async fn csr(&self) -> Vec<u8> {
        est::to_body(&self.device.csr(&new_key()).await)
    }
}

#[tokio::test]
async fn unknown_body_types_get_415_everywhere() {
    let ready = Ready::new().await;
    let before = ready.world.recorded();
    let unknown = ["application/voucher-cose+cbor", "application/cose", "text/plain", "application/json; charset=utf-8", "voucher", "*/*", "ä"];
    for content_type in unknown {
        let headers = [("content-type", content_type)];
        ready.registrar("POST", "brski/requestvoucher", &headers, ready.pvr.clone()).await.refused(415, VOUCHERS);
        ready.registrar("POST", "est/simpleenroll", &headers, ready.csr().await).await.refused(415, "application/pkcs10");
        for resource in ["requestvoucher", "requestauditlog", "requestkeyprovenance"] {
            ready.masa("POST", resource, &headers, ready.rvr.clone()).await.refused(415, VOUCHERS);
        }
    }
    for resource in ["brski/voucher_status", "brski/enrollstatus"] {
        ready.registrar("POST", resource, &[("content-type", "text/plain")], b"{}".to_vec()).await.refused(415, "application/json");
    }
    assert_eq!(ready.world.recorded(), before);
}

#[tokio::test]
async fn absent_and_doubled_body_types_get_415() {
    let ready = Ready::new().await;
    let before = ready.world.recorded();
    for headers in [&[][..], &[("content-type", VOUCHERS), ("content-type", VOUCHERS)]] {
        ready.registrar("POST", "brski/requestvoucher", headers, ready.pvr.clone()).await.refused(415, VOUCHERS);
        ready.masa("POST", "requestvoucher", headers, ready.rvr.clone()).await.refused(415, VOUCHERS);
    }
    assert_eq!(ready.world.recorded(), before);
}

#[tokio::test]
async fn accept_that_cannot_be_satisfied_gets_406_and_leaves_no_trace() {
    let ready = Ready::new().await;
    let before = ready.world.recorded();
    for accept in ["text/html", "application/voucher-cose+cbor", "*/*;q=0", "image/*, text/*"] {
        let with = |content_type| [("content-type", content_type), ("accept", accept)];
        ready.registrar("POST", "brski/requestvoucher", &with(VOUCHERS), ready.pvr.clone()).await.no(406);
        ready.registrar("POST", "est/simpleenroll", &with(est::PKCS10), ready.csr().await).await.no(406);
        ready.registrar("GET", "est/cacerts", &[("accept", accept)], Vec::new()).await.no(406);
        ready.registrar("GET", "est/csrattrs", &[("accept", accept)], Vec::new()).await.no(406);
        for resource in ["requestvoucher", "requestauditlog", "requestkeyprovenance"] {
            ready.masa("POST", resource, &with(VOUCHERS), ready.rvr.clone()).await.no(406);
        }
    }
    assert_eq!(ready.world.recorded(), before);
}

#[tokio::test]
async fn accept_that_can_be_satisfied_is() {
    let ready = Ready::new().await;
    for accept in ["*/*", "application/*", "text/html, Application/Voucher-CMS+JSON;q=0.1"] {
        let headers = [("content-type", "Application/Voucher-CMS+JSON; x=y"), ("accept", accept)];
        ready.registrar("POST", "brski/requestvoucher", &headers, ready.pvr.clone()).await.ok(VOUCHERS);
        ready.masa("POST", "requestvoucher", &headers, ready.rvr.clone()).await.ok(VOUCHERS);
    }
    let headers = [("content-type", est::PKCS10), ("accept", "application/pkcs7-mime")];
    ready.registrar("POST", "est/simpleenroll", &headers, ready.csr().await).await.ok(CERTIFICATES);
}

#[tokio::test]
async fn unknown_methods_get_405_and_unknown_paths_404() {
    let ready = Ready::new().await;
    let post = [("content-type", VOUCHERS)];
    for method in ["GET", "PUT", "DELETE", "BREW"] {
        let reply = ready.registrar(method, "brski/requestvoucher", &post, ready.pvr.clone()).await;
        reply.no(405);
        assert_eq!(reply.header("allow"), Some("POST"));
        ready.masa(method, "requestvoucher", &post, ready.rvr.clone()).await.no(405);
    }
    ready.registrar("POST", "est/cacerts", &[], Vec::new()).await.no(405);
    for resource in ["brski/requestvoucher/", "brski/../est/simpleenroll", "brski/requestVoucher", "brski", "", "est/fullcmc"] {
        ready.registrar("POST", resource, &post, ready.pvr.clone()).await.no(404);
    }
    ready.masa("POST", "requestvoucher/", &post, ready.rvr.clone()).await.no(404);
}

#[tokio::test]
async fn keys_are_not_generated_for_pledges() {
    let ready = Ready::new().await;
    ready.registrar("POST", "est/serverkeygen", &[("content-type", est::PKCS10)], ready.csr().await).await.refused(501, "a pledge makes its own");
}

#[tokio::test]
async fn malformed_bodies_get_400_everywhere() {
    let ready = Ready::new().await;
    let before = ready.world.recorded();
    let deep = [0x30, 0x80].repeat(20_000);
    for body in [&b""[..], b"garbage", &[0x30, 0], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0; 1000], &deep, &ready.pvr[..ready.pvr.len() - 1]] {
        let headers = [("content-type", VOUCHERS)];
        ready.registrar("POST", "brski/requestvoucher", &headers, body.to_vec()).await.no(400);
        for resource in ["requestvoucher", "requestauditlog", "requestkeyprovenance"] {
            ready.masa("POST", resource, &headers, body.to_vec()).await.no(400);
        }
    }
    for body in [&b"AQ*D"[..], b"\xff\xfe", b"-----BEGIN CERTIFICATE REQUEST-----"] {
        ready.registrar("POST", "est/simpleenroll", &[("content-type", est::PKCS10)], body.to_vec()).await.no(400);
    }
    for body in [&b""[..], b"{}", b"[]", b"{\"version\":1,\"version\":1,\"status\":true}", b"{\"version\":1,\"status\":1}", &b"[".repeat(10_000)] {
        for resource in ["brski/voucher_status", "brski/enrollstatus"] {
            ready.registrar("POST", resource, &[("content-type", "application/json")], body.to_vec()).await.no(400);
        }
    }
    assert_eq!(ready.world.recorded(), before);
}

#[tokio::test]
async fn octets_after_a_good_request_are_refused() {
    let ready = Ready::new().await;
    let before = ready.world.recorded();
    let headers = [("content-type", VOUCHERS)];
    for tail in [&b"\0"[..], b"\n", &ready.pvr] {
        ready.registrar("POST", "brski/requestvoucher", &headers, [&ready.pvr, tail].concat()).await.no(400);
        ready.masa("POST", "requestvoucher", &headers, [&ready.rvr, tail].concat()).await.no(400);
    }
    assert_eq!(ready.world.recorded(), before);
}

#[tokio::test]
async fn announced_length_beyond_the_limit_gets_413() {
    let ready = Ready::new().await;
    let before = ready.world.recorded();
    let headers = [("content-type", VOUCHERS)];
    ready.registrar("POST", "brski/requestvoucher", &headers, vec![0x30; 64 * 1024 + 1]).await.refused(413, "65536");
    ready.registrar("POST", "est/simpleenroll", &[("content-type", est::PKCS10)], vec![b'A'; 64 * 1024 + 1]).await.refused(413, "65536");
    ready.masa("POST", "requestvoucher", &headers, vec![0x30; 64 * 1024 + 1]).await.refused(413, "65536");
    assert_eq!(ready.world.recorded(), before);
}

/// A body that never says how long it is, and would be 1 GiB.
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.fetch_add(1, Ordering::SeqCst) < 1024 * 1024 {
            true => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0x30; 1024]))))),
            false => Poll::Ready(None),
        }
    }
}

#[tokio::test]
async fn endless_body_is_read_no_further_than_the_limit() {
    let ready = Ready::new().await;
    let endless = |content_type: &str, path: &str| {
        let frames = Arc::new(AtomicUsize::new(0));
        let request = Request::post(path).header("content-type", content_type).extension(ready.device.peer()).body(Endless(frames.clone())).unwrap();
        (request, frames)
    };
    for (content_type, resource) in [(VOUCHERS, "brski/requestvoucher"), (est::PKCS10, "est/simpleenroll"), ("application/json", "brski/enrollstatus")] {
        let (request, frames) = endless(content_type, &format!("/.well-known/{resource}"));
        Reply::of(ready.world.owner.service.respond(request).await).await.refused(413, "65536");
        assert!(frames.load(Ordering::SeqCst) <= 65, "{frames:?} KiB were read");
    }
    let (request, frames) = endless(VOUCHERS, "/.well-known/brski/requestvoucher");
    let masa = ready.world.maker.service().read().unwrap().clone();
    Reply::of(masa.respond(request).await).await.refused(413, "65536");
    assert!(frames.load(Ordering::SeqCst) <= 65, "{frames:?} KiB were read");
}
