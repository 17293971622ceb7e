//! Pledges that the policy holds, and what persons decide about them while they wait. The store is a file, as an owner's is: whatever was said survives the registrar's end.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use brski_common::{Leniencies, Method, Policy};
use brski_registrar::approval::Person;
use brski_registrar::desk::{self, Approved, DeskError, Pick};
use brski_registrar::trail::{PledgeFile, State};
use brski_registrar::{PledgeStore, SqlitePledges};

use crate::support::{Device, Onboarded, POLICY, World, go_on, onboard};

/// A world whose owner keeps pledges in a file, and a device that its policy holds.
struct Waiting {
    world: World,
    device: Device,
    folder: PathBuf,
}

impl Waiting {
    async fn begin() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = std::env::temp_dir().join(format!("brski-approvals-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&folder).unwrap();
        let world = World::new().await;
        let device = world.maker.make("C-1", Method::Carrot).await;
        let mut waiting = Self { world, device, folder };
        waiting.restart();
        waiting
    }

    /// The registrar's process ends, and a new one begins on the file that it left.
    fn restart(&mut self) {
        self.world.owner.parts.pledges = self.world.owner.pledges.clone();
        self.world.owner.restart();
        self.world.owner.parts.pledges = Arc::new(SqlitePledges::open(self.folder.join("pledges.sqlite")).unwrap());
        self.world.owner.restart();
    }

    /// How many persons the owner wants.
    fn demand(&mut self, persons: usize) {
        self.world.owner.parts.settings.approvers = persons;
        self.restart();
    }

    fn store(&self) -> &dyn PledgeStore {
        &*self.world.owner.parts.pledges
    }

    async fn file(&self) -> PledgeFile {
        desk::pick(self.store(), "C-1").await.unwrap()
    }

    fn person(&self, name: &str) -> Person {
        Person::new(name, "it is ours", self.world.hand.now())
    }

    async fn approve(&self, name: &str) -> Result<Approved, DeskError> {
        desk::approve(self.store(), &Pick::of(&self.file().await), self.person(name), self.world.owner.parts.settings.approvers).await
    }

    /// Says yes to what was looked at earlier.
    async fn approve_as_seen(&self, seen: Pick, name: &str) -> Result<Approved, DeskError> {
        desk::approve(self.store(), &seen, self.person(name), self.world.owner.parts.settings.approvers).await
    }

    async fn refuse(&self, name: &str) {
        desk::refuse(self.store(), &Pick::of(&self.file().await), self.person(name)).await.unwrap();
    }

    /// The device asks for the first time, and is told to come again.
    async fn ask(&self) -> Box<brski_common::pledge::VoucherAsked> {
        match onboard(&self.device, &self.world.owner, &self.world.hand).await {
            Onboarded::Waits(wait, asked) => {
                assert_eq!(wait, Duration::from_secs(60));
                asked
            }
            other => panic!("{other:?}"),
        }
    }

    /// It repeats its request a minute later.
    async fn repeat(&self, asked: Box<brski_common::pledge::VoucherAsked>) -> Onboarded {
        self.world.hand.advance(Duration::from_secs(60));
        go_on(*asked, &self.device, &self.world.owner, self.world.hand.now()).await
    }

    async fn waits_on(&self, asked: Box<brski_common::pledge::VoucherAsked>) -> Box<brski_common::pledge::VoucherAsked> {
        match self.repeat(asked).await {
            Onboarded::Waits(_, asked) => asked,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn held_pledge_is_admitted_after_approval_and_a_restart_with_the_request_it_had() {
    let mut waiting = Waiting::begin().await;
    let asked = waiting.ask().await;
    waiting.restart();
    assert_eq!(waiting.approve("ann").await.unwrap().persons, 1);
    waiting.restart();
    waiting.repeat(asked).await.succeeded();

    let nonces = waiting.world.owner.masa.asked().into_iter().map(|request| request.peek_unverified(Leniencies::default()).unwrap().nonce);
    let nonces: Vec<_> = nonces.collect();
    assert!(nonces.windows(2).all(|pair| pair[0] == pair[1]), "{nonces:?}");
    let file = waiting.file().await;
    assert_eq!((file.state, file.certificates.len()), (State::Enrolled, 1));
}

#[tokio::test]
async fn admission_says_who_approved_it() {
    let waiting = Waiting::begin().await;
    let asked = waiting.ask().await;
    waiting.approve("ann").await.unwrap();
    let ann = waiting.file().await.approvals;
    waiting.repeat(asked).await.succeeded();
    let admission = waiting.store().find(waiting.device.idevid().spki_digest()).await.unwrap().unwrap();
    assert_eq!((admission.ground().approved_by.clone(), admission.ground().rule.as_str()), (ann, "ask-about-carrots"));
}

#[tokio::test]
async fn pledge_that_a_person_refused_is_told_so_and_no_more() {
    let waiting = Waiting::begin().await;
    let asked = waiting.ask().await;
    waiting.refuse("ann").await;
    let (status, sentence) = waiting.repeat(asked).await.refusal();
    assert_eq!(status, 403);
    assert!(sentence.contains("its owner decided against it") && !sentence.contains("ann"), "{sentence}");
}

#[tokio::test]
async fn one_person_s_yes_is_not_enough_where_two_are_demanded() {
    let mut waiting = Waiting::begin().await;
    waiting.demand(2);
    let asked = waiting.ask().await;
    waiting.approve("ann").await.unwrap();
    assert!(matches!(waiting.approve("ann").await, Err(DeskError::SaidBefore { .. })));
    let asked = waiting.waits_on(asked).await;
    waiting.approve("bob").await.unwrap();
    waiting.repeat(asked).await.succeeded();
}

#[tokio::test]
async fn pledge_that_nobody_decided_about_for_four_days_is_refused() {
    let waiting = Waiting::begin().await;
    let asked = waiting.ask().await;
    waiting.world.hand.advance(Duration::from_secs(4 * 86_400 - 65));
    let asked = waiting.waits_on(asked).await;
    waiting.world.hand.advance(Duration::from_secs(5));
    waiting.world.owner.ask(&asked.ask().body, &waiting.device.peer()).await.refused(403, "nobody decided within four days");
    assert_eq!(waiting.file().await.state, State::Refused);
}

#[tokio::test]
async fn approval_that_a_policy_has_overtaken_admits_nobody() {
    let mut waiting = Waiting::begin().await;
    let asked = waiting.ask().await;
    waiting.approve("ann").await.unwrap();
    waiting.world.owner.parts.policy = Policy::from_toml(&POLICY.replace("then = \"hold\"", "then = \"refuse\"")).unwrap();
    waiting.restart();
    assert_eq!(waiting.repeat(asked).await.refusal().0, 406);
}

#[tokio::test]
async fn approval_for_one_rule_is_none_for_another() {
    let mut waiting = Waiting::begin().await;
    let asked = waiting.ask().await;
    waiting.approve("ann").await.unwrap();
    waiting.world.owner.parts.policy = Policy::from_toml(&POLICY.replace("ask-about-carrots", "ask-twice-about-carrots")).unwrap();
    waiting.restart();
    let _still_waits = waiting.waits_on(asked).await;
    assert_eq!(waiting.file().await.approval_at(waiting.world.hand.now()), None);
}

#[tokio::test]
async fn approval_under_a_policy_that_changed_since_is_asked_for_again() {
    let mut waiting = Waiting::begin().await;
    let asked = waiting.ask().await;
    waiting.approve("ann").await.unwrap();
    waiting.world.owner.parts.policy = Policy::from_toml(&POLICY.replace("[\"carrot\"]", "[\"carrot\", \"bamboo\"]")).unwrap();
    waiting.restart();
    let asked = waiting.waits_on(asked).await;
    assert_eq!(waiting.approve("ann").await.unwrap().persons, 1);
    waiting.repeat(asked).await.succeeded();
}

#[tokio::test]
async fn yes_to_what_a_person_saw_before_the_pledge_asked_anew_approves_nothing() {
    let mut waiting = Waiting::begin().await;
    let asked = waiting.ask().await;
    let seen = Pick::of(&waiting.file().await);
    waiting.world.owner.parts.policy = Policy::from_toml(&POLICY.replace("ask-about-carrots", "ask-twice-about-carrots")).unwrap();
    waiting.restart();
    let asked = waiting.waits_on(asked).await;
    let told = waiting.approve_as_seen(seen, "ann").await.unwrap_err().to_string();
    assert!(told.contains("rule 'ask-twice-about-carrots' holds it, and no longer 'ask-about-carrots', the policy is another"), "{told}");
    let asked = waiting.waits_on(asked).await;
    waiting.approve("ann").await.unwrap();
    waiting.repeat(asked).await.succeeded();
}

#[tokio::test]
async fn question_stays_the_same_while_the_pledge_repeats_itself() {
    let waiting = Waiting::begin().await;
    let asked = waiting.ask().await;
    let seen = Pick::of(&waiting.file().await);
    // Longer than the trail takes a repeated request for the same.
    waiting.world.hand.advance(Duration::from_secs(2 * 3600));
    let asked = waiting.waits_on(asked).await;
    assert_eq!(waiting.store().head().await.unwrap().size, 2);
    waiting.approve_as_seen(seen, "ann").await.unwrap();
    waiting.repeat(asked).await.succeeded();
}

#[tokio::test]
async fn one_person_under_two_spellings_is_not_two_persons() {
    let mut waiting = Waiting::begin().await;
    waiting.demand(2);
    let asked = waiting.ask().await;
    waiting.approve("Alice").await.unwrap();
    for name in ["alice", " ALICE "] {
        assert!(matches!(waiting.approve(name).await, Err(DeskError::SaidBefore { .. })), "{name}");
    }
    let _still_waits = waiting.waits_on(asked).await;
}

#[tokio::test]
async fn owner_reads_why_a_pledge_waits_without_what_the_pledge_has_to_do() {
    let waiting = Waiting::begin().await;
    let _asked = waiting.ask().await;
    let sentence = waiting.file().await.sentence;
    assert!(sentence.starts_with("rule 'ask-about-carrots' holds") && !sentence.contains("ask again"), "{sentence}");
}

#[tokio::test]
async fn owner_reads_which_setting_refuses_a_request_of_the_wrong_time() {
    let waiting = Waiting::begin().await;
    let asked = waiting.ask().await;
    waiting.world.hand.advance(Duration::from_secs(4 * 86_400 + 60));
    waiting.world.owner.ask(&asked.ask().body, &waiting.device.peer()).await.refused(403, "created-on is ");
    let sentence = waiting.file().await.sentence;
    assert!(sentence.ends_with("; requests.oldest in the registrar's configuration sets that"), "{sentence}");
}

#[tokio::test]
async fn approval_that_is_older_than_four_days_admits_nobody() {
    let waiting = Waiting::begin().await;
    let _given_up = waiting.ask().await;
    waiting.approve("ann").await.unwrap();
    waiting.world.hand.advance(Duration::from_secs(4 * 86_400));
    // Not the same request: that would be refused for its age.
    let _held_anew = waiting.ask().await;
}

#[tokio::test]
async fn admitted_pledge_that_a_person_refuses_gets_no_ldevid() {
    let waiting = Waiting::begin().await;
    let asked = waiting.ask().await;
    waiting.approve("ann").await.unwrap();
    waiting.world.owner.ask(&asked.ask().body, &waiting.device.peer()).await.ok("application/voucher-cms+json");
    waiting.refuse("bob").await;
    let csr = waiting.device.csr(&crate::support::new_key()).await;
    waiting.world.owner.enroll(&csr, &waiting.device.peer()).await.refused(403, "its owner decided against it");
}

#[tokio::test]
async fn pledge_that_waits_is_noted_once() {
    let waiting = Waiting::begin().await;
    let mut asked = waiting.ask().await;
    for _ in 0..5 {
        asked = waiting.waits_on(asked).await;
    }
    assert_eq!(waiting.store().head().await.unwrap().size, 1);
}
