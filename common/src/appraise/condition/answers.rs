//! What a rule can ask of the answers to the taxonomy's eighteen evaluation questions.

use super::super::glob::Glob;
use super::Outcome;
use super::words::{ABSENT, any_of};
use crate::provenance::{Answers, EnclavePlace, IntegrityKeyPlace, Obeyed, Period, PeriodUnit, Quantity, Question, Text};

/// What is wanted of the answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::appraise) struct Answer {
    pub(in crate::appraise) question: Question,
    pub(in crate::appraise) wanted: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::appraise) enum Wanted {
    /// An answer, or none.
    Answered(bool),
    Words(Vec<&'static str>),
    Flag(bool),
    /// Between these; periods in minutes.
    Range {
        least: Option<u64>,
        most: Option<u64>,
    },
    /// Every text of the answer matches one of them.
    Texts(Vec<Glob>),
}

/// What the answer to a question is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::appraise) enum Kind {
    Words(Vec<&'static str>),
    Flag,
    Number,
    Period,
    Texts,
}

impl Kind {
    pub(in crate::appraise) fn of(question: Question) -> Self {
        fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Kind {
            Kind::Words(all.iter().copied().map(name).collect())
        }
        match question {
            Question::InitialEnclaveLocation => names(EnclavePlace::ALL, EnclavePlace::name),
            Question::InitialEnclaveIntegrityKey => names(IntegrityKeyPlace::ALL, IntegrityKeyPlace::name),
            Question::PkiLockPolicy => names(Obeyed::ALL, Obeyed::name),
            Question::InitialEnclavePrivacyKey | Question::FirstSecondStageGap | Question::PkiLevelLocked => Self::Flag,
            Question::FirstStageExposure
            | Question::IdentityPkiLevel
            | Question::IdentityNumberPerSubordinate
            | Question::IdentitySharedSplitExtra
            | Question::IdentitySharedSplitContinents
            | Question::PkiLevel
            | Question::PkiBreadth => Self::Number,
            Question::IdentityTimeLimitsPerSubordinate | Question::PkiLifespan => Self::Period,
            Question::IdentityAnchorStorage | Question::PkiAlgorithms | Question::PkiAnchorStorage => Self::Texts,
        }
    }
}

/// An answer as far as a rule can look at it.
enum Found {
    Word(&'static str),
    Flag(bool),
    Amount(u64, String),
    Texts(Vec<String>),
}

impl Found {
    fn of(answers: &Answers, question: Question) -> Option<Self> {
        let number = |number: u64| Self::Amount(number, number.to_string());
        let period = |quantity: Quantity<Period>| match quantity {
            Quantity::Limited(period) => Self::Amount(minutes(period), period.to_string()),
            Quantity::Unlimited(_) => Self::Amount(u64::MAX, UNLIMITED.to_owned()),
        };
        let text = |text: &Text| Self::Texts(vec![text.as_str().to_owned()]);
        Some(match question {
            Question::InitialEnclaveLocation => Self::Word(answers.initial_enclave_location.as_ref()?.place.name()),
            Question::InitialEnclaveIntegrityKey => Self::Word(answers.initial_enclave_integrity_key.as_ref()?.kept.name()),
            Question::InitialEnclavePrivacyKey => Self::Flag(answers.initial_enclave_privacy_key.as_ref()?.encrypted),
            Question::FirstStageExposure => number(answers.first_stage_exposure?.into()),
            Question::FirstSecondStageGap => Self::Flag(answers.first_second_stage_gap.as_ref()?.same_site?),
            Question::IdentityPkiLevel => number(answers.identity_pki_level?.get().into()),
            Question::IdentityTimeLimitsPerSubordinate => period(answers.identity_time_limits_per_subordinate?),
            Question::IdentityNumberPerSubordinate => match answers.identity_number_per_subordinate? {
                Quantity::Limited(most) => number(most),
                Quantity::Unlimited(_) => Self::Amount(u64::MAX, UNLIMITED.to_owned()),
            },
            Question::IdentityAnchorStorage => text(answers.identity_anchor_storage.as_ref()?),
            Question::IdentitySharedSplitExtra => number(answers.identity_shared_split_extra?.into()),
            Question::IdentitySharedSplitContinents => number(answers.identity_shared_split_continents?.into()),
            Question::PkiLevel => number(answers.pki_level?.get().into()),
            Question::PkiAlgorithms => Self::Texts(answers.pki_algorithms.as_ref()?.iter().map(|one| one.algorithm.as_str().to_owned()).collect()),
            Question::PkiLifespan => period(answers.pki_lifespan.as_ref()?.duration),
            Question::PkiLevelLocked => Self::Flag(answers.pki_level_locked?),
            Question::PkiBreadth => number(answers.pki_breadth?),
            Question::PkiLockPolicy => Self::Word(answers.pki_lock_policy.as_ref()?.obeys.name()),
            Question::PkiAnchorStorage => text(answers.pki_anchor_storage.as_ref()?),
        })
    }

    fn in_words(&self) -> String {
        match self {
            Self::Word(word) => (*word).to_owned(),
            Self::Flag(flag) => flag.to_string(),
            Self::Amount(_, words) => words.clone(),
            Self::Texts(texts) => texts.join(", "),
        }
    }
}

impl Wanted {
    fn is_met(&self, found: &Found) -> bool {
        match (self, found) {
            (Self::Answered(wanted), _) => *wanted,
            (Self::Words(wanted), Found::Word(word)) => wanted.contains(word),
            (Self::Flag(wanted), Found::Flag(flag)) => wanted == flag,
            (Self::Range { least, most }, Found::Amount(amount, _)) => least.is_none_or(|least| *amount >= least) && most.is_none_or(|most| *amount <= most),
            (Self::Texts(wanted), Found::Texts(texts)) => !texts.is_empty() && texts.iter().all(|text| wanted.iter().any(|glob| glob.matches(text))),
            // The parser pairs each question with its own kind.
            (Self::Words(_) | Self::Flag(_) | Self::Range { .. } | Self::Texts(_), _) => false,
        }
    }

    fn in_words(&self, kind: &Kind) -> String {
        let amount = |amount: u64| match kind {
            Kind::Period => in_time(amount),
            Kind::Words(_) | Kind::Flag | Kind::Number | Kind::Texts => amount.to_string(),
        };
        match self {
            Self::Answered(true) => "answered".to_owned(),
            Self::Answered(false) => ABSENT.to_owned(),
            Self::Words(words) => words.join(" or "),
            Self::Flag(flag) => flag.to_string(),
            Self::Range { least, most } => {
                let least = least.map(|least| format!("at least {}", amount(least)));
                let most = most.map(|most| format!("at most {}", amount(most)));
                least.into_iter().chain(most).collect::<Vec<_>>().join(" and ")
            }
            Self::Texts(patterns) => any_of(patterns),
        }
    }
}

impl Answer {
    pub(super) fn test(&self, answers: &Answers) -> Outcome {
        let name = self.question.name();
        let found = Found::of(answers, self.question);
        let holds = match (&self.wanted, &found) {
            (Wanted::Answered(wanted), _) => answers.has(self.question) == *wanted,
            (wanted, Some(found)) => wanted.is_met(found),
            (Wanted::Words(words), None) => words.contains(&ABSENT),
            (Wanted::Flag(_) | Wanted::Range { .. } | Wanted::Texts(_), None) => false,
        };
        let found = match (found, answers.has(self.question)) {
            (Some(found), _) => found.in_words(),
            (None, true) => "answered, but not in this".to_owned(),
            (None, false) => ABSENT.to_owned(),
        };
        Outcome::decide(holds, format!("{name} is {found}"), &self.wanted.in_words(&Kind::of(self.question)))
    }

    pub(super) fn in_words(&self) -> String {
        format!("{} {}", self.question.name(), self.wanted.in_words(&Kind::of(self.question)))
    }
}

/// Periods of unlike units are compared by a year of 365 days, of which a month is the twelfth part.
pub(in crate::appraise) fn minutes(period: Period) -> u64 {
    let unit = match period.unit {
        PeriodUnit::Years => MINUTES_OF_A_YEAR,
        PeriodUnit::Months => MINUTES_OF_A_YEAR / 12,
        PeriodUnit::Days => MINUTES_OF_A_DAY,
        PeriodUnit::Hours => 60,
        PeriodUnit::Minutes => 1,
    };
    unit.saturating_mul(period.count.into())
}

fn in_time(minutes: u64) -> String {
    match minutes {
        whole if whole.is_multiple_of(MINUTES_OF_A_YEAR) => format!("P{}Y", whole / MINUTES_OF_A_YEAR),
        whole if whole.is_multiple_of(MINUTES_OF_A_YEAR / 12) => format!("P{}M", whole / (MINUTES_OF_A_YEAR / 12)),
        whole if whole.is_multiple_of(MINUTES_OF_A_DAY) => format!("P{}D", whole / MINUTES_OF_A_DAY),
        whole if whole.is_multiple_of(60) => format!("PT{}H", whole / 60),
        minutes => format!("PT{minutes}M"),
    }
}

const MINUTES_OF_A_DAY: u64 = 24 * 60;
const MINUTES_OF_A_YEAR: u64 = 365 * MINUTES_OF_A_DAY;
const UNLIMITED: &str = "unlimited";
