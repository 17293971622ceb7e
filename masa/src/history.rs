//! What the ledger knows of one device, as a plain value that rules can judge.

use std::collections::{BTreeMap, HashMap};

use brski_common::provenance::{Disclosure, Status};
use brski_common::{Certificate, DeviceId, IDevIdCert, Nonce, ProvenanceRecord, ProvenanceStatement, Signed, SpkiDigest, UnixTime};

use crate::ledger::{Entry, Made, Marked, Owned, OwnerChange, Scope, Vouched};

/// Of each batch, station and line the newest mark.
#[derive(Clone, Debug, Default)]
pub struct Marks(HashMap<Scope, Marked>);

impl Marks {
    /// Takes the next entry of the log, whatever it is.
    pub fn add(&mut self, entry: &Entry) {
        match entry {
            // One of a single device is among that device's entries.
            Entry::Marked(Marked { scope: Scope::Device(_), .. }) => {}
            Entry::Marked(marked) => drop(self.0.insert(marked.scope.clone(), marked.clone())),
            Entry::Made(_) | Entry::Recorded(_) | Entry::Stated(_) | Entry::Vouched(_) | Entry::Standing(_) | Entry::Owned(_) | Entry::Restored(_) => {}
        }
    }

    /// Those that a device is under.
    fn of(&self, made: &Made, record: Option<&ProvenanceRecord>) -> impl Iterator<Item = &Marked> {
        let scopes = if self.0.is_empty() { Vec::new() } else { Scope::of_many_around(made, record) };
        scopes.into_iter().filter_map(|scope| self.0.get(&scope))
    }
}

/// One device's entries, oldest first, read into one value.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    index: u64,
    made: Made,
    record: Option<(u64, Box<ProvenanceRecord>)>,
    /// Those that it supersedes, oldest first.
    superseded: Vec<(u64, Box<ProvenanceRecord>)>,
    /// What records said of the key by themselves, and not because of a mark.
    recorded_as: Status,
    /// By the sequence number of their record, and by level: that of an older one may have been stored after that of a newer.
    statements: BTreeMap<(u32, Disclosure), Signed<ProvenanceStatement>>,
    vouched: Vec<Vouched>,
    /// Where the entries of those are.
    vouched_at: Vec<u64>,
    owned: Vec<Owned>,
    /// How many vouchers there were when the device last changed hands.
    vouched_before: usize,
    /// Of each scope that it is in the newest.
    marks: BTreeMap<Scope, Marked>,
    blocked: Option<String>,
    serial_is_shared: bool,
}

