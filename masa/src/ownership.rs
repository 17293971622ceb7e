//! Whose a device is, as far as its manufacturer knows: what the sales data says, who was given vouchers since, and what stands against it.

mod summary;
#[cfg(test)]
mod tests;

use brski_common::provenance::Status;
use brski_common::{Assertion, DomainId, SpkiDigest, UnixTime};

pub use self::summary::{ClaimSummary, DeviceSummary, RecordSummary, SaleSummary, SupersededSummary, VoucherSummary};
use crate::history::History;
use crate::ledger::{Customer, OwnerChange};

/// How a device stands with its owners. A plain view of its [`History`], by [`Ownership::of`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// What the sales data says.
    pub possession: Possession,
    /// The domains that were given vouchers since the device last changed hands, in the order of their first.
    pub claims: Vec<Claim>,
    /// What keeps it from getting vouchers.
    pub trouble: Option<Trouble>,
}

/// Where a device is by the word of its manufacturer's sales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Possession {
    /// It was made, and nothing is known of a sale.
    Manufactured,
    /// It was sold.
    Sold {
        /// To whom.
        to: Customer,
        /// Since when this customer has had it.
        since: UnixTime,
        /// On whose word.
        by: String,
    },
    /// Its owner gave it up.
    Released {
        /// Since when.
        since: UnixTime,
        /// On whose word.
        by: String,
    },
}

/// A domain that a device was given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The domain, as audit logs name it.
    pub domain: DomainId,
    /// Digest of the key that its vouchers pin.
    pub pin: SpkiDigest,
    /// Time of its first voucher.
    pub since: UnixTime,
    /// Time of its newest voucher.
    pub newest: UnixTime,
    /// What its newest voucher asserts.
    pub assertion: Assertion,
    /// Whether one of its vouchers has no nonce: with that the domain can take the device back until the voucher expires.
    pub nonceless: bool,
}

/// Why a device gets no vouchers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It was blocked, for this reason.
    Blocked(String),
    /// Its key, or how that was made, is called into question.
    Disputed(String),
    /// Its key is known to be compromised.
    Compromised(String),
}

/// How a device stands, in one word: the most serious that is true of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Made, and nothing since.
    Manufactured,
    /// Sold, and not yet claimed.
    Sold,
    /// Given to a domain since it last changed hands.
    Claimed,
    /// Given up, and not yet claimed or sold anew.
    Released,
    /// Blocked by the manufacturer.
    Blocked,
    /// Its key is disputed.
    Disputed,
    /// Its key is compromised.
    Compromised,
}

impl Ownership {
    /// Reads it out of a device's history.
    pub fn of(history: &History) -> Self {
        let mut claims: Vec<Claim> = Vec::new();
        for vouched in history.vouched_since_change() {
            // By the pinned key: two domains may call themselves the same.
            match claims.iter_mut().find(|claim| claim.pin == vouched.pin) {
                Some(claim) => {
                    (claim.newest, claim.assertion) = (vouched.at, vouched.assertion);
                    claim.nonceless |= vouched.nonce.is_none();
                }
                None => claims.push(Claim {
                    domain: vouched.domain.clone(),
                    pin: vouched.pin,
                    since: vouched.at,
                    newest: vouched.at,
                    assertion: vouched.assertion,
                    nonceless: vouched.nonce.is_none(),
                }),
            }
        }
        Self { possession: Possession::of(history), claims, trouble: Trouble::of(history) }
    }

    /// How the device stands, in one word.
    pub fn state(&self) -> State {
        match (&self.trouble, &self.possession) {
            (Some(Trouble::Compromised(_)), _) => State::Compromised,
            (Some(Trouble::Disputed(_)), _) => State::Disputed,
            (Some(Trouble::Blocked(_)), _) => State::Blocked,
            (None, _) if !self.claims.is_empty() => State::Claimed,
            (None, Possession::Sold { .. }) => State::Sold,
            (None, Possession::Released { .. }) => State::Released,
            (None, Possession::Manufactured) => State::Manufactured,
        }
    }

    /// Whom it was sold to, if it was and was not given up since.
    pub fn customer(&self) -> Option<&Customer> {
        match &self.possession {
            Possession::Sold { to, .. } => Some(to),
            Possession::Manufactured | Possession::Released { .. } => None,
        }
    }
}

impl Possession {
    /// Reads it out of a device's history.
    pub fn of(history: &History) -> Self {
        let owned = history.owned();
        let Some(newest) = owned.last() else { return Self::Manufactured };
        match &newest.change {
            OwnerChange::Released => Self::Released { since: newest.at, by: newest.by.clone() },
            OwnerChange::SoldTo(to) => {
                // Whoever it is sold to again has had it since the first of those sales.
                let same = |change: &OwnerChange| matches!(change, OwnerChange::SoldTo(earlier) if earlier.name == to.name);
                let first = owned.iter().rev().take_while(|owned| same(&owned.change)).last().unwrap_or(newest);
                Self::Sold { to: to.clone(), since: first.at, by: newest.by.clone() }
            }
        }
    }
}

impl Trouble {
    fn of(history: &History) -> Option<Self> {
        let status = history.status();
        let reason = || history.marks().find(|marked| marked.status == status).map(|marked| marked.reason.clone()).unwrap_or_default();
        match status {
            Status::Compromised => Some(Self::Compromised(reason())),
            Status::Disputed => Some(Self::Disputed(reason())),
            // Whatever else is not valid keeps it from getting vouchers as well.
            _ => history.blocked().map(Self::Blocked),
        }
    }

    /// Why, in the manufacturer's words; empty if nobody gave any.
    pub fn reason(&self) -> &str {
        match self {
            Self::Blocked(reason) | Self::Disputed(reason) | Self::Compromised(reason) => reason,
        }
    }
}

impl State {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manufactured => "manufactured",
            Self::Sold => "sold",
            Self::Claimed => "claimed",
            Self::Released => "released",
            Self::Blocked => "blocked",
            Self::Disputed => "disputed",
            Self::Compromised => "compromised",
        }
    }
}

impl core::fmt::Display for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
