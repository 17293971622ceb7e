//! Which pledge speaks what: the format of its vouchers, and how it names the registrar.

use brski_common::pledge::ProximityLeaf;
use brski_common::{Format, Voucher};
use clap::ValueEnum;

/// What the pledges of a fleet speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Formats {
    /// JSON in CMS.
    Cms,
    /// JSON in JWS.
    Jws,
    /// CBOR in COSE; the registrar is named, and pinned, by its key or by the hash of that in turn.
    Cose,
    /// All three in turn, on one registrar.
    Mixed,
}

/// What one pledge speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Speech {
    pub(crate) format: Format,
    pub(crate) proximity: ProximityLeaf,
}

impl Formats {
    /// What each pledge of a fleet of this size speaks.
    pub(crate) fn of_fleet(self, size: usize) -> Vec<Speech> {
        let mut by_hash = true;
        let speech = |format| {
            if format != Format::Cose {
                return Speech { format, proximity: ProximityLeaf::Certificate };
            }
            by_hash = !by_hash;
            Speech { format, proximity: if by_hash { ProximityLeaf::KeyHash } else { ProximityLeaf::Key } }
        };
        (0..size).map(|place| self.of(place)).map(speech).collect()
    }

    fn of(self, place: usize) -> Format {
        match self {
            Self::Cms => Format::Cms,
            Self::Jws => Format::Jws,
            Self::Cose => Format::Cose,
            // Each round begins one further, or the pledges that the built-in policy accepts would hardly differ.
            Self::Mixed => Format::ALL[(place + place / Format::ALL.len()) % Format::ALL.len()],
        }
    }
}

impl core::fmt::Display for Speech {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let by = match self.proximity {
            ProximityLeaf::Key => ", by key",
            ProximityLeaf::KeyHash => ", by key hash",
            _ => "",
        };
        write!(f, "{}{by}", self.format.name())
    }
}

/// What a voucher pins.
pub(crate) fn pin(voucher: &Voucher) -> Option<&'static str> {
    let certificate = voucher.pinned_domain_cert.as_ref().map(|_| "the domain's certificate");
    let key = voucher.pinned_domain_pubk.as_ref().map(|_| "the registrar's key");
    let hash = voucher.pinned_domain_pubk_sha256.map(|_| "the hash of the registrar's key");
    certificate.or(key).or(hash)
}
