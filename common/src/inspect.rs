//! What an artefact is and what is in it, for people who wonder: any voucher, request, statement, certificate or file of this system, in any encoding it is met in.
//!
//! Nothing here decides anything. [`inspect()`] never fails: what cannot be read is named, what departs from a specification is listed with its section,
//! and what is signed is verified as far as the anchors given allow. Private keys are named and never shown.

mod certificate;
#[cfg(feature = "serve")]
pub mod command;
mod configuration;
mod der;
mod deviations;
mod documents;
mod envelope;
mod evidence;
mod kind;
mod layers;
mod manifest;
mod profile;
mod receipt;
mod report;
mod show;
mod signatures;
mod statement;
mod voucher;

#[cfg(test)]
mod tests;

use core::cell::Cell;

use serde::{Serialize, Serializer};
use serde_json::Value;

pub use self::kind::{Kind, UNDERSTOOD};
pub use self::signatures::{Check, SignatureFound};
use crate::certificate::Certificate;
use crate::chain::Anchors;
use crate::error::DecodeError;
use crate::leniency::{Deviation, Leniency};
use crate::sign::PublicKey;
use crate::text::printable;
use crate::time::UnixTime;

/// What an inspection may go by.
#[derive(Clone, Debug)]
pub struct Options {
    /// Signatures are verified under these; none are trusted if there are none.
    pub anchors: Anchors,
    /// Bare keys that are trusted like anchors: those of stations, delivery lists and logs.
    pub keys: Vec<PublicKey>,
    /// The time at which certificates and expiry are judged.
    pub now: UnixTime,
}

impl Options {
    /// Without anchors.
    pub fn at(now: UnixTime) -> Self {
        Self { anchors: Anchors::default(), keys: Vec::new(), now }
    }

    /// Whether signatures are to be verified at all.
    pub fn verifies(&self) -> bool {
        !self.anchors.certificates().is_empty() || !self.keys.is_empty()
    }
}

/// What was found out about one artefact.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// What it is.
    pub kind: Kind,
    /// How it is written, outermost first.
    pub encodings: Vec<&'static str>,
    /// What is in it, in its own order.
    pub leaves: Vec<Leaf>,
    /// How many leaves more there are than are shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: usize,
    /// Where it departs from a specification.
    pub deviations: Vec<Finding>,
    /// What else is worth knowing, though nothing departs from a specification.
    pub notes: Vec<String>,
    /// Who signed it, and whether that could be verified.
    pub signatures: Vec<SignatureFound>,
    /// Artefacts inside it, each with the name of its place.
    pub nested: Vec<Nested>,
}

/// One fact of an artefact.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leaf {
    /// Its name in the specification.
    pub name: String,
    /// Its value: octets in hexadecimal digits, times in RFC 3339.
    pub value: Value,
}

/// An artefact inside another.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Nested {
    /// Where it was found.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub inspection: Inspection,
}

/// One departure from a specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was found, and what would be right: one clause.
    pub sentence: String,
    /// Where that is written; empty if the artefact has no specification but ours.
    pub section: &'static str,
    /// Which leniency would accept it, if one does.
    #[serde(serialize_with = "name_of")]
    pub leniency: Option<Leniency>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn name_of<S: Serializer>(leniency: &Option<Leniency>, serializer: S) -> Result<S::Ok, S::Error> {
    leniency.map(Leniency::name).serialize(serializer)
}

impl Finding {
    fn new(section: &'static str, sentence: impl Into<String>) -> Self {
        Self { sentence: printable(&sentence.into(), crate::text::LONGEST_LINE), section, leniency: None }
    }

    /// What cannot be decoded, in the decoder's words.
    fn undecodable(section: &'static str, err: &dyn std::error::Error) -> Self {
        Self::new(section, crate::text::in_full(err))
    }

    fn of_decoder(section: &'static str, err: &DecodeError) -> Self {
        match err {
            DecodeError::Deviation(deviation) => deviation.clone().into(),
            other => Self::undecodable(section, other),
        }
    }
}

impl From<Deviation> for Finding {
    fn from(deviation: Deviation) -> Self {
        Self { leniency: Some(deviation.leniency), ..Self::new(deviation.section, deviation.sentence) }
    }
}

