//! Receipts and checkpoints.

use brski_common::log::{Hash, VerifiedInclusion, receipts_of};
use brski_common::{PublicKey, SerialNumber, VerifyError};

use super::*;
use crate::ledger::{MemoryLedger, TreeHead};
use crate::testing::Pledge;

/// A MASA that has recorded these devices, in their order.
fn recording(maker: &Maker, pledges: &[&Pledge]) -> (Masa, Vec<Recorded>) {
    let masa = maker.masa();
    let recorded = pledges.iter().map(|pledge| block_on(masa.record(&maker.report(pledge, Some(origin())))).unwrap()).collect();
    (masa, recorded)
}

/// What the statement's only receipt proves of the record that it names.
fn proved(statement: &Signed<ProvenanceStatement>, log: &PublicKey) -> Result<VerifiedInclusion, VerifyError> {
    let leaf = Hash::from(statement.peek_unverified(Leniencies::NONE).unwrap().record.0);
    let receipts = receipts_of(statement.wire()).unwrap();
    assert_eq!(receipts.len(), 1);
    receipts[0].verify_inclusion(&leaf, log)
}

fn head(masa: &Masa) -> TreeHead {
    block_on(masa.0.ledger.head()).unwrap()
}

#[test]
fn statement_given_to_the_line_carries_a_receipt_for_its_record() {
    let maker = Maker::new();
    let (masa, recorded) = recording(&maker, &[&maker.pledge("A"), &maker.pledge("B")]);
    let TreeHead { size, root } = head(&masa);
    let last = recorded.last().unwrap();
    let proof = proved(last.statement.as_ref().unwrap(), maker.log.public_key()).unwrap();
    assert_eq!((proof.tree_size, proof.leaf_index, proof.root), (size, last.index.unwrap(), root));
    assert_eq!(receipts_of(last.statement.as_ref().unwrap().wire()).unwrap(), last.receipt.clone().into_iter().collect::<Vec<_>>());
}

#[test]
fn statement_told_to_an_owner_carries_a_receipt_from_the_log_as_it_is() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let pledge = maker.pledge("A");
    let (masa, recorded) = recording(&maker, &[&pledge, &maker.pledge("B")]);
    let request = owner.request(&pledge, nonce(1));
    block_on(masa.vouch(&request, Format::Cms, &PeerCertificates::default())).unwrap();
    let told = block_on(masa.provenance(&request)).unwrap().unwrap();
    let proof = proved(&told, maker.log.public_key()).unwrap();
    assert_eq!((proof.tree_size, proof.leaf_index), (head(&masa).size, recorded[0].index.unwrap()));
}

#[test]
fn receipted_statement_is_still_signed_by_the_provenance_key() {
    let maker = Maker::new();
    let (_, recorded) = recording(&maker, &[&maker.pledge("A")]);
    let statement = recorded[0].statement.as_ref().unwrap();
    assert!(statement.verify(&Verifier::strict(SignedBy::Holder(&maker.provenance.certificate)), NOW).is_ok());
}

#[test]
fn receipt_proves_nothing_of_another_record_or_under_another_key() {
    let maker = Maker::new();
    let (_, recorded) = recording(&maker, &[&maker.pledge("A"), &maker.pledge("B")]);
    let statement = |number: usize| recorded[number].statement.as_ref().unwrap();
    let leaf = Hash::from(statement(0).peek_unverified(Leniencies::NONE).unwrap().record.0);
    let of_other = recorded[1].receipt.as_ref().unwrap().verify_inclusion(&leaf, maker.log.public_key());
    assert!(matches!(of_other, Err(VerifyError::BadSignature { .. })));
    assert!(matches!(proved(statement(0), Maker::new().log.public_key()), Err(VerifyError::BadSignature { .. })));
}

#[test]
fn device_without_record_has_no_receipt_and_an_unknown_one_is_unknown() {
    let maker = Maker::new();
    let (masa, pledge) = (maker.masa(), maker.pledge("A"));
    let recorded = block_on(masa.record(&maker.report(&pledge, None))).unwrap();
    assert_eq!((recorded.receipt, block_on(masa.receipt(&pledge.device())).unwrap()), (None, None));
    let stranger = maker.pledge("B").device();
    assert_eq!(refusal(block_on(masa.receipt(&stranger))), Refusal::UnknownDevice(stranger));
}

#[test]
fn checkpoint_is_the_head_signed_under_the_log_s_name() {
    let maker = Maker::new();
    let (masa, _) = recording(&maker, &[&maker.pledge("A")]);
    let (checkpoint, verifier) = (block_on(masa.checkpoint()).unwrap(), masa.log_verifier().unwrap());
    let checkpoint = checkpoint.verify(&verifier).unwrap();
    assert_eq!(TreeHead { size: checkpoint.size, root: checkpoint.root }, head(&masa));
    assert_eq!(checkpoint.origin.as_str(), "masa.example.com/.well-known/brski-log");
    assert_eq!(verifier.key(), maker.log.public_key());
}

