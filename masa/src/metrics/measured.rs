//! A ledger and keys that count what goes through them, and are otherwise what they were.

use core::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use brski_common::log::Hash;
use brski_common::metric::program;
use brski_common::provenance::{Basis, Method};
use brski_common::{Assertion, BoxFuture, DeviceId, SerialNumber, Signer, SpkiDigest};

use super::{COMMIT_SECONDS, count_record, count_voucher};
use crate::history::History;
use crate::ledger::{Entry, Ledger, LedgerError, Seeds, TreeHead};

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Vouchers.
    Voucher,
    /// Vouchers without nonce.
    NoncelessVoucher,
    /// Provenance statements.
    Provenance,
    /// Checkpoints and receipts.
    Log,
    /// TLS handshakes.
    Tls,
}

impl KeyUse {
    fn name(self) -> &'static str {
        match self {
            Self::Voucher => "voucher",
            Self::NoncelessVoucher => "nonceless-voucher",
            Self::Provenance => "provenance",
            Self::Log => "log",
            Self::Tls => "tls",
        }
    }
}

/// The same key, measured.
pub fn measured_signer(signer: Arc<dyn Signer>, key: KeyUse) -> Arc<dyn Signer> {
    program::measured_signer(signer, key.name())
}

/// The same ledger, measured.
pub fn measured_ledger(ledger: Arc<dyn Ledger>) -> Arc<dyn Ledger> {
    Arc::new(MeasuredLedger(ledger))
}

/// Forwards every method, those that have a default included: a ledger that is fast at many things at once must stay so.
struct MeasuredLedger(Arc<dyn Ledger>);

impl Ledger for MeasuredLedger {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<Range<u64>, LedgerError>> {
        Box::pin(async move {
            let (counts, began) = (Counts::of(&entries), Instant::now());
            let appended = self.0.append(entries).await;
            counts.told(began, appended.is_ok());
            appended
        })
    }

    fn append_all(&self, groups: Vec<Vec<Entry>>) -> BoxFuture<'_, Vec<Result<Range<u64>, LedgerError>>> {
        Box::pin(async move {
            let (counts, began): (Vec<Counts>, _) = (groups.iter().map(Counts::of).collect(), Instant::now());
            let outcomes = self.0.append_all(groups).await;
            told(&outcomes, counts, began);
            outcomes
        })
    }

    fn append_seeded(&self, groups: Vec<Vec<Entry>>, seeds: Seeds) -> BoxFuture<'_, Vec<Result<Range<u64>, LedgerError>>> {
        Box::pin(async move {
            let (counts, began): (Vec<Counts>, _) = (groups.iter().map(Counts::of).collect(), Instant::now());
            let outcomes = self.0.append_seeded(groups, seeds).await;
            told(&outcomes, counts, began);
            outcomes
        })
    }

    fn history<'a>(&'a self, device: &'a DeviceId) -> BoxFuture<'a, Result<Option<History>, LedgerError>> {
        self.0.history(device)
    }

    fn histories<'a>(&'a self, devices: &'a [DeviceId]) -> BoxFuture<'a, Result<Vec<Option<History>>, LedgerError>> {
        self.0.histories(devices)
    }

    fn holder<'a>(&'a self, key: &'a SpkiDigest) -> BoxFuture<'a, Result<Option<DeviceId>, LedgerError>> {
        self.0.holder(key)
    }

    fn devices<'a>(&'a self, serial: &'a SerialNumber) -> BoxFuture<'a, Result<Vec<DeviceId>, LedgerError>> {
        self.0.devices(serial)
    }

    fn entries(&self, from: u64, most: usize) -> BoxFuture<'_, Result<Vec<(u64, Entry)>, LedgerError>> {
        self.0.entries(from, most)
    }

    fn head(&self) -> BoxFuture<'_, Result<TreeHead, LedgerError>> {
        self.0.head()
    }

    fn inclusion(&self, index: u64, size: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>> {
        self.0.inclusion(index, size)
    }

    fn consistency(&self, old: u64, new: u64) -> BoxFuture<'_, Result<Vec<Hash>, LedgerError>> {
        self.0.consistency(old, new)
    }
}

/// Counts what many groups became, at once.
fn told(outcomes: &[Result<Range<u64>, LedgerError>], counts: Vec<Counts>, began: Instant) {
    metrics::histogram!(COMMIT_SECONDS).record(began.elapsed().as_secs_f64());
    outcomes.iter().zip(counts).filter(|(outcome, _)| outcome.is_ok()).for_each(|(_, counts)| counts.count());
}

/// What there is to count of entries, once they are appended.
#[derive(Default)]
struct Counts {
    vouchers: Vec<Assertion>,
    records: Vec<(Method, Basis)>,
}

impl Counts {
    fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut counts = Self::default();
        for entry in entries {
            match entry {
                Entry::Vouched(vouched) => counts.vouchers.push(vouched.assertion),
                Entry::Recorded(record) => counts.records.push((record.origin.method, record.origin.basis)),
                Entry::Made(_) | Entry::Stated(_) | Entry::Standing(_) | Entry::Owned(_) | Entry::Marked(_) | Entry::Restored(_) => {}
            }
        }
        counts
    }

    fn told(self, began: Instant, appended: bool) {
        metrics::histogram!(COMMIT_SECONDS).record(began.elapsed().as_secs_f64());
        if appended {
            self.count();
        }
    }

    fn count(self) {
        self.vouchers.into_iter().for_each(count_voucher);
        self.records.into_iter().for_each(|(method, basis)| count_record(method, basis));
    }
}
