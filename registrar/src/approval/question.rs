//! What somebody has before them who decides about a pledge, so that what they say can be held against it.

use core::fmt;
use core::str::FromStr;

use brski_common::sign::Hash;
use brski_common::text::{LONGEST_WORDS, printable};
use serde::{Deserialize, Serialize};

use super::{HeldBy, Person};
use crate::trail::{Decision, PledgeFile};

/// Which question stands in a pledge's file: the first sixteen octets of SHA-256 over what persons are shown, in hex.
///
/// That is the pledge's key, what holds it (rule, policy, record, findings), which rules the policy tried and what they decided, and who refused it, if somebody did. How long it
/// has waited and who else approved it makes no other question.
///
/// Decisions in the trail carry it, and count by it: over the same file it has to be the same for as long as there are trails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct QuestionDigest([u8; LENGTH]);

impl QuestionDigest {
    /// The one that stands in this file.
    pub fn of(file: &PledgeFile) -> Self {
        let mut shown = Shown(Vec::new());
        shown.text(DOMAIN);
        shown.octets(&file.pledge.key.0);
        shown.optional(file.held.as_ref(), |shown, held| shown.held(held));
        shown.optional(file.decision.as_deref(), |shown, decision| shown.decision(decision));
        shown.optional(file.disapproval.as_ref(), |shown, by| shown.person(by));
        let mut first = [0; LENGTH];
        first.iter_mut().zip(Hash::Sha256.of(&shown.0)).for_each(|(octet, digest)| *octet = digest);
        Self(first)
    }
}

/// What persons are shown, in octets that nothing else has: every part has its length before it.
struct Shown(Vec<u8>);

impl Shown {
    fn octets(&mut self, octets: &[u8]) {
        self.number(octets.len() as u64);
        self.0.extend_from_slice(octets);
    }

    fn text(&mut self, text: &str) {
        self.octets(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn optional<T>(&mut self, part: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(part.is_some()));
        if let Some(part) = part {
            write(self, part);
        }
    }

    fn held(&mut self, held: &HeldBy) {
        let HeldBy { pledge, rule, record, policy, findings } = held;
        self.octets(&pledge.0);
        self.text(rule);
        for part in [record, policy, findings] {
            self.optional(part.as_deref(), Self::text);
        }
    }

    fn decision(&mut self, decision: &Decision) {
        self.text(&decision.policy);
        self.text(decision.verdict.name());
        self.text(&decision.rule);
        self.number(decision.trace.len() as u64);
        // Not the reasons in words: how old a statement is changes by itself.
        for step in &decision.trace {
            self.text(&step.rule);
            self.0.push(u8::from(step.matched));
        }
    }

    /// Who said what when; by which way they came makes no other question.
    fn person(&mut self, person: &Person) {
        self.text(&person.name);
        self.text(&person.why);
        self.number(person.at.as_secs());
    }
}

impl fmt::Display for QuestionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl From<QuestionDigest> for String {
    fn from(question: QuestionDigest) -> Self {
        question.to_string()
    }
}

/// What is no question's digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a question is {DIGITS} hexadecimal digits, as `pledges show` tells them")]
pub struct NoQuestion;

impl FromStr for QuestionDigest {
    type Err = NoQuestion;

    fn from_str(text: &str) -> Result<Self, NoQuestion> {
        // A sign is no digit, though the reader of numbers takes one.
        match text.len() == DIGITS && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            true => Ok(Self(u128::from_str_radix(text, 16).map_err(|_| NoQuestion)?.to_be_bytes())),
            false => Err(NoQuestion),
        }
    }
}

impl TryFrom<String> for QuestionDigest {
    type Error = NoQuestion;

    fn try_from(text: String) -> Result<Self, NoQuestion> {
        text.parse()
    }
}

/// In what the question in one file is another than in the file of the same pledge earlier, in words.
pub(crate) fn changes(before: &PledgeFile, now: &PledgeFile) -> String {
    let mut changes = Vec::new();
    match (&before.held, &now.held) {
        (Some(before), Some(now)) => changes.extend(held_otherwise(before, now)),
        (None, Some(now)) => changes.push(format!("rule '{}' holds it", words(&now.rule))),
        (Some(_), None) => changes.push("the policy does not hold it any more".to_owned()),
        (None, None) => {}
    }
    changes.extend(decided_otherwise(before.decision.as_deref(), now.decision.as_deref(), !changes.is_empty()));
    match (&before.disapproval, &now.disapproval) {
        (before, Some(by)) if before.as_ref() != Some(by) => changes.push(format!("{} refused it", words(&by.name))),
        (Some(_), None) => changes.push("no person refuses it any more".to_owned()),
        (_, Some(_)) | (None, None) => {}
    }
    match changes.is_empty() {
        true => "what was judged is told otherwise".to_owned(),
        false => changes.join(", "),
    }
}

fn held_otherwise(before: &HeldBy, now: &HeldBy) -> Vec<String> {
    let mut changes = Vec::new();
    if before.rule != now.rule {
        changes.push(format!("rule '{}' holds it, and no longer '{}'", words(&now.rule), words(&before.rule)));
    }
    for (differs, what) in [
        (before.policy != now.policy, "the policy is another"),
        (before.record != now.record, "the manufacturer's record of its key is another"),
        (before.findings != now.findings, "what its MASA says of it, or its receipt, is another"),
    ] {
        changes.extend(differs.then(|| what.to_owned()));
    }
    changes
}

