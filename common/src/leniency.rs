//! What a peer may do wrong and still be understood. Each leniency has a name, is off unless switched on (but for idevid-issuer-forms), and is logged and counted when used.
//!
//! A reader that meets a departure from the specification asks [`Reading::tolerate`], which is the only way to overlook one.

use core::cell::RefCell;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::certificate::Certificate;
use crate::error::DecodeError;

/// The one table of leniencies: how each is called here, how in configurations, and what it tolerates.
macro_rules! leniencies {
    ($($leniency:ident, $name:literal, $description:literal;)+) => {
        /// One departure from a specification that can be tolerated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Leniency {
            $(#[doc = concat!($description, ".")] $leniency,)+
        }

        impl Leniency {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$leniency),+];

            /// Its name in configurations, logs and reports.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$leniency => $name,)+
                }
            }

            /// What it tolerates, in one line for people.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$leniency => $description,)+
                }
            }
        }

        const NAMES: &[&str] = &[$($name),+];
    };
}

leniencies! {
    CmsIdData, "cms-id-data", "CMS with eContentType id-data instead of id-ct-animaJSONVoucher, as in RFC 8995, appendix C";
    Base64Body, "base64-body", "A CMS voucher or request as base64 or PEM text instead of DER";
    RequestRootVoucher, "request-root-voucher", "A voucher-request whose JSON root is ietf-voucher:voucher";
    IdevidIssuerForms, "idevid-issuer-forms", "idevid-issuer in another form than the whole extension value (RFC 8366bis, section 6.3); on by default, since nearly everybody differs";
    VoucherCoseCbor, "voucher-cose-cbor", "The media type application/voucher-cose+cbor of older drafts for application/voucher+cose";
    PrmLegacyRoot, "prm-legacy-root", "The JSON root ietf-voucher-request-prm:voucher of early BRSKI-PRM";
}

impl Leniency {
    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|leniency| leniency.name() == name)
    }

    /// How often this process has used it.
    pub fn times_used(self) -> u64 {
        USED[self as usize].load(Ordering::Relaxed)
    }

    /// Logs how often each was used, in a line for each that was: for a server that ends.
    pub fn log_totals() {
        for leniency in Self::ALL.iter().filter(|leniency| leniency.times_used() > 0) {
            tracing::info!(leniency = leniency.name(), times = leniency.times_used(), "leniency used since the start");
        }
    }

    /// Logs and counts one use, outside of a [`Reading`]: where a media type is tolerated, before there are octets to read.
    pub fn note_use(self, sentence: &str) {
        let times = USED[self as usize].fetch_add(1, Ordering::Relaxed) + 1;
        tracing::info!(leniency = self.name(), times, sentence, "leniency used");
    }
}

impl fmt::Display for Leniency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Leniency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| D::Error::unknown_field(&name, NAMES))
    }
}

static USED: [AtomicU64; Leniency::ALL.len()] = [const { AtomicU64::new(0) }; Leniency::ALL.len()];

/// The leniencies that one listener or one manufacturer entry grants.
///
/// In a configuration it is a table of names and booleans. What it does not name is as in the default: [`Leniency::IdevidIssuerForms`] is granted, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Leniencies(u32);

impl Leniencies {
    /// Not even what is on by default.
    pub const NONE: Self = Self(0);

    /// Every one.
    pub const ALL: Self = Self((1 << Leniency::ALL.len()) - 1);

    /// The default ones and these. For these alone, collect them.
    pub fn with(granted: impl IntoIterator<Item = Leniency>) -> Self {
        granted.into_iter().fold(Self::default(), |set, leniency| set.set(leniency, true))
    }

    /// Whether this one is granted.
    pub fn grant(self, leniency: Leniency) -> bool {
        self.0 & (1 << leniency as u32) != 0
    }

    /// Those that are granted, in the order of [`Leniency::ALL`].
    pub fn granted(self) -> impl Iterator<Item = Leniency> {
        Leniency::ALL.iter().copied().filter(move |leniency| self.grant(*leniency))
    }

    fn set(self, leniency: Leniency, granted: bool) -> Self {
        let bit = 1 << leniency as u32;
        match granted {
            true => Self(self.0 | bit),
            false => Self(self.0 & !bit),
        }
    }
}

