//! Trouble between two steps: what a crash leaves behind is an entry without a voucher, never a voucher without an entry, and asking again mends it.

use core::future::ready;
use core::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brski_common::{BoxFuture, DeviceId, Method, PublicKey, SerialNumber, SignError, Signature, SignatureAlgorithm, Signer};
use brski_masa::{Entry, History, Ledger, LedgerError};
use brski_registrar::BuiltInCa;

use crate::support::{Device, World, new_key, onboard};

/// A key that can be taken away.
struct Removable {
    key: Arc<dyn Signer>,
    gone: AtomicBool,
}

impl Removable {
    fn new(key: Arc<dyn Signer>) -> Arc<Self> {
        Arc::new(Self { key, gone: AtomicBool::new(true) })
    }

    fn put_back(&self) {
        self.gone.store(false, Ordering::SeqCst);
    }
}

impl Signer for Removable {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    fn sign<'a>(&'a self, tbs: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>> {
        match self.gone.load(Ordering::SeqCst) {
            true => Box::pin(ready(Err(SignError::Key("slot 3 of the HSM is empty".into())))),
            false => self.key.sign(tbs),
        }
    }
}

/// A ledger whose disk is full.
struct Full(Arc<dyn Ledger>);

impl Ledger for Full {
    fn append(&self, _: Vec<Entry>) -> BoxFuture<'_, Result<Range<u64>, LedgerError>> {
        Box::pin(ready(Err(LedgerError::Unavailable("/var/lib/masa: no space left".into()))))
    }

    fn history<'a>(&'a self, device: &'a DeviceId) -> BoxFuture<'a, Result<Option<History>, LedgerError>> {
        self.0.history(device)
    }

    fn devices<'a>(&'a self, serial: &'a SerialNumber) -> BoxFuture<'a, Result<Vec<DeviceId>, LedgerError>> {
        self.0.devices(serial)
    }

    fn entries(&self, from: u64, most: usize) -> BoxFuture<'_, Result<Vec<(u64, Entry)>, LedgerError>> {
        self.0.entries(from, most)
    }

    fn head(&self) -> BoxFuture<'_, Result<brski_masa::ledger::TreeHead, LedgerError>> {
        self.0.head()
    }

    fn inclusion(&self, index: u64, size: u64) -> BoxFuture<'_, Result<Vec<brski_common::log::Hash>, LedgerError>> {
        self.0.inclusion(index, size)
    }

    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<brski_common::log::Hash>, LedgerError>> {
        self.0.consistency(old, new)
    }
}

/// A device of a MASA whose voucher key is not there.
async fn without_voucher_key() -> (World, Device, Arc<Removable>) {
    let mut world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let key = Removable::new(world.maker.voucher_party().signer.clone());
    world.maker.set_voucher_signer(key.clone());
    world.maker.restart();
    (world, device, key)
}

#[tokio::test]
async fn masa_that_fails_to_sign_leaves_an_entry_and_no_voucher() {
    let (world, device, _) = without_voucher_key().await;
    let before = world.recorded();
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    let rvr = world.owner.sign(&world.owner.request(&device, &pvr)).await;
    assert_eq!(world.maker.vouch(&rvr).await.no(500), "internal error");
    assert_eq!(world.recorded().ledger_entries, before.ledger_entries + 1);
    let history = world.maker.ledger.history(device.idevid().device()).await.unwrap().unwrap();
    assert_eq!(history.vouched().len(), 1);
}

#[tokio::test]
async fn registrar_keeps_nothing_of_a_voucher_that_was_never_signed() {
    let (world, device, _) = without_voucher_key().await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    world.owner.ask(pvr.wire(), &device.peer()).await.refused(500, "the MASA refused");
    assert_eq!(world.owner.pledges.writes(), 0);
    world.owner.enroll(&device.csr(&new_key()).await, &device.peer()).await.refused(403, "no admission");
}

#[tokio::test]
async fn same_request_gets_its_voucher_and_no_second_entry_once_the_key_is_back() {
    let (world, device, key) = without_voucher_key().await;
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    world.owner.ask(pvr.wire(), &device.peer()).await.no(500);
    let before = world.recorded();
    key.put_back();
    world.maker.restart();
    world.owner.ask(pvr.wire(), &device.peer()).await.ok("application/voucher-cms+json");
    assert_eq!(world.recorded().ledger_entries, before.ledger_entries);
}

#[tokio::test]
async fn masa_that_cannot_record_signs_nothing_and_keeps_its_trouble_to_itself() {
    let mut world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    world.maker.parts.ledger = Arc::new(Full(world.maker.ledger.clone()));
    world.maker.restart();
    let before = world.recorded();
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    let rvr = world.owner.sign(&world.owner.request(&device, &pvr)).await;
    assert_eq!(world.maker.vouch(&rvr).await.no(503), "the MASA cannot look into its ledger at the moment; ask again later");
    assert_eq!(world.recorded(), before);
}

#[tokio::test]
async fn registrar_that_fails_to_sign_asks_nobody() {
    let mut world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let key = Removable::new(world.owner.parts.identity.signer.clone());
    world.owner.parts.identity.signer = key.clone();
    world.owner.restart();
    let before = world.recorded();
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    assert_eq!(world.owner.ask(pvr.wire(), &device.peer()).await.no(500), "internal error");
    assert!(world.owner.masa.asked().is_empty());
    assert_eq!(world.recorded(), before);
    key.put_back();
    world.owner.ask(pvr.wire(), &device.peer()).await.ok("application/voucher-cms+json");
}

#[tokio::test]
async fn registrar_that_cannot_keep_an_admission_hands_out_no_voucher() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    world.owner.pledges.fail(true);
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    world.owner.ask(pvr.wire(), &device.peer()).await.refused(503, "cannot look into its records");
    assert_eq!(world.owner.admission(&device).await, None);

    world.owner.pledges.fail(false);
    let entries = world.recorded().ledger_entries;
    world.owner.ask(pvr.wire(), &device.peer()).await.ok("application/voucher-cms+json");
    assert_eq!(world.recorded().ledger_entries, entries);
}

#[tokio::test]
async fn registrar_that_cannot_keep_a_key_issues_no_ldevid() {
    let world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    onboard(&device, &world.owner, &world.hand).await.succeeded();
    world.owner.pledges.fail(true);
    let request = device.csr(&new_key()).await;
    world.owner.enroll(&request, &device.peer()).await.refused(503, "cannot look into its records");
    world.owner.pledges.fail(false);
    world.owner.enroll(&request, &device.peer()).await.ok("application/pkcs7-mime; smime-type=certs-only");
}

#[tokio::test]
async fn request_that_the_ca_could_not_sign_gets_its_ldevid_once_the_key_is_back() {
    let mut world = World::new().await;
    let device = world.maker.make("A-1", Method::Avocado).await;
    let key = Removable::new(Arc::new(world.owner.ca.key.clone()));
    world.owner.parts.ca = Arc::new(BuiltInCa::new(world.owner.ca.chain.clone(), key.clone()).unwrap());
    world.owner.restart();
    let pvr = device.sign(&device.request(&world.owner, &world.hand)).await;
    world.owner.ask(pvr.wire(), &device.peer()).await.ok("application/voucher-cms+json");

    let request = device.csr(&new_key()).await;
    assert_eq!(world.owner.enroll(&request, &device.peer()).await.no(500), "internal error");
    key.put_back();
    world.owner.enroll(&request, &device.peer()).await.ok("application/pkcs7-mime; smime-type=certs-only");
}
