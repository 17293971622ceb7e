//! A pledge that misbehaves in every way we could think of, in front of an honest registrar and an honest MASA.
//!
//! What it hears and what the trail keeps of it stands in `hostile_pledge/answers.txt`, for people to read; what must never happen is asserted of every misdeed.

mod act;
mod misdeed;
mod stage;

use core::time::Duration;
use std::path::Path;

use brski_common::Method;
use brski_registrar::PledgeStore as _;
use brski_registrar::trail::{Event, What};

use self::act::Act;
use self::misdeed::Misdeed;
use self::stage::Stage;
use crate::support::{Reply, assert_pinned, events, line, onboard};

/// How one misdeed ended.
struct Ending {
    stage: Stage,
    misdeed: Misdeed,
    reply: Reply,
    /// What the trail has of it.
    trail: Vec<Event>,
    masa_was_asked: bool,
}

impl Ending {
    async fn of(misdeed: Misdeed) -> Self {
        let stage = Stage::new(misdeed).await;
        let act = Act::of(misdeed, &stage).await;
        // Of one pledge's refusals within two seconds the trail keeps one.
        stage.world.hand.advance(Duration::from_secs(3));
        let (noted, asked) = (stage.world.owner.pledges.head().await.unwrap().size, stage.world.owner.masa.asked().len());
        let reply = act.perform(&stage).await;
        let trail = events(&*stage.world.owner.pledges, noted).await;
        let masa_was_asked = stage.world.owner.masa.asked().len() > asked;
        Self { stage, misdeed, reply, trail, masa_was_asked }
    }

    fn told(&self) -> String {
        let words = match self.reply.status {
            200 => self.reply.header("content-type").map(|content_type| format!("a body of type {content_type}")).unwrap_or_default(),
            _ => self.reply.no(self.reply.status).to_owned(),
        };
        let retry = self.reply.header("retry-after").map(|wait| format!(" (retry-after {wait})")).unwrap_or_default();
        let asked = if self.masa_was_asked { "  the MASA was asked\n" } else { "" };
        let trail: String = self.trail.iter().map(|event| format!("  trail: {}\n", line(event))).collect();
        let told = format!("{:?}\n  {} {words}{retry}\n{asked}{trail}", self.misdeed, self.reply.status);
        self.stage.names().put_in(&told)
    }
}

#[tokio::test]
async fn every_misdeed_gets_the_answer_and_the_line_in_the_trail_that_are_pinned() {
    let mut told = Vec::new();
    for misdeed in Misdeed::ALL {
        told.push(Ending::of(*misdeed).await.told());
    }
    assert_pinned(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journeys/hostile_pledge/answers.txt"), &told.join("\n"));
}

#[tokio::test]
async fn every_misdeed_gets_the_status_that_rfc_8995_has_for_it() {
    for misdeed in Misdeed::ALL {
        let ending = Ending::of(*misdeed).await;
        assert_eq!(ending.reply.status, misdeed.status(), "{misdeed:?}: {}", String::from_utf8_lossy(&ending.reply.body));
    }
}

#[tokio::test]
async fn no_misdeed_gets_its_pledge_an_ldevid() {
    for misdeed in Misdeed::ALL {
        let ending = Ending::of(*misdeed).await;
        assert!(!ending.trail.iter().any(|event| matches!(event.what, What::Issued { .. })), "{misdeed:?}");
        let file = ending.stage.world.owner.pledges.file(ending.stage.hostile.idevid().spki_digest()).await.unwrap();
        assert!(file.is_none_or(|file| file.certificates.is_empty()), "{misdeed:?}");
    }
}

#[tokio::test]
async fn misdeed_admits_nobody_who_was_not_admitted_before() {
    for misdeed in Misdeed::ALL {
        let ending = Ending::of(*misdeed).await;
        let admitted = ending.stage.world.owner.admission(&ending.stage.hostile).await.is_some();
        assert_eq!(admitted, misdeed.is_of_an_admitted_pledge() || misdeed.is_harmless(), "{misdeed:?}");
    }
}

#[tokio::test]
async fn honest_pledge_onboards_after_every_misdeed() {
    for misdeed in Misdeed::ALL {
        let Stage { world, honest, .. } = Ending::of(*misdeed).await.stage;
        onboard(&honest, &world.owner, &world.hand).await.succeeded();
    }
}

#[tokio::test]
async fn pledge_that_comes_to_its_senses_onboards_unless_its_owner_does_not_want_it() {
    for misdeed in Misdeed::ALL.iter().filter(|misdeed| misdeed.origin() == Method::Avocado) {
        let Stage { world, hostile, .. } = Ending::of(*misdeed).await.stage;
        onboard(&hostile, &world.owner, &world.hand).await.succeeded();
    }
}
