//! The kinds of answers that single evaluation questions have.

use core::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::quantity::{Period, Quantity, Text};
use super::word::vocabulary;

/// Where the code that runs first is kept (question 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EnclaveLocation {
    /// Inside the processor's package or not.
    pub place: EnclavePlace,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

vocabulary! {
    /// Where the memory of the first boot stage is.
    pub enum EnclavePlace {
        /// Nobody said.
        Unknown = 0, "unknown", "in an unknown place";
        /// In the processor's own package.
        InPackage = 1, "in-package", "in the processor's package";
        /// In a chip of its own.
        External = 2, "external", "outside of the processor's package";
    }
}

/// Where the key is that checks the integrity of external first-stage memory (question 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IntegrityKey {
    /// Where it is.
    pub kept: IntegrityKeyPlace,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

vocabulary! {
    /// Where an integrity key may be kept.
    pub enum IntegrityKeyPlace {
        /// Nobody said.
        Unknown = 0, "unknown", "in an unknown place";
        /// There is none, because the memory is internal.
        NotApplicable = 1, "not-applicable", "not needed";
        /// In the processor's read-only memory.
        Rom = 2, "rom", "in read-only memory";
        /// In the processor's fuses.
        Fuses = 3, "fuses", "in fuses";
        /// In a secure element or TPM.
        SecureElement = 4, "secure-element", "in a secure element";
        /// Nowhere: integrity is not checked.
        Nowhere = 5, "nowhere", "nowhere";
        /// As the note says.
        Other = 6, "other", "elsewhere";
    }
}

/// Whether external first-stage memory is encrypted (question 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PrivacyKey {
    /// Whether it is.
    pub encrypted: bool,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

/// What lies between the initialization of the first and of the second boot stage (question 5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StageGap {
    /// Whether both happen on one site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_site: Option<bool>,
    /// Distance, in kilometres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_km: Option<u32>,
    /// Time that passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Period>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

/// One algorithm of a PKI, with the size of its keys (question 13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyAlgorithm {
    /// Name, as in `ECDSA P-256`.
    pub algorithm: Text,
    /// Size of a key, in bits.
    pub bits: NonZeroU32,
}

/// How long an anchor lives and what follows it (question 14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lifespan {
    /// How long.
    pub duration: Quantity<Period>,
    /// How it is replaced, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Text>,
}

/// Which end-entity certificates below an anchor are obeyed (question 17).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockPolicy {
    /// Which.
    pub obeys: Obeyed,
    /// In words, such as the policy OID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

vocabulary! {
    /// Which end-entity certificates below an anchor a device obeys.
    pub enum Obeyed {
        /// Nobody said.
        Unknown = 0, "unknown", "unknown ones";
        /// Any.
        AnyEndEntity = 1, "any-end-entity", "any end-entity certificate";
        /// Those with a certain certificate policy.
        PolicyOid = 2, "policy-oid", "those with a policy OID";
        /// Those with a certain subject.
        Subject = 3, "subject", "those with a certain subject";
        /// Those of a certain subordinate CA.
        SubordinateCa = 4, "subordinate-ca", "those of a certain subordinate CA";
    }
}
