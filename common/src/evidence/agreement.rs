//! Whether evidence fits what was reported of a key.

use super::claims::{Claims, Made};
use crate::provenance::{KeyOrigin, Protection, SecureElementGeneration, Source};

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
/// Only a statement about the key's coming into being supports a report; being well held alone does not.
pub fn agree(origin: &KeyOrigin, claims: &Claims) -> Agreement {
    let Claims { format, attester, .. } = claims;
    let said = |what: &str, reported: String| Agreement::Contradicts(format!("the {format} of {attester} says that {what}, but {reported}"));
    if let Some(locus) = claims.locus.filter(|locus| origin.locus != *locus) {
        return said(&format!("the key lives in a {locus}"), format!("locus is {}", origin.locus));
    }
    if claims.protection != Protection::Unknown && origin.protection > claims.protection {
        return said(&format!("the key is {}", claims.protection), format!("protection is {}", origin.protection));
    }
    let injected = origin.se_generation == Some(SecureElementGeneration::Injected);
    match (claims.made, origin.source) {
        (Made::Unsaid, _) | (_, Source::Unknown) => Agreement::Silent,
        (Made::Inside, Source::Loaded) => said("the key was made inside", "source is loaded".to_owned()),
        (Made::Inside, _) if injected => said("the key was made inside", "se-generation is injected".to_owned()),
        (Made::Outside, Source::GeneratedOnDevice | Source::DeviceDerived) => said("the key was put in", format!("source is {}", origin.source)),
        // Attributes cannot tell whether somebody else has the seed as well.
        (Made::Inside | Made::Outside, Source::KeyAgreement | Source::CoGenerated | Source::Kdf) => Agreement::Silent,
        (Made::Inside, Source::GeneratedOnDevice | Source::DeviceDerived) | (Made::Outside, Source::Loaded) => Agreement::Supports,
    }
}
