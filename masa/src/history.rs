//! What the ledger knows of one device, as a plain value that rules can judge.

use std::collections::BTreeMap;

use brski_common::provenance::Status;
use brski_common::{Certificate, DeviceId, IDevIdCert, Nonce, ProvenanceRecord, ProvenanceStatement, Signed};

use crate::ledger::{Entry, Vouched};

/// One device's entries, oldest first, read into one value.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    index: u64,
    idevid: IDevIdCert,
    record: Option<(u64, Box<ProvenanceRecord>)>,
    /// By the sequence number of their record: that of an older one may have been stored after that of a newer.
    statements: BTreeMap<u32, Signed<ProvenanceStatement>>,
    vouched: Vec<Vouched>,
    blocked: Option<String>,
    serial_is_shared: bool,
}

impl History {
    /// Reads one device's entries, each with its index, in the order of the log; `None` unless they say that it was made.
    ///
    /// `serial_is_shared` says whether a device with another IDevID issuer has the same serial number.
    pub fn build(entries: impl IntoIterator<Item = (u64, Entry)>, serial_is_shared: bool) -> Option<Self> {
        let mut entries = entries.into_iter();
        let (index, idevid) = match entries.next()? {
            (index, Entry::Made(made)) => (index, made.idevid),
            (_, Entry::Recorded(_) | Entry::Stated(_) | Entry::Vouched(_) | Entry::Standing(_)) => return None,
        };
        let mut history = Self { index, idevid, record: None, statements: BTreeMap::new(), vouched: Vec::new(), blocked: None, serial_is_shared };
        for (index, entry) in entries {
            match entry {
                // A device is made once; the ledger sees to that.
                Entry::Made(_) => {}
                Entry::Recorded(record) => history.record = Some((index, record)),
                Entry::Stated(stated) => {
                    history.statements.insert(stated.seq, stated.statement);
                }
                Entry::Vouched(vouched) => history.vouched.push(vouched),
                Entry::Standing(standing) => history.blocked = standing.blocked,
            }
        }
        Some(history)
    }

    /// Which device.
    pub fn device(&self) -> &DeviceId {
        self.idevid.device()
    }

    /// Its IDevID, as it was reported.
    pub fn idevid(&self) -> &IDevIdCert {
        &self.idevid
    }

    /// Index of the entry that its provenance rests on: the record's, or else that of its making.
    pub fn index(&self) -> u64 {
        self.record.as_ref().map_or(self.index, |(index, _)| *index)
    }

    /// The newest record of how its key came to be, if anybody wrote one.
    pub fn record(&self) -> Option<&ProvenanceRecord> {
        self.record.as_ref().map(|(_, record)| &**record)
    }

    /// The statement that was signed about the newest record. `None` also if a crash came before it was stored.
    pub fn statement(&self) -> Option<&Signed<ProvenanceStatement>> {
        self.statements.get(&self.record()?.seq)
    }

    /// Every voucher that was decided on, oldest first.
    pub fn vouched(&self) -> &[Vouched] {
        &self.vouched
    }

    /// The voucher that was decided on for this nonce.
    pub fn vouched_for(&self, nonce: &Nonce) -> Option<&Vouched> {
        // By octets, as the ledger tells nonces apart.
        self.vouched.iter().find(|vouched| vouched.nonce.as_ref().is_some_and(|used| used.octets() == nonce.octets()))
    }

    /// Whether one of these certificates, a verified path, holds a key that a voucher for this device pinned.
    pub fn was_pinned(&self, chain: &[Certificate]) -> bool {
        chain.iter().any(|certificate| self.vouched.iter().any(|vouched| vouched.pin == certificate.spki_digest()))
    }

    /// Why the device may not be vouched for, if so.
    pub fn blocked(&self) -> Option<&str> {
        let compromised = self.record().filter(|record| record.status == Status::Compromised).map(|_| "its key is on record as compromised");
        self.blocked.as_deref().or(compromised)
    }

    /// Whether its serial number alone does not name it.
    pub fn serial_is_shared(&self) -> bool {
        self.serial_is_shared
    }
}