fn decided_otherwise(before: Option<&Decision>, now: Option<&Decision>, told: bool) -> Option<String> {
    let outcome = |decision: Option<&Decision>| decision.map(|decision| (decision.verdict, decision.rule.clone()));
    match (outcome(before) == outcome(now), now) {
        (false, Some(now)) => Some(format!("rule '{}' says {}", words(&now.rule), now.verdict.name())),
        (false, None) => Some("the policy has not judged it".to_owned()),
        (true, _) => (!told && before.map(|decision| &decision.policy) != now.map(|decision| &decision.policy)).then(|| "the policy is another".to_owned()),
    }
}

fn words(text: &str) -> String {
    printable(text, LONGEST_WORDS)
}

/// What is hashed for this is hashed for nothing else.
const DOMAIN: &str = "brski-registrar question";

/// As many octets as nobody finds a second question for (2^64 attempts for any two that have one digest).
const LENGTH: usize = 16;
const DIGITS: usize = 2 * LENGTH;

#[cfg(test)]
mod tests {
    use brski_common::appraise::{Facts, ReceiptFinding, TraceStep, Verdict};
    use brski_common::time::at;
    use brski_common::{SerialNumber, SerialSource, SpkiDigest};

    use super::*;
    use crate::trail::{Event, Subject, What};

    fn decision() -> Decision {
        let step = TraceStep { rule: "ask".to_owned(), matched: true, because: "the key is a carrot".to_owned() };
        let facts = Facts {
            idevid: String::new(),
            serial_source: SerialSource::default(),
            manufacturer: "Maker".to_owned(),
            statement: None,
            receipt: ReceiptFinding::Missing,
            word: None,
        };
        Decision { policy: "p".to_owned(), verdict: Verdict::Hold, warned: None, rule: "ask".to_owned(), trace: vec![step], facts }
    }

    fn held_by() -> HeldBy {
        let part = |text: &str| Some(text.to_owned());
        HeldBy { pledge: SpkiDigest([1; 32]), rule: "ask".to_owned(), record: part("r"), policy: part("p"), findings: part("f") }
    }

    fn file(held: HeldBy, decision: Decision) -> PledgeFile {
        let pledge = Subject { key: SpkiDigest([1; 32]), serial: SerialNumber::new("JADA1").unwrap(), manufacturer: "Maker".to_owned() };
        let what = What::Held { request: SpkiDigest([9; 32]), held: Some(held), sentence: "held".to_owned(), decision: Some(Box::new(decision)) };
        PledgeFile::after(None, &Event { at: at(0), pledge: Some(pledge), what }).unwrap()
    }

    #[test]
    fn question_has_the_digest_that_it_had_in_trails_of_old() {
        let refused = PledgeFile { disapproval: Some(Person::new("bob", "never ordered", at(7))), ..file(held_by(), decision()) };
        assert_eq!(QuestionDigest::of(&file(held_by(), decision())).to_string(), "0e471177386b1ee6dc8cc69ef017c4e8");
        assert_eq!(QuestionDigest::of(&refused).to_string(), "6b4b0bb9bd15e2a14b913f20ce5f2554");
    }

    #[test]
    fn whatever_persons_are_shown_makes_another_question() {
        let step = |rule: &str, matched| vec![TraceStep { rule: rule.to_owned(), matched, because: String::new() }];
        let text = || "x".to_owned();
        let files = [
            file(held_by(), decision()),
            file(HeldBy { pledge: SpkiDigest([2; 32]), ..held_by() }, decision()),
            file(HeldBy { rule: text(), ..held_by() }, decision()),
            file(HeldBy { record: None, ..held_by() }, decision()),
            file(HeldBy { policy: None, ..held_by() }, decision()),
            file(HeldBy { findings: None, ..held_by() }, decision()),
            file(HeldBy { record: Some(text()), ..held_by() }, decision()),
            file(held_by(), Decision { policy: text(), ..decision() }),
            file(held_by(), Decision { verdict: Verdict::Refuse, ..decision() }),
            file(held_by(), Decision { rule: text(), ..decision() }),
            file(held_by(), Decision { trace: Vec::new(), ..decision() }),
            file(held_by(), Decision { trace: step("ask", false), ..decision() }),
            file(held_by(), Decision { trace: step("x", true), ..decision() }),
            PledgeFile { decision: None, ..file(held_by(), decision()) },
            PledgeFile { held: None, ..file(held_by(), decision()) },
            PledgeFile { disapproval: Some(Person::new("bob", "x", at(7))), ..file(held_by(), decision()) },
        ];
        let digests: std::collections::HashSet<_> = files.iter().map(QuestionDigest::of).collect();
        assert_eq!(digests.len(), files.len());
    }

    #[test]
    fn reasons_in_words_and_those_who_approved_make_no_other_question() {
        let (asked, mut told) = (file(held_by(), decision()), file(held_by(), decision()));
        told.approvals.push(Person::new("ann", "ours", at(7)));
        told.decision.as_mut().unwrap().trace[0].because = "its statement is 8 days old".to_owned();
        assert_eq!(QuestionDigest::of(&told), QuestionDigest::of(&asked));
    }

    #[test]
    fn digest_is_read_as_it_is_written_and_nothing_else_is() {
        let digest = QuestionDigest::of(&file(held_by(), decision()));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for text in ["", "00000000000000ff", "+00000000000000000000000000000ff", "0000000000000000000000000000000g", "000000000000000000000000000000ff0"] {
            assert_eq!(text.parse::<QuestionDigest>(), Err(NoQuestion), "{text}");
        }
        assert_eq!(NoQuestion.to_string(), "a question is 32 hexadecimal digits, as `pledges show` tells them");
    }
}
