//! Which facts of a key's origin contradict each other (taxonomy, section 4.1.1; PKCS #11; TPM 2.0).

mod token;

use std::collections::BTreeSet;

use super::disclosure::{Disclosure, SplitReveal};
use super::method::{Locus, Method, SecureElementGeneration};
use super::origin::{CoGeneration, KeyOrigin, Seed};
use super::pki::{Answers, Question};
use super::source::Source;
use super::transfer::Transfer;
use crate::refusal::Refusal;

/// Finds the first contradiction.
pub(super) fn check(origin: &KeyOrigin) -> Result<(), Refusal> {
    method(origin)?;
    belongings(origin)?;
    if let Some(co_generation) = &origin.co_generation {
        quorum(co_generation)?;
    }
    secure_element(origin)?;
    token::token(origin)?;
    answers(origin)?;
    lengths(origin)
}

/// What each method demands.
fn method(origin: &KeyOrigin) -> Result<(), Refusal> {
    let KeyOrigin { method, source, locus, private_transfer, .. } = origin;
    demand(*locus != Locus::FirmwareTpm || *method == Method::Avocado, || {
        format!("locus is firmware-tpm, which the taxonomy counts as avocado, but method is {method}")
    })?;

    match method {
        Method::Unknown => Ok(()),
        Method::Avocado => {
            demand(matches!(source, Source::DeviceDerived | Source::GeneratedOnDevice), || {
                format!("method is avocado, so source must be generated-on-device or device-derived, not {source}")
            })?;
            demand(*private_transfer == Transfer::None, || {
                format!("method is avocado, so the key never left the device and private-transfer must be none, not {private_transfer}")
            })?;
            demand(matches!(locus, Locus::Unknown | Locus::MainCpu | Locus::Tee | Locus::FirmwareTpm), || {
                format!("method is avocado, so locus must be main-cpu, tee or firmware-tpm, not {locus}")
            })?;
            not_retained(origin)
        }
        Method::Bamboo => {
            demand(*source == Source::Loaded, || format!("method is bamboo, so source must be loaded, not {source}"))?;
            let moved = [Transfer::MechanicallyInstalled, Transfer::MechanicallyTransferred, Transfer::NetworkTransferred];
            demand(moved.contains(private_transfer), || {
                let words = moved.map(Transfer::name).join(", ");
                format!("method is bamboo, so the private key was moved and private-transfer must be one of {words}, not {private_transfer}")
            })
        }
        Method::Carrot => {
            demand(matches!(source, Source::CoGenerated | Source::Kdf | Source::DeviceDerived), || {
                format!("method is carrot, so source must be co-generated, kdf or device-derived, not {source}")
            })?;
            match &origin.seed {
                None => refuse("method is carrot, so seed must be described".to_owned()),
                Some(Seed { bits, .. }) => {
                    demand(*bits >= LEAST_SEED_BITS, || format!("seed has {bits} bits, fewer than the {LEAST_SEED_BITS} that carrot needs"))
                }
            }
        }
        Method::Salak => {
            demand(matches!(locus, Locus::DiscreteTpm | Locus::SecureElement), || {
                format!("method is salak, so locus must be discrete-tpm or secure-element, not {locus}")
            })?;
            demand(matches!(source, Source::Unknown | Source::DeviceDerived | Source::GeneratedOnDevice), || {
                format!("method is salak, so source must be generated-on-device or device-derived, not {source}")
            })?;
            demand(matches!(private_transfer, Transfer::Unknown | Transfer::None), || {
                format!("method is salak, so the key never left its element and private-transfer must be none, not {private_transfer}")
            })?;
            demand(origin.se_generation != Some(SecureElementGeneration::Injected), || {
                "method is salak, so the element made the key, but se-generation is injected".to_owned()
            })?;
            not_retained(origin)
        }
        Method::Sapodilla => {
            demand(origin.ca_arrangement.is_some(), || "method is sapodilla, so ca-arrangement must say whose CA certified the element".to_owned())?;
            demand(matches!(locus, Locus::Unknown | Locus::DiscreteTpm | Locus::SecureElement | Locus::SiliconFactory), || {
                format!("method is sapodilla, so locus must be discrete-tpm, secure-element or silicon-factory, not {locus}")
            })
        }
    }
}

fn not_retained(origin: &KeyOrigin) -> Result<(), Refusal> {
    demand(origin.key_retained != Some(true), || format!("method is {}, so the factory never had the key, but key-retained is true", origin.method))
}

