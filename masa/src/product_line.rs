//! Product lines: which keys vouch for a device and speak of it, what is recorded where a station says nothing, and who may read what. A device belongs to exactly one.

mod defaults;
mod mode;
mod signers;

use brski_common::provenance::Disclosure;
use brski_common::{Anchors, DeviceId, KeyIdentifier, SigningParty};

pub use self::defaults::OriginDefaults;
pub use self::mode::{ModeFault, SigningMode, Surroundings};
pub use self::signers::{Coverage, Serials, VoucherKey, VoucherSigners};
use crate::issue::IssuePolicy;

/// Every product line of a manufacturer.
#[derive(Clone, Debug)]
pub struct ProductLines {
    lines: Vec<ProductLine>,
    /// Of devices that are in none of them.
    rest: ProductLine,
}

/// What is the same for all devices of one kind.
#[derive(Clone, Debug)]
pub struct ProductLine {
    /// Its name, in logs and in commands.
    pub name: String,
    /// Which devices are in it.
    pub devices: Devices,
    /// What is recorded of a key where its station says nothing.
    pub defaults: OriginDefaults,
    /// Who signs vouchers.
    pub vouchers: VoucherSigners,
    /// Signs provenance statements. Another key than the vouchers': their anchors are trusted for different things.
    pub provenance: SigningParty,
    /// Who may read how much of a record.
    pub disclosure: Levels,
    /// When a voucher may be issued.
    pub issue_policy: IssuePolicy,
}

/// Which devices are in a product line: those that meet both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// The CAs that issue its IDevIDs; any if empty.
    pub issuers: Vec<KeyIdentifier>,
    /// How its serial numbers begin; anything if empty.
    pub serial_prefix: String,
}

/// How much of a record is told, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// In the statement that goes back to the assembly line and may be stored in the device, for everybody to read.
    pub line: Disclosure,
    /// To whoever was given a voucher for the device.
    pub owner: Disclosure,
}

impl ProductLines {
    /// All devices in one.
    pub fn one(line: ProductLine) -> Self {
        Self { lines: Vec::new(), rest: line }
    }

    /// Several; a device is in the first of `lines` that it fits, else in `rest`.
    pub fn new(lines: Vec<ProductLine>, rest: ProductLine) -> Self {
        Self { lines, rest }
    }

    /// The one that a device is in.
    pub fn of(&self, device: &DeviceId) -> &ProductLine {
        self.lines.iter().find(|line| line.devices.include(device)).unwrap_or(&self.rest)
    }

    /// All of them, that of the remaining devices last.
    pub fn iter(&self) -> impl Iterator<Item = &ProductLine> {
        self.lines.iter().chain(core::iter::once(&self.rest))
    }

    /// Lets reports publish n-k although n = 2k-1, in all of them ([`OriginDefaults::reveal_split`]).
    pub fn reveal_split(&mut self) {
        self.lines.iter_mut().chain([&mut self.rest]).for_each(|line| line.defaults.reveal_split = true);
    }

    /// The certificates of everybody who signs vouchers for any of them, and those above, as anchors for vouchers that are shown here again.
    pub fn voucher_anchors(&self) -> Anchors {
        let parties = self.iter().flat_map(|line| line.vouchers.parties());
        let certificates = parties.flat_map(|party| party.identity.chain.iter().cloned());
        // One that cannot serve as anchor leaves nothing to be trusted, never more.
        Anchors::new(certificates).unwrap_or_default()
    }

    /// The one of the devices that are in no other.
    pub fn rest(&self) -> &ProductLine {
        &self.rest
    }

    /// The same, to be changed.
    pub fn rest_mut(&mut self) -> &mut ProductLine {
        &mut self.rest
    }
}

impl ProductLine {
    /// One with these keys, for all devices, with the safe choice for all else.
    pub fn new(name: impl Into<String>, vouchers: VoucherSigners, provenance: SigningParty) -> Self {
        let (devices, defaults, disclosure, issue_policy) = (Devices::default(), OriginDefaults::default(), Levels::default(), IssuePolicy::default());
        Self { name: name.into(), devices, defaults, vouchers, provenance, disclosure, issue_policy }
    }
}

impl Devices {
    /// Whether some device could be in both.
    pub fn meet(&self, other: &Self) -> bool {
        let either = self.issuers.is_empty() || other.issuers.is_empty();
        let issuers = either || self.issuers.iter().any(|issuer| other.issuers.contains(issuer));
        issuers && (self.serial_prefix.starts_with(&other.serial_prefix) || other.serial_prefix.starts_with(&self.serial_prefix))
    }

    /// Whether it is one of them.
    pub fn include(&self, device: &DeviceId) -> bool {
        (self.issuers.is_empty() || self.issuers.contains(&device.issuer)) && device.serial.as_str().starts_with(&self.serial_prefix)
    }
}

impl Default for Levels {
    /// Everybody may read the same.
    fn default() -> Self {
        Self { line: Disclosure::Public, owner: Disclosure::Public }
    }
}
