//! One table of a policy, and how what is wrong in it is told.

use core::ops::Range;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::super::glob::Glob;
use super::super::policy::PolicyError;
use crate::time::{UnixTime, from_rfc3339};

#[derive(Clone, Copy)]
pub(super) struct File<'t> {
    pub(super) text: &'t str,
}

impl File<'_> {
    pub(super) fn error(self, at: Range<usize>, sentence: String) -> PolicyError {
        let line = 1 + self.text.bytes().take(at.start).filter(|b| *b == b'\n').count();
        PolicyError { message: format!("line {line}: {sentence}") }
    }
}

/// One table, and where it stands.
pub(super) struct Fields<'t> {
    pub(super) file: File<'t>,
    pub(super) place: String,
    pub(super) at: Range<usize>,
    pub(super) table: &'t DeTable<'t>,
}

impl<'t> Fields<'t> {
    /// The table that is the value of a field here.
    pub(super) fn inner(&self, place: String, field: &str, value: &'t Spanned<DeValue<'t>>, expected: &str) -> Result<Self, PolicyError> {
        let table = value.get_ref().as_table().ok_or_else(|| self.wrong(field, value, expected))?;
        Ok(Self { file: self.file, place, at: value.span(), table })
    }

    pub(super) fn in_place(&self, place: String) -> Self {
        Self { file: self.file, place, at: self.at.clone(), table: self.table }
    }

    pub(super) fn get(&self, field: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(field)
    }

    pub(super) fn demand(&self, field: &str, expected: &str) -> Result<&'t Spanned<DeValue<'t>>, PolicyError> {
        self.get(field).ok_or_else(|| self.error(format!("{field} is missing: it must have {expected}")))
    }

    /// Refuses fields of other names.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), PolicyError> {
        match self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())).min_by_key(|key| key.span().start) {
            None => Ok(()),
            Some(key) => {
                let sentence = format!("{}there is no field '{}'; there are {}", self.place, excerpt(key.get_ref()), known.join(", "));
                Err(self.file.error(key.span(), sentence))
            }
        }
    }

    /// What `read` makes of a field that may be left out.
    pub(super) fn read<T>(&self, field: &str, expected: &str, read: impl FnOnce(&DeValue<'t>) -> Option<T>) -> Result<Option<T>, PolicyError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        read(value.get_ref()).map(Some).ok_or_else(|| self.wrong(field, value, expected))
    }

    /// A list of words, each out of `all`.
    pub(super) fn list<T: Copy>(&self, field: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<Option<Vec<T>>, PolicyError> {
        let expected = format!("a list of words out of {}", words(all, &name));
        self.items(field, &expected, |word| all.iter().copied().find(|v| name(*v) == word))
    }

    /// A list of patterns.
    pub(super) fn globs(&self, field: &str) -> Result<Option<Vec<Glob>>, PolicyError> {
        self.items(field, &format!("a list, each {}", Glob::EXPECTED), Glob::new)
    }

    /// A list of text, of which `read` makes something.
    pub(super) fn items<T>(&self, field: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<Vec<T>>, PolicyError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let items = value.get_ref().as_array().filter(|items| !items.is_empty()).ok_or_else(|| self.wrong(field, value, expected))?;
        let item = |item: &Spanned<DeValue<'t>>| item.get_ref().as_str().and_then(&read).ok_or_else(|| self.wrong(field, item, expected));
        items.iter().map(item).collect::<Result<_, _>>().map(Some)
    }

    /// One word out of `all`.
    pub(super) fn word<T: Copy>(&self, field: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<Option<T>, PolicyError> {
        let expected = format!("one of {}", words(all, &name));
        self.read(field, &expected, |value| value.as_str().and_then(|word| all.iter().copied().find(|v| name(*v) == word)))
    }

    /// A time with its offset.
    pub(super) fn time(&self, field: &str) -> Result<Option<UnixTime>, PolicyError> {
        let expected = "a time with its offset such as 2026-01-01T00:00:00Z";
        self.read(field, expected, |value| value.as_datetime().and_then(|time| from_rfc3339("time", &time.to_string()).ok()))
    }

    /// A length of time as a number and its unit, in seconds.
    pub(super) fn age(&self, field: &str) -> Result<Option<u64>, PolicyError> {
        self.read(field, "a number of days, hours or minutes such as \"365d\", \"12h\" or \"30m\"", |value| value.as_str().and_then(seconds))
    }

    pub(super) fn wrong(&self, field: &str, value: &Spanned<DeValue<'_>>, expected: &str) -> PolicyError {
        let found = excerpt(self.file.text.get(value.span()).unwrap_or_default());
        self.file.error(value.span(), format!("{}{field} must be {expected}, not {found}", self.place))
    }

    pub(super) fn error(&self, sentence: String) -> PolicyError {
        self.file.error(self.at.clone(), format!("{}{sentence}", self.place))
    }
}

pub(super) fn whole(number: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn seconds(text: &str) -> Option<u64> {
    let units = [('d', 86_400), ('h', 3600), ('m', 60)];
    let (digits, unit) = units.into_iter().find_map(|(letter, unit)| text.strip_suffix(letter).map(|digits| (digits, unit)))?;
    let number: u64 = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    number.checked_mul(unit).filter(|seconds| *seconds > 0)
}

/// As much of a wrong value as fits on a line.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

pub(super) fn words<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str) -> String {
    all.iter().map(|v| name(*v)).collect::<Vec<_>>().join(", ")
}