impl Default for Leniencies {
    fn default() -> Self {
        Self::NONE.set(Leniency::IdevidIssuerForms, true)
    }
}

impl FromIterator<Leniency> for Leniencies {
    /// These and no others, not even the default one.
    fn from_iter<I: IntoIterator<Item = Leniency>>(granted: I) -> Self {
        granted.into_iter().fold(Self::NONE, |set, leniency| set.set(leniency, true))
    }
}

impl fmt::Debug for Leniencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.granted()).finish()
    }
}

impl Serialize for Leniencies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Leniency::ALL.iter().map(|leniency| (leniency.name(), self.grant(*leniency))))
    }
}

impl<'de> Deserialize<'de> for Leniencies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table;

        impl<'de> Visitor<'de> for Table {
            type Value = Leniencies;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of leniencies and whether they are granted")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Leniencies, A::Error> {
                let (mut set, mut told) = (Leniencies::default(), Leniencies::NONE);
                while let Some((leniency, granted)) = table.next_entry::<Leniency, bool>()? {
                    if told.grant(leniency) {
                        return Err(A::Error::duplicate_field(leniency.name()));
                    }
                    (set, told) = (set.set(leniency, granted), told.set(leniency, true));
                }
                Ok(set)
            }
        }

        deserializer.deserialize_map(Table)
    }
}

/// A departure from a specification that a leniency covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// What was found, and what would be right: one clause.
    pub sentence: String,
    /// Where that is written.
    pub section: &'static str,
    /// What tolerates it.
    pub leniency: Leniency,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}); the leniency {} would accept it", self.sentence, self.section, self.leniency)
    }
}

/// One reading of foreign octets: what may be overlooked in them, what was, and what the reader has read before.
#[derive(Debug)]
pub struct Reading {
    granted: Leniencies,
    /// Whether what is overlooked is logged and counted.
    noted: bool,
    known: Vec<Certificate>,
    overlooked: RefCell<Vec<Deviation>>,
}

impl Default for Reading {
    /// A reading with the default leniencies: it overlooks other forms of idevid-issuer ([`Leniency::IdevidIssuerForms`]), and nothing else.
    fn default() -> Self {
        Self::new(Leniencies::default())
    }
}

impl Reading {
    /// A reading that overlooks what these leniencies cover.
    pub fn new(granted: Leniencies) -> Self {
        Self { granted, noted: true, known: Vec::new(), overlooked: RefCell::default() }
    }

    /// A reading that overlooks everything and keeps it, neither logged nor counted: nobody accepts what is only looked at.
    pub(crate) fn collecting() -> Self {
        Self { noted: false, ..Self::new(Leniencies::ALL) }
    }

    /// The same reading by somebody who has these certificates. They are not trusted for that: an envelope usually repeats some that its reader holds, and reading is what costs.
    pub(crate) fn knowing(self, known: Vec<Certificate>) -> Self {
        Self { known, ..self }
    }

    /// Reads a certificate, unless its very octets have been read before.
    ///
    /// # Errors
    /// Those of [`Certificate::from_der`].
    pub(crate) fn certificate(&self, der: &[u8]) -> Result<Certificate, DecodeError> {
        self.known.iter().find(|known| known.der() == der).map_or_else(|| Certificate::from_der(der), |known| Ok(known.clone()))
    }

    /// Overlooks a deviation, once it is logged and counted, if its leniency is granted.
    ///
    /// # Errors
    /// [`DecodeError::Deviation`] if not.
    pub fn tolerate(&self, leniency: Leniency, section: &'static str, sentence: impl Into<String>) -> Result<(), DecodeError> {
        let deviation = Deviation { sentence: sentence.into(), section, leniency };
        match self.granted.grant(leniency) {
            true => {
                if self.noted {
                    leniency.note_use(&deviation.sentence);
                }
                self.overlooked.borrow_mut().push(deviation);
                Ok(())
            }
            false => Err(DecodeError::Deviation(deviation)),
        }
    }

    /// What was overlooked, in the order in which it was met.
    pub fn overlooked(self) -> Vec<Deviation> {
        self.overlooked.into_inner()
    }
}

#[cfg(test)]
mod tests;
