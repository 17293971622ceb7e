//! What logs sign: receipts are verified from what they are about, checkpoints with the log's own key.

use ciborium::Value as Cbor;

use super::artefacts::{World, changed, octets};
use super::*;
use crate::codec::base64;
use crate::log::{Consistency, Hash, LogName, NoteSignature, Receipt, leaf_hash, node_hash, with_receipt};
use crate::sign::{SignatureAlgorithm, Signer as _, SoftwareKey};
use crate::test_pki::{block_on, new_key};

const ORIGIN: &str = "masa.example.com/log";

/// A log of three entries, which had two before.
struct Log {
    key: SoftwareKey,
    leaves: [Hash; 3],
}

impl Log {
    fn new() -> Self {
        Self { key: new_key(SignatureAlgorithm::EdDsa), leaves: [b"a", b"b", b"c"].map(|entry| leaf_hash(entry)) }
    }

    fn older_root(&self) -> Hash {
        node_hash(&self.leaves[0], &self.leaves[1])
    }

    fn root(&self) -> Hash {
        node_hash(&self.older_root(), &self.leaves[2])
    }

    fn checkpoint(&self, size: u64, root: Hash) -> SignedCheckpoint {
        block_on(Checkpoint { origin: LogName::new(ORIGIN).unwrap(), size, root }.sign(&self.key)).unwrap()
    }

    fn older(&self) -> SignedCheckpoint {
        self.checkpoint(2, self.older_root())
    }

    fn consistency(&self) -> Vec<u8> {
        let proof = Consistency { old_size: 2, new_size: 3, path: vec![self.leaves[2]] };
        let unsigned = Receipt::of_consistency(proof, &self.older_root(), &self.root(), &self.key).unwrap();
        block_on(unsigned.sign(&self.key)).unwrap().wire().to_vec()
    }

    fn public(&self) -> PublicKey {
        self.key.public_key().clone()
    }

    /// Trusting its bare key.
    fn trusted(&self) -> Options {
        Options { keys: vec![self.public()], ..plain() }
    }

    fn named(&self) -> VerifierKey {
        VerifierKey::new(LogName::new(ORIGIN).unwrap(), self.public()).unwrap()
    }

    fn anchored(&self) -> Check {
        Check::Anchored { anchor: format!("public key {}", self.public().digest()) }
    }
}

/// The receipt with another proof, which is not signed.
fn with_proof(receipt: &[u8], old: u64, new: u64, sibling: [u8; 32]) -> Vec<u8> {
    let proof = octets(&Cbor::Array(vec![old.into(), new.into(), Cbor::Array(vec![sibling.to_vec().into()])]));
    let proofs = Cbor::Map(vec![(Cbor::from(-2), Cbor::Array(vec![proof.into()]))]);
    changed(receipt, |parts| parts[1] = Cbor::Map(vec![(396.into(), proofs)]))
}

fn check(octets: &[u8], options: &Options) -> Check {
    inspect(octets, options).signatures.remove(0).check
}

#[test]
fn receipt_of_consistency_is_not_checked_without_the_older_checkpoint() {
    let log = Log::new();
    for receipt in [log.consistency(), with_proof(&log.consistency(), 7, 90, [1; 32])] {
        assert!(matches!(check(&receipt, &log.trusted()), Check::Unchecked { why } if why.contains("needs the older checkpoint")));
        assert!(!inspect(&receipt, &log.trusted()).is_verified(&log.trusted()) && inspect(&receipt, &plain()).is_verified(&plain()));
    }
}

#[test]
fn receipt_of_consistency_is_verified_from_the_older_checkpoint() {
    let log = Log::new();
    let options = log.trusted().with_checkpoint(&log.older()).unwrap();
    assert_eq!(check(&log.consistency(), &options), log.anchored());
    assert!(inspect(&log.consistency(), &options).is_verified(&options));
}

#[test]
fn receipt_of_consistency_whose_path_or_newer_size_was_changed_is_wrong() {
    let log = Log::new();
    let options = log.trusted().with_checkpoint(&log.older()).unwrap();
    let mut sibling = *log.leaves[2].as_bytes();
    assert_eq!(check(&with_proof(&log.consistency(), 2, 3, sibling), &options), log.anchored());
    assert!(matches!(check(&with_proof(&log.consistency(), 2, 5, sibling), &options), Check::Wrong { .. }));
    sibling[0] ^= 1;
    assert!(matches!(check(&with_proof(&log.consistency(), 2, 3, sibling), &options), Check::Wrong { .. }));
}

#[test]
fn receipt_that_continues_another_size_than_the_checkpoint_s_is_not_checked() {
    let log = Log::new();
    let options = log.trusted().with_checkpoint(&log.older()).unwrap();
    let receipt = with_proof(&log.consistency(), 1, 3, *log.leaves[2].as_bytes());
    assert!(matches!(check(&receipt, &options), Check::Unchecked { why } if why.contains("the one given has size 2")));
}

#[test]
fn log_that_does_not_continue_the_checkpoint_is_found_wrong_and_another_log_is_not_trusted() {
    let (log, other) = (Log::new(), Log::new());
    let forked = log.trusted().with_checkpoint(&log.checkpoint(2, leaf_hash(b"another"))).unwrap();
    assert!(matches!(check(&log.consistency(), &forked), Check::Wrong { .. }));
    let elsewhere = Options { keys: vec![log.public(), other.public()], ..plain() }.with_checkpoint(&other.older()).unwrap();
    assert!(matches!(check(&log.consistency(), &elsewhere), Check::Untrusted { .. }));
}