impl History {
    /// Reads one device's entries, each with its index, in the order of the log; `None` unless they say that it was made.
    ///
    /// `others` are the log's entries of no one device, oldest first, of which some may speak of this one too.
    /// `serial_is_shared` says whether a device with another IDevID issuer has the same serial number.
    pub fn build<'a>(entries: impl IntoIterator<Item = (u64, Entry)>, others: impl IntoIterator<Item = &'a Entry>, serial_is_shared: bool) -> Option<Self> {
        let mut marks = Marks::default();
        others.into_iter().for_each(|entry| marks.add(entry));
        Self::build_under(entries, &marks, serial_is_shared)
    }

    /// The same with the marks of many devices that a ledger has at hand: it costs a few look-ups among them, however many there are.
    pub fn build_under(entries: impl IntoIterator<Item = (u64, Entry)>, marks: &Marks, serial_is_shared: bool) -> Option<Self> {
        let mut entries = entries.into_iter();
        let (index, Entry::Made(made)) = entries.next()? else { return None };
        let mut history = Self {
            index,
            made,
            record: None,
            superseded: Vec::new(),
            recorded_as: Status::Valid,
            statements: BTreeMap::new(),
            vouched: Vec::new(),
            vouched_at: Vec::new(),
            owned: Vec::new(),
            vouched_before: 0,
            marks: BTreeMap::new(),
            blocked: None,
            serial_is_shared,
        };
        for (index, entry) in entries {
            match entry {
                // A device is made once; the ledger sees to that.
                Entry::Made(_) => {}
                Entry::Recorded(record) => {
                    if !history.is_restated_by(&record) {
                        history.recorded_as = record.status;
                    }
                    history.superseded.extend(history.record.replace((index, record)));
                }
                Entry::Stated(stated) => {
                    // At which level one without is nobody remembers: it may say more than its next reader may know.
                    if let Some(level) = stated.level {
                        history.statements.insert((stated.seq, level), stated.statement);
                    }
                }
                Entry::Vouched(vouched) => {
                    history.vouched.push(vouched);
                    history.vouched_at.push(index);
                }
                Entry::Standing(standing) => history.blocked = standing.blocked,
                Entry::Owned(owned) => {
                    if history.changes_hands(&owned.change) {
                        history.vouched_before = history.vouched.len();
                    }
                    history.owned.push(owned);
                }
                Entry::Marked(marked) => history = history.marked(marked),
                Entry::Restored(_) => {}
            }
        }
        let marks: Vec<Marked> = marks.of(&history.made, history.record()).cloned().collect();
        Some(marks.into_iter().fold(history, Self::marked))
    }

    /// The same once the device is under this mark.
    pub(crate) fn marked(mut self, marked: Marked) -> Self {
        self.marks.insert(marked.scope.clone(), marked);
        self
    }

    /// Whether this record says what the newest says, but for the status: then the status follows from marks, and goes with them.
    fn is_restated_by(&self, next: &ProvenanceRecord) -> bool {
        self.record().is_some_and(|record| record.origin == next.origin && record.reported_by == next.reported_by && record.status != next.status)
    }

    /// Which device.
    pub fn device(&self) -> &DeviceId {
        self.made.idevid.device()
    }

    /// Its IDevID, as it was reported.
    pub fn idevid(&self) -> &IDevIdCert {
        &self.made.idevid
    }

    /// Index of the entry that its provenance rests on: the record's, or else that of its making.
    pub fn index(&self) -> u64 {
        self.record.as_ref().map_or(self.index, |(index, _)| *index)
    }

    /// The newest record of how its key came to be, if anybody wrote one.
    pub fn record(&self) -> Option<&ProvenanceRecord> {
        self.record.as_ref().map(|(_, record)| &**record)
    }

    /// Every record that was corrected, with its index, oldest first.
    pub fn superseded(&self) -> impl Iterator<Item = (u64, &ProvenanceRecord)> {
        self.superseded.iter().map(|(index, record)| (*index, &**record))
    }

    /// When it was made: by the newest record, else when its making was reported.
    pub fn made_at(&self) -> UnixTime {
        self.record().map_or(self.made.at, |record| record.origin.made_at)
    }

    /// The statement that was signed about the newest record for readers of this level, if there is one yet, and unless the record's status has been overtaken by marks.
    pub fn statement(&self, level: Disclosure) -> Option<&Signed<ProvenanceStatement>> {
        let record = self.record().filter(|record| record.status == self.status())?;
        self.statements.get(&(record.seq, level))
    }

    /// Every change of owner that the manufacturer was told of, oldest first.
    pub fn owned(&self) -> &[Owned] {
        &self.owned
    }

    /// Whether somebody else has it after this. A customer that it is sold to again has it as before, perhaps with other keys.
    fn changes_hands(&self, change: &OwnerChange) -> bool {
        match (self.owned.last().map(|owned| &owned.change), change) {
            (Some(OwnerChange::SoldTo(before)), OwnerChange::SoldTo(after)) => before.name != after.name,
            // Whoever claimed it since an earlier release gives it up with a further one.
            (_, OwnerChange::Released) | (Some(OwnerChange::Released) | None, OwnerChange::SoldTo(_)) => true,
        }
    }

    /// What the manufacturer said of its key after it was made: of the device, and of its batch, line and station.
    pub fn marks(&self) -> impl Iterator<Item = &Marked> {
        self.marks.values()
    }

    /// Whether the manufacturer stands by the key: what was recorded of it, and every mark that it is under; the worst of them counts.
    pub fn status(&self) -> Status {
        self.marks().map(|marked| marked.status).fold(self.recorded_as, Status::worse)
    }

    /// What records said of the key by themselves: its status without any mark.
    pub fn recorded_as(&self) -> Status {
        self.recorded_as
    }

    /// Whether it is one of these devices.
    pub fn is_in(&self, scope: &Scope) -> bool {
        self.would_be_in(scope, self.record())
    }

    /// The same if this were its newest record.
    pub(crate) fn would_be_in(&self, scope: &Scope, record: Option<&ProvenanceRecord>) -> bool {
        scope.includes(&self.made, record)
    }

    /// Every voucher that was decided on, oldest first.
    pub fn vouched(&self) -> &[Vouched] {
        &self.vouched
    }

    /// The same, each with the index of its entry.
    pub fn vouchers(&self) -> impl Iterator<Item = (u64, &Vouched)> {
        self.vouched_at.iter().copied().zip(&self.vouched)
    }

    /// Those since the device last changed hands, as far as the manufacturer was told: since it was sold to somebody new, or released.
    pub fn vouched_since_change(&self) -> &[Vouched] {
        self.vouched.get(self.vouched_before..).unwrap_or_default()
    }

    /// The voucher that was decided on for this nonce.
    pub fn vouched_for(&self, nonce: &Nonce) -> Option<&Vouched> {
        // By octets, as the ledger tells nonces apart.
        self.vouched.iter().find(|vouched| vouched.nonce.as_ref().is_some_and(|used| used.octets() == nonce.octets()))
    }

    /// Whether one of these certificates, a verified path, holds a key that a voucher for this device pinned.
    pub fn was_pinned(&self, chain: &[Certificate]) -> bool {
        self.pinned_in(chain).is_some()
    }

    /// The key of these certificates, a verified path, that a voucher for this device pinned: the domain's, of several the one nearest to the top.
    pub fn pinned_in(&self, chain: &[Certificate]) -> Option<SpkiDigest> {
        chain.iter().rev().map(Certificate::spki_digest).find(|key| self.vouched.iter().any(|vouched| vouched.pin == *key))
    }

    /// Why the device may not be vouched for, if so: it was blocked, or the manufacturer no longer stands by its key.
    pub fn blocked(&self) -> Option<String> {
        if let Some(reason) = &self.blocked {
            return Some(reason.clone());
        }
        let status = self.status();
        let why = self.marks().find(|marked| marked.status == status).map(|marked| format!(": {}", marked.reason));
        (status != Status::Valid).then(|| format!("its key is on record as {status}{}", why.unwrap_or_default()))
    }

    /// Whether its serial number alone does not name it.
    pub fn serial_is_shared(&self) -> bool {
        self.serial_is_shared
    }
}
