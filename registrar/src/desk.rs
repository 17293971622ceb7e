//! The desk at which persons decide about held pledges: find one, say yes or no to it. Command line and admin interface both come here.
//!
//! Whatever is said is an event of the trail; a running registrar acts on it at the pledge's next request, which needs no other.

use brski_common::text::{LONGEST_LINE, LONGEST_WORDS, printable};
use brski_common::{SerialNumber, SpkiDigest};

use crate::approval::{HeldBy, Person, QuestionDigest, Unfit, changes};
use crate::pledges::{PledgeStore, Query, StoreError};
use crate::trail::{Event, PledgeFile, State, What};

#[cfg(test)]
mod tests;

/// A pledge that a person looked at, with the question that they saw: what they say is about that alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    key: SpkiDigest,
    question: QuestionDigest,
}

impl Pick {
    /// This pledge, and the question that stands in this file, for somebody who looks at it just now.
    pub fn of(file: &PledgeFile) -> Self {
        Self::asking(file, QuestionDigest::of(file))
    }

    /// This pledge, and the question that somebody saw when they looked at it.
    pub fn asking(file: &PledgeFile, question: QuestionDigest) -> Self {
        Self { key: file.pledge.key, question }
    }
}

/// A yes that is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The pledge's file with it.
    pub file: PledgeFile,
    /// How many persons' yes counts now, this one included.
    pub persons: usize,
}

impl Approved {
    /// What follows, in a sentence, where `needed` persons have to approve.
    pub fn in_words(&self, needed: usize) -> String {
        let (serial, persons, needed) = (&self.file.pledge.serial, self.persons, needed.max(1));
        if self.file.disapproval.is_some() {
            return format!("{serial}: {persons} of {needed} approved; it stays refused until another person approves it as well");
        }
        match persons {
            0 => format!("{serial} is no longer refused; it is judged anew when it comes again"),
            persons if persons >= needed => format!("{serial} is approved ({persons} of {needed}); it gets its voucher when it asks again, within four days"),
            persons => format!("{serial}: {persons} of {needed} approved; another person has to approve it as well"),
        }
    }
}

/// Why nothing was done, in a sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// There is no such pledge.
    #[error(
        "no pledge is on record with serial number '{0}', nor with a key that begins so; name at least eight digits of a key. A device whose manufacturer is not accepted is on \
         record only where unknown-manufacturers is \"hold\", and `brski-registrar trust pending` shows what it presented; else the log alone tells why it was refused"
    )]
    Unknown(String),
    /// There are several.
    #[error("'{text}' is ambiguous; name the key instead: {candidates}")]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// Key and manufacturer of each, in a line.
        candidates: String,
    },
    /// Nobody is asked about it.
    #[error("{serial} is {state}, not held: there is nothing to approve{}", because(.sentence))]
    NotHeld {
        /// Which pledge.
        serial: SerialNumber,
        /// Where it stands.
        state: &'static str,
        /// Why.
        sentence: String,
    },
    /// It waited for four days, and is refused when it comes again with the same request.
    #[error("{0} has waited for more than four days and given up; it can be approved once it comes with a new request")]
    Lapsed(SerialNumber),
    /// What holds it is not the policy, so that a person's yes would change nothing.
    #[error("{0} is held because no accepted manufacturer made it, which nobody can approve; accept its manufacturer with `brski-registrar trust add`")]
    UnknownManufacturer(SerialNumber),
    /// The question is another one by now than the person saw.
    #[error(
        "{serial} has changed since it was looked at: {changes}; look again, with `brski-registrar pledges show {serial}` or GET /pledges/{key}, and decide about the question that \
         stands there"
    )]
    Changed {
        /// Which pledge.
        serial: SerialNumber,
        /// Its key.
        key: SpkiDigest,
        /// In what, in words.
        changes: String,
    },
    /// This person has said so before.
    #[error("{name} has {what} {serial} already")]
    SaidBefore {
        /// Who.
        name: String,
        /// `approved` or `refused`.
        what: &'static str,
        /// What.
        serial: SerialNumber,
    },
    /// A decision without a name or a reason helps nobody later.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The file of the pledge with this serial number, or with the key whose digest begins with these eight or more hexadecimal digits. All 64 digits are a key and nothing else.
