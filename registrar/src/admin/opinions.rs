//! Which opinions are written down: others act on them, so that the trail tells to whom each was given; but who may ask must not fill the owner's disk.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use brski_common::sign::Hash;
use brski_common::text::{LONGEST_LINE, LONGEST_WORDS, printable};
use brski_common::{SpkiDigest, UnixTime};

use super::Clerk;
use crate::opinion::Opinion;
use crate::pledges::StoreError;
use crate::trail::{Event, What};

/// What was written down within the hour that goes on. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Opinions(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    hour: u64,
    /// Digests of question and answer.
    told: BTreeSet<Vec<u8>>,
    left_out: u64,
}

impl Opinions {
    /// Whether this is written down: how many were left out before it. None if it was within this hour, or too many were.
    fn next(&self, said: Vec<u8>, now: UnixTime) -> Option<u64> {
        let hour = now.as_secs() / 3600;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.hour != hour {
            state.told.clear();
            state.hour = hour;
        }
        if state.told.contains(&said) {
            return None;
        }
        if state.told.len() >= AN_HOUR {
            state.left_out = state.left_out.saturating_add(1);
            if state.left_out == 1 {
                tracing::warn!(most = AN_HOUR, "so many opinions are asked for that the next are counted and not written down until the hour is over");
            }
            return None;
        }
        state.told.insert(said);
        Some(core::mem::take(&mut state.left_out))
    }
}

impl Clerk<'_> {
    /// Writes an opinion down before it is given, unless the trail has it already. `same` tells whether the question is the same as another.
    pub(super) async fn keep(&self, by: &str, question: &[u8], same: &[u8], opinion: &Opinion) -> Result<(), StoreError> {
        let Opinion { allow, verdict, rule, pledge, sentence, .. } = opinion;
        let said = format!("{by}\n{allow}\n{rule:?}\n{sentence}\n");
        let now = self.registrar.now();
        let Some(left_out) = self.service.opinions.next(Hash::Sha256.of(&[said.as_bytes(), same].concat()), now) else { return Ok(()) };
        let digest = Hash::Sha256.of(question).try_into().map_err(|_| StoreError::Unavailable("SHA-256 has 32 octets".into()))?;
        let what = What::Opinion {
            by: printable(by, LONGEST_WORDS),
            question: SpkiDigest(digest),
            allow: *allow,
            verdict: *verdict,
            rule: rule.clone(),
            about: pledge.clone(),
            sentence: printable(sentence, LONGEST_LINE),
            left_out,
        };
        self.registrar.pledges().note(Event { at: now, pledge: None, what }).await
    }
}

/// A line of step-ca in a large plant.
const AN_HOUR: usize = 1000;

#[cfg(test)]
mod tests {
    use brski_common::time::at;

    use super::*;

    #[test]
    fn same_answer_is_written_down_once_an_hour() {
        let opinions = Opinions::default();
        let said = || b"yes".to_vec();
        assert_eq!((opinions.next(said(), at(3600)), opinions.next(said(), at(7199)), opinions.next(said(), at(7200))), (Some(0), None, Some(0)));
    }

    #[test]
    fn what_is_too_much_for_an_hour_is_counted() {
        let opinions = Opinions::default();
        let written = (0..AN_HOUR + 7).filter(|number| opinions.next(number.to_be_bytes().to_vec(), at(3600)).is_some()).count();
        assert_eq!((written, opinions.next(b"later".to_vec(), at(7200)), opinions.next(b"more".to_vec(), at(7200))), (AN_HOUR, Some(7), Some(0)));
    }
}
