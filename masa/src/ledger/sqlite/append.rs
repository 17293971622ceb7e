//! What waits to be written: entries as the file wants them. Making them so is the caller's work, so that the one writer does nothing but write.

use core::ops::Range;

use brski_common::log::{Hash, leaf_hash};
use brski_common::{DeviceId, SpkiDigest};
use futures_channel::oneshot;

use super::stopped;
use crate::ledger::{Entry, LedgerError, Seeds, Unique};

/// What became of entries that go in together.
pub(super) type Answer = Result<Range<u64>, LedgerError>;

/// Groups of entries, each of which goes in as a whole or not at all, and who waits for them.
pub(super) struct Append {
    pub(super) groups: Vec<Vec<Row>>,
    /// Where seeds are counted: by what, and of each group the entries themselves.
    pub(super) seeded: Option<(Seeds, Vec<Vec<Entry>>)>,
    reply: oneshot::Sender<Vec<Answer>>,
}

/// An entry as it is filed.
pub(super) struct Row {
    pub(super) kind: &'static str,
    /// Of which device it speaks.
    pub(super) device: Option<DeviceId>,
    /// The key of the device that it makes.
    pub(super) makes: Option<SpkiDigest>,
    /// What of it may occur only once for its device.
    pub(super) once: Option<(Unique, Vec<u8>)>,
    pub(super) octets: Vec<u8>,
    pub(super) leaf: Hash,
}

impl Append {
    pub(super) fn new(groups: Vec<Vec<Row>>, seeded: Option<(Seeds, Vec<Vec<Entry>>)>) -> (Self, oneshot::Receiver<Vec<Answer>>) {
        let (reply, answers) = oneshot::channel();
        (Self { groups, seeded, reply }, answers)
    }

    /// How many entries these are.
    pub(super) fn len(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// Tells whoever waits what became of each group.
    pub(super) fn answer(self, answers: Vec<Answer>) {
        // Whoever asked may have gone away; the entries stay.
        let _gone = self.reply.send(answers);
    }
}

/// Entries as they are filed.
///
/// # Errors
/// [`LedgerError::Encode`].
pub(super) fn rows(entries: &[Entry]) -> Result<Vec<Row>, LedgerError> {
    entries.iter().map(row).collect()
}

fn row(entry: &Entry) -> Result<Row, LedgerError> {
    let octets = entry.to_octets().map_err(LedgerError::Encode)?;
    let makes = match entry {
        Entry::Made(made) => Some(made.idevid.spki_digest()),
        Entry::Recorded(_) | Entry::Stated(_) | Entry::Vouched(_) | Entry::Standing(_) | Entry::Owned(_) | Entry::Marked(_) | Entry::Restored(_) => None,
    };
    Ok(Row { kind: entry.kind(), device: entry.device().cloned(), makes, once: entry.once(), leaf: leaf_hash(&octets), octets })
}

/// The outcomes of groups that nobody took.
pub(super) fn merge_refused(encoded: Vec<Result<(), LedgerError>>, refused: &LedgerError) -> Vec<Answer> {
    let again = || match refused {
        LedgerError::Busy => LedgerError::Busy,
        _ => stopped(),
    };
    encoded.into_iter().map(|group| group.and_then(|()| Err(again()))).collect()
}

/// Puts the outcomes of the groups that could be encoded beside the errors of the others, in the order of the groups.
pub(super) fn merge(encoded: Vec<Result<(), LedgerError>>, written: Vec<Answer>) -> Vec<Answer> {
    let mut written = written.into_iter();
    encoded.into_iter().map(|group| group.and_then(|()| written.next().unwrap_or_else(|| Err(stopped())))).collect()
}
