//! What a rule can ask of a statement.

use crate::provenance::{Basis, Lock, Locus, Method, Protection, ProvenanceStatement, SecureElementGeneration, Source, Status, Transfer};

/// One condition of a rule. A fact that was not said counts as `unknown`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Absent,
    Present,
    Method(Vec<Method>),
    Source(Vec<Source>),
    Basis(Vec<Basis>),
    Locus(Vec<Locus>),
    SeGeneration(Vec<SecureElementGeneration>),
    Lock(Vec<Lock>),
    PrivateTransfer(Vec<Transfer>),
    Status(Vec<Status>),
    ProtectionAtLeast(Protection),
    KeyRetained(bool),
    CoGenerationPartiesAtLeast(u32),
}

impl Condition {
    /// Ok: how it holds. Err: why it does not.
    pub(super) fn test(&self, statement: Option<&ProvenanceStatement>) -> Result<String, String> {
        let Some(said) = statement else {
            return match self {
                Self::Absent => Ok("there is no statement".to_owned()),
                Self::Present
                | Self::Method(_)
                | Self::Source(_)
                | Self::Basis(_)
                | Self::Locus(_)
                | Self::SeGeneration(_)
                | Self::Lock(_)
                | Self::PrivateTransfer(_)
                | Self::Status(_)
                | Self::ProtectionAtLeast(_)
                | Self::KeyRetained(_)
                | Self::CoGenerationPartiesAtLeast(_) => Err("there is no statement".to_owned()),
            };
        };
        match self {
            Self::Absent => Err("there is a statement".to_owned()),
            Self::Present => Ok("there is a statement".to_owned()),
            Self::Method(wanted) => among("method", said.method, wanted, Method::name),
            Self::Source(wanted) => among("source", said.source, wanted, Source::name),
            Self::Basis(wanted) => among("basis", said.basis, wanted, Basis::name),
            Self::Locus(wanted) => among("locus", said.locus, wanted, Locus::name),
            Self::SeGeneration(wanted) => {
                let found = said.se_generation.unwrap_or(SecureElementGeneration::Unknown);
                among("se-generation", found, wanted, SecureElementGeneration::name)
            }
            Self::Lock(wanted) => among("lock", said.lock.unwrap_or(Lock::Unknown), wanted, Lock::name),
            Self::PrivateTransfer(wanted) => among("private-transfer", said.private_transfer.unwrap_or(Transfer::Unknown), wanted, Transfer::name),
            Self::Status(wanted) => among("status", said.status, wanted, Status::name),
            Self::ProtectionAtLeast(least) => {
                let found = said.protection;
                decide(found >= *least, format!("protection is {found}"), format!("{least} or better"))
            }
            Self::KeyRetained(wanted) => {
                let found = said.key_retained.map_or("unknown".to_owned(), |retained| retained.to_string());
                decide(said.key_retained == Some(*wanted), format!("key-retained is {found}"), wanted.to_string())
            }
            Self::CoGenerationPartiesAtLeast(least) => match said.co_generation {
                None => Err(format!("co-generation is unknown, not by at least {least} parties")),
                Some(quorum) => decide(quorum.parties >= *least, format!("co-generation was by {} parties", quorum.parties), format!("at least {least}")),
            },
        }
    }

    /// What a policy accepts by this condition, if it tells the kind: "avocado, salak".
    pub(super) fn subject_in_words(&self) -> Option<String> {
        match self {
            Self::Absent => Some("no statement at all".to_owned()),
            Self::Method(wanted) => Some(list(wanted, Method::name, ", ")),
            Self::Present
            | Self::Source(_)
            | Self::Basis(_)
            | Self::Locus(_)
            | Self::SeGeneration(_)
            | Self::Lock(_)
            | Self::PrivateTransfer(_)
            | Self::Status(_)
            | Self::ProtectionAtLeast(_)
            | Self::KeyRetained(_)
            | Self::CoGenerationPartiesAtLeast(_) => None,
        }
    }

    /// How this condition narrows what a policy accepts: "made inside the element".
    pub(super) fn restriction_in_words(&self) -> Option<String> {
        Some(match self {
            Self::Absent | Self::Present | Self::Method(_) => return None,
            Self::Source(wanted) => list(wanted, Source::description, " or "),
            Self::Basis(wanted) => list(wanted, Basis::description, " or "),
            Self::Locus(wanted) => format!("made {}", list(wanted, Locus::description, " or ")),
            Self::SeGeneration(wanted) => list(wanted, SecureElementGeneration::description, " or "),
            Self::Lock(wanted) => list(wanted, Lock::description, " or "),
            Self::PrivateTransfer(wanted) => format!("with a private key that {}", list(wanted, Transfer::description, " or ")),
            Self::Status(wanted) => format!("with status {}", list(wanted, Status::description, " or ")),
            Self::ProtectionAtLeast(Protection::NonExtractable) => "protected non-extractable".to_owned(),
            Self::ProtectionAtLeast(least) => format!("protected {least} or better"),
            Self::KeyRetained(true) => "kept by the factory".to_owned(),
            Self::KeyRetained(false) => "not kept by the factory".to_owned(),
            Self::CoGenerationPartiesAtLeast(least) => format!("made together by at least {least} parties"),
        })
    }
}

fn among<T: Copy + PartialEq>(field: &str, found: T, wanted: &[T], name: fn(T) -> &'static str) -> Result<String, String> {
    decide(wanted.contains(&found), format!("{field} is {}", name(found)), list(wanted, name, " or "))
}

fn decide(holds: bool, found: String, wanted: String) -> Result<String, String> {
    match holds {
        true => Ok(found),
        false => Err(format!("{found}, not {wanted}")),
    }
}

fn list<T: Copy>(words: &[T], word: fn(T) -> &'static str, between: &str) -> String {
    words.iter().map(|w| word(*w)).collect::<Vec<_>>().join(between)
}