///
/// # Errors
/// [`DeskError::Unknown`]; [`DeskError::Ambiguous`] for a serial number that devices of several manufacturers have, for a key's beginning that several share, and for what
/// is one pledge's serial number and the beginning of another's key.
pub async fn pick(store: &dyn PledgeStore, text: &str) -> Result<PledgeFile, DeskError> {
    let found = found(store, text).await?;
    let text = printable(text, LONGEST_WORDS);
    match <[PledgeFile; 1]>::try_from(found) {
        Ok([file]) => Ok(file),
        Err(none) if none.is_empty() => Err(DeskError::Unknown(text)),
        Err(several) => Err(DeskError::Ambiguous { text, candidates: candidates(&several) }),
    }
}

/// The files that such a text can mean, each once.
pub(crate) async fn found(store: &dyn PledgeStore, text: &str) -> Result<Vec<PledgeFile>, StoreError> {
    let is_key = (8..=DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let mut found = match is_key && text.len() == DIGITS {
        // A manufacturer gives its devices the serial numbers it likes, so that one of them could be another's key.
        true => Vec::new(),
        false => store.files(Query { serial: Some(text.to_owned()), limit: SHOWN, ..Query::default() }).await?,
    };
    if is_key {
        let keyed = store.files(Query { key: Some(text.to_owned()), limit: SHOWN, ..Query::default() }).await?;
        let known: Vec<_> = found.iter().map(|file| file.pledge.key).collect();
        found.extend(keyed.into_iter().filter(|file| !known.contains(&file.pledge.key)));
    }
    Ok(found)
}

/// By what each of several can be told apart.
pub(crate) fn candidates(several: &[PledgeFile]) -> String {
    let words = |file: &PledgeFile| format!("{} of {}", file.pledge.key, printable(&file.pledge.manufacturer, LONGEST_WORDS));
    several.iter().map(words).collect::<Vec<_>>().join(", ")
}

/// Writes down that a person says yes to what holds this pledge, or takes back that it is refused, where `needed` persons have to: one person's no falls by their own yes,
/// or by that of as many.
///
/// # Errors
/// Any [`DeskError`] but those of [`pick`]; nothing is written down then. Where the question became another at the same moment, the yes may be written down nevertheless and counts
/// for nothing: [`DeskError::Changed`].
pub async fn approve(store: &dyn PledgeStore, pledge: &Pick, by: Person, needed: usize) -> Result<Approved, DeskError> {
    let by = by.checked()?;
    let file = looked_at(store, pledge).await?;
    let serial = file.pledge.serial.clone();
    let held = match (&file.disapproval, file.state, &file.held) {
        // What takes a refusal back need not answer a question.
        (Some(_), _, held) => {
            held.clone().unwrap_or_else(|| HeldBy { pledge: file.pledge.key, rule: String::new(), record: None, policy: None, findings: None })
        }
        (None, State::Held, None) => return Err(DeskError::UnknownManufacturer(serial)),
        // One whose MASA is down just now still waits for a person as well.
        (None, State::Held | State::Deferred, Some(_)) if file.has_waited_in_vain(by.at) => return Err(DeskError::Lapsed(serial)),
        (None, State::Held | State::Deferred, Some(held)) => held.clone(),
        (None, State::Deferred, None) | (None, State::Admitted | State::Enrolled | State::Refused | State::Revoked, _) => {
            return Err(DeskError::NotHeld { serial, state: file.state.name(), sentence: file.sentence });
        }
    };
    if file.approvers_at(by.at).any(|person| person.is_same_as(&by)) {
        return Err(DeskError::SaidBefore { name: by.name, what: "approved", serial });
    }

    let at = by.at;
    let what = What::Approved { held, by: by.clone(), needed: Some(needed.max(1)), question: Some(pledge.question) };
    store.note(Event { at, pledge: Some(file.pledge.clone()), what }).await?;
    let after = current(store, pledge).await?;
    let persons = after.approvers_at(at).count();
    let counts = after.approvers_at(at).any(|person| person.is_same_as(&by));
    let taken_back = file.held.is_none() && after.disapproval.is_none();
    match counts || taken_back {
        true => Ok(Approved { file: after, persons }),
        false => Err(changed(&after, changes(&file, &after))),
    }
}

/// Writes down that a person says no to this pledge, wherever it stands: from now on it gets neither voucher nor LDevID, whatever the policy says, until somebody approves it.
///
/// LDevIDs that it has stay valid: revoking them is another decision.
///
/// # Errors
/// [`DeskError::SaidBefore`], [`DeskError::Unfit`], [`DeskError::Unknown`] if there is no such pledge any more, [`DeskError::Store`]; [`DeskError::Changed`], as of [`approve`].
pub async fn refuse(store: &dyn PledgeStore, pledge: &Pick, by: Person) -> Result<PledgeFile, DeskError> {
    let by = by.checked()?;
    let file = current(store, pledge).await?;
    if let Some(before) = &file.disapproval {
        return Err(DeskError::SaidBefore { name: before.name.clone(), what: "refused", serial: file.pledge.serial });
    }
    let file = looked_at(store, pledge).await?;
    let what = What::Disapproved { by: by.clone(), question: Some(pledge.question) };
    store.note(Event { at: by.at, pledge: Some(file.pledge), what }).await?;
    // Whatever came between: a no counts.
    current(store, pledge).await
}

/// What follows from a refusal, in a sentence.
pub fn refused_in_words(file: &PledgeFile) -> String {
    let valid = file.certificates.iter().filter(|filed| filed.revoked.is_none()).count();
    let rest = if valid == 0 { String::new() } else { format!("; LDevIDs it has that nobody revoked: {valid}") };
    format!("{} is refused until somebody approves it{rest}", file.pledge.serial)
}

async fn current(store: &dyn PledgeStore, pledge: &Pick) -> Result<PledgeFile, DeskError> {
    store.file(pledge.key).await?.ok_or_else(|| DeskError::Unknown(pledge.key.to_string()))
}

/// The pledge's file, if the question in it is still the one that was looked at.
async fn looked_at(store: &dyn PledgeStore, pledge: &Pick) -> Result<PledgeFile, DeskError> {
    let file = current(store, pledge).await?;
    if QuestionDigest::of(&file) == pledge.question {
        return Ok(file);
    }
    // What was looked at stands in the trail, unless that was long ago.
    let mut seen = None;
    let mut earlier: Option<PledgeFile> = None;
    for (_, event) in store.history(pledge.key, LOOKED_BACK).await? {
        earlier = PledgeFile::after(earlier, &event);
        seen = earlier.clone().filter(|file| QuestionDigest::of(file) == pledge.question).or(seen);
    }
    let told = match seen {
        Some(seen) => changes(&seen, &file),
        None => format!("among its last {LOOKED_BACK} events nothing led to question {}", pledge.question),
    };
    Err(changed(&file, told))
}

fn changed(file: &PledgeFile, changes: String) -> DeskError {
    DeskError::Changed { serial: file.pledge.serial.clone(), key: file.pledge.key, changes }
}

fn because(sentence: &str) -> String {
    match sentence {
        "" => String::new(),
        sentence => format!(" ({})", printable(sentence, LONGEST_LINE)),
    }
}

/// So many events of a pledge tell what it was asked about not long ago.
const LOOKED_BACK: u32 = 100;

/// Enough to tell that a name is ambiguous, and between what.
const SHOWN: u32 = 8;

/// Those of a key's digest.
const DIGITS: usize = 64;
