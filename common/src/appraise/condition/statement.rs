//! What a rule can ask of the manufacturer's statement and of its receipt.

use super::super::glob::Glob;
use super::super::view::{View, Word};
use super::Outcome;
use super::answers::Answer;
use super::words::{ABSENT, Told, among, among_told, any_of, list, told_in_words};
use crate::appraise::ReceiptFinding;
use crate::provenance::{Basis, FindingResult, Lock, Locus, Method, Protection, ProvenanceStatement, SecureElementGeneration, Source, Status, Text, Transfer};
use crate::time::{UnixTime, to_rfc3339};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::appraise) enum AboutStatement {
    Absent,
    Present,
    Method(Vec<Method>),
    Source(Vec<Source>),
    Basis(Vec<Basis>),
    /// None asks that nothing was said.
    Evidence(Vec<Option<FindingResult>>),
    Locus(Vec<Locus>),
    SeGeneration(Vec<Told<SecureElementGeneration>>),
    Lock(Vec<Told<Lock>>),
    CertificateTransfer(Vec<Told<Transfer>>),
    PrivateTransfer(Vec<Told<Transfer>>),
    Status(Vec<Status>),
    ProtectionAtLeast(Protection),
    /// None asks that nothing was said.
    KeyRetained(Option<bool>),
    CoGenerationPartiesAtLeast(u32),
    /// Whether it was said that several parties made the key.
    CoGeneration(bool),
    Made(Made),
    MadeAfter(UnixTime),
    MadeBefore(UnixTime),
    /// In seconds since it was signed.
    AgeAtMost(u64),
    Receipt(Vec<Received>),
    Answer(Answer),
}

/// Where or with what it was made; with `absent`, also if nothing was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::appraise) struct Made {
    pub(in crate::appraise) place: Place,
    pub(in crate::appraise) patterns: Vec<Glob>,
    pub(in crate::appraise) absent: bool,
}

impl Made {
    fn test(&self, said: &ProvenanceStatement) -> Outcome {
        let found = self.place.of(said).map(Text::as_str);
        let holds = found.map_or(self.absent, |found| self.patterns.iter().any(|glob| glob.matches(found)));
        Outcome::decide(holds, format!("{} is {}", self.place.name(), found.unwrap_or(ABSENT)), &self.wanted())
    }

    fn wanted(&self) -> String {
        let absent = self.absent.then(|| ABSENT.to_owned());
        any_of(&self.patterns.iter().map(ToString::to_string).chain(absent).collect::<Vec<_>>())
    }
}

/// Text facts of manufacture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::appraise) enum Place {
    Site,
    Line,
    Batch,
}

impl Place {
    pub(in crate::appraise) fn name(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Line => "line",
            Self::Batch => "batch",
        }
    }

    fn of(self, said: &ProvenanceStatement) -> Option<&Text> {
        match self {
            Self::Site => said.site.as_ref(),
            Self::Line => said.line.as_ref(),
            Self::Batch => said.batch.as_ref(),
        }
    }
}

/// What a rule can ask of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::appraise) enum Received {
    Absent,
    /// Checked or not.
    Present,
    Checked,
}

impl Received {
    pub(in crate::appraise) const ALL: [Self; 3] = [Self::Checked, Self::Present, Self::Absent];

    pub(in crate::appraise) fn name(self) -> &'static str {
        match self {
            Self::Absent => ABSENT,
            Self::Present => "present",
            Self::Checked => "checked",
        }
    }

    fn is_met(self, found: ReceiptFinding) -> bool {
        match (self, found) {
            (Self::Absent, found) => found == ReceiptFinding::Missing,
            (Self::Present, found) => found != ReceiptFinding::Missing,
            (Self::Checked, found) => found == ReceiptFinding::Checked,
        }
    }
}

impl AboutStatement {
    pub(super) fn test(&self, view: &View<'_>, now: UnixTime) -> Outcome {
        match (self, view.statement) {
            (Self::Absent, None) => Outcome::Holds("there is no statement".to_owned()),
            (Self::Absent, Some(_)) => Outcome::Fails("there is a statement".to_owned()),
            (_, None) => Outcome::Fails("there is no statement".to_owned()),
            (condition, Some(said)) => condition.test_said(said, view, now),
        }
    }

