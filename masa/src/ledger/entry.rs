//! One fact in the ledger.

mod octets;

use brski_common::provenance::{Disclosure, Status};
use brski_common::{
    Assertion, Certificate, DeviceId, DomainId, IDevIdCert, Nonce, ProvenanceRecord, ProvenanceStatement, Signed, SpkiDigest, UnixTime, Voucher,
};

use super::{TreeHead, Unique};

pub(super) use octets::genesis;
#[cfg(feature = "sqlite")]
pub(super) use octets::log_name;

/// One fact. Its octets are deterministic CBOR: a provenance record's own, else an array that begins with the kind.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Entry {
    /// A device was made: from now on it is known.
    Made(Made),
    /// How a device's key came to be.
    Recorded(Box<ProvenanceRecord>),
    /// What was signed about a record for others to read.
    Stated(Stated),
    /// A voucher was decided on. It may never have been signed, if the process ended in between.
    Vouched(Vouched),
    /// A device was blocked, or is no longer.
    Standing(Standing),
    /// A device was sold, or given back.
    Owned(Owned),
    /// The manufacturer stands by some devices' keys no longer, or again.
    Marked(Marked),
    /// The ledger was put back from a backup.
    Restored(Restored),
}

/// A device and its IDevID.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// When it was appended.
    pub at: UnixTime,
    /// The device's certificate, whose path to the manufacturer's anchors was verified.
    pub idevid: IDevIdCert,
    /// Name of the enrolled key that reported it.
    pub reported_by: String,
}

/// A signed provenance statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    /// Whose.
    pub device: DeviceId,
    /// Sequence number of the record it is a view of.
    pub seq: u32,
    /// For readers of which level; `None` in ledgers of a time when there was one statement a record, at whichever level was configured.
    pub level: Option<Disclosure>,
    /// The statement, octet for octet as it was given away.
    pub statement: Signed<ProvenanceStatement>,
}

/// A voucher, as the audit log must remember it (RFC 8995, section 5.8.1).
#[derive(Clone, Debug, PartialEq)]
pub struct Vouched {
    /// Whose.
    pub device: DeviceId,
    /// When.
    pub at: UnixTime,
    /// The domain it gives the device to, as audit logs name it.
    pub domain: DomainId,
    /// Digest of the pinned key. A domainID may be chosen freely by whoever makes a certificate, this may not.
    pub pin: SpkiDigest,
    /// Digest of the key that signed the registrar's request.
    pub registrar: SpkiDigest,
    /// The nonce, with the text it came in; `None` for a nonceless voucher.
    pub nonce: Option<Nonce>,
    /// What the voucher asserts.
    pub assertion: Assertion,
    /// When the voucher expires, if it does.
    pub expires_on: Option<UnixTime>,
    /// What else the voucher says, so that the same can be signed again; `None` in ledgers of a time when nobody could ask for that.
    pub content: Option<VoucherContent>,
    /// On whose word, if an operator asked for it and no registrar: a name.
    pub by: Option<String>,
}

/// What a voucher says beyond the facts that audit logs tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherContent {
    /// What it pins.
    pub pinned: Pinned,
    /// Whether it names the IDevID's issuer.
    pub names_issuer: bool,
}

/// What a voucher pins (RFC 8366bis, section 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pinned {
    /// pinned-domain-cert.
    Certificate(Certificate),
    /// pinned-domain-pubk: DER SubjectPublicKeyInfo.
    Key(Vec<u8>),
    /// pinned-domain-pubk-sha256, which is the entry's own digest.
    KeyHash,
}

/// Whether a device may be vouched for; the newest entry of a device counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Whose.
    pub device: DeviceId,
    /// Since when.
    pub at: UnixTime,
    /// Why it is blocked; `None` if it is blocked no longer.
    pub blocked: Option<String>,
    /// On whose word; `None` in ledgers of a time when nobody was asked.
    pub by: Option<String>,
}

/// Somebody else has a device, or nobody has it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Which device.
    pub device: DeviceId,
    /// Since when.
    pub at: UnixTime,
    /// On whose word: the name of an operator or of a system.
    pub by: String,
    /// What happened.
    pub change: OwnerChange,
}

/// What happened to a device's ownership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerChange {
    /// It was sold.
    SoldTo(Customer),
    /// Its owner gave it up: whoever has it next may claim it as if it were new.
    Released,
}

/// Whom a device was sold to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The customer's name, as the sales data has it.
    pub name: String,
    /// The keys of the customer's domain CAs; empty if the sales data names none.
    pub keys: Vec<SpkiDigest>,
}

