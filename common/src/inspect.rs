//! What an artefact is and what is in it, for people who wonder: any voucher, request, statement, certificate or file of this system, in any encoding it is met in.
//!
//! Nothing here decides anything. [`inspect()`] never fails: what cannot be read is named, what departs from a specification is listed with its section,
//! and what is signed is verified as far as the anchors given allow. Private keys are named and never shown.

mod bundle;
mod certificate;
mod checkpoint;
#[cfg(feature = "cli")]
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
mod testimony;
mod token;
mod tpm;
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
use crate::error::{DecodeError, VerifyError};
use crate::leniency::{Deviation, Leniency};
use crate::log::{Checkpoint, Hash, SignedCheckpoint, VerifierKey};
use crate::sign::PublicKey;
use crate::text::printable;
use crate::time::UnixTime;

/// What an inspection may go by.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Signatures are verified under these; none are trusted if there are none.
    pub anchors: Anchors,
    /// Bare keys that are trusted like anchors: those of stations, delivery lists and logs. What a log signs is never verified with a certificate.
    pub keys: Vec<PublicKey>,
    /// Keys of logs that are known by name, which are trusted for what logs sign and nothing else.
    pub logs: Vec<VerifierKey>,
    /// Hashes of entries of logs: a receipt of inclusion is verified if it is of one of them.
    pub leaves: Vec<Hash>,
    /// What a log was like earlier.
    older: Option<Older>,
    /// The time at which certificates and expiry are judged.
    pub now: UnixTime,
}

impl Options {
    /// Without anchors.
    pub fn at(now: UnixTime) -> Self {
        Self { anchors: Anchors::default(), keys: Vec::new(), logs: Vec::new(), leaves: Vec::new(), older: None, now }
    }

    /// Whether signatures are to be verified at all.
    pub fn verifies(&self) -> bool {
        !self.anchors.certificates().is_empty() || !self.keys.is_empty() || !self.logs.is_empty()
    }

    /// The same with an earlier state of a log, that receipts of consistency are verified from. Its log's key must be among those given.
    ///
    /// # Errors
    /// [`VerifyError`] if none of the keys given is that of its log, or if that key's signature is wrong.
    pub fn with_checkpoint(self, note: &SignedCheckpoint) -> Result<Self, VerifyError> {
        let mut err = VerifyError::UnknownSigner { artefact: "checkpoint", detail: "none of the keys given is that of its log".to_owned() };
        for log in checkpoint::logs(&self, note) {
            match note.verify(&log) {
                Ok(checkpoint) => return Ok(Self { older: Some(Older { checkpoint: checkpoint.clone(), key: log.key().clone() }), ..self }),
                Err(bad @ VerifyError::BadSignature { .. }) => err = bad,
                // Another's key.
                Err(_) => (),
            }
        }
        Err(err)
    }
}

/// An earlier state of a log. Made by [`Options::with_checkpoint`] alone.
#[derive(Clone, Debug)]
struct Older {
    checkpoint: Checkpoint,
    /// The key that signed it, which must sign what continues it.
    key: PublicKey,
}

/// What was found out about one artefact.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct Leaf {
    /// Its name in the specification.
    pub name: String,
    /// Its value: octets in hexadecimal digits, times in RFC 3339.
    pub value: Value,
}

/// An artefact inside another.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Nested {
    /// Where it was found.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub inspection: Inspection,
}

