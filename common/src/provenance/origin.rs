//! How one key came to be: what a station reports and a record keeps.

use serde::{Deserialize, Serialize};

use super::anchor::TrustAnchorRecord;
use super::attributes::{Evidence, Fips, Pkcs11Attributes, TpmaObject};
use super::basis::Basis;
use super::consistency;
use super::disclosure::{Overrides, SplitReveal};
use super::method::{CaArrangement, Lock, Locus, Method, SecureElementGeneration};
use super::pki::Answers;
use super::protection::Protection;
use super::quantity::Text;
use super::source::Source;
use super::transfer::Transfer;
use crate::refusal::Refusal;
use crate::time::{UnixTime, rfc3339};

/// How one key came to be. `None` and `unknown` both mean that nobody said; neither is ever taken for "no". In JSON, either may be left out; basis and made-at may not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyOrigin {
    /// The taxonomy's method.
    #[serde(default)]
    pub method: Method,
    /// What the key came out of.
    #[serde(default)]
    pub source: Source,
    /// How well it is held in the device.
    #[serde(default)]
    pub protection: Protection,
    /// Where the key pair came into being.
    #[serde(default)]
    pub locus: Locus,
    /// What keeps the provisioning interface shut.
    #[serde(default)]
    pub lock: Lock,
    /// How CSR and certificate moved.
    #[serde(default)]
    pub certificate_transfer: Transfer,
    /// How the private key, or the seed it is derived from, moved.
    #[serde(default)]
    pub private_transfer: Transfer,
    /// Whether it was encrypted on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_encrypted: Option<bool>,
    /// Whether the secure element made its key or was given it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub se_generation: Option<SecureElementGeneration>,
    /// Which CA certified the secure element's key (sapodilla).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_arrangement: Option<CaArrangement>,
    /// Who made the secure element or the processor with the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silicon_vendor: Option<Text>,
    /// The seed that device and manufacturer share (carrot).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// Who made the key together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub co_generation: Option<CoGeneration>,
    /// Where its random numbers came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rng: Option<Rng>,
    /// Whether the factory kept the private key, or what it needs to make it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_retained: Option<bool>,
    /// On whose word all this stands.
    pub basis: Basis,
    /// Site of manufacture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text>,
    /// Assembly line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<Text>,
    /// Station at the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<Text>,
    /// Batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Text>,
    /// When the key was made; RFC 3339 in JSON.
    #[serde(with = "rfc3339")]
    pub made_at: UnixTime,
    /// What a PKCS #11 token says of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkcs11: Option<Pkcs11Attributes>,
    /// What a TPM says of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpma_object: Option<TpmaObject>,
    /// Certification of the module that made or holds the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fips: Option<Fips>,
    /// What the device, its element or the factory's HSM itself produced, octet for octet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Answers to the evaluation questions.
    #[serde(default, skip_serializing_if = "Answers::is_empty")]
    pub answers: Answers,
    /// What publishing the answer `identity-shared-split-extra` would tell.
    #[serde(default)]
    pub split: SplitReveal,
    /// Trust anchors that the device leaves the factory with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust_anchors: Vec<TrustAnchorRecord>,
    /// Where the manufacturer decided otherwise than the default about who may see what.
    #[serde(default, skip_serializing_if = "Overrides::is_empty")]
    pub disclosure: Overrides,
}

impl KeyOrigin {
    /// The batch of seeds that its key was derived from, if it names one.
    pub fn batch_of_seeds(&self) -> Option<&Text> {
        self.seed.as_ref()?.batch.as_ref()
    }

    /// An origin of which no more is known than this.
    pub fn new(method: Method, source: Source, protection: Protection, locus: Locus, basis: Basis, made_at: UnixTime) -> Self {
        Self {
            method,
            source,
            protection,
            locus,
            lock: Lock::Unknown,
            certificate_transfer: Transfer::Unknown,
            private_transfer: Transfer::Unknown,
            transfer_encrypted: None,
            se_generation: None,
            ca_arrangement: None,
            silicon_vendor: None,
            seed: None,
            co_generation: None,
            rng: None,
            key_retained: None,
            basis,
            site: None,
            line: None,
            station: None,
            batch: None,
            made_at,
            pkcs11: None,
            tpma_object: None,
            fips: None,
            evidence: Vec::new(),
            answers: Answers::default(),
            split: SplitReveal::Unstated,
            trust_anchors: Vec::new(),
            disclosure: Overrides::default(),
        }
    }

    /// Checks that its facts agree with each other and with the taxonomy.
    ///
    /// # Errors
    /// [`Refusal::Inconsistent`] naming the first contradiction and what would be right.
    pub fn check(&self) -> Result<(), Refusal> {
        consistency::check(self)
    }
}

/// A seed from which device and manufacturer each derive the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Seed {
    /// Its size, in bits; at least 256 (taxonomy, section 4.1.1.3).
    pub bits: u32,
    /// Where the device keeps it, in words: fuses, a PUF, a secure element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Text>,
    /// Whether every copy outside of the device was destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies_destroyed: Option<bool>,
    /// The batch of seeds that it came in. Who names one shows its receipt and two derivations ([`SeedNotice`](crate::evidence::SeedNotice),
    /// [`CeremonySignature`](crate::evidence::CeremonySignature)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Text>,
}

/// Parties that made a key together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CoGeneration {
    /// Who they are. Their names stay with the manufacturer, and so does how many there were unless it discloses `co-generation`.
    pub parties: Vec<Text>,
    /// How many of them could make the key again. No statement tells it.
    pub threshold: u32,
}

/// A source of random numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rng {
    /// Its kind, in words.
    pub kind: Text,
    /// Its certification, such as a NIST SP 800-90B entropy certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certification: Option<Text>,
}
