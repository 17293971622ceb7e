//! Devices that find no registrar nearby and come to their manufacturer's cloud registrar: where they are sent, and every status that they can meet there.

use core::time::Duration;
use std::sync::Arc;

use brski_common::pledge::{Answer, CloudStep, PledgeError, VoucherAsked};
use brski_common::{Assertion, Certificate, MasaUrl, Method, PeerCertificates, VoucherRequest};
use brski_masa::issue::cloud::{CloudOwner, CloudPolicy, Destination, EstServer};
use brski_masa::ledger::Customer;
use brski_masa::{CloudService, Masa, Sales};
use http_body_util::Full;

use crate::support::{Device, Reply, World, onboard, request};

const CLOUD: &str = "cloud.fruitmaker.example";

fn registrar() -> Destination {
    Destination::Registrar(MasaUrl::new("https://registrar.orchard.example").unwrap())
}

fn est_server(pinned: &Certificate) -> Destination {
    let (est_domain, url) = ("https://est.orchard.example".to_owned(), "https://start.orchard.example/jada".to_owned());
    Destination::EstServer(Box::new(EstServer { est_domain, pinned: pinned.clone(), additional_configuration_url: Some(url) }))
}

/// A world with a cloud registrar, in which Orchard wants its devices here.
struct Cloud {
    world: World,
    destination: Option<Destination>,
}

impl Cloud {
    async fn new() -> Self {
        Self { world: World::new().await, destination: Some(registrar()) }
    }

    async fn with_est_server() -> Self {
        let world = World::new().await;
        Self { destination: Some(est_server(&world.owner.ca.certificate())), world }
    }

    async fn make(&self, serial: &str) -> Device {
        self.world.maker.make(serial, Method::Avocado).await
    }

    /// A device that was sold to Orchard.
    async fn sold(&self, serial: &str) -> Device {
        let device = self.make(serial).await;
        self.sell(&device, "Orchard").await;
        device
    }

    async fn sell(&self, device: &Device, name: &str) {
        let customer = Customer { name: name.to_owned(), keys: vec![self.world.owner.ca.certificate().spki_digest()] };
        assert!(Masa::new(self.world.maker.parts.clone()).sell(device.idevid().device(), customer, "sales").await.unwrap());
    }

    fn service(&self) -> CloudService {
        let owners = self.destination.iter().map(|destination| CloudOwner { customer: "Orchard".to_owned(), destination: destination.clone() });
        let policy = CloudPolicy { owners: owners.collect(), retry_after: Duration::from_secs(1800) };
        CloudService::new(Arc::new(Masa::new(self.world.maker.parts.clone())), policy, 64 * 1024)
    }

    async fn send(&self, method: &str, path: &str, body: &[u8], peer: &PeerCertificates) -> Reply {
        let headers = [("content-type", "application/voucher-cms+json")];
        let request: http::Request<Full<bytes::Bytes>> = request(method, path, &headers, body.to_vec(), peer);
        Reply::of(self.service().respond(request).await).await
    }

    async fn post(&self, body: &[u8], peer: &PeerCertificates) -> Reply {
        self.send("POST", "/.well-known/brski/requestvoucher", body, peer).await
    }

    /// What a device asks that names the cloud registrar as the one it speaks to.
    async fn asked(&self, device: &Device) -> VoucherAsked {
        let server = self.world.maker.voucher_party().identity.chain.clone();
        device.pledge().ask_for_voucher(&server, self.world.hand.nonce(), self.world.hand.now()).await.unwrap()
    }

    async fn ask(&self, device: &Device) -> (VoucherAsked, Reply) {
        let asked = self.asked(device).await;
        let reply = self.post(&asked.ask().body, &device.peer()).await;
        (asked, reply)
    }

    async fn step(&self, device: &Device) -> Result<CloudStep, PledgeError> {
        let (asked, reply) = self.ask(device).await;
        asked.answered_by_cloud(&reply.answer(), &[CLOUD], self.world.hand.now())
    }

    fn entries(&self) -> usize {
        self.world.recorded().ledger_entries
    }
}

#[tokio::test]
async fn sold_device_is_sent_to_its_owners_registrar_and_onboards_there() {
    let cloud = Cloud::new().await;
    let device = cloud.sold("A-1").await;
    let before = cloud.entries();
    let (_, reply) = cloud.ask(&device).await;
    assert_eq!((reply.status, reply.header("location")), (307, Some("https://registrar.orchard.example/.well-known/brski/requestvoucher")));
    // A redirect gives the device to nobody yet.
    assert_eq!(cloud.entries(), before);

    let Ok(CloudStep::Registrar(found)) = cloud.step(&device).await else { panic!("no redirect") };
    assert_eq!(found.authority(), "registrar.orchard.example");
    onboard(&device, &cloud.world.owner, &cloud.world.hand).await.succeeded();
}

