use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use brski_common::{DeviceId, Format};

use super::*;
use crate::masa_client::answers::tests::answer;
use crate::pledges::Scratch;
use crate::testing::{NOW, World, block_on};

type Say = fn(usize, &MasaUrl) -> Result<MasaAnswer, MasaClientError>;

/// A MASA that answers its n-th question as a test wants.
struct Masa {
    say: Say,
    asked: AtomicUsize,
}

impl MasaClient for Masa {
    fn request_voucher<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<MasaAnswer, MasaClientError>> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(core::future::ready((self.say)(number, question.url)))
    }

    fn request_statement<'a>(
        &'a self,
        _: &'a Manufacturer,
        _: &'a MasaUrl,
        _: &'a Signed<VoucherRequest>,
    ) -> BoxFuture<'a, Result<Option<Signed<ProvenanceStatement>>, MasaClientError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(core::future::ready(Ok(Some(Signed::from_wire(Format::Cose, *b"a statement")))))
    }
}

/// A registrar's client and a worker over one file.
struct Scene {
    world: World,
    through: ThroughWorker,
    worker: Worker,
    masa: Arc<Masa>,
    hand: Arc<AtomicU64>,
    _scratch: Scratch,
}

impl Scene {
    fn new(say: Say) -> Self {
        let (world, scratch, hand) = (World::new(), Scratch::new(), Arc::new(AtomicU64::new(NOW)));
        let clock = {
            let hand = hand.clone();
            Clock::from_fn(move || at(hand.load(Ordering::SeqCst)))
        };
        let masa = Arc::new(Masa { say, asked: AtomicUsize::new(0) });
        let desk = || Arc::new(SqliteDesk::open(scratch.file()).unwrap());
        let through = ThroughWorker::new(desk(), clock.clone());
        let worker = Worker::new(desk(), masa.clone(), world.trust(), clock);
        Self { world, through, worker, masa, hand, _scratch: scratch }
    }

    fn ask(&self) -> Result<MasaAnswer, MasaClientError> {
        self.ask_of(&self.world.manufacturer())
    }

    fn ask_of(&self, manufacturer: &Manufacturer) -> Result<MasaAnswer, MasaClientError> {
        self.ask_again(manufacturer, &url(), 1)
    }

    /// As a device with a request of its own, which differs by `nonce`.
    fn ask_again(&self, manufacturer: &Manufacturer, url: &MasaUrl, nonce: u8) -> Result<MasaAnswer, MasaClientError> {
        let request = self.request();
        block_on(self.through.request_voucher(Question { manufacturer, url, request: &request, pledge_request: [nonce; 32], answer: Format::Cms }))
    }

    fn request(&self) -> Signed<VoucherRequest> {
        let device: DeviceId = self.world.pledge("JADA1").idevid.device().clone();
        let now = at(self.hand.load(Ordering::SeqCst));
        let leaves = VoucherRequest { created_on: Some(now), idevid_issuer: Some(device.issuer.clone()), ..VoucherRequest::new(device.serial) };
        block_on(self.world.registrar.seal(&leaves, Format::Cms)).unwrap()
    }

    fn ask_statement(&self) -> Result<Option<Signed<ProvenanceStatement>>, MasaClientError> {
        block_on(self.through.request_statement(&self.world.manufacturer(), &url(), &self.request()))
    }

    fn step(&self) -> bool {
        block_on(self.worker.step()).unwrap()
    }

    fn advance(&self, seconds: u64) {
        self.hand.fetch_add(seconds, Ordering::SeqCst);
    }
}

fn url() -> MasaUrl {
    MasaUrl::new("masa.example.com").unwrap()
}

fn gone(url: &MasaUrl) -> MasaClientError {
    unreachable(url, "connection refused")
}

#[test]
fn answer_is_there_when_the_pledge_comes_again() {
    let scene = Scene::new(|_, _| Ok(answer(b"a voucher")));
    assert!(matches!(scene.ask(), Err(MasaClientError::Asking { .. })));
    assert_eq!((scene.step(), scene.step()), (true, false));
    assert_eq!(scene.ask().unwrap(), answer(b"a voucher"));
}

