//! A MASA that misbehaves in every way we could think of, behind an honest registrar and an honest pledge.
//!
//! What the pledge hears and what the trail keeps of it stands in `hostile_masa/answers.txt`, for people to read; what must never happen is asserted of every misdeed.

mod misdeed;
mod mood;

use std::path::Path;

use brski_common::Method;
use brski_registrar::PledgeStore as _;
use brski_registrar::trail::Event;

use self::misdeed::Misdeed;
use crate::support::{Device, Mood, Names, Reply, World, assert_pinned, events, line, onboard};

/// How one misdeed ended.
struct Ending {
    world: World,
    device: Device,
    misdeed: Misdeed,
    reply: Reply,
    trail: Vec<Event>,
    names: Names,
}

impl Ending {
    async fn of(misdeed: Misdeed) -> Self {
        let world = World::new().await;
        let device = world.maker.make("A-1", Method::Avocado).await;
        let (mood, names) = mood::of(misdeed, &world, &device).await;
        world.owner.masa.set(mood);
        let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
        let reply = world.owner.submit(&pvr, &device.peer()).await;
        let trail = events(&*world.owner.pledges, 0).await;
        Self { world, device, misdeed, reply, trail, names }
    }

    fn told(&self) -> String {
        let words = match self.reply.status {
            200 => self.reply.header("content-type").map(|content_type| format!("a body of type {content_type}")).unwrap_or_default(),
            status => self.reply.no(status).to_owned(),
        };
        let retry = self.reply.header("retry-after").map(|wait| format!(" (retry-after {wait})")).unwrap_or_default();
        let trail: String = self.trail.iter().map(|event| format!("  trail: {}\n", line(event))).collect();
        self.names.put_in(&format!("{:?}\n  {} {words}{retry}\n{trail}", self.misdeed, self.reply.status))
    }
}

#[tokio::test]
async fn every_misdeed_gets_the_answer_and_the_line_in_the_trail_that_are_pinned() {
    let mut told = Vec::new();
    for misdeed in Misdeed::ALL {
        told.push(Ending::of(*misdeed).await.told());
    }
    assert_pinned(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journeys/hostile_masa/answers.txt"), &told.join("\n"));
}

#[tokio::test]
async fn pledge_hears_of_every_misdeed_with_the_status_for_it() {
    for misdeed in Misdeed::ALL {
        let ending = Ending::of(*misdeed).await;
        assert_eq!(ending.reply.status, misdeed.status(), "{misdeed:?}: {}", String::from_utf8_lossy(&ending.reply.body));
    }
}

#[tokio::test]
async fn misdeed_admits_nobody() {
    for misdeed in Misdeed::ALL {
        let ending = Ending::of(*misdeed).await;
        let admitted = ending.world.owner.admission(&ending.device).await.is_some();
        assert_eq!(admitted, misdeed.is_harmless(), "{misdeed:?}");
    }
}

#[tokio::test]
async fn trail_has_one_entry_of_every_misdeed_and_none_is_longer_than_a_page() {
    for misdeed in Misdeed::ALL {
        let Ending { world, trail, .. } = Ending::of(*misdeed).await;
        assert_eq!(trail.len(), 1, "{misdeed:?}");
        let octets = world.owner.pledges.events(0, 1).await.unwrap().remove(0).len();
        assert!(octets <= 8 * 1024, "{misdeed:?}: {octets} octets");
    }
}

#[tokio::test]
async fn pledge_onboards_once_its_masa_has_come_to_its_senses() {
    for misdeed in Misdeed::ALL {
        let Ending { world, device, .. } = Ending::of(*misdeed).await;
        world.owner.masa.set(Mood::Up);
        onboard(&device, &world.owner, &world.hand).await.succeeded();
    }
}
