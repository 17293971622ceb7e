//! What became of one statement about a key, short enough to be kept and shown.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::evidence::{Appraised, Made, Nonced, Outcome};
use crate::provenance::{Basis, EvidenceType, Locus, Protection};
use crate::text::{LONGEST_WORDS, in_full, printable};

/// What became of one statement, and what it says of the key if it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyFinding {
    /// Its type.
    pub kind: EvidenceType,
    /// What became of it.
    pub result: KeyResult,
    /// That in words, made printable and short.
    pub sentence: String,
    /// Who vouches, if it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attester: Option<String>,
    /// What the word of that authority is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// Where the key lives, if that authority attests nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locus: Option<Locus>,
    /// Whether the key came into being where it is held; none if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_inside: Option<bool>,
    /// How well it is held; none if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection: Option<Protection>,
    /// Whether it answers a nonce that was handed out.
    pub fresh: bool,
}

/// What became of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyResult {
    /// It is genuine and about the key.
    Holds,
    /// Its kind is known, and it does not hold.
    Refused,
    /// It is genuine and says nothing of any key.
    OfPlatform,
    /// Its kind, or whoever vouches, is not known here: it counts for nothing.
    Unknown,
}

impl KeyFinding {
    pub(super) fn of(found: &Appraised) -> Self {
        let plain = |result, sentence: String| Self {
            kind: found.kind.clone(),
            result,
            sentence: printable(&sentence, LONGEST_WORDS),
            attester: None,
            basis: None,
            locus: None,
            made_inside: None,
            protection: None,
            fresh: false,
        };
        match &found.outcome {
            Outcome::Holds(claims) => {
                let made_inside = match claims.made {
                    Made::Inside => Some(true),
                    Made::Outside => Some(false),
                    // A delivery tells of a key that was there before anybody asked for an LDevID.
                    Made::Delivered(_) | Made::Unsaid => None,
                };
                let protection = Some(claims.protection).filter(|protection| *protection != Protection::Unknown);
                let fresh = claims.nonced == Nonced::Fresh;
                let made = match made_inside {
                    Some(true) => "made inside",
                    Some(false) => "put in",
                    None => "made nobody says where",
                };
                let held = claims.protection.description();
                let answers = if fresh { ", in answer to a nonce" } else { "" };
                let sentence = format!("{} of {}: {made}, {held}{answers}", claims.format, claims.attester);
                Self {
                    attester: Some(printable(&claims.attester, LONGEST_WORDS)),
                    basis: Some(claims.basis),
                    locus: claims.locus,
                    made_inside,
                    protection,
                    fresh,
                    ..plain(KeyResult::Holds, sentence)
                }
            }
            Outcome::Refused(err) => plain(KeyResult::Refused, in_full(err)),
            Outcome::OfPlatform(platform) => {
                plain(KeyResult::OfPlatform, format!("{} of {}, which tells of the platform and of no key", platform.format, platform.attester))
            }
            Outcome::Endorsement(_) => plain(
                KeyResult::Unknown,
                "a manufacturer's provenance statement, which is not evidence of the key's holder and counts for nothing here".to_owned(),
            ),
            Outcome::Testified(_) => {
                plain(KeyResult::Unknown, "what people signed of a key, which is of use where its IDevID is recorded and counts for nothing here".to_owned())
            }
            Outcome::Unknown => plain(KeyResult::Unknown, "evidence of a kind, or of somebody, not known here, which counts for nothing".to_owned()),
        }
    }
}

impl fmt::Display for KeyFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.sentence)
    }
}
