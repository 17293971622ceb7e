//! What sales data, releases and earlier vouchers make of the next request.

use brski_common::pledge::Step;
use brski_common::{Assertion, Format, Leniencies, Method, Nonce, PeerCertificates, Signed, UnixTime, Verifier, Voucher, VoucherRequest};
use brski_masa::ledger::Customer;
use brski_masa::{Masa, Resale, Sales};

use crate::support::{Device, Onboarded, Owner, World, onboard};

async fn vineyard(world: &World) -> Owner {
    Owner::found("Vineyard", &world.maker, &world.hand).await
}

fn masa(world: &World) -> Masa {
    Masa::new(world.maker.parts.clone())
}

async fn sell(world: &World, device: &Device, name: &str, to: &Owner) {
    let customer = Customer { name: name.to_owned(), keys: vec![to.ca.certificate().spki_digest()] };
    assert!(masa(world).sell(device.idevid().device(), customer, "sales").await.unwrap());
}

fn peer(owner: &Owner) -> PeerCertificates {
    PeerCertificates(owner.chain().to_vec())
}

fn allow_nonceless(world: &mut World) {
    let key = world.owner.ca.certificate().spki_digest();
    world.maker.parts.lines.rest_mut().issue_policy.nonceless.domains = vec![key];
    world.maker.restart();
}

fn nonceless(world: &World, device: &Device) -> VoucherRequest {
    VoucherRequest { created_on: Some(world.hand.now()), idevid_issuer: Some(device.idevid().device().issuer.clone()), ..VoucherRequest::new(device.serial()) }
}

fn read(voucher: &[u8]) -> Voucher {
    Signed::<Voucher>::from_wire(Format::Cms, voucher).peek_unverified(Leniencies::default()).unwrap()
}

/// Asks for a voucher without nonce, with this one in the place of the pledge's request.
async fn renew(world: &World, owner: &Owner, device: &Device, earlier: &[u8]) -> crate::support::Reply {
    let request = VoucherRequest { prior_signed_voucher_request: Some(earlier.to_vec()), ..nonceless(world, device) };
    world.maker.ask("requestvoucher", owner.sign(&request).await.wire(), &peer(owner)).await
}

async fn first_nonceless(world: &mut World, device: &Device) -> Vec<u8> {
    allow_nonceless(world);
    let request = world.owner.sign(&nonceless(world, device)).await;
    let reply = world.maker.ask("requestvoucher", request.wire(), &peer(&world.owner)).await;
    world.maker.parts.lines.rest_mut().issue_policy.nonceless.domains.clear();
    world.maker.restart();
    reply.ok("application/voucher-cms+json").to_vec()
}

#[tokio::test]
async fn device_that_was_sold_to_its_owner_is_vouched_for_as_verified() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    sell(&world, &device, "Orchard", &world.owner).await;
    let Onboarded::Enrolled { voucher, .. } = onboard(&device, &world.owner, &world.hand).await else { panic!("the buyer gets its device") };
    assert_eq!(read(&voucher).assertion, Some(Assertion::Verified));
    let log = masa(&world).audit_log_of(device.idevid().device()).await.unwrap();
    assert_eq!(log.events[0].assertion, Assertion::Verified);
}

