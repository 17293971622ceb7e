//! Answers in memory: the oldest make room for the newest.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use brski_common::{BoxFuture, UnixTime};

use super::{AnswerKey, AnswerStore, AnswerStoreError, is_fresh, octets};
use crate::masa_client::MasaAnswer;

/// Answers for as long as the process lives, bounded in number and in octets.
pub struct MemoryAnswers {
    most: usize,
    most_octets: usize,
    // Oldest first. Looked through from one end to the other: it is a thousand entries at most, and the MASA is the alternative.
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    key: AnswerKey,
    answer: MasaAnswer,
    at: UnixTime,
    octets: usize,
}

impl MemoryAnswers {
    /// At most so many answers, of at most so many octets together.
    pub fn with_bounds(most: usize, most_octets: usize) -> Self {
        Self { most, most_octets, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryAnswers {
    /// At most 1024 answers, of at most 32 MiB together.
    fn default() -> Self {
        Self::with_bounds(1024, 32 * 1024 * 1024)
    }
}

impl core::fmt::Debug for MemoryAnswers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MemoryAnswers")
    }
}

impl AnswerStore for MemoryAnswers {
    fn remember(&self, key: AnswerKey, answer: MasaAnswer, now: UnixTime) -> BoxFuture<'_, Result<(), AnswerStoreError>> {
        let octets = octets(&answer);
        let mut kept = self.kept();
        kept.retain(|other| other.key != key && is_fresh(other.at, now));
        if octets <= self.most_octets && self.most > 0 {
            kept.push_back(Kept { key, answer, at: now, octets });
        }
        while kept.len() > self.most || kept.iter().map(|kept| kept.octets).sum::<usize>() > self.most_octets {
            kept.pop_front();
        }
        Box::pin(core::future::ready(Ok(())))
    }

    fn recall(&self, key: AnswerKey, now: UnixTime) -> BoxFuture<'_, Result<Option<MasaAnswer>, AnswerStoreError>> {
        let found = self.kept().iter().find(|kept| kept.key == key && is_fresh(kept.at, now)).map(|kept| kept.answer.clone());
        Box::pin(core::future::ready(Ok(found)))
    }

    fn forget(&self, key: AnswerKey) -> BoxFuture<'_, Result<(), AnswerStoreError>> {
        self.kept().retain(|kept| kept.key != key);
        Box::pin(core::future::ready(Ok(())))
    }
}