#[test]
fn pledge_that_comes_often_is_asked_about_once() {
    let scene = Scene::new(|_, _| Ok(answer(b"a voucher")));
    for _ in 0..5 {
        scene.ask().unwrap_err();
    }
    while scene.step() {}
    assert_eq!(scene.masa.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn device_that_asks_another_thing_each_time_is_told_to_wait() {
    let scene = Scene::new(|_, _| Ok(answer(b"a voucher")));
    let asked = |nonce| crate::Error::from(scene.ask_again(&scene.world.manufacturer(), &url(), nonce).unwrap_err());
    let waits = [1, 2, 3, 4, 5].map(asked).map(|err| err.to_string());
    assert_eq!(waits[3], "not decided yet: the MASA is being asked; ask again in 5 s");
    assert_eq!(waits[4], "not decided yet: 4 questions about this device wait for its MASA already; ask again in 5 s");
    while scene.step() {}
    assert_eq!(scene.masa.asked.load(Ordering::SeqCst), 4);
}

#[test]
fn question_to_a_masa_that_is_another_now_is_asked_anew() {
    let scene = Scene::new(|_, _| Ok(answer(b"a voucher")));
    let (manufacturer, elsewhere) = (scene.world.manufacturer(), MasaUrl::new("masa.example.net").unwrap());
    scene.ask().unwrap_err();
    assert!(scene.step());
    assert!(matches!(scene.ask_again(&manufacturer, &elsewhere, 1), Err(MasaClientError::Asking { .. })));
    assert!(scene.step());
    assert_eq!(scene.masa.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn masas_no_and_its_not_yet_come_through() {
    for told in [MasaAnswer::Refused { status: 403, sentence: "sold".to_owned() }, MasaAnswer::Later(Duration::from_secs(30))] {
        let scene = match told {
            MasaAnswer::Refused { .. } => Scene::new(|_, _| Ok(MasaAnswer::Refused { status: 403, sentence: "sold".to_owned() })),
            _ => Scene::new(|_, _| Ok(MasaAnswer::Later(Duration::from_secs(30)))),
        };
        scene.ask().unwrap_err();
        scene.step();
        assert_eq!(scene.ask().unwrap(), told);
    }
}

#[test]
fn masa_that_is_down_is_asked_again_later_and_the_reason_is_told() {
    let scene = Scene::new(|number, url| if number == 1 { Err(gone(url)) } else { Ok(answer(b"a voucher")) });
    scene.ask().unwrap_err();
    assert_eq!((scene.step(), scene.step()), (true, false));
    let Err(MasaClientError::Unreachable { source, .. }) = scene.ask() else { panic!("its MASA is down") };
    assert_eq!(source.to_string(), "the MASA at https://masa.example.com/.well-known/brski cannot be reached: connection refused");
    scene.advance(5);
    assert!(scene.step());
    assert_eq!(scene.ask().unwrap(), answer(b"a voucher"));
}

#[test]
fn server_that_is_not_to_be_trusted_ends_the_question() {
    let scene = Scene::new(|_, url| Err(MasaClientError::Untrusted { url: url.clone(), source: "unknown issuer".into() }));
    scene.ask().unwrap_err();
    scene.step();
    assert!(matches!(scene.ask(), Err(MasaClientError::Untrusted { .. })));
}

#[test]
fn worker_does_not_ask_for_a_manufacturer_that_it_does_not_know() {
    let scene = Scene::new(|_, _| Ok(answer(b"a voucher")));
    let stranger = Manufacturer { name: "Stranger".to_owned(), ..scene.world.manufacturer() };
    scene.ask_of(&stranger).unwrap_err();
    scene.step();
    assert!(matches!(scene.ask_of(&stranger), Err(MasaClientError::Untrusted { .. })));
    assert_eq!(scene.masa.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn missing_worker_is_noticed_after_five_minutes() {
    let scene = Scene::new(|_, _| Ok(answer(b"a voucher")));
    scene.ask().unwrap_err();
    scene.advance(299);
    assert!(matches!(scene.ask(), Err(MasaClientError::Asking { .. })));
    scene.advance(1);
    let Err(MasaClientError::Unreachable { source, .. }) = scene.ask() else { panic!("nobody works") };
    assert_eq!(source.to_string(), "no masa-worker has brought an answer since 2026-09-21T14:13:20Z; is one running?");
}

#[test]
fn worker_that_was_killed_in_the_middle_loses_nothing() {
    let scene = Scene::new(|_, _| Ok(answer(b"a voucher")));
    scene.ask().unwrap_err();
    let now = at(NOW);
    assert!(block_on(scene.worker.desk.take(now, later(now, LEASE))).unwrap().is_some());
    assert!(!scene.step());
    scene.advance(LEASE.as_secs());
    assert!(scene.step());
    assert_eq!(scene.ask().unwrap(), answer(b"a voucher"));
}

#[test]
fn statement_of_a_device_is_there_when_it_comes_again_although_our_request_has_another_date() {
    let scene = Scene::new(|_, _| Ok(answer(b"a voucher")));
    assert!(matches!(scene.ask_statement(), Err(MasaClientError::Asking { .. })));
    assert!(scene.step());
    scene.advance(5);
    // `World::pledge` makes a device anew, with the same serial number and issuer.
    assert_eq!(scene.ask_statement().unwrap(), Some(Signed::from_wire(Format::Cose, *b"a statement")));
}
