//! What a rule can ask of the MASA's word beside the statement: the voucher's assertion and the audit log.

use super::super::view::Word;
use super::Outcome;
use super::words::{ABSENT, list};
use crate::appraise::{HistoryFindings, MasaFindings};
use crate::time::{UnixTime, to_rfc3339};
use crate::voucher::Assertion;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::appraise) enum AboutMasa {
    /// What the voucher asserts; none if it asserts nothing.
    Assertion(Vec<Option<Assertion>>),
    AuditLog(Vec<LogWord>),
    /// A foreign domain had the device before this.
    EventsBefore(UnixTime),
}

/// What an audit log can be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::appraise) enum LogWord {
    /// It names no foreign domain, and nothing was removed at will.
    Clean,
    ForeignDomain,
    ForeignNonceless,
    Truncated,
    NoneDisclosed,
}

impl LogWord {
    pub(in crate::appraise) const ALL: [Self; 5] = [Self::Clean, Self::ForeignDomain, Self::ForeignNonceless, Self::Truncated, Self::NoneDisclosed];

    pub(in crate::appraise) fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::ForeignDomain => "foreign-domain",
            Self::ForeignNonceless => "foreign-nonceless",
            Self::Truncated => "truncated",
            Self::NoneDisclosed => "none-disclosed",
        }
    }

    fn describes(self, log: Option<&HistoryFindings>) -> bool {
        match (self, log) {
            (Self::NoneDisclosed, log) => log.is_none(),
            (Self::Clean | Self::ForeignDomain | Self::ForeignNonceless | Self::Truncated, None) => false,
            (Self::Clean, Some(log)) => log.foreign.is_empty() && log.arbitrarily_truncated == 0,
            (Self::ForeignDomain, Some(log)) => !log.foreign.is_empty(),
            (Self::ForeignNonceless, Some(log)) => !log.foreign_nonceless.is_empty(),
            (Self::Truncated, Some(log)) => log.arbitrarily_truncated > 0,
        }
    }
}

impl AboutMasa {
    pub(super) fn test(&self, word: Word<'_>) -> Outcome {
        let said = match word {
            Word::NotYet => return Outcome::Open(format!("{} is not known before the MASA has been asked", self.field())),
            Word::Said(said) => said,
        };
        let log = said.and_then(|said: &MasaFindings| said.history.as_ref());
        match self {
            Self::Assertion(wanted) => {
                let found = said.and_then(|said| said.assertion);
                let found_word = assertion_name(found);
                Outcome::decide(wanted.contains(&found), format!("assertion is {found_word}"), &list(wanted, assertion_name, " or "))
            }
            Self::AuditLog(wanted) => {
                let found: Vec<LogWord> = LogWord::ALL.into_iter().filter(|word| word.describes(log)).collect();
                let holds = found.iter().any(|word| wanted.contains(word));
                Outcome::decide(holds, format!("audit-log is {}", list(&found, LogWord::name, " and ")), &list(wanted, LogWord::name, " or "))
            }
            Self::EventsBefore(time) => {
                let (limit, earliest) = (to_rfc3339(*time), log.map(|log| log.earliest_foreign));
                match earliest {
                    None => Outcome::Fails("the MASA disclosed no audit log".to_owned()),
                    Some(None) => Outcome::Fails("the audit log names no foreign domain".to_owned()),
                    Some(Some(first)) => {
                        Outcome::decide(first < *time, format!("a foreign domain first had the device at {}", to_rfc3339(first)), &format!("before {limit}"))
                    }
                }
            }
        }
    }

    /// Whether a rule with this condition speaks of this finding.
    pub(in crate::appraise) fn lists(&self, finding: LogWord) -> bool {
        match self {
            Self::AuditLog(wanted) => wanted.contains(&finding),
            Self::Assertion(_) | Self::EventsBefore(_) => false,
        }
    }

    fn field(&self) -> &'static str {
        match self {
            Self::Assertion(_) => "assertion",
            Self::AuditLog(_) | Self::EventsBefore(_) => "audit-log",
        }
    }

    pub(super) fn restriction_in_words(&self) -> String {
        match self {
            Self::Assertion(wanted) => format!("with a voucher whose assertion is {}", list(wanted, assertion_name, " or ")),
            Self::AuditLog(wanted) => format!("with an audit log that is {}", list(wanted, LogWord::name, " or ")),
            Self::EventsBefore(time) => format!("that a foreign domain had before {}", to_rfc3339(*time)),
        }
    }
}

/// The word for what a voucher asserts.
pub(in crate::appraise) fn assertion_name(assertion: Option<Assertion>) -> &'static str {
    assertion.map_or(ABSENT, Assertion::name)
}