/// What only certain methods can have.
fn belongings(origin: &KeyOrigin) -> Result<(), Refusal> {
    let method = origin.method;
    demand(origin.seed.is_none() || method == Method::Carrot, || format!("a seed is described, which only carrot shares, but method is {method}"))?;
    demand(origin.ca_arrangement.is_none() || method == Method::Sapodilla, || {
        format!("ca-arrangement is stated, which only sapodilla has, but method is {method}")
    })?;
    demand(origin.se_generation.is_none() || method.uses_secure_element(), || {
        format!("se-generation is stated, which only salak and sapodilla have, but method is {method}")
    })
}

fn quorum(co_generation: &CoGeneration) -> Result<(), Refusal> {
    let CoGeneration { parties, threshold } = co_generation;
    demand((2..=MOST_PARTIES).contains(&parties.len()), || {
        format!("co-generation names {} parties, but a key is made together by 2 to {MOST_PARTIES}", parties.len())
    })?;
    demand(parties.iter().collect::<BTreeSet<_>>().len() == parties.len(), || "co-generation names a party twice".to_owned())?;
    demand(*threshold >= 1, || "co-generation has threshold 0, but at least one party is needed".to_owned())?;
    demand(usize::try_from(*threshold).is_ok_and(|t| t <= parties.len()), || {
        format!("co-generation has threshold {threshold}, more than its {} parties", parties.len())
    })
}

/// Whether the element made the key, by two of its facts.
fn secure_element(origin: &KeyOrigin) -> Result<(), Refusal> {
    let source = origin.source;
    match origin.se_generation {
        None | Some(SecureElementGeneration::Unknown) => Ok(()),
        Some(SecureElementGeneration::Internal) => {
            demand(source != Source::Loaded, || "se-generation is internal, so the element made the key, but source is loaded".to_owned())
        }
        Some(SecureElementGeneration::Injected) => {
            demand(source != Source::GeneratedOnDevice, || "se-generation is injected, so the key was loaded, but source is generated-on-device".to_owned())
        }
    }
}

/// What would be published that must not be, or answered where nobody asked.
fn answers(origin: &KeyOrigin) -> Result<(), Refusal> {
    let split = Question::IdentitySharedSplitExtra;
    let published = origin.answers.has(split) && origin.disclosure.0.get(&split.into()).is_some_and(|level| *level < Disclosure::Internal);
    demand(!published || origin.split.may_leave(), || {
        let [harmless, published] = [SplitReveal::Harmless, SplitReveal::MinimalMajorityPublished];
        format!(
            "disclosure publishes {}, which with n = 2k-1 tells n and k, and split is {}; split must be {harmless} if n is not 2k-1, or {published} if that is wanted",
            split.name(),
            origin.split
        )
    })?;
    for anchor in &origin.trust_anchors {
        let asked_elsewhere = Question::ALL.iter().find(|q| q.number() < Question::PkiLevel.number() && anchor.answers.has(**q));
        if let Some(question) = asked_elsewhere {
            return refuse(format!("the {} trust anchor answers {}, which is asked of the device, not of an anchor", anchor.kind, question.name()));
        }
    }
    Ok(())
}

/// What no true report has so much of, and no statement could carry.
fn lengths(origin: &KeyOrigin) -> Result<(), Refusal> {
    let algorithms = |answers: &Answers| answers.pki_algorithms.as_ref().map_or(0, Vec::len);
    let most_algorithms = origin.trust_anchors.iter().map(|anchor| algorithms(&anchor.answers)).fold(algorithms(&origin.answers), usize::max);
    let lists = [
        ("evidence", origin.evidence.len(), MOST_EVIDENCE),
        ("trust-anchors", origin.trust_anchors.len(), MOST_ANCHORS),
        ("pki-algorithms", most_algorithms, MOST_ALGORITHMS),
    ];
    let too_long = lists.into_iter().find(|(_, length, most)| length > most);
    too_long.map_or(Ok(()), |(name, length, most)| refuse(format!("{name} has {length} entries, more than {most}")))
}

fn demand(holds: bool, contradiction: impl FnOnce() -> String) -> Result<(), Refusal> {
    match holds {
        true => Ok(()),
        false => refuse(contradiction()),
    }
}

fn refuse(contradiction: String) -> Result<(), Refusal> {
    Err(Refusal::Inconsistent(contradiction))
}

/// Smallest seed from which keys may be derived (taxonomy, section 4.1.1.3).
const LEAST_SEED_BITS: u32 = 256;

// Each party's signature is a piece of evidence, beside which what a module attests, a seed's receipt and an audit have to have room.
const MOST_PARTIES: usize = 12;
const MOST_EVIDENCE: usize = 16;
const MOST_ANCHORS: usize = 64;
const MOST_ALGORITHMS: usize = 32;

#[cfg(test)]
mod tests;
