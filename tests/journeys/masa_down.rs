//! A MASA that is down for a while: its pledges wait as long as pledges do, nobody is refused for it, and the trail tells of it once an hour.

use core::time::Duration;

use brski_common::{Method, Signed, VoucherRequest};
use brski_registrar::trail::{Event, What};
use brski_registrar::{MasaAnswer, PledgeStore as _};

use crate::support::{Device, Mood, Reply, World};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

struct Scene {
    world: World,
    device: Device,
    request: Signed<VoucherRequest>,
}

impl Scene {
    /// A pledge without a clock, so that its request does not grow old, whose key was made so.
    async fn new(method: Method, mood: Mood) -> Self {
        let world = World::new().await;
        let device = world.maker.make("A-1", method).await;
        let request = VoucherRequest { created_on: None, ..device.request(&world.owner, &world.hand) };
        let request = device.sign(&request).await;
        world.owner.masa.set(mood);
        Self { world, device, request }
    }

    async fn ask(&self) -> Reply {
        self.world.owner.ask(self.request.wire(), &self.device.peer()).await
    }

    fn asked(&self) -> usize {
        self.world.owner.masa.asked().len()
    }

    async fn trail(&self) -> Vec<What> {
        let events = self.world.owner.pledges.events(0, 1000).await.unwrap();
        events.iter().map(|event| serde_json::from_slice::<Event>(event).unwrap().what).collect()
    }

    async fn deferrals(&self) -> usize {
        self.trail().await.iter().filter(|what| matches!(what, What::Deferred { .. })).count()
    }
}

#[tokio::test]
async fn pledge_waits_for_a_masa_that_is_down_and_gets_its_voucher_for_the_same_request() {
    for mood in [Mood::Down, Mood::Silent] {
        let scene = Scene::new(Method::Avocado, mood).await;
        let reply = scene.ask().await;
        reply.refused(202, "the MASA cannot be asked at the moment");
        assert_eq!(reply.header("retry-after"), Some("60"));

        scene.world.owner.masa.set(Mood::Up);
        scene.world.hand.advance(Duration::from_secs(60));
        scene.ask().await.ok("application/voucher-cms+json");
    }
}

#[tokio::test]
async fn cause_is_told_to_the_owner_and_not_to_the_pledge() {
    let scene = Scene::new(Method::Avocado, Mood::Down).await;
    assert!(!scene.ask().await.no(202).contains("connection refused"));
    let trail = scene.trail().await;
    let [What::Deferred { sentence, .. }] = &trail[..] else { panic!("{trail:?}") };
    assert!(sentence.ends_with("cannot be reached: connection refused"), "{sentence}");
}

#[tokio::test]
async fn trail_tells_of_a_waiting_pledge_once_an_hour() {
    let scene = Scene::new(Method::Avocado, Mood::Down).await;
    for _ in 0..120 {
        scene.ask().await.no(202);
        scene.world.hand.advance(Duration::from_secs(60));
    }
    assert_eq!((scene.asked(), scene.deferrals().await), (120, 2));
}

#[tokio::test]
async fn pledge_is_told_after_four_days_that_its_masa_is_down() {
    for mood in [Mood::Down, Mood::Silent] {
        let scene = Scene::new(Method::Avocado, mood).await;
        scene.ask().await.no(202);
        scene.world.hand.advance(DAY * 4 - HOUR);
        scene.ask().await.no(202);
        scene.world.hand.advance(HOUR);
        scene.ask().await.refused(504, "the MASA");
    }
}

#[tokio::test]
async fn held_pledge_costs_its_masa_one_answer_an_hour() {
    let scene = Scene::new(Method::Carrot, Mood::Up).await;
    for minute in 0..120 {
        assert_eq!(scene.asked(), usize::from(minute > 0) + usize::from(minute > 60), "minute {minute}");
        scene.ask().await.no(202);
        scene.world.hand.advance(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn held_pledge_stays_held_while_its_masa_is_down() {
    let scene = Scene::new(Method::Carrot, Mood::Up).await;
    scene.ask().await.refused(202, "not decided yet");
    scene.world.owner.masa.set(Mood::Down);
    scene.world.hand.advance(Duration::from_secs(60));
    scene.ask().await.refused(202, "ask-about-carrots");
    assert_eq!((scene.asked(), scene.deferrals().await), (1, 0));
}

#[tokio::test]
async fn policy_that_was_changed_applies_to_the_answer_that_is_remembered() {
    let scene = Scene::new(Method::Carrot, Mood::Up).await;
    scene.ask().await.no(202);
    let Scene { mut world, device, request } = scene;
    let changed = crate::support::POLICY.replace("then = \"hold\"", "then = \"accept\"");
    world.owner.parts.policy = brski_common::Policy::from_toml(&changed).unwrap();
    world.owner.restart();
    world.owner.masa.set(Mood::Down);
    let scene = Scene { world, device, request };
    scene.ask().await.ok("application/voucher-cms+json");
    assert_eq!(scene.asked(), 1);
}

#[tokio::test]
async fn refusal_of_a_masa_is_not_remembered() {
    let no = MasaAnswer::Refused { status: 404, sentence: "unknown device".to_owned() };
    let scene = Scene::new(Method::Avocado, Mood::Answering(no)).await;
    scene.ask().await.no(404);
    scene.world.owner.masa.set(Mood::Up);
    scene.ask().await.ok("application/voucher-cms+json");
}