#[test]
fn log_that_grew_is_proved_to_continue_what_it_was() {
    let maker = Maker::new();
    let (masa, _) = recording(&maker, &[&maker.pledge("A")]);
    let old = head(&masa);
    assert_eq!(block_on(masa.consistency(&old)).unwrap(), None);
    block_on(masa.record(&maker.report(&maker.pledge("B"), Some(origin())))).unwrap();
    let receipt = block_on(masa.consistency(&old)).unwrap().unwrap();
    let proof = receipt.verify_consistency(old.size, &old.root, maker.log.public_key()).unwrap();
    assert_eq!(TreeHead { size: proof.tree_size, root: proof.root }, head(&masa));
}

#[test]
fn log_is_not_said_to_continue_another_one_or_a_longer_one() {
    let maker = Maker::new();
    let (masa, _) = recording(&maker, &[&maker.pledge("A")]);
    let now = head(&masa);
    for old in [TreeHead { root: Hash::of_empty_tree(), ..now }, TreeHead { size: 2, ..now }, TreeHead { size: now.size + 1, ..now }] {
        let outcome = block_on(masa.consistency(&old));
        assert!(matches!(&outcome, Err(Error::Log(LogError::Rewritten { old: told, now: as_it_is })) if (*told, *as_it_is) == (old, now)), "{outcome:?}");
        let sentence = outcome.unwrap_err().to_string();
        assert!(sentence.starts_with(&format!("the log was rewritten: its {} entries now do not continue the {} entries", now.size, old.size)), "{sentence}");
    }
}

#[test]
fn line_is_content_with_a_signed_state_that_has_its_record() {
    let maker = Maker::new();
    let pledge = maker.pledge("A");
    let (masa, recorded) = recording(&maker, &[&pledge]);
    let before = head(&masa).size;
    block_on(masa.set_blocked(&pledge.device(), Some("lost".parse().unwrap()), "jane".parse().unwrap())).unwrap();
    let again = block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    assert_eq!(again.receipt, recorded[0].receipt);
    let (leaf, newest) = block_on(masa.receipt(&pledge.device())).unwrap().unwrap();
    assert_eq!(newest.verify_inclusion(&leaf, maker.log.public_key()).unwrap().tree_size, before + 1);
}

/// A ledger whose tree answers wrongly, or not at all.
struct Unproving {
    inner: Arc<MemoryLedger>,
    answers: bool,
}

impl Ledger for Unproving {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<core::ops::Range<u64>, LedgerError>> {
        self.inner.append(entries)
    }

    fn history<'a>(&'a self, device: &'a DeviceId) -> BoxFuture<'a, Result<Option<History>, LedgerError>> {
        self.inner.history(device)
    }

    fn devices<'a>(&'a self, serial: &'a SerialNumber) -> BoxFuture<'a, Result<Vec<DeviceId>, LedgerError>> {
        self.inner.devices(serial)
    }

    fn entries(&self, from: u64, most: usize) -> BoxFuture<'_, Result<Vec<(u64, Entry)>, LedgerError>> {
        self.inner.entries(from, most)
    }

    fn head(&self) -> BoxFuture<'_, Result<TreeHead, LedgerError>> {
        self.inner.head()
    }

    fn inclusion(&self, index: u64, size: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>> {
        match self.answers {
            true => self.inner.inclusion(index - 1, size),
            false => Box::pin(core::future::ready(Err(LedgerError::Tree("a node is missing".to_owned())))),
        }
    }

    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>> {
        self.inner.consistency(old, new)
    }
}

#[test]
fn ledger_that_cannot_prove_a_record_costs_its_statement_the_receipt_alone() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    for answers in [true, false] {
        let masa = Masa::new(maker.parts(Arc::new(Unproving { inner: memory(), answers })));
        let device = told_without_receipt(&masa, &maker, &owner);
        assert!(matches!(block_on(masa.receipt(&device)), Err(Error::Ledger(LedgerError::Tree(_)))));
    }
}

#[test]
fn log_key_that_does_not_sign_costs_the_statement_its_receipt_alone() {
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let masa = Masa::new(MasaParts { log_key: Arc::new(Broken(maker.log.clone())), ..maker.parts(memory()) });
    told_without_receipt(&masa, &maker, &owner);
}

/// Records a device, and tells its statement to an owner: the same, with no receipt.
fn told_without_receipt(masa: &Masa, maker: &Maker, owner: &Owner) -> DeviceId {
    let pledge = maker.pledge("A");
    let recorded = block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    assert_eq!(recorded.receipt, None);
    let request = owner.request(&pledge, nonce(1));
    block_on(masa.vouch(&request, Format::Cms, &PeerCertificates::default())).unwrap();
    let told = block_on(masa.provenance(&request)).unwrap();
    assert!(told.is_some());
    assert_eq!(told, recorded.statement);
    assert_eq!(receipts_of(told.unwrap().wire()).unwrap(), []);
    pledge.device()
}

#[test]
fn log_key_of_another_kind_signs_no_checkpoint() {
    let maker = Maker::new();
    let masa = Masa::new(MasaParts { log_key: Arc::new(crate::testing::new_key()), ..maker.parts(memory()) });
    assert!(matches!(block_on(masa.checkpoint()), Err(Error::Sign(SignError::Encode { .. }))));
}
