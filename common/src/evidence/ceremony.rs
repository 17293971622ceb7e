//! A party's signature for a key that several made together, or derived from one seed.

use serde::{Deserialize, Serialize};

use super::testimony::{Content, content};
use crate::identity::SpkiDigest;
use crate::provenance::{Basis, Text};
use crate::time::{UnixTime, rfc3339};

/// A party says that it took part in making this key.
///
/// Each party of a `co-generation` signs one for itself, under one name of the ceremony. Of a key that is derived from a seed, each party that derived it signs one, and the ceremony
/// is the batch of seeds: parties that got different keys sign for different ones, which tells on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CeremonySignature {
    /// Which key was made.
    pub key: SpkiDigest,
    /// In which ceremony, as its minutes call it; or from which batch of seeds.
    pub ceremony: Text,
    /// When the party signed.
    #[serde(with = "rfc3339")]
    pub at: UnixTime,
}

content!(CeremonySignature, "ceremony signature", "application/brski-ceremony-signature+cose", Basis::WitnessedCeremony);

impl Content for CeremonySignature {
    const BASIS: Basis = Self::BASIS;

    fn key(&self) -> Option<SpkiDigest> {
        Some(self.key)
    }
}