#[tokio::test]
async fn device_that_was_sold_to_somebody_else_is_refused_without_a_word_of_the_buyer() {
    let world = World::new().await;
    let buyer = vineyard(&world).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    sell(&world, &device, "Vineyard", &buyer).await;
    let before = world.recorded();
    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!(status, 403);
    assert!(sentence.contains("A-1 is sold") && sentence.contains(&world.owner.ca.certificate().spki_digest().to_string()), "{sentence}");
    assert!(!sentence.contains("Vineyard") && !sentence.contains(&buyer.ca.certificate().spki_digest().to_string()), "{sentence}");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn unsold_device_is_refused_where_sales_are_required() {
    let mut world = World::new().await;
    world.maker.parts.lines.rest_mut().issue_policy.sales.sales = Sales::Required;
    world.maker.restart();
    let device = world.maker.make("A-1", Method::Avocado).await;
    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!(status, 403);
    assert!(sentence.contains("not sold yet"), "{sentence}");
    sell(&world, &device, "Orchard", &world.owner).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
}

#[tokio::test]
async fn resale_needs_a_release_where_the_policy_says_so() {
    let mut world = World::new().await;
    world.maker.parts.lines.rest_mut().issue_policy.sales.resale = Resale::AfterRelease;
    world.maker.restart();
    let second = vineyard(&world).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    let (status, sentence) = onboard(&device, &second, &world.hand).await.refusal();
    assert_eq!(status, 403);
    assert!(sentence.contains("has not been released"), "{sentence}");
    masa(&world).release(device.idevid().device(), "sales").await.unwrap();
    onboard(&device, &second, &world.hand).await.succeeded();
}

#[tokio::test]
async fn expired_voucher_is_renewed_for_its_domain_and_logged_as_an_event_of_its_own() {
    let mut world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let first = first_nonceless(&mut world, &device).await;
    world.hand.advance(core::time::Duration::from_secs(86_400));
    let before = world.recorded();
    let renewed = renew(&world, &world.owner, &device, &first).await;
    let renewed = read(renewed.ok("application/voucher-cms+json"));
    assert!(renewed.expires_on > read(&first).expires_on);
    assert_eq!(renewed.pinned_domain_cert, read(&first).pinned_domain_cert);
    assert_eq!(world.recorded().ledger_entries, before.ledger_entries + 1);
    assert_eq!(masa(&world).audit_log_of(device.idevid().device()).await.unwrap().events[0].truncated, 1);
}

#[tokio::test]
async fn voucher_is_renewed_for_no_other_domain() {
    let mut world = World::new().await;
    let thief = vineyard(&world).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let first = first_nonceless(&mut world, &device).await;
    let before = world.recorded();
    renew(&world, &thief, &device, &first).await.refused(403, "given to another domain");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn voucher_is_not_renewed_after_a_release_a_block_or_a_sale() {
    let mut world = World::new().await;
    let buyer = vineyard(&world).await;
    let [released, blocked, sold] = ["A-1", "A-2", "A-3"].map(|serial| serial.to_owned());
    for serial in [&released, &blocked, &sold] {
        let device = world.maker.make(serial, Method::Avocado).await;
        let first = first_nonceless(&mut world, &device).await;
        let words = match serial {
            serial if *serial == released => {
                masa(&world).release(device.idevid().device(), "sales").await.unwrap();
                "changed hands"
            }
            serial if *serial == blocked => {
                masa(&world).set_blocked(device.idevid().device(), Some("stolen".parse().unwrap()), "jane".parse().unwrap()).await.unwrap();
                "is blocked"
            }
            _ => {
                sell(&world, &device, "Vineyard", &buyer).await;
                "changed hands"
            }
        };
        renew(&world, &world.owner, &device, &first).await.refused(403, words);
    }
}

#[tokio::test]
async fn vouchers_with_and_without_nonce_are_signed_with_different_keys_that_a_pledge_accepts_alike() {
    let mut world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let without = first_nonceless(&mut world, &device).await;
    let Onboarded::Enrolled { voucher: with, .. } = onboard(&device, &world.owner, &world.hand).await else { panic!("the device gets in") };
    let signer = |voucher: &[u8]| {
        let by = brski_common::SignedBy::Anchored { anchors: &device.voucher_anchors, usage: brski_common::Usage::Any, known: &[] };
        let verifier = Verifier { by, lenient: Leniencies::default() };
        Signed::<Voucher>::from_wire(Format::Cms, voucher).verify(&verifier, world.hand.now()).unwrap().signer().key.clone()
    };
    assert!(signer(&with) != signer(&without));
    // The pledge takes the one that came on a stick as the answer to a request of its own.
    let asked = device.pledge().ask_for_voucher(world.owner.chain(), world.hand.nonce(), world.hand.now()).await.unwrap();
    assert!(imprints(asked, without, world.hand.now()));
}

fn imprints(asked: brski_common::pledge::VoucherAsked, voucher: Vec<u8>, now: UnixTime) -> bool {
    let content_type = Some("application/voucher-cms+json".to_owned());
    let answer = brski_common::pledge::Answer { status: 200, content_type, body: voucher, ..Default::default() };
    matches!(asked.answered(&answer, now), Ok(Step::Done(_)))
}

#[tokio::test]
async fn voucher_without_nonce_is_not_signed_where_its_key_is_not() {
    let mut world = World::new().await;
    allow_nonceless(&mut world);
    let voucher = world.maker.voucher_party().clone();
    world.maker.parts.lines.rest_mut().vouchers = brski_masa::VoucherSigners::one(voucher);
    world.maker.restart();
    let device = world.maker.make("A-1", Method::Avocado).await;
    let request = world.owner.sign(&nonceless(&world, &device)).await;
    let before = world.recorded();
    world.maker.ask("requestvoucher", request.wire(), &peer(&world.owner)).await.refused(403, "vouchers without nonce are not signed here");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn owner_fetches_its_voucher_again_and_nobody_else_does() {
    let world = World::new().await;
    let other = vineyard(&world).await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let Onboarded::Enrolled { voucher, .. } = onboard(&device, &world.owner, &world.hand).await else { panic!("the device gets in") };
    world.hand.advance(core::time::Duration::from_secs(30 * 86_400));
    let before = world.recorded();
    let request = world.owner.sign(&nonceless(&world, &device)).await;
    let again = world.maker.ask("requestissued", request.wire(), &peer(&world.owner)).await;
    let again = read(again.ok("application/voucher-cms+json"));
    let first = Voucher { provenance: None, ..read(&voucher) };
    assert_eq!(again, first);
    let request = other.sign(&nonceless(&world, &device)).await;
    world.maker.ask("requestissued", request.wire(), &peer(&other)).await.refused(404, "was never given a voucher");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn lost_answer_is_given_again_for_its_nonce_to_whoever_shows_the_old_voucher() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let Onboarded::Enrolled { voucher, .. } = onboard(&device, &world.owner, &world.hand).await else { panic!("the device gets in") };
    world.hand.advance(core::time::Duration::from_secs(30 * 86_400));
    let nonce = read(&voucher).nonce;
    let ask = async |nonce: Option<Nonce>| {
        let request = VoucherRequest { nonce, prior_signed_voucher_request: Some(voucher.clone()), ..nonceless(&world, &device) };
        world.maker.ask("requestvoucher", world.owner.sign(&request).await.wire(), &peer(&world.owner)).await
    };
    assert_eq!(read(ask(nonce.clone()).await.ok("application/voucher-cms+json")).nonce, nonce);
    ask(Some(world.hand.nonce())).await.refused(403, "another nonce");
    ask(None).await.refused(403, "never expires");
}
