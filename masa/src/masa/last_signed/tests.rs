//! What is signed once is never contradicted, by whichever of several users of one file.

use std::sync::Arc;

use brski_common::log::SignedCheckpoint;
use brski_common::text::in_full;

use super::*;
use crate::ledger::{Entry, MemoryLedger, Standing};
use crate::masa::{Masa, MasaParts};
use crate::testing::{Maker, NOW, Pledge, block_on, memory};

/// A folder that goes away with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let mut name = [0; 8];
        aws_lc_rs::rand::fill(&mut name).unwrap();
        let path = std::env::temp_dir().join(format!("brski-masa-last-signed-{:016x}", u64::from_be_bytes(name)));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("last-signed.txt")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A manufacturer and its only device.
struct Scene {
    folder: Folder,
    maker: Maker,
    pledge: Pledge,
}

impl Scene {
    fn new() -> Self {
        let maker = Maker::new();
        Self { folder: Folder::new(), pledge: maker.pledge("A"), maker }
    }

    /// A MASA that remembers in the folder's file, as another process would.
    fn masa(&self, ledger: &Arc<MemoryLedger>) -> Masa {
        Masa::new(MasaParts { last_signed: Arc::new(LastSigned::in_file(self.folder.file())), ..self.maker.parts(ledger.clone()) })
    }

    /// A ledger of two entries, and as many more as there are reasons to block the device.
    fn ledger(&self, reasons: &[&str]) -> Arc<MemoryLedger> {
        let ledger = memory();
        block_on(self.maker.parts(ledger.clone()).ledger.append(vec![made(&self.pledge)])).unwrap();
        reasons.iter().for_each(|reason| self.block(&ledger, reason));
        ledger
    }

    fn block(&self, ledger: &MemoryLedger, reason: &str) {
        let standing = Standing { device: self.pledge.device(), at: NOW, blocked: Some(reason.to_owned()), by: Some("jane".to_owned()) };
        block_on(ledger.append(vec![Entry::Standing(standing)])).unwrap();
    }

    fn size(&self, checkpoint: &SignedCheckpoint, masa: &Masa) -> u64 {
        checkpoint.verify(&masa.log_verifier().unwrap()).unwrap().size
    }
}

fn made(pledge: &Pledge) -> Entry {
    Entry::Made(crate::ledger::Made { idevid: pledge.idevid(), at: NOW, reported_by: "line 1".to_owned() })
}

fn forked(outcome: Result<SignedCheckpoint, Error>) -> (TreeHead, TreeHead) {
    match outcome.unwrap_err() {
        Error::Log(LogError::Forked { signed, now }) => (signed, now),
        other => panic!("{other:?}"),
    }
}

#[test]
fn signed_state_is_kept_as_its_checkpoint() {
    let scene = Scene::new();
    let checkpoint = block_on(scene.masa(&scene.ledger(&[])).checkpoint()).unwrap();
    assert_eq!(scene.folder.text(), checkpoint.to_string());
}

#[test]
fn log_that_grew_is_signed_and_remembered() {
    let scene = Scene::new();
    let ledger = scene.ledger(&["lost"]);
    let masa = scene.masa(&ledger);
    block_on(masa.checkpoint()).unwrap();
    scene.block(&ledger, "stolen");
    let checkpoint = block_on(masa.checkpoint()).unwrap();
    assert_eq!((scene.size(&checkpoint, &masa), scene.folder.text()), (4, checkpoint.to_string()));
}

#[test]
fn other_log_of_the_same_size_is_not_signed() {
    let scene = Scene::new();
    block_on(scene.masa(&scene.ledger(&["lost"])).checkpoint()).unwrap();
    let before = scene.folder.text();
    let (signed, now) = forked(block_on(scene.masa(&scene.ledger(&["stolen"])).checkpoint()));
    assert_eq!((signed.size, now.size), (3, 3));
    assert_ne!(signed.root, now.root);
    assert_eq!(scene.folder.text(), before);
}

#[test]
fn restored_backup_is_not_signed_however_it_grows() {
    let scene = Scene::new();
    block_on(scene.masa(&scene.ledger(&["lost", "stolen"])).checkpoint()).unwrap();
    let backup = scene.ledger(&["lost"]);
    for (size, reason) in [(3, "sold"), (4, "resold"), (5, "scrapped")] {
        let (signed, now) = forked(block_on(scene.masa(&backup).checkpoint()));
        assert_eq!((signed.size, now.size), (4, size));
        scene.block(&backup, reason);
    }
}

#[test]
fn fork_is_told_with_both_states_and_what_to_do() {
    let scene = Scene::new();
    block_on(scene.masa(&scene.ledger(&["lost"])).checkpoint()).unwrap();
    let err = block_on(scene.masa(&scene.ledger(&["stolen"])).checkpoint()).unwrap_err();
    let sentence = in_full(&err);
    let (signed, now) = forked(Err(err));
    for part in [signed.root.to_string(), now.root.to_string(), "3 entries".to_owned(), "backup".to_owned(), "put back the one with all entries".to_owned()] {
        assert!(sentence.contains(&part), "{sentence}");
    }
}