    fn test_said(&self, said: &ProvenanceStatement, view: &View<'_>, now: UnixTime) -> Outcome {
        // The MASA may bring the same statement signed anew, or with its receipt.
        let open = matches!(view.word, Word::NotYet);
        match self {
            Self::Absent => Outcome::Fails("there is a statement".to_owned()),
            Self::Present => Outcome::Holds("there is a statement".to_owned()),
            Self::Method(wanted) => among("method", said.method, wanted, Method::name),
            Self::Source(wanted) => among("source", said.source, wanted, Source::name),
            Self::Basis(wanted) => among("basis", said.basis, wanted, Basis::name),
            Self::Evidence(wanted) => among("evidence", said.evidence, wanted, evidence_name),
            Self::Locus(wanted) => among("locus", said.locus, wanted, Locus::name),
            Self::SeGeneration(wanted) => {
                among_told("se-generation", said.se_generation, SecureElementGeneration::Unknown, wanted, SecureElementGeneration::name)
            }
            Self::Lock(wanted) => among_told("lock", said.lock, Lock::Unknown, wanted, Lock::name),
            Self::CertificateTransfer(wanted) => among_told("certificate-transfer", said.certificate_transfer, Transfer::Unknown, wanted, Transfer::name),
            Self::PrivateTransfer(wanted) => among_told("private-transfer", said.private_transfer, Transfer::Unknown, wanted, Transfer::name),
            Self::Status(wanted) => among("status", said.status, wanted, Status::name),
            Self::ProtectionAtLeast(least) => {
                Outcome::decide(said.protection >= *least, format!("protection is {}", said.protection), &format!("{least} or better"))
            }
            Self::KeyRetained(wanted) => {
                let word = |retained: Option<bool>| retained.map_or(ABSENT.to_owned(), |retained| retained.to_string());
                Outcome::decide(said.key_retained == *wanted, format!("key-retained is {}", word(said.key_retained)), &word(*wanted))
            }
            Self::CoGenerationPartiesAtLeast(least) => match said.co_generation {
                None => Outcome::Fails(format!("co-generation is absent, not by at least {least} parties")),
                Some(quorum) => {
                    Outcome::decide(quorum.parties >= *least, format!("co-generation was by {} parties", quorum.parties), &format!("at least {least}"))
                }
            },
            Self::CoGeneration(wanted) => {
                let word = |present| if present { "present" } else { ABSENT };
                let found = said.co_generation.is_some();
                Outcome::decide(found == *wanted, format!("co-generation is {}", word(found)), word(*wanted))
            }
            Self::Made(made) => made.test(said),
            Self::MadeAfter(time) => dated(said, |made| made > *time, &format!("after {}", to_rfc3339(*time))),
            Self::MadeBefore(time) => dated(said, |made| made < *time, &format!("before {}", to_rfc3339(*time))),
            // Beyond what clocks differ by, so that no statement is young for ever.
            Self::AgeAtMost(_) if said.issued_at.as_secs() > now.as_secs().saturating_add(CLOCK_SKEW) => {
                Outcome::Fails(format!("the statement is dated {}, which is in the future", to_rfc3339(said.issued_at))).unless_answered(open)
            }
            Self::AgeAtMost(limit) => {
                let age = now.as_secs().saturating_sub(said.issued_at.as_secs());
                let (unit, letter) = unit_of(*limit);
                // Rounded up, so that an age above the limit never reads as the limit.
                let found = format!("the statement is {}{letter} old", age.div_ceil(unit));
                Outcome::decide(age <= *limit, found, &format!("at most {}", duration(*limit))).unless_answered(open)
            }
            Self::Receipt(wanted) => match open {
                true => Outcome::Open("receipt is not known before the MASA has been asked".to_owned()),
                false => {
                    let found = match view.receipt {
                        ReceiptFinding::Missing => ABSENT,
                        ReceiptFinding::Unchecked => "present but not checked",
                        ReceiptFinding::Checked => "checked",
                    };
                    let holds = wanted.iter().any(|wanted| wanted.is_met(view.receipt));
                    Outcome::decide(holds, format!("receipt is {found}"), &list(wanted, Received::name, " or "))
                }
            },
            Self::Answer(answer) => answer.test(&said.answers),
        }
    }

