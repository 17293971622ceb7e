//! Which key signs which voucher: the one whose certificate, or an anchor above it, the device left the factory with.

mod gaps;

use brski_common::time::to_rfc3339;
use brski_common::{Refusal, SerialNumber, SigningParty, UnixTime};

/// The keys that sign a product line's vouchers.
#[derive(Clone, Debug)]
pub struct VoucherSigners {
    keys: Vec<VoucherKey>,
    nonceless: Option<SigningParty>,
}

/// One key, and the devices that know it.
#[derive(Clone, Debug)]
pub struct VoucherKey {
    /// Which devices.
    pub covers: Coverage,
    /// The key with its certificates.
    pub party: SigningParty,
}

/// Devices by serial number and by when they were made; those that meet both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By serial number.
    pub serials: Serials,
    /// The first second at which they were made; any if `None`.
    pub from: Option<UnixTime>,
    /// The first second at which they were made no longer; never if `None`.
    pub until: Option<UnixTime>,
}

/// Some serial numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Serials {
    /// Every one.
    #[default]
    All,
    /// Those that begin so.
    Prefix(String),
    /// Those of the length of both ends, from the first to the last in the order of their octets.
    Range {
        /// The first one.
        first: SerialNumber,
        /// The last one, as long as the first.
        last: SerialNumber,
    },
}

impl VoucherSigners {
    /// One key for all of them.
    pub fn one(party: SigningParty) -> Self {
        Self::several(vec![VoucherKey { covers: Coverage::default(), party }])
    }

    /// Several keys; of two that cover a device the first signs.
    pub fn several(keys: Vec<VoucherKey>) -> Self {
        Self { keys, nonceless: None }
    }

    /// The same with another key for vouchers without nonce, which work without the device taking part: whoever has this one could take any device.
    #[must_use]
    pub fn and_nonceless(self, party: SigningParty) -> Self {
        Self { nonceless: Some(party), ..self }
    }

    /// Who signs vouchers without nonce, if any are signed.
    pub fn nonceless(&self) -> Option<&SigningParty> {
        self.nonceless.as_ref()
    }

    /// Every key that signs vouchers.
    pub fn parties(&self) -> impl Iterator<Item = &SigningParty> {
        self.keys.iter().map(|key| &key.party).chain(&self.nonceless)
    }

    /// The keys, and which devices know which.
    pub fn keys(&self) -> &[VoucherKey] {
        &self.keys
    }

    /// Who signs the vouchers of this device, which was made at this time.
    ///
    /// # Errors
    /// [`Refusal::NoVoucherKey`] if no key covers it.
    pub fn of(&self, serial: &SerialNumber, made_at: UnixTime) -> Result<&SigningParty, Refusal> {
        let key = self.keys.iter().find(|key| key.covers.includes(serial, made_at));
        let missing = || Refusal::NoVoucherKey { serial: serial.clone(), made_at: to_rfc3339(made_at) };
        key.map(|key| &key.party).ok_or_else(missing)
    }
}

impl Coverage {
    fn includes(&self, serial: &SerialNumber, made_at: UnixTime) -> bool {
        self.from.is_none_or(|from| from <= made_at) && self.until.is_none_or(|until| made_at < until) && self.serials.include(serial)
    }

    /// Whether some device could be in both.
    pub fn meets(&self, other: &Self) -> bool {
        let begins_before_end = |one: &Self, other: &Self| one.from.is_none_or(|from| other.until.is_none_or(|until| from < until));
        self.serials.meet(&other.serials) && begins_before_end(self, other) && begins_before_end(other, self)
    }
}

impl Serials {
    fn include(&self, serial: &SerialNumber) -> bool {
        match self {
            Self::All => true,
            Self::Prefix(prefix) => serial.as_str().starts_with(prefix.as_str()),
            Self::Range { first, last } => serial.as_str().len() == first.as_str().len() && (first..=last).contains(&serial),
        }
    }

    fn meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => true,
            (Self::Prefix(one), Self::Prefix(other)) => one.starts_with(other.as_str()) || other.starts_with(one.as_str()),
            (Self::Prefix(prefix), Self::Range { first, last }) | (Self::Range { first, last }, Self::Prefix(prefix)) => {
                // All that begin so and are of this length lie between the two that go on lowest and highest.
                let head = |end: &SerialNumber| end.as_str().get(..prefix.len()).map(str::to_owned);
                head(first).is_some_and(|head| head <= *prefix) && head(last).is_some_and(|head| *prefix <= head)
            }
            (Self::Range { first: a, last: b }, Self::Range { first: c, last: d }) => a.as_str().len() == c.as_str().len() && a <= d && c <= b,
        }
    }
}

#[cfg(test)]
mod tests;
