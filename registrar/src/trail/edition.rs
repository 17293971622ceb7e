//! Which of several statements about one key is the newer.

use core::fmt;

use brski_common::time::to_rfc3339;
use brski_common::{ProvenanceStatement, UnixTime};

/// The place of a statement among all that a manufacturer made of one key: the greater one is the newer.
///
/// A correction or a mark has a higher number than what it corrects or marks; of the same number that one is newer which was issued later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edition {
    // The order of the fields is the order of editions.
    seq: u32,
    issued_at: Option<UnixTime>,
}

impl Edition {
    /// That with this number that was issued at this time. One of which an older version did not keep the time is older than any other of its number.
    pub(super) fn new(seq: u32, issued_at: Option<UnixTime>) -> Self {
        Self { seq, issued_at }
    }

    /// That of this statement.
    pub fn of(statement: &ProvenanceStatement) -> Self {
        Self::new(statement.seq, Some(statement.issued_at))
    }

    /// Its number among all that the manufacturer said of the key.
    pub fn seq(self) -> u32 {
        self.seq
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.issued_at {
            Some(issued_at) => write!(f, "number {}, issued at {},", self.seq, to_rfc3339(issued_at)),
            None => write!(f, "number {}", self.seq),
        }
    }
}