    pub(super) fn subject_in_words(&self) -> Option<String> {
        match self {
            Self::Absent => Some("no statement at all".to_owned()),
            Self::Method(wanted) => Some(list(wanted, Method::name, ", ")),
            Self::Present
            | Self::Source(_)
            | Self::Basis(_)
            | Self::Evidence(_)
            | Self::Locus(_)
            | Self::SeGeneration(_)
            | Self::Lock(_)
            | Self::CertificateTransfer(_)
            | Self::PrivateTransfer(_)
            | Self::Status(_)
            | Self::ProtectionAtLeast(_)
            | Self::KeyRetained(_)
            | Self::CoGenerationPartiesAtLeast(_)
            | Self::CoGeneration(_)
            | Self::Made(_)
            | Self::MadeAfter(_)
            | Self::MadeBefore(_)
            | Self::AgeAtMost(_)
            | Self::Receipt(_)
            | Self::Answer(_) => None,
        }
    }

    pub(super) fn restriction_in_words(&self) -> Option<String> {
        Some(match self {
            Self::Absent | Self::Present | Self::Method(_) => return None,
            Self::Source(wanted) => list(wanted, Source::description, " or "),
            Self::Basis(wanted) => list(wanted, Basis::description, " or "),
            Self::Evidence(wanted) => list(wanted, |wanted| wanted.map_or("with nothing said of evidence", FindingResult::description), " or "),
            Self::Locus(wanted) => format!("made {}", list(wanted, Locus::description, " or ")),
            Self::SeGeneration(wanted) => told_in_words("se-generation", wanted, SecureElementGeneration::description),
            Self::Lock(wanted) => told_in_words("lock", wanted, Lock::description),
            Self::CertificateTransfer(wanted) => format!("with a certificate that {}", told_in_words("certificate-transfer", wanted, Transfer::description)),
            Self::PrivateTransfer(wanted) => format!("with a private key that {}", told_in_words("private-transfer", wanted, Transfer::description)),
            Self::Status(wanted) => format!("with status {}", list(wanted, Status::description, " or ")),
            Self::ProtectionAtLeast(Protection::NonExtractable) => "protected non-extractable".to_owned(),
            Self::ProtectionAtLeast(least) => format!("protected {least} or better"),
            Self::KeyRetained(Some(true)) => "kept by the factory".to_owned(),
            Self::KeyRetained(Some(false)) => "not kept by the factory".to_owned(),
            Self::KeyRetained(None) => "with nothing said of key-retained".to_owned(),
            Self::CoGenerationPartiesAtLeast(least) => format!("made together by at least {least} parties"),
            Self::CoGeneration(true) => "made together by several parties".to_owned(),
            Self::CoGeneration(false) => "with nothing said of co-generation".to_owned(),
            Self::Made(made) => format!("with {} {}", made.place.name(), made.wanted()),
            Self::MadeAfter(time) => format!("made after {}", to_rfc3339(*time)),
            Self::MadeBefore(time) => format!("made before {}", to_rfc3339(*time)),
            Self::AgeAtMost(limit) => format!("with a statement at most {} old", duration(*limit)),
            Self::Receipt(wanted) => format!("with a receipt that is {}", list(wanted, Received::name, " or ")),
            Self::Answer(answer) => format!("with {}", answer.in_words()),
        })
    }
}

/// The word in a policy for what evidence came to.
pub(in crate::appraise) fn evidence_name(result: Option<FindingResult>) -> &'static str {
    result.map_or(ABSENT, FindingResult::name)
}

/// In seconds.
const CLOCK_SKEW: u64 = 300;

fn dated(said: &ProvenanceStatement, holds: impl Fn(UnixTime) -> bool, wanted: &str) -> Outcome {
    match said.made_at {
        None => Outcome::Fails(format!("made-at is absent, not {wanted}")),
        Some(made) => Outcome::decide(holds(made), format!("made-at is {}", to_rfc3339(made)), wanted),
    }
}

fn duration(seconds: u64) -> String {
    let (unit, letter) = unit_of(seconds);
    format!("{}{letter}", seconds.div_ceil(unit))
}

/// The largest unit that leaves nothing over.
fn unit_of(seconds: u64) -> (u64, char) {
    match seconds {
        whole if whole.is_multiple_of(86_400) => (86_400, 'd'),
        whole if whole.is_multiple_of(3600) => (3600, 'h'),
        _ => (60, 'm'),
    }
}