#[tokio::test]
async fn sold_device_gets_a_voucher_that_pins_its_owner_and_names_the_est_server() {
    let cloud = Cloud::with_est_server().await;
    let device = cloud.sold("A-1").await;
    let Ok(CloudStep::EstServer(found)) = cloud.step(&device).await else { panic!("no voucher") };
    assert_eq!(found.est_domain(), "https://est.orchard.example");
    let voucher = found.voucher().get();
    assert_eq!(voucher.additional_configuration_url.as_deref(), Some("https://start.orchard.example/jada"));
    assert_eq!((voucher.assertion, &voucher.pinned_domain_cert), (Some(Assertion::Verified), &Some(cloud.world.owner.ca.certificate())));
    assert!(found.connected(cloud.world.owner.chain(), cloud.world.hand.now()).is_ok());
}

#[tokio::test]
async fn est_server_of_somebody_else_is_not_the_owners() {
    let cloud = Cloud::with_est_server().await;
    let device = cloud.sold("A-1").await;
    let Ok(CloudStep::EstServer(found)) = cloud.step(&device).await else { panic!("no voucher") };
    let other = crate::support::Owner::found("Vineyard", &cloud.world.maker, &cloud.world.hand).await;
    assert!(matches!(found.connected(other.chain(), cloud.world.hand.now()), Err(PledgeError::RegistrarUntrusted(_))));
}

#[tokio::test]
async fn voucher_from_the_cloud_is_on_record_once_however_often_the_device_asks() {
    let cloud = Cloud::with_est_server().await;
    let device = cloud.sold("A-1").await;
    let (asked, before) = (cloud.asked(&device).await, cloud.entries());
    for _ in 0..2 {
        cloud.post(&asked.ask().body, &device.peer()).await.ok("application/voucher-cms+json");
    }
    assert_eq!(cloud.entries(), before + 1);
}

#[tokio::test]
async fn device_whose_owner_is_not_known_yet_gets_401_and_waits() {
    let cloud = Cloud::new().await;
    let device = cloud.make("A-1").await;
    let (_, reply) = cloud.ask(&device).await;
    assert_eq!(reply.header("retry-after"), Some("1800"));
    reply.refused(401, "owner is not known here yet");
    let Ok(CloudStep::Wait(wait, _)) = cloud.step(&device).await else { panic!("no pause") };
    assert_eq!(wait, Duration::from_secs(1800));

    cloud.sell(&device, "Orchard").await;
    assert!(matches!(cloud.step(&device).await, Ok(CloudStep::Registrar(_))));
}

#[tokio::test]
async fn device_of_a_customer_that_has_not_said_where_to_gets_401() {
    let cloud = Cloud { destination: None, ..Cloud::new().await };
    cloud.ask(&cloud.sold("A-1").await).await.1.refused(401, "owner is not known here yet");
}

#[tokio::test]
async fn device_that_was_never_reported_gets_404() {
    let cloud = Cloud::new().await;
    let device = cloud.world.maker.certify("A-1").await;
    cloud.ask(&device).await.1.no(404);
}

#[tokio::test]
async fn device_of_another_manufacturer_gets_404() {
    let (cloud, other) = (Cloud::new().await, Cloud::new().await);
    let stranger = other.sold("A-1").await;
    cloud.ask(&stranger).await.1.no(404);
}

#[tokio::test]
async fn malformed_request_gets_400() {
    let cloud = Cloud::new().await;
    let device = cloud.sold("A-1").await;
    cloud.post(b"no voucher-request", &device.peer()).await.no(400);
    cloud.post(b"", &device.peer()).await.no(400);
}

#[tokio::test]
async fn device_without_tls_certificate_gets_403_and_not_the_401_that_would_have_it_wait() {
    let cloud = Cloud::new().await;
    let asked = cloud.asked(&cloud.sold("A-1").await).await;
    cloud.post(&asked.ask().body, &PeerCertificates::default()).await.refused(403, "IDevID");
}

#[tokio::test]
async fn request_of_another_device_gets_403() {
    let cloud = Cloud::with_est_server().await;
    let (device, neighbour) = (cloud.sold("A-1").await, cloud.sold("A-2").await);
    let (asked, before) = (cloud.asked(&device).await, cloud.entries());
    cloud.post(&asked.ask().body, &neighbour.peer()).await.no(403);
    assert_eq!(cloud.entries(), before);
}

