//! Pledges that do everything right: who gets in, and what they get.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use brski_common::pledge::Step;
use brski_common::{Method, PeerCertificates, Policy, Signer as _, VoucherRequest};

use crate::support::{Mood, Onboarded, POLICY, World, carry, go_on, new_key, onboard};

#[tokio::test]
async fn pledge_whose_key_was_made_inside_gets_an_ldevid() {
    let world = World::new().await;
    for method in [Method::Avocado, Method::Salak] {
        let device = world.maker.make(&format!("inside-{method}"), method).await;
        let member = onboard(&device, &world.owner, &world.hand).await.member();
        assert_eq!(member.chain()[0].serial_number(), Some(device.serial()));
        assert_eq!(member.chain()[0].public_key(), *member.signer().public_key());
        assert_eq!(member.chain().last(), Some(&world.owner.ca.anchor()));
    }
}

#[tokio::test]
async fn admission_names_the_rule_that_accepted() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    let admission = world.owner.admission(&device).await.unwrap();
    assert_eq!((admission.ground().rule.as_str(), admission.ground().found), ("made-inside", Some(Method::Avocado)));
}

#[tokio::test]
async fn pledge_whose_key_was_made_in_the_factory_is_refused_by_the_rule() {
    let world = World::new().await;
    let device = world.maker.make("B-1", Method::Bamboo).await;
    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!(status, 406);
    assert_eq!(sentence, "rule 'no-keys-from-the-factory' does not accept bamboo keys (generated off the device); accepted: avocado, salak");
    assert_eq!(world.owner.pledges.writes(), 0);
}

#[tokio::test]
async fn pledge_that_no_rule_names_is_refused() {
    let world = World::new().await;
    let device = world.maker.make("S-1", Method::Sapodilla).await;
    let (status, sentence) = onboard(&device, &world.owner, &world.hand).await.refusal();
    assert_eq!(status, 406);
    assert!(sentence.contains("nothing-else-matched"), "{sentence}");
}

#[tokio::test]
async fn held_pledge_is_asked_to_come_back_and_nothing_is_kept() {
    let world = World::new().await;
    let device = world.maker.make("C-1", Method::Carrot).await;
    let Onboarded::Waits(wait, _) = onboard(&device, &world.owner, &world.hand).await else { panic!("a person was to decide") };
    assert_eq!(wait, Duration::from_secs(60));
    assert_eq!(world.owner.pledges.writes(), 0);
}

#[tokio::test]
async fn held_pledge_that_asks_again_costs_the_masa_nothing() {
    let world = World::new().await;
    let device = world.maker.make("C-1", Method::Carrot).await;
    let Onboarded::Waits(_, asked) = onboard(&device, &world.owner, &world.hand).await else { panic!("a person was to decide") };
    let before = world.recorded();
    assert!(matches!(go_on(*asked, &device, &world.owner, world.hand.now()).await, Onboarded::Waits(..)));
    assert_eq!(world.owner.masa.asked().len(), 1);
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn held_pledge_gets_in_with_the_same_request_once_the_policy_accepts_it() {
    let mut world = World::new().await;
    let device = world.maker.make("C-1", Method::Carrot).await;
    let Onboarded::Waits(_, asked) = onboard(&device, &world.owner, &world.hand).await else { panic!("a person was to decide") };

    world.owner.parts.policy = Policy::from_toml(&POLICY.replace("hold", "accept")).unwrap();
    world.owner.restart();
    world.hand.advance(Duration::from_secs(60));
    go_on(*asked, &device, &world.owner, world.hand.now()).await.succeeded();
    assert_eq!(world.owner.admission(&device).await.unwrap().ground().rule, "ask-about-carrots");
}

#[tokio::test]
async fn device_admitted_before_is_not_renewed_once_the_policy_becomes_stricter() {
    let mut world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let member = onboard(&device, &world.owner, &world.hand).await.member();
    world.owner.parts.policy = Policy::from_toml(&POLICY.replace("accept", "refuse")).unwrap();
    world.owner.restart();
    let renewal = member.reenroll(Arc::new(new_key())).await.unwrap();
    assert_eq!(carry(renewal.ask(), &world.owner, &PeerCertificates(member.chain().to_vec())).await.status, 406);
    assert_eq!(onboard(&device, &world.owner, &world.hand).await.refusal().0, 406);
}

#[tokio::test]
async fn voucher_reaches_the_pledge_octet_for_octet() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = sent.clone();
    let watch = move |voucher: Vec<u8>| {
        seen.lock().unwrap().clone_from(&voucher);
        voucher
    };
    world.owner.masa.set(Mood::Altering(Box::new(watch)));
    let Onboarded::Enrolled { voucher, .. } = onboard(&device, &world.owner, &world.hand).await else { panic!("it was to be enrolled") };
    assert!(!voucher.is_empty());
    assert_eq!(voucher, *sent.lock().unwrap());
}

#[tokio::test]
async fn same_request_gets_the_same_voucher_even_from_a_new_process_without_a_masa() {
    let mut world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let request = device.sign(&device.request(&world.owner, &world.hand)).await;
    let first = world.owner.ask(request.wire(), &device.peer()).await;
    first.ok("application/voucher-cms+json");

    world.owner.restart();
    world.owner.masa.set(Mood::Down);
    let before = world.recorded();
    let second = world.owner.ask(request.wire(), &device.peer()).await;
    assert_eq!((second.status, second.body), (200, first.body));
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn new_request_of_an_admitted_pledge_gets_a_voucher_with_its_own_nonce() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let [first, second]: [VoucherRequest; 2] = core::array::from_fn(|_| device.request(&world.owner, &world.hand));
    for request in [first, second] {
        let reply = world.owner.ask(device.sign(&request).await.wire(), &device.peer()).await;
        reply.ok("application/voucher-cms+json");
        let kept = world.owner.admission(&device).await.unwrap();
        assert_eq!(kept.voucher().wire(), reply.body);
        assert_eq!(kept.voucher().peek_unverified(Default::default()).unwrap().nonce, request.nonce);
    }
}

#[tokio::test]
async fn member_renews_its_ldevid_with_a_new_key_and_again_with_that() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let mut member = onboard(&device, &world.owner, &world.hand).await.member();
    for _ in 0..2 {
        world.hand.advance(Duration::from_secs(100 * 86_400));
        let key = Arc::new(new_key());
        let renewal = member.reenroll(key.clone()).await.unwrap();
        let answer = carry(renewal.ask(), &world.owner, &PeerCertificates(member.chain().to_vec())).await;
        let Step::Done(renewed) = renewal.answered(&answer, world.hand.now()).unwrap() else { panic!("nobody is put off here") };
        assert_eq!(renewed.chain()[0].public_key(), *key.public_key());
        assert!(renewed.chain()[0].not_after() > member.chain()[0].not_after());
        member = *renewed;
    }
}