#[test]
fn checkpoint_is_relied_on_only_with_its_log_s_key() {
    let (log, other) = (Log::new(), Log::new());
    assert!(plain().with_checkpoint(&log.older()).is_err() && other.trusted().with_checkpoint(&log.older()).is_err());
    assert!(Options { logs: vec![log.named()], ..plain() }.with_checkpoint(&log.older()).is_ok());
    let forged = log.older().to_string().replacen("\n2\n", "\n3\n", 1);
    let err = log.trusted().with_checkpoint(&SignedCheckpoint::parse(&forged).unwrap()).unwrap_err();
    assert!(matches!(err, VerifyError::BadSignature { .. }));
}

#[test]
fn sizes_and_index_of_receipts_are_said_to_be_the_sender_s() {
    let (inclusion, _) = super::artefacts::receipt(-1, &[8.into(), 3.into(), super::artefacts::path()], None);
    for (receipt, words) in [(inclusion, "tree-size and leaf-index are as the sender says"), (Log::new().consistency(), "are as the sender says")] {
        let shown = inspect(&receipt, &plain());
        assert!(shown.notes.iter().any(|note| note.contains(words)), "{shown}");
        assert!(shown.to_string().contains(words) && serde_json::to_string(&shown).unwrap().contains(words));
    }
}

#[test]
fn certificate_never_verifies_what_a_log_signs() {
    let world = World::new();
    let statement = world.statement();
    let record: Hash = statement.peek_unverified(crate::Leniencies::NONE).unwrap().record.0.into();
    let genesis = leaf_hash(b"genesis");
    let proof = crate::log::Inclusion { tree_size: 2, leaf_index: 1, path: vec![genesis] };
    let unsigned = Receipt::of_inclusion(proof, &record, &node_hash(&genesis, &record), &world.masa.key).unwrap();
    let wire = with_receipt(statement.wire(), &block_on(unsigned.sign(&world.masa.key)).unwrap()).unwrap();
    let check = |options: &Options| {
        let shown = inspect(&wire, options);
        shown.nested.into_iter().find(|nested| nested.name == "receipt 1").unwrap().inspection.signatures.remove(0).check
    };
    assert!(matches!(check(&anchored([world.masa.certificate.clone()])), Check::Unchecked { why } if why.contains("bare public key")));
    let bare = Options { keys: vec![world.masa.certificate.public_key()], ..plain() };
    assert!(matches!(check(&bare), Check::Anchored { .. }));
}

#[test]
fn checkpoint_is_recognised_and_tells_what_it_says() {
    let log = Log::new();
    let text = log.checkpoint(3, log.root()).to_string();
    for octets in [text.clone().into_bytes(), base64(text.as_bytes()).into_bytes()] {
        let shown = inspect(&octets, &plain());
        assert_eq!((shown.kind, told(&shown)), (Kind::Checkpoint, vec![]));
        assert_eq!((shown.value("origin"), shown.value("size")), (Some(&ORIGIN.into()), Some(&3.into())));
        assert_eq!(shown.value("root"), Some(&crate::codec::hex(log.root().as_bytes()).into()));
        assert!(matches!(&shown.signatures[0], SignatureFound { by, check: Check::Unchecked { .. }, .. } if by.starts_with(ORIGIN)), "{shown}");
    }
}

#[test]
fn checkpoint_is_verified_with_its_log_s_key_bare_or_named_and_with_no_other() {
    let (log, other) = (Log::new(), Log::new());
    let text = log.older().to_string();
    let named = Options { logs: vec![log.named()], ..plain() };
    for options in [log.trusted(), named] {
        assert_eq!(check(text.as_bytes(), &options), log.anchored());
        assert!(inspect(text.as_bytes(), &options).is_verified(&options));
    }
    let elsewhere = VerifierKey::new(LogName::new("masa.example.org/log").unwrap(), log.public()).unwrap();
    for options in [other.trusted(), Options { logs: vec![elsewhere], ..plain() }] {
        assert!(matches!(check(text.as_bytes(), &options), Check::Untrusted { .. }));
        assert!(!inspect(text.as_bytes(), &options).is_verified(&options));
    }
}

#[test]
fn changed_checkpoint_is_wrong() {
    let log = Log::new();
    let forged = log.older().to_string().replacen("\n2\n", "\n3\n", 1);
    assert!(matches!(check(forged.as_bytes(), &log.trusted()), Check::Wrong { .. }));
}

#[test]
fn witness_below_a_checkpoint_need_not_be_known_and_cannot_stand_in_for_the_log() {
    let (log, other) = (Log::new(), Log::new());
    let witness = NoteSignature::new(LogName::new("witness.example.com/w1").unwrap(), [1, 2, 3, 4], vec![7; 72]).unwrap();
    let cosigned = log.older().with_signature(witness).unwrap().to_string();
    let shown = inspect(cosigned.as_bytes(), &log.trusted());
    assert!(shown.signatures.len() == 2 && matches!(shown.signatures[1].check, Check::Unchecked { .. }));
    assert!(shown.is_verified(&log.trusted()) && !inspect(cosigned.as_bytes(), &other.trusted()).is_verified(&other.trusted()));
}

#[test]
fn checkpoint_that_breaks_its_grammar_is_told() {
    let log = Log::new();
    let text = log.older().to_string();
    assert_told(&inspect(text.replacen("\n2\n", "\n02\n", 1).as_bytes(), &plain()), &["leading zeros"]);
    assert_told(&inspect(text.trim_end().as_bytes(), &plain()), &["a line for each signature"]);
    assert!(!inspect(text.trim_end().as_bytes(), &log.trusted()).is_verified(&log.trusted()));
}
