//! What an operator wants to know of the way to MASAs, as counts that only grow.

use core::sync::atomic::{AtomicU64, Ordering};

use super::{MasaAnswer, MasaClientError};

/// How a question to a MASA ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With a voucher or a statement, or with the word that there is none.
    Answered,
    /// "Later".
    Later,
    /// A definite no.
    Refused,
    /// Nobody was there.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The server is not to be trusted.
    Untrusted,
    /// The answer is not one.
    Unusable,
    /// It was not sent, since the MASA is left alone for a while.
    LeftAlone,
}

impl Outcome {
    /// All of them, in the order of [`MasaClientFigures::questions`].
    pub const ALL: [Self; 8] =
        [Self::Answered, Self::Later, Self::Refused, Self::Unreachable, Self::TimedOut, Self::Untrusted, Self::Unusable, Self::LeftAlone];

    /// As a label of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Later => "later",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed-out",
            Self::Untrusted => "untrusted",
            Self::Unusable => "unusable",
            Self::LeftAlone => "left-alone",
        }
    }

    pub(super) fn of_answer(answer: &MasaAnswer) -> Self {
        match answer {
            MasaAnswer::Vouched { .. } => Self::Answered,
            MasaAnswer::Later(_) => Self::Later,
            MasaAnswer::Refused { .. } => Self::Refused,
        }
    }

    pub(super) fn of_error(err: &MasaClientError) -> Self {
        match err {
            MasaClientError::Unreachable { .. } => Self::Unreachable,
            MasaClientError::TimedOut { .. } => Self::TimedOut,
            MasaClientError::Untrusted { .. } => Self::Untrusted,
            MasaClientError::BadAnswer { .. } => Self::Unusable,
            MasaClientError::Asking { .. } => Self::Later,
        }
    }
}

/// Counts since the start of a client for MASAs.
#[derive(Debug, Default)]
pub struct MasaClientFigures {
    questions: [AtomicU64; Outcome::ALL.len()],
    connections: AtomicU64,
    repeats: AtomicU64,
}

impl MasaClientFigures {
    /// How many questions ended how.
    pub fn questions(&self) -> [(Outcome, u64); Outcome::ALL.len()] {
        let mut counts = Outcome::ALL.map(|outcome| (outcome, 0));
        counts.iter_mut().zip(&self.questions).for_each(|((_, count), counted)| *count = counted.load(Ordering::Relaxed));
        counts
    }

    /// How many connections were made or tried to be made.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// How many requests were sent again because a MASA could not be reached.
    pub fn repeats(&self) -> u64 {
        self.repeats.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, ended: Outcome) {
        for (_, counter) in Outcome::ALL.into_iter().zip(&self.questions).filter(|(outcome, _)| *outcome == ended) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_repeat(&self) {
        self.repeats.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_counted_for_itself() {
        for outcome in Outcome::ALL {
            let figures = MasaClientFigures::default();
            figures.count(outcome);
            let counted: Vec<_> = figures.questions().into_iter().filter(|(_, count)| *count > 0).collect();
            assert_eq!(counted, [(outcome, 1)]);
        }
    }
}
