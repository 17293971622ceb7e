//! Pledges of manufacturers that nobody has accepted, where the owner wants to decide about them.

use brski_common::SpkiDigest;

use super::*;
use crate::testing::now;
use crate::trail::{State, What};
use crate::trust::Strangers;
use crate::{Manufacturer, PledgeStore, Trust};

/// An owner who accepts nobody yet and holds strangers.
struct Owner {
    scene: Scene,
    store: Arc<MemoryPledges>,
    strangers: Strangers,
}

impl Owner {
    fn new() -> Self {
        Self::accepting(Trust::default(), Arc::new(World::new()), Arc::new(MemoryPledges::new()), Strangers::in_memory(), None)
    }

    fn accepting(trust: Trust, world: Arc<World>, store: Arc<MemoryPledges>, strangers: Strangers, pledge: Option<Pledge>) -> Self {
        let pledge = pledge.unwrap_or_else(|| world.pledge("JADA1"));
        let (inner, statement) = (world.clone(), world.statement(&pledge, KeyMethod::Avocado, 0));
        let masa = FakeMasa::new(move |request| {
            let request = request.peek_unverified(Leniencies::default()).unwrap();
            let voucher = inner.sign_voucher(&inner.voucher_for(&request));
            Ok(MasaAnswer::Vouched { voucher, statement: Some(statement.clone()), audit_log: Some(AuditLog::default()) })
        });
        let registrar = world.registrar_trusting(trust, masa.clone(), store.clone()).holding_strangers(strangers.clone());
        let service = RegistrarService::new(Arc::new(registrar), LIMIT);
        Self { scene: Scene { world, pledge, masa, service }, store, strangers }
    }

    fn state(&self) -> Option<(State, String)> {
        let file = block_on(self.store.file(self.scene.pledge.idevid.spki_digest())).unwrap()?;
        Some((file.state, file.pledge.manufacturer))
    }
}

#[test]
fn pledge_of_an_unknown_manufacturer_is_refused_by_default() {
    let scene = Scene::new();
    let stranger = World::new().pledge("JADA1");
    let request = stranger.sign(&scene.world.request(&stranger));
    let reply = send(&scene.service, "POST", "/.well-known/brski/requestvoucher", &[PVR], request.wire(), stranger.peer());
    assert_eq!(reply.status, 403);
    assert!(reply.text().contains("JADA1, whose issuer is CN=Maker IDevID CA"), "{}", reply.text());
}

#[test]
fn held_stranger_is_kept_with_what_it_presented_and_its_masa_is_not_asked() {
    let owner = Owner::new();
    let reply = owner.scene.ask(&owner.scene.request());
    assert_eq!((reply.status, reply.header("retry-after")), (202, Some("60")));
    assert_eq!(owner.state(), Some((State::Held, "unknown".to_owned())));
    let kept = owner.strangers.waiting(now());
    assert_eq!(kept.iter().map(|stranger| stranger.chain().unwrap().0).collect::<Vec<_>>(), [owner.scene.pledge.peer().0]);
    assert_eq!(owner.scene.masa.asked(), 0);
}

#[test]
fn stranger_that_asks_again_is_written_down_once() {
    let owner = Owner::new();
    let request = owner.scene.pledge.sign(&owner.scene.request());
    assert_eq!((owner.scene.post(&request).status, owner.scene.post(&request).status), (202, 202));
    assert_eq!(block_on(owner.store.head()).unwrap().size, 1);
}

#[test]
fn stranger_whose_request_is_not_in_order_is_refused_and_not_kept() {
    let owner = Owner::new();
    let request = owner.scene.request();
    let others = World::new().request(&owner.scene.pledge);
    for wrong in [VoucherRequest { nonce: None, ..request.clone() }, others] {
        assert_ne!(owner.scene.ask(&wrong).status, 202);
    }
    let forged = World::new().pledge("JADA1").sign(&request);
    assert_eq!(owner.scene.post(&forged).status, 403);
    assert!(owner.strangers.waiting(now()).is_empty());
}

#[test]
fn stranger_goes_on_with_the_same_request_once_its_manufacturer_is_accepted() {
    let Owner { scene, store, strangers } = Owner::new();
    let request = scene.pledge.sign(&scene.request());
    assert_eq!(scene.post(&request).status, 202);
    let Scene { world, pledge, .. } = scene;
    let trust = Trust::new([Manufacturer { name: "Newly accepted".to_owned(), ..world.manufacturer() }]);
    let owner = Owner::accepting(trust, world, store, strangers, Some(pledge));
    assert_eq!(owner.scene.post(&request).status, 200);
    assert_eq!(owner.state(), Some((State::Admitted, "Newly accepted".to_owned())));
}

#[test]
fn approval_alone_gets_a_stranger_nowhere() {
    let owner = Owner::new();
    let request = owner.scene.pledge.sign(&owner.scene.request());
    owner.scene.post(&request);
    let file = block_on(owner.store.file(owner.scene.pledge.idevid.spki_digest())).unwrap().unwrap();
    assert_eq!((file.held, file.waiting.map(|waiting| waiting.request)), (None, Some(SpkiDigest(request.digest()))));
    let held = crate::approval::HeldBy { pledge: file.pledge.key, rule: String::new(), record: None, policy: None, findings: None };
    let by = crate::approval::Person::new("alice", "because", now());
    let event = crate::trail::Event { at: now(), pledge: Some(file.pledge), what: What::Approved { held, by, needed: None, question: None } };
    block_on(owner.store.note(event)).unwrap();
    assert_eq!(owner.scene.post(&request).status, 202);
    assert_eq!(owner.scene.enroll(&owner.scene.pledge.csr(&key()), owner.scene.pledge.peer()).status, 403);
}