/// The manufacturer's word on the keys of some devices; of marks with the same scope the newest counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Since when.
    pub at: UnixTime,
    /// On whose word.
    pub by: String,
    /// Of which devices.
    pub scope: Scope,
    /// What of their keys. [`Status::Valid`] takes an earlier mark back.
    pub status: Status,
    /// Why, in one line.
    pub reason: String,
}

/// Devices that have something in common. Only a device's newest record tells batch and line; of stations its making tells one as well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One device.
    Device(DeviceId),
    /// Those of one batch.
    Batch(String),
    /// Those that were made or reported at one station: by the record's station, or by the name of the enrolled key that signed the record or made the device known.
    Station(String),
    /// Those of one assembly line.
    Line(String),
}

/// The ledger continues from a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When.
    pub at: UnixTime,
    /// On whose word.
    pub by: String,
    /// Why, in one line.
    pub reason: String,
    /// What the log had signed that the backup does not reach.
    pub lost: Lost,
}

/// What was signed of a log and is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nothing: the backup reaches the newest state that was signed.
    Nothing,
    /// Nobody knows what was signed since the backup; others may hold receipts for anything.
    Unknown,
    /// What lies between the backup and this, the newest state that is known to have been signed.
    Signed(TreeHead),
}

impl Vouched {
    /// The voucher as it was decided on, without what its registrar wished to be told of the device's key; `None` if the entry does not have all of it.
    pub fn voucher(&self) -> Option<Voucher> {
        self.content.as_ref().map(|content| self.saying(content))
    }

    /// The voucher with this content beside the entry's own facts.
    pub(crate) fn saying(&self, VoucherContent { pinned, names_issuer }: &VoucherContent) -> Voucher {
        let bare = Voucher {
            assertion: Some(self.assertion),
            created_on: Some(self.at),
            domain_cert_revocation_checks: Some(false),
            expires_on: self.expires_on,
            idevid_issuer: names_issuer.then(|| self.device.issuer.clone()),
            nonce: self.nonce.clone(),
            ..Voucher::new(self.device.serial.clone())
        };
        match pinned {
            Pinned::Certificate(certificate) => Voucher { pinned_domain_cert: Some(certificate.clone()), ..bare },
            Pinned::Key(spki) => Voucher { pinned_domain_pubk: Some(spki.clone()), ..bare },
            Pinned::KeyHash => Voucher { pinned_domain_pubk_sha256: Some(self.pin.0), ..bare },
        }
    }
}

impl Entry {
    /// Of which device it speaks; `None` if of many, or of the ledger itself.
    pub fn device(&self) -> Option<&DeviceId> {
        match self {
            Self::Made(made) => Some(made.idevid.device()),
            Self::Recorded(record) => Some(&record.device),
            Self::Stated(stated) => Some(&stated.device),
            Self::Vouched(vouched) => Some(&vouched.device),
            Self::Standing(standing) => Some(&standing.device),
            Self::Owned(owned) => Some(&owned.device),
            Self::Marked(Marked { scope: Scope::Device(device), .. }) => Some(device),
            Self::Marked(Marked { scope: Scope::Batch(_) | Scope::Station(_) | Scope::Line(_), .. }) | Self::Restored(_) => None,
        }
    }

    /// One word for its kind; [`from_octets`](Self::from_octets) wants it back.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Made(_) => MADE,
            Self::Recorded(_) => RECORDED,
            Self::Stated(_) => STATED,
            Self::Vouched(_) => VOUCHED,
            Self::Standing(_) => STANDING,
            Self::Owned(_) => OWNED,
            Self::Marked(_) => MARKED,
            Self::Restored(_) => RESTORED,
        }
    }

    /// What of it may occur only once for its device, besides the making of the device itself.
    pub(super) fn once(&self) -> Option<(Unique, Vec<u8>)> {
        match self {
            Self::Made(_) | Self::Standing(_) | Self::Owned(_) | Self::Marked(_) | Self::Restored(_) => None,
            Self::Recorded(record) => Some((Unique::Record, record.seq.to_be_bytes().to_vec())),
            Self::Stated(stated) => {
                let level = stated.level.map(Disclosure::number);
                Some((Unique::Statement, stated.seq.to_be_bytes().into_iter().chain(level).collect()))
            }
            Self::Vouched(vouched) => vouched.nonce.as_ref().map(|nonce| (Unique::Nonce, nonce.octets())),
        }
    }
}

pub(super) const GENESIS: &str = "genesis";
pub(super) const MADE: &str = "made";
pub(super) const RECORDED: &str = "recorded";
pub(super) const STATED: &str = "stated";
pub(super) const VOUCHED: &str = "vouched";
pub(super) const STANDING: &str = "standing";
pub(super) const OWNED: &str = "owned";
pub(super) const MARKED: &str = "marked";
pub(super) const RESTORED: &str = "restored";
