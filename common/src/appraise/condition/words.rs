//! Words of lists, and what it means that nothing was said.

use super::Outcome;

/// What a list may ask of a fact that a statement can leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::appraise) enum Told<T> {
    /// This value. If it is `unknown`, nothing said counts as well.
    Is(T),
    /// Nothing was said.
    Absent,
    /// It was said to be unknown.
    StatedUnknown,
}

impl<T: Copy + PartialEq> Told<T> {
    /// Its word in a policy.
    pub(in crate::appraise) fn word(self, name: fn(T) -> &'static str) -> &'static str {
        match self {
            Self::Is(value) => name(value),
            Self::Absent => ABSENT,
            Self::StatedUnknown => "stated-unknown",
        }
    }

    fn is_met(self, found: Option<T>, unknown: T) -> bool {
        match self {
            Self::Is(wanted) => found.unwrap_or(unknown) == wanted,
            Self::Absent => found.is_none(),
            Self::StatedUnknown => found == Some(unknown),
        }
    }
}

/// Every word that a list may have for a fact with these values.
pub(in crate::appraise) fn told<T: Copy>(all: &[T]) -> Vec<Told<T>> {
    all.iter().copied().map(Told::Is).chain([Told::Absent, Told::StatedUnknown]).collect()
}

/// Whether a fact that may be left out is among those wanted.
pub(super) fn among_told<T: Copy + PartialEq>(field: &str, found: Option<T>, unknown: T, wanted: &[Told<T>], name: fn(T) -> &'static str) -> Outcome {
    let holds = wanted.iter().any(|wanted| wanted.is_met(found, unknown));
    let words: Vec<&str> = wanted.iter().map(|wanted| wanted.word(name)).collect();
    Outcome::decide(holds, format!("{field} is {}", found.map_or(ABSENT, name)), &words.join(" or "))
}

/// Whether a fact that is always there is among those wanted.
pub(super) fn among<T: Copy + PartialEq>(field: &str, found: T, wanted: &[T], name: fn(T) -> &'static str) -> Outcome {
    Outcome::decide(wanted.contains(&found), format!("{field} is {}", name(found)), &list(wanted, name, " or "))
}

pub(super) fn list<T: Copy>(words: &[T], word: fn(T) -> &'static str, between: &str) -> String {
    words.iter().map(|w| word(*w)).collect::<Vec<_>>().join(between)
}

/// What a policy accepts of a fact that may be left out.
pub(super) fn told_in_words<T: Copy>(field: &str, wanted: &[Told<T>], description: fn(T) -> &'static str) -> String {
    let word = |wanted: &Told<T>| match wanted {
        Told::Is(value) => description(*value).to_owned(),
        Told::Absent => format!("with nothing said of {field}"),
        Told::StatedUnknown => format!("with {field} said to be unknown"),
    };
    wanted.iter().map(word).collect::<Vec<_>>().join(" or ")
}

/// Several things of which any will do.
pub(super) fn any_of(things: &[impl ToString]) -> String {
    things.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

/// The word for what was not said.
pub(super) const ABSENT: &str = "absent";
