//! What the manufacturer keeps of one key, and the leaf that stands for it in the log.

use serde::{Deserialize, Serialize};

use super::digest::{RecordDigest, ReportDigest};
use super::finding::Finding;
use super::origin::KeyOrigin;
use super::quantity::Text;
use super::word::vocabulary;
use crate::codec;
use crate::error::DecodeError;
use crate::identity::{DeviceId, SpkiDigest};
use crate::log::leaf_hash;
use crate::time::{UnixTime, rfc3339};

/// Everything the manufacturer knows of one device's key. Never changed once it is in the log.
///
/// Readers go by the record with the highest `seq`. A correction is another record, which says what it replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProvenanceRecord {
    /// Which device.
    pub device: DeviceId,
    /// Which key.
    pub spki: SpkiDigest,
    /// The how-manieth record of this device, from 0.
    pub seq: u32,
    /// Random, so that nobody can guess a record and recognise it by its digest.
    #[serde(with = "hex_salt")]
    pub salt: [u8; 16],
    /// Whether the manufacturer still stands by it.
    pub status: Status,
    /// Digest of the report that it follows from, as its station made it; absent in records of a time when that was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportDigest>,
    /// Which record it replaces, and why; absent in a device's first record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<Supersession>,
    /// Name of the enrolled key that signed the report.
    pub reported_by: String,
    /// When the MASA recorded it.
    #[serde(with = "rfc3339")]
    pub recorded_at: UnixTime,
    /// How the key came to be.
    pub origin: KeyOrigin,
    /// What became of the origin's evidence when it was recorded; empty if there was none, and in records of a time when none was appraised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// One record takes the place of another, which stays in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Supersession {
    /// The record that no longer counts.
    pub record: RecordDigest,
    /// Why.
    pub reason: Text,
    /// On whose word: the name of an operator or of a system.
    pub by: String,
}

impl ProvenanceRecord {
    /// Deterministic CBOR (RFC 8949, section 4.2.1) of the whole: an array of the version and a map by JSON names. It is the log's entry.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`] if it exceeds 256 KiB.
    pub fn to_cbor(&self) -> Result<Vec<u8>, DecodeError> {
        let octets = codec::to_deterministic_cbor(NAME, &(VERSION, self))?;
        match octets.len() <= LARGEST {
            true => Ok(octets),
            false => Err(too_large()),
        }
    }

    /// Reads exactly what [`to_cbor`](Self::to_cbor) writes.
    ///
    /// # Errors
    /// [`DecodeError`] for anything else, other encodings of the same values included.
    pub fn from_cbor(octets: &[u8]) -> Result<Self, DecodeError> {
        if octets.len() > LARGEST {
            return Err(too_large());
        }
        // Whatever is not in its one form is found below, where the record is written again.
        let value = codec::from_any_cbor(NAME, octets)?;
        let (version, record) = match value.into_array().map(<[_; 2]>::try_from) {
            Ok(Ok([version, record])) => (version, record),
            Ok(Err(_)) | Err(_) => return Err(DecodeError::InvalidField { field: NAME, expected: "an array of version and record" }),
        };
        if version != VERSION.into() {
            return Err(DecodeError::Unexpected { what: "version of the provenance record", found: format!("{version:?}"), expected: "1" });
        }
        let record: Self = record.deserialized().map_err(|err| DecodeError::syntax(NAME, "CBOR", err))?;
        // Two encodings of one record would be two leaves of the log.
        match record.to_cbor()? == octets {
            true => Ok(record),
            false => Err(DecodeError::syntax(NAME, "deterministic CBOR", "map keys are not sorted or a default is written out")),
        }
    }

    /// Its leaf in the log: SHA-256 over an octet 0 and the record in CBOR (RFC 9162, section 2.1.1).
    ///
    /// # Errors
    /// As [`to_cbor`](Self::to_cbor).
    pub fn digest(&self) -> Result<RecordDigest, DecodeError> {
        Ok(RecordDigest(*leaf_hash(&self.to_cbor()?).as_bytes()))
    }
}

fn too_large() -> DecodeError {
    DecodeError::TooLarge { what: "the provenance record's size in octets", limit: LARGEST }
}

const NAME: &str = "provenance record";

const VERSION: u8 = 1;

const LARGEST: usize = 256 * 1024;

vocabulary! {
    /// Whether the manufacturer still stands by a record.
    pub enum Status {
        /// It does.
        Valid = 0, "valid", "valid";
        /// Somebody has called it into question.
        Disputed = 1, "disputed", "disputed";
        /// The key, or how it was made, is known to be compromised.
        Compromised = 2, "compromised", "compromised";
    }
}

impl Status {
    /// The worse of two.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if other.number() > self.number() { other } else { self }
    }
}

mod hex_salt {
    use super::codec;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(salt: &[u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&codec::hex(salt))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 16], D::Error> {
        let text = String::deserialize(deserializer)?;
        let octets = codec::unhex("salt", &text).map_err(D::Error::custom)?;
        octets.try_into().map_err(|_| D::Error::custom("salt must be 32 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests;