impl Inspection {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            encodings: Vec::new(),
            leaves: Vec::new(),
            left_out: 0,
            deviations: Vec::new(),
            notes: Vec::new(),
            signatures: Vec::new(),
            nested: Vec::new(),
        }
    }

    fn unknown(looks_like: &str) -> Self {
        let mut unknown = Self::new(Kind::Unknown);
        unknown.leaf("looks-like", looks_like);
        unknown
    }

    fn leaf(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        match self.leaves.len() < MOST_LEAVES {
            true => self.leaves.push(Leaf { name: printable(&name.into(), 120), value: value.into() }),
            false => self.left_out += 1,
        }
    }

    fn leaf_if(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.leaf(name, value);
        }
    }

    fn deviates(&mut self, section: &'static str, sentence: impl Into<String>) {
        self.deviations.push(Finding::new(section, sentence));
    }

    fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(printable(&sentence.into(), crate::text::LONGEST_LINE));
    }

    fn nest(&mut self, name: impl Into<String>, inspection: Self) {
        self.nested.push(Nested { name: name.into(), inspection });
    }

    /// The value of one of its leaves.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.leaves.iter().find(|leaf| leaf.name == name).map(|leaf| &leaf.value)
    }

    /// Every deviation, those of what is nested included.
    pub fn all_deviations(&self) -> Vec<&Finding> {
        self.deviations.iter().chain(self.nested.iter().flat_map(|nested| nested.inspection.all_deviations())).collect()
    }

    /// Whether it, or each of several artefacts in it, is known for what it is.
    pub fn is_recognised(&self) -> bool {
        match self.kind == Kind::Bundle {
            true => self.nested.iter().all(|nested| nested.inspection.is_recognised()),
            false => self.kind != Kind::Unknown,
        }
    }

    /// Whether all that `options` asked to verify was verified: a signature that is wrong fails anywhere, one that no anchor vouches for fails in the outermost artefact.
    ///
    /// What is nested, such as a pledge's request within a registrar's, has other anchors than what is around it.
    pub fn is_verified(&self, options: &Options) -> bool {
        let is_signed = !self.kind.must_be_signed() || !self.signatures.is_empty();
        let own = !options.verifies() || (is_signed && self.signatures.iter().all(|signature| signature.check.is_anchored()));
        let of_several = self.kind != Kind::Bundle || self.nested.iter().all(|nested| nested.inspection.is_verified(options));
        own && of_several && !self.has_wrong_signature()
    }

    fn has_wrong_signature(&self) -> bool {
        let own = self.signatures.iter().any(|signature| matches!(signature.check, Check::Wrong { .. }));
        own || self.nested.iter().any(|nested| nested.inspection.has_wrong_signature())
    }
}

/// Finds out what these octets are, and all that can be told of them.
pub fn inspect(octets: &[u8], options: &Options) -> Inspection {
    if octets.len() > LARGEST {
        return Inspection::unknown("a file of more than 16 MiB, which is not read");
    }
    let budget = Cell::new(MOST_NESTED);
    let mut inspection = layers::inspect(octets, &Context { options, known: &[], depth: 0, budget: &budget });
    if budget.get() == 0 {
        inspection.note(format!("more than {MOST_NESTED} artefacts are inside it, of which the others were not looked at"));
    }
    inspection
}

/// Where an artefact stands while it is inspected.
#[derive(Clone, Copy)]
struct Context<'a> {
    options: &'a Options,
    /// Certificates of the artefact around it.
    known: &'a [Certificate],
    depth: usize,
    /// Inspections of what is nested that are still to be had.
    budget: &'a Cell<usize>,
}

impl<'a> Context<'a> {
    /// The context of what is inside; none if that is nested too deeply, or too much was inside already.
    fn inside(self, known: &'a [Certificate]) -> Option<Self> {
        let left = self.budget.get().checked_sub(1).filter(|_| self.depth < DEEPEST)?;
        self.budget.set(left);
        Some(Self { known, depth: self.depth + 1, ..self })
    }
}

/// Largest file that is looked at, in octets.
pub const LARGEST: usize = 16 * 1024 * 1024;

/// Artefacts within artefacts: a statement's receipt in a pledge's request in a registrar's needs three.
const DEEPEST: usize = 6;

/// Inspections of what is nested, over all: whoever made a file chose how much is in it.
const MOST_NESTED: usize = 1024;

/// Leaves of one artefact that are shown.
const MOST_LEAVES: usize = 512;