#[tokio::test]
async fn request_without_proximity_is_in_order_and_one_without_nonce_is_not() {
    let cloud = Cloud::new().await;
    let device = cloud.sold("A-1").await;
    let bare = VoucherRequest { nonce: Some(cloud.world.hand.nonce()), ..VoucherRequest::new(device.serial()) };
    let reply = cloud.post(device.sign(&bare).await.wire(), &device.peer()).await;
    assert_eq!(reply.status, 307);
    let nonceless = VoucherRequest { nonce: None, ..bare };
    cloud.post(device.sign(&nonceless).await.wire(), &device.peer()).await.refused(403, "nonce");
}

#[tokio::test]
async fn blocked_device_is_sent_nowhere() {
    let cloud = Cloud::new().await;
    let device = cloud.sold("A-1").await;
    let masa = Masa::new(cloud.world.maker.parts.clone());
    let text = |text: &str| brski_common::provenance::Text::new(text).unwrap();
    masa.set_blocked(device.idevid().device(), Some(text("stolen")), text("alice")).await.unwrap();
    cloud.ask(&device).await.1.refused(403, "stolen");
}

#[tokio::test]
async fn certificate_that_is_not_the_buyers_is_not_pinned_where_sales_decide() {
    let mut cloud = Cloud::with_est_server().await;
    cloud.world.maker.parts.lines.rest_mut().issue_policy.sales.sales = Sales::IfSold;
    let device = cloud.sold("A-1").await;
    let other = crate::support::Owner::found("Vineyard", &cloud.world.maker, &cloud.world.hand).await;
    cloud.destination = Some(est_server(&other.ca.certificate()));
    let before = cloud.entries();
    cloud.ask(&device).await.1.no(403);
    assert_eq!(cloud.entries(), before);
}

#[tokio::test]
async fn cloud_registrar_has_no_est_and_nothing_else() {
    let cloud = Cloud::new().await;
    let peer = cloud.make("A-1").await.peer();
    for (method, path) in [("GET", "/.well-known/est/csrattrs"), ("GET", "/.well-known/est/cacerts"), ("POST", "/.well-known/brski/requestauditlog")] {
        cloud.send(method, path, b"", &peer).await.no(404);
    }
    assert_eq!(cloud.send("GET", "/.well-known/brski/requestvoucher", b"", &peer).await.status, 405);
}

#[tokio::test]
async fn redirect_in_a_circle_or_away_from_https_is_not_followed() {
    let cloud = Cloud::new().await;
    let device = cloud.sold("A-1").await;
    let follow = async |location: &str| {
        let answer = Answer { status: 307, location: Some(location.to_owned()), ..Answer::default() };
        cloud.asked(&device).await.answered_by_cloud(&answer, &[CLOUD, "registrar.orchard.example:8443"], cloud.world.hand.now())
    };
    for location in [
        "",
        "http://a.example",
        "https://",
        "https://CLOUD.fruitmaker.example:443",
        "https://registrar.orchard.example:8443",
        "https://a.example/elsewhere",
        "https://u@a.example",
    ] {
        assert!(matches!(follow(location).await, Err(PledgeError::RedirectUnusable { .. })), "{location}");
    }
    assert!(matches!(follow("https://a.example:8443").await, Ok(CloudStep::Registrar(_))));
}

#[tokio::test]
async fn busy_cloud_registrar_is_asked_again() {
    let cloud = Cloud::new().await;
    let device = cloud.sold("A-1").await;
    let busy = Answer { status: 503, retry_after: Some("5".to_owned()), ..Answer::default() };
    let step = cloud.asked(&device).await.answered_by_cloud(&busy, &[CLOUD], cloud.world.hand.now());
    assert!(matches!(step, Ok(CloudStep::Wait(Duration { .. }, _))));
}

#[tokio::test]
async fn voucher_without_est_domain_is_none_from_the_cloud() {
    let cloud = Cloud::new().await;
    let device = cloud.sold("A-1").await;
    let asked = device.pledge().ask_for_voucher(cloud.world.owner.chain(), cloud.world.hand.nonce(), cloud.world.hand.now()).await.unwrap();
    let answer = crate::support::carry(asked.ask(), &cloud.world.owner, &device.peer()).await;
    assert_eq!(answer.status, 200);
    assert!(matches!(asked.answered_by_cloud(&answer, &[CLOUD], cloud.world.hand.now()), Err(PledgeError::NoEstDomain)));
}