#[test]
fn receipts_are_not_signed_for_a_fork_either() {
    let scene = Scene::new();
    let report = scene.maker.report(&scene.pledge, Some(crate::testing::origin()));
    block_on(scene.masa(&scene.ledger(&["lost"])).checkpoint()).unwrap();
    let masa = scene.masa(&memory());
    // The record is made and stated nevertheless.
    let recorded = block_on(masa.record(&report)).unwrap();
    assert!(recorded.statement.is_some());
    assert_eq!(recorded.receipt, None);
    assert!(matches!(block_on(masa.receipt(&scene.pledge.device())), Err(Error::Log(LogError::Forked { .. }))));
}

#[test]
fn two_users_of_one_file_sign_one_log() {
    let scene = Scene::new();
    let ledger = scene.ledger(&[]);
    let (server, importer) = (scene.masa(&ledger), scene.masa(&ledger));
    for (size, masa) in (2..).zip([&server, &importer, &server, &server, &importer]) {
        assert_eq!(scene.size(&block_on(masa.checkpoint()).unwrap(), masa), size);
        scene.block(&ledger, "lost");
    }
}

#[test]
fn threads_that_sign_a_growing_log_at_once_remember_its_end() {
    let scene = Scene::new();
    let ledger = scene.ledger(&[]);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let masa = scene.masa(&ledger);
                for _ in 0..8 {
                    scene.block(&ledger, "lost");
                    block_on(masa.checkpoint()).unwrap();
                }
            });
        }
    });
    let masa = scene.masa(&ledger);
    let last = SignedCheckpoint::parse(&scene.folder.text()).unwrap();
    assert_eq!(scene.size(&last, &masa), 2 + 4 * 8);
}

#[test]
fn file_that_changed_meanwhile_is_not_replaced() {
    let folder = Folder::new();
    let file = StateFile::new(folder.file());
    assert!(file.replace(None, "one").unwrap());
    assert!(!file.replace(None, "two").unwrap());
    assert!(!file.replace(Some("other"), "two").unwrap());
    assert!(file.replace(Some("one"), "two").unwrap());
    assert_eq!(file.read().unwrap().as_deref(), Some("two"));
}

#[test]
fn head_that_is_remembered_is_signed_once() {
    struct Counting(brski_common::SoftwareKey, std::sync::atomic::AtomicUsize);
    impl brski_common::Signer for Counting {
        fn public_key(&self) -> &brski_common::PublicKey {
            self.0.public_key()
        }
        fn algorithm(&self) -> brski_common::SignatureAlgorithm {
            self.0.algorithm()
        }
        fn sign<'a>(&'a self, octets: &'a [u8]) -> brski_common::BoxFuture<'a, Result<brski_common::Signature, brski_common::SignError>> {
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.0.sign(octets)
        }
    }
    let scene = Scene::new();
    let key = Arc::new(Counting(scene.maker.log.clone(), 0.into()));
    let masa = Masa::new(MasaParts { log_key: key.clone(), ..scene.maker.parts(scene.ledger(&[])) });
    let first = block_on(masa.checkpoint()).unwrap();
    assert_eq!(block_on(masa.checkpoint()).unwrap(), first);
    assert_eq!(key.1.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn file_that_this_log_did_not_sign_is_not_believed() {
    let (scene, stranger) = (Scene::new(), Scene::new());
    let foreign = block_on(stranger.masa(&stranger.ledger(&[])).checkpoint()).unwrap().to_string();
    for text in [foreign, "anything".to_owned(), String::new()] {
        std::fs::write(scene.folder.file(), &text).unwrap();
        let outcome = block_on(scene.masa(&scene.ledger(&[])).checkpoint());
        assert!(matches!(outcome, Err(Error::Log(LogError::Unbelieved { .. }))), "{outcome:?}");
        assert_eq!(scene.folder.text(), text);
    }
}

#[test]
fn nothing_is_signed_that_cannot_be_remembered() {
    let scene = Scene::new();
    let last_signed = Arc::new(LastSigned::in_file(scene.folder.0.join("nowhere").join("last-signed.txt")));
    let masa = Masa::new(MasaParts { last_signed, ..scene.maker.parts(scene.ledger(&[])) });
    assert!(matches!(block_on(masa.checkpoint()), Err(Error::Log(LogError::File { .. }))));
}

#[test]
fn state_that_another_key_signed_is_not_believed_whoever_remembers_it() {
    let scene = Scene::new();
    let ledger = scene.ledger(&["lost"]);
    for last_signed in [LastSigned::in_file(scene.folder.file()), LastSigned::in_memory()] {
        let parts = MasaParts { last_signed: Arc::new(last_signed), ..scene.maker.parts(ledger.clone()) };
        let (masa, other) = (Masa::new(parts.clone()), Masa::new(MasaParts { log_key: Arc::new(Maker::new().log), ..parts }));
        let first = block_on(masa.checkpoint()).unwrap();
        let outcome = block_on(other.checkpoint());
        assert!(matches!(outcome, Err(Error::Log(LogError::Unbelieved { .. }))), "{outcome:?}");
        // Nor where any state will do.
        let (log, key) = (other.log_verifier().unwrap(), &other.0.log_key);
        let outcome = block_on(other.0.last_signed.advance(&*ledger, &log, &**key, Some(1)));
        assert!(matches!(outcome, Err(Error::Log(LogError::Unbelieved { .. }))), "{outcome:?}");
        assert_eq!(block_on(masa.checkpoint()).unwrap(), first);
    }
}
