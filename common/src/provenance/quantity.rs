//! What answers consist of: bounded text, periods, and quantities that may be unlimited.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::DecodeError;

/// A line of text for people: 1 to 200 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// # Errors
    /// [`DecodeError::InvalidField`] if it is empty, too long or holds control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, DecodeError> {
        let text = text.into();
        let fits = (1..=LONGEST_TEXT).contains(&text.chars().count());
        match fits && !text.chars().any(char::is_control) {
            true => Ok(Self(text)),
            false => Err(DecodeError::InvalidField { field: "text", expected: "1 to 200 characters without control characters" }),
        }
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Longest [`Text`], in characters.
const LONGEST_TEXT: usize = 200;

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Text {
    type Err = DecodeError;
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Text {
    type Error = DecodeError;
    fn try_from(text: String) -> Result<Self, DecodeError> {
        Self::new(text)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

/// A length of time in one unit, written as ISO 8601 does: `P2Y`, `P18M`, `P90D`, `PT8H`, `PT30M`.
///
/// Units are kept as they were stated, because a year is no fixed number of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: PeriodUnit,
}

/// What a [`Period`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeriodUnit {
    /// Years, `P..Y`.
    Years,
    /// Months, `P..M`.
    Months,
    /// Days, `P..D`.
    Days,
    /// Hours, `PT..H`.
    Hours,
    /// Minutes, `PT..M`.
    Minutes,
}

impl PeriodUnit {
    const ALL: [Self; 5] = [Self::Years, Self::Months, Self::Days, Self::Hours, Self::Minutes];

    fn around(self) -> (&'static str, &'static str) {
        match self {
            Self::Years => ("P", "Y"),
            Self::Months => ("P", "M"),
            Self::Days => ("P", "D"),
            Self::Hours => ("PT", "H"),
            Self::Minutes => ("PT", "M"),
        }
    }
}

impl FromStr for Period {
    type Err = DecodeError;
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let read = |unit: PeriodUnit| {
            let (prefix, suffix) = unit.around();
            let digits = text.strip_prefix(prefix)?.strip_suffix(suffix)?;
            let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !(digits.starts_with('0') && digits.len() > 1);
            plain.then(|| digits.parse().ok()).flatten().map(|count| Self { count, unit })
        };
        let expected = "a period in one unit such as P2Y, P18M, P90D, PT8H or PT30M";
        PeriodUnit::ALL.into_iter().find_map(read).ok_or(DecodeError::InvalidField { field: "period", expected })
    }
}

impl TryFrom<String> for Period {
    type Error = DecodeError;
    fn try_from(text: String) -> Result<Self, DecodeError> {
        text.parse()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, suffix) = self.unit.around();
        write!(f, "{prefix}{}{suffix}", self.count)
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

/// An amount, or the word `unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be an amount or the word \"unlimited\"")]
pub enum Quantity<T> {
    /// No limit.
    Unlimited(Unlimited),
    /// This much.
    Limited(T),
}

impl<T> Quantity<T> {
    /// No limit.
    pub const UNLIMITED: Self = Self::Unlimited(Unlimited::Unlimited);
}

/// The word `unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unlimited {
    /// No limit.
    Unlimited,
}
