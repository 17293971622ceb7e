//! What became of a batch of seeds (carrot, taxonomy section 4.1.1.3): that it was received, and that it was destroyed. No seed is in either.

use serde::{Deserialize, Serialize};

use super::testimony::{Content, content};
use crate::identity::SpkiDigest;
use crate::provenance::{Basis, ContentDigest, Text};
use crate::time::{UnixTime, rfc3339};

/// The station that received a batch of seeds from a silicon vendor says what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SeedNotice {
    /// The batch, as its papers call it.
    pub batch: Text,
    /// When it happened.
    #[serde(with = "rfc3339")]
    pub at: UnixTime,
    /// What happened.
    pub event: SeedEvent,
}

/// What happened to a batch of seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeedEvent {
    /// It arrived.
    Received(SeedReceipt),
    /// Every copy outside of the devices was destroyed.
    Destroyed(SeedDestruction),
}

/// How a batch of seeds arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SeedReceipt {
    /// Who brought it.
    pub courier: Text,
    /// Who received it.
    pub received_by: Text,
    /// How many seeds there are: no more devices can have one of this batch.
    pub count: u32,
    /// SHA-256 over the list of the seeds' identifiers, as it came with them.
    pub list: ContentDigest,
}

/// How the copies of a batch of seeds were destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SeedDestruction {
    /// Who destroyed them.
    pub destroyed_by: Text,
}

content!(SeedNotice, "seed notice", "application/brski-seed-notice+cose", Basis::WitnessedCeremony);

impl Content for SeedNotice {
    const BASIS: Basis = Self::BASIS;

    fn key(&self) -> Option<SpkiDigest> {
        None
    }
}
