//! Seeds of a batch, counted over reports, calls and processes; and audits of what is on record.

use brski_common::evidence::{Authorities, Authority, CeremonySignature, Countersignature, Description, SeedEvent, SeedNotice, SeedReceipt};
use brski_common::provenance::{Basis, ContentDigest, Evidence, EvidenceType, Locus, Protection, Seed, Source};
use brski_common::refusal::TestimonyFault;
use brski_common::{KeyOrigin, Method, Payload};

use super::*;
use crate::manufacture::{Correction, GenuineReport};
use crate::masa::{Countersigned, Want};
use crate::testing::{Entity, Pledge, memory, seal};

/// Whoever receives the seeds, and two that derive keys from them.
struct People(Vec<(&'static str, Entity, Basis)>);

impl People {
    fn new() -> Self {
        let witnesses = ["goods-in", "bench-1", "bench-2"].map(|name| (name, Entity::root(name), Basis::WitnessedCeremony));
        Self(witnesses.into_iter().chain([("auditor", Entity::root("auditor"), Basis::ThirdPartyAudit)]).collect())
    }

    fn authorities(&self) -> Authorities {
        Authorities::new(self.0.iter().map(|(name, of, basis)| {
            let anchors = brski_common::Anchors::new([of.certificate.clone()]).unwrap();
            Authority { name: (*name).to_owned(), anchors, basis: *basis, locus: None, unmarked_attestation_keys: false }
        }))
    }

    fn signs<T: Payload>(&self, person: usize, content: &T) -> Evidence {
        let kind = EvidenceType::new(T::typ(Format::Cose).unwrap().name()).unwrap();
        Evidence { kind, data: seal(&self.0[person].1.party(&[]), content, Format::Cose).wire().to_vec() }
    }

    /// A report of a key from the one seed of the batch.
    fn report(&self, maker: &Maker, masa: &Masa, pledge: &Pledge) -> GenuineReport {
        let receipt = SeedReceipt { courier: text("van 12"), received_by: text("Eve"), count: 1, list: ContentDigest::of(b"list") };
        let received = SeedNotice { batch: text("seeds 7"), at: NOW, event: SeedEvent::Received(receipt) };
        let derived = CeremonySignature { key: pledge.idevid().spki_digest(), ceremony: text("seeds 7"), at: NOW };
        let known = KeyOrigin::new(Method::Carrot, Source::Kdf, Protection::NonExtractable, Locus::MainCpu, Basis::StationSigned, NOW);
        let seed = Some(Seed { bits: 256, storage: None, copies_destroyed: None, batch: Some(text("seeds 7")) });
        let evidence = vec![self.signs(0, &received), self.signs(1, &derived), self.signs(2, &derived)];
        masa.genuine(&maker.report(pledge, Some(KeyOrigin { seed, evidence, ..known }))).unwrap()
    }
}

fn text(text: &str) -> Text {
    text.parse().unwrap()
}

fn spent<T: core::fmt::Debug>(outcome: Result<T, Error>) -> bool {
    let Err(Error::Refused(Refusal::Testimony(fault))) = outcome else { panic!("{outcome:?}") };
    *fault == TestimonyFault::SeedsSpent { batch: "seeds 7".to_owned(), count: 1 }
}

#[test]
fn seed_is_given_to_one_device_within_a_call_between_calls_and_after_a_restart() {
    let (maker, people, ledger) = (Maker::new(), People::new(), memory());
    let masa = || Masa::new(maker.parts(ledger.clone())).with_authorities(people.authorities());
    let [first, second] = ["JADA123", "JADA124"].map(|name| maker.pledge(name));
    let before = masa();
    let reports = [&first, &second].map(|pledge| people.report(&maker, &before, pledge));
    let record = |masa: &Masa, reports: &[GenuineReport]| block_on(masa.record_all(reports, Want::Record, &Correction::Refuse));
    // Whoever only tries gets none.
    assert!(block_on(before.record_all(&reports[1..], Want::Trial, &Correction::Refuse)).remove(0).is_ok());
    let mut outcomes = record(&before, &reports);
    assert!(outcomes.remove(0).is_ok() && spent(outcomes.remove(0)));
    assert!(spent(record(&before, &reports[1..]).remove(0)));
    let after = masa();
    assert!(spent(record(&after, &reports[1..]).remove(0)));
    assert!(record(&after, &reports[..1]).remove(0).unwrap().repeated);
}

#[test]
fn audited_device_is_stated_on_the_auditors_word_and_the_audit_is_recorded_once() {
    let (maker, people) = (Maker::new(), People::new());
    let (masa, pledge) = (maker.masa().with_authorities(people.authorities()), maker.pledge("JADA123"));
    let stated = |recorded: Signed<ProvenanceStatement>| {
        let by = brski_common::SignedBy::Holder(&maker.provenance.certificate);
        recorded.verify(&brski_common::Verifier::strict(by), NOW).unwrap().get().clone()
    };
    let before = stated(block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap().statement.unwrap());
    let description = Description { title: text("How keys are made"), digest: ContentDigest::of(b"how") };
    let audit = Countersignature { key: before.spki, record: before.record, description, at: NOW };
    let countersignature = people.signs(3, &audit).data;
    let countersign = || block_on(masa.countersign(&pledge.device(), countersignature.clone(), &text("Quality"))).unwrap();
    assert!(countersign().index.is_some());
    assert_eq!(countersign(), Countersigned { index: None });
    let after = stated(block_on(masa.statement_for(&pledge.device(), brski_common::provenance::Disclosure::Public)).unwrap().unwrap());
    assert_eq!((before.basis, after.basis, after.seq), (Basis::StationSigned, Basis::ThirdPartyAudit, 1));
}

/// A ledger into which somebody else appends between what we decide and our own append.
struct Meanwhile {
    inner: Arc<dyn Ledger>,
    act: std::sync::Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Ledger for Meanwhile {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<core::ops::Range<u64>, LedgerError>> {
        self.inner.append(entries)
    }

    fn append_seeded(&self, groups: Vec<Vec<Entry>>, seeds: crate::ledger::Seeds) -> BoxFuture<'_, Vec<Result<core::ops::Range<u64>, LedgerError>>> {
        if let Some(act) = self.act.lock().unwrap().take() {
            act();
        }
        self.inner.append_seeded(groups, seeds)
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

    fn head(&self) -> BoxFuture<'_, Result<crate::ledger::TreeHead, LedgerError>> {
        self.inner.head()
    }

    fn inclusion(&self, index: u64, size: u64) -> BoxFuture<'_, Result<Vec<brski_common::log::Hash>, LedgerError>> {
        self.inner.inclusion(index, size)
    }

    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<brski_common::log::Hash>, LedgerError>> {
        self.inner.consistency(old, new)
    }
}

/// Two MASAs that know nothing of each other find a seed left at the same moment.
fn race_for_the_last_seed(ledger: Arc<dyn Ledger>) {
    let (maker, people) = (Maker::new(), People::new());
    let other = Masa::new(maker.parts(Arc::clone(&ledger))).with_authorities(people.authorities());
    let [slow, fast] = ["JADA123", "JADA124"].map(|name| maker.pledge(name));
    let [own, others] = [&slow, &fast].map(|pledge| people.report(&maker, &other, pledge));
    let act = move || assert!(block_on(other.record_all(&[others], Want::Record, &Correction::Refuse)).remove(0).is_ok());
    let meanwhile: Arc<dyn Ledger> = Arc::new(Meanwhile { inner: Arc::clone(&ledger), act: std::sync::Mutex::new(Some(Box::new(act))) });
    let masa = Masa::new(maker.parts(meanwhile)).with_authorities(people.authorities());
    assert!(spent(block_on(masa.record_all(&[own], Want::Record, &Correction::Refuse)).remove(0)));
    let known = [&slow, &fast].map(|pledge| block_on(ledger.history(&pledge.device())).unwrap().is_some());
    assert_eq!(known, [false, true]);
}

#[test]
fn last_seed_is_given_once_though_two_processes_want_it_at_once() {
    race_for_the_last_seed(memory());
}

#[cfg(feature = "sqlite")]
#[test]
fn last_seed_is_given_once_by_two_that_write_one_file() {
    let folder = crate::ledger::Folder::new();
    race_for_the_last_seed(Arc::new(folder.open()));
}