/// One departure from a specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
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

    /// What a decoder says of the content, whose specification is `section`.
    fn of_decoder(section: &'static str, err: &DecodeError) -> Self {
        match err {
            DecodeError::Deviation(deviation) => deviation.clone().into(),
            // Told by its kind where that has a specification of its own.
            DecodeError::Syntax { syntax: "JSON", .. } => Self::undecodable("RFC 8259, section 2", err),
            DecodeError::Syntax { syntax: "CBOR", .. } => Self::undecodable("RFC 8949, section 3", err),
            DecodeError::Syntax { syntax: "base64", .. } => Self::undecodable("RFC 4648, section 4", err),
            DecodeError::Syntax { syntax: "base64url", .. } => Self::undecodable("RFC 4648, section 5", err),
            DecodeError::Syntax { syntax: "X.509", .. } => Self::undecodable("RFC 5280, section 4.1", err),
            DecodeError::Syntax { syntax: "SubjectPublicKeyInfo", .. } => Self::undecodable("RFC 5280, section 4.1.2.7", err),
            // Our own limit.
            DecodeError::TooLarge { .. } => Self::undecodable("", err),
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

    /// Whether all that `options` asked to verify was verified. A signature that is wrong fails anywhere, and so does one that none of the certificates made that came along with it;
    /// one that no anchor vouches for fails in the outermost artefact.
    ///
    /// What is nested, such as a pledge's request within a registrar's, has other anchors than what is around it.
    pub fn is_verified(&self, options: &Options) -> bool {
        let is_signed = !self.kind.must_be_signed() || !self.signatures.is_empty();
        let own = !options.verifies() || (is_signed && self.signers_are_anchored());
        let of_several = match self.kind {
            Kind::Bundle => self.nested.iter().all(|nested| nested.inspection.is_verified(options)),
            // Its certificates are hints, and a statement that nobody here can read is not verified.
            Kind::AttestationBundle => {
                let mut statements = self.nested.iter().map(|nested| &nested.inspection).filter(|inside| inside.kind != Kind::Certificate);
                statements.all(|inside| inside.kind != Kind::Unknown && inside.is_verified(options))
            }
            _ => true,
        };
        own && of_several && !self.has_bad_signature()
    }

    /// Whether everybody is vouched for who signed it. A checkpoint is its log's, and witnesses may sign below who are not known.
    fn signers_are_anchored(&self) -> bool {
        let mut checks = self.signatures.iter().map(|signature| signature.check.is_anchored());
        match self.kind == Kind::Checkpoint {
            true => checks.any(|anchored| anchored),
            false => checks.all(|anchored| anchored),
        }
    }

    fn has_bad_signature(&self) -> bool {
        self.signatures.iter().any(|signature| signature.check.is_bad()) || self.nested.iter().any(|nested| nested.inspection.has_bad_signature())
    }
}

/// Finds out what these octets are, and all that can be told of them.
pub fn inspect(octets: &[u8], options: &Options) -> Inspection {
    if octets.len() > LARGEST {
        return Inspection::unknown("a file of more than 16 MiB, which is not read");
    }
    let budget = Budget { nested: Cell::new(MOST_NESTED), signatures: Cell::new(Some(MOST_SIGNATURES)) };
    let mut inspection = layers::inspect(octets, &Context { options, known: &[], depth: 0, budget: &budget });
    if budget.nested.get() == 0 {
        inspection.note(format!("more than {MOST_NESTED} artefacts are inside it, of which the others were not looked at"));
    }
    if budget.signatures.get().is_none() {
        inspection.note("it holds more signatures than are verified for one file, of which the others were not checked");
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
    budget: &'a Budget,
}

/// What may still be spent on one file, whose maker chose how much is in it.
struct Budget {
    /// Inspections of what is nested.
    nested: Cell<usize>,
    /// Signatures that are verified; none once they were not enough.
    signatures: Cell<Option<usize>>,
}

impl<'a> Context<'a> {
    /// The context of what is inside; none if that is nested too deeply, or too much was inside already.
    fn inside(self, known: &'a [Certificate]) -> Option<Self> {
        let left = self.budget.nested.get().checked_sub(1).filter(|_| self.depth < DEEPEST)?;
        self.budget.nested.set(left);
        Some(Self { known, depth: self.depth + 1, ..self })
    }

    /// Whether so many more signatures may be verified.
    fn may_verify(self, signatures: usize) -> bool {
        let left = self.budget.signatures.get().and_then(|left| left.checked_sub(signatures));
        self.budget.signatures.set(left);
        left.is_some()
    }
}

/// Largest file that is looked at, in octets.
pub const LARGEST: usize = 16 * 1024 * 1024;

/// Artefacts within artefacts: a statement's receipt in a pledge's request in a registrar's needs three.
const DEEPEST: usize = 6;

/// Inspections of what is nested, over all.
const MOST_NESTED: usize = 1024;

/// Signatures that are verified for one file, some seconds' work: paths of a bundle of 256 certificates, and as many signatures again.
const MOST_SIGNATURES: usize = 32 * 1024;

/// Signatures that building one path may cost, which is what path building itself is limited to.
const PATH: usize = 100;

/// Leaves of one artefact that are shown.
const MOST_LEAVES: usize = 512;
