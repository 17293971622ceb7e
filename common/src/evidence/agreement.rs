//! Whether evidence fits what was reported of a key.

use super::claims::{Claims, Delivered, Made};
use crate::provenance::{Basis, KeyOrigin, Locus, Method, Protection, Reported, SecureElementGeneration};

/// What evidence means for a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// It says the same of how the key came to be.
    Supports,
    /// It says something else: one sentence that names both sides.
    Contradicts(String),
    /// It says nothing about it.
    Silent,
}

/// Holds what evidence says against what was reported.
///
/// Only a statement about the key's coming into being supports a report; being well held alone does not. What was left open in the report is not contradicted, and nothing supports it.
/// That a TPM's endorsement key was injected is no matter of the key that it certifies.
pub fn agree(origin: &KeyOrigin, claims: &Claims) -> Agreement {
    let Claims { format, attester, .. } = claims;
    let said = |what: &str, reported: String| Agreement::Contradicts(format!("the {format} of {attester} says that {what}, but {reported}"));
    if let Some((locus, reported)) = claims.locus.and_then(|locus| Some((locus, elsewhere(origin, locus)?))) {
        return said(&format!("the key lives in a {locus}"), reported);
    }
    if let Made::Delivered(delivered) = claims.made {
        return match differing(origin, delivered) {
            Some((told, reported)) => said(&told, reported),
            None if origin.method == Method::Sapodilla && says_as_much(origin, delivered) => Agreement::Supports,
            None => Agreement::Silent,
        };
    }
    if is_of_the_factory(claims) {
        // The module attests what it has; in the device it may be held better or worse, but it has to have got there.
        return match (Reported::of(origin), claims.made) {
            (Reported::Inside(fact), _) => said("the factory's module holds the key", fact),
            (Reported::Outside(fact), Made::Inside) => match claims.protection {
                Protection::NonExtractable => said("the key was made in the factory's module and never left it", fact),
                Protection::Unknown
                | Protection::NoneSoftware
                | Protection::ExtractableMigratable
                | Protection::ExtractableForBackup
                | Protection::ExtractableForStorage => Agreement::Supports,
            },
            (Reported::Outside(_), Made::Outside | Made::Delivered(_) | Made::Unsaid) | (Reported::Open, _) => Agreement::Silent,
        };
    }
    if claims.protection != Protection::Unknown && origin.protection > claims.protection {
        return said(&format!("the key is {}", claims.protection), format!("protection is {}", origin.protection));
    }
    match (Reported::of(origin), claims.made) {
        (Reported::Inside(_), Made::Inside) | (Reported::Outside(_), Made::Outside) => Agreement::Supports,
        (Reported::Outside(fact), Made::Inside) => said("the key was made inside", fact),
        (Reported::Inside(fact), Made::Outside) => said("the key was put in", fact),
        (Reported::Inside(_) | Reported::Outside(_) | Reported::Open, Made::Delivered(_) | Made::Unsaid) | (Reported::Open, Made::Inside | Made::Outside) => {
            Agreement::Silent
        }
    }
}

/// What in the report speaks against the key's living in this place, if anything does.
fn elsewhere(origin: &KeyOrigin, locus: Locus) -> Option<String> {
    match origin.locus {
        Locus::Unknown => {
            let there = KeyOrigin { locus, evidence: Vec::new(), ..origin.clone() };
            // What was reported was checked before: it is the place alone that can be wrong now.
            (origin.check().is_ok() && there.check().is_err()).then(|| format!("method is {}", origin.method))
        }
        // Where it came from, which rules out no place where it is now.
        Locus::Factory | Locus::SiliconFactory if !matches!(locus, Locus::Factory | Locus::SiliconFactory) => None,
        reported => (reported != locus).then(|| format!("locus is {reported}")),
    }
}

/// What the maker of the element says otherwise than the report: what it says, and what was reported.
fn differing(origin: &KeyOrigin, delivered: Delivered) -> Option<(String, String)> {
    let method = match origin.method {
        Method::Unknown | Method::Sapodilla => None,
        Method::Avocado | Method::Bamboo | Method::Carrot | Method::Salak => {
            Some(("the secure element was delivered with the key in it, as sapodilla has it".to_owned(), format!("method is {}", origin.method)))
        }
    };
    let said = |generation: &SecureElementGeneration| *generation != SecureElementGeneration::Unknown;
    let generation = delivered.se_generation.filter(said).zip(origin.se_generation.filter(said)).filter(|(told, reported)| told != reported);
    let generation = generation.map(|(told, reported)| (format!("the key was {}", told.description()), format!("se-generation is {reported}")));
    let arrangement = delivered.ca_arrangement.zip(origin.ca_arrangement).filter(|(told, reported)| told != reported);
    let arrangement = arrangement.map(|(told, reported)| (format!("ca-arrangement is {told}"), format!("it was reported as {reported}")));
    method.or(generation).or(arrangement)
}

/// Whether the maker of the element says what the report does of how the key came into it: what somebody else typed is not the maker's word.
fn says_as_much(origin: &KeyOrigin, delivered: Delivered) -> bool {
    match Reported::of(origin) {
        Reported::Open => true,
        Reported::Inside(_) => delivered.se_generation == Some(SecureElementGeneration::Internal),
        Reported::Outside(_) => delivered.se_generation == Some(SecureElementGeneration::Injected),
    }
}

/// Whether it is the module of the factory that attests, and not the device or something in it.
fn is_of_the_factory(claims: &Claims) -> bool {
    claims.basis == Basis::HsmAttested || claims.locus == Some(Locus::Factory)
}

#[cfg(test)]
mod tests;
