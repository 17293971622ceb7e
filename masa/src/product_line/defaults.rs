//! What is recorded of a key where its station says nothing.

use brski_common::KeyOrigin;
use brski_common::provenance::{
    Answers, CaArrangement, CoGeneration, Fips, Lock, Locus, Overrides, Protection, Rng, SecureElementGeneration, Seed, Source, SplitReveal, Text, Transfer,
    TrustAnchorRecord,
};
use serde::{Deserialize, Deserializer, de};

/// What is recorded of each key of a product line where its station says nothing, or says `unknown`. What a station says counts, but for who may see what.
///
/// A program begins with `OriginDefaults::default()`. In JSON and TOML the members are those of a report's `origin`. Method and basis have no default: without somebody's word on this one key they are a label and no more. Neither
/// have those that differ from key to key: `made-at`, `station`, `batch`, `pkcs11`, `tpma-object` and `evidence`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct OriginDefaults {
    /// What the key came out of.
    pub source: Option<Source>,
    /// How well it is held in the device.
    pub protection: Option<Protection>,
    /// Where the key pair came into being.
    pub locus: Option<Locus>,
    /// What keeps the provisioning interface shut.
    pub lock: Option<Lock>,
    /// How CSR and certificate moved.
    pub certificate_transfer: Option<Transfer>,
    /// How the private key, or the seed it is derived from, moved.
    pub private_transfer: Option<Transfer>,
    /// Whether it was encrypted on its way.
    pub transfer_encrypted: Option<bool>,
    /// Whether the secure element made its key or was given it.
    pub se_generation: Option<SecureElementGeneration>,
    /// Which CA certified the secure element's key (sapodilla).
    pub ca_arrangement: Option<CaArrangement>,
    /// Who made the secure element or the processor with the seed.
    pub silicon_vendor: Option<Text>,
    /// The seed that device and manufacturer share (carrot).
    pub seed: Option<Seed>,
    /// Who made the key together.
    pub co_generation: Option<CoGeneration>,
    /// Where its random numbers came from.
    pub rng: Option<Rng>,
    /// Whether the factory kept the private key, or what it needs to make it again.
    pub key_retained: Option<bool>,
    /// Site of manufacture.
    pub site: Option<Text>,
    /// Assembly line.
    pub line: Option<Text>,
    /// Certification of the module that makes or holds the keys.
    pub fips: Option<Fips>,
    /// Answers to the evaluation questions; each counts where the station does not answer the same question.
    pub answers: Answers,
    /// What publishing the answer `identity-shared-split-extra` would tell.
    pub split: SplitReveal,
    /// Whether n-k may be published although n = 2k-1, and it tells both. A station alone cannot decide that.
    pub reveal_split: bool,
    /// Trust anchors that the devices leave the factory with, where the station names none.
    pub trust_anchors: Vec<TrustAnchorRecord>,
    /// Who may see what; where the station decides on the same field, the stricter of the two counts.
    pub disclosure: Overrides,
    #[serde(rename = "method", deserialize_with = "in_each_report")]
    pub(crate) no_method: (),
    #[serde(rename = "basis", deserialize_with = "in_each_report")]
    pub(crate) no_basis: (),
}

impl OriginDefaults {
    /// The origin as it is recorded.
    pub(crate) fn complete(&self, origin: &KeyOrigin) -> KeyOrigin {
        let mut complete = origin.clone();
        fill(&mut complete.source, Source::Unknown, self.source);
        fill(&mut complete.protection, Protection::Unknown, self.protection);
        fill(&mut complete.locus, Locus::Unknown, self.locus);
        fill(&mut complete.lock, Lock::Unknown, self.lock);
        fill(&mut complete.certificate_transfer, Transfer::Unknown, self.certificate_transfer);
        fill(&mut complete.private_transfer, Transfer::Unknown, self.private_transfer);
        fill(&mut complete.split, SplitReveal::Unstated, Some(self.split));
        fill_none(&mut complete.transfer_encrypted, &self.transfer_encrypted);
        if complete.se_generation.is_none_or(|said| said == SecureElementGeneration::Unknown) {
            complete.se_generation = self.se_generation.or(complete.se_generation);
        }
        fill_none(&mut complete.ca_arrangement, &self.ca_arrangement);
        fill_none(&mut complete.silicon_vendor, &self.silicon_vendor);
        fill_none(&mut complete.seed, &self.seed);
        // Who tells of a seed and leaves out its batch does not get around what the batch demands.
        if let (Some(seed), Some(default)) = (&mut complete.seed, &self.seed) {
            fill_none(&mut seed.batch, &default.batch);
        }
        fill_none(&mut complete.co_generation, &self.co_generation);
        fill_none(&mut complete.rng, &self.rng);
        fill_none(&mut complete.key_retained, &self.key_retained);
        fill_none(&mut complete.site, &self.site);
        fill_none(&mut complete.line, &self.line);
        fill_none(&mut complete.fips, &self.fips);
        complete.answers = complete.answers.or(&self.answers);
        if complete.trust_anchors.is_empty() {
            complete.trust_anchors.clone_from(&self.trust_anchors);
        }
        for (field, level) in &self.disclosure.0 {
            complete.disclosure.0.entry(*field).and_modify(|said| *said = (*said).max(*level)).or_insert(*level);
        }
        complete
    }
}

fn fill<T: PartialEq>(said: &mut T, nothing: T, default: Option<T>) {
    if let (true, Some(default)) = (*said == nothing, default) {
        *said = default;
    }
}

fn fill_none<T: Clone>(said: &mut Option<T>, default: &Option<T>) {
    if said.is_none() {
        said.clone_from(default);
    }
}

/// Tells whoever writes it why it is not accepted, instead of calling it unknown.
fn in_each_report<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    Err(de::Error::custom("method and basis have no default: each report says them for its one key, on somebody's word"))
}

#[cfg(test)]
mod tests;
