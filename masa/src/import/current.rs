//! By whom rows are recorded, looked up anew as an import goes on.

use core::ops::Deref;
use std::sync::Arc;

use super::outcome::Failure;
use crate::masa::Masa;

/// By whom rows are recorded: asked for each group of them anew, because a server may be configured anew while an import lasts.
pub trait Current: Sync {
    /// The MASA as it is now: rows are verified and recorded by it.
    fn masa(&self) -> Arc<Masa>;

    /// Whether whoever sends the rows may do so still.
    ///
    /// # Errors
    /// Why not, in one sentence. The import ends with it.
    fn may_record(&self) -> Result<(), String>;
}

/// The same one to the end, or whichever is current.
#[derive(Clone, Copy)]
pub(super) enum Recorder<'a> {
    Fixed(&'a Masa),
    Current(&'a dyn Current),
}

/// The one that is current now.
pub(super) enum Held<'a> {
    Fixed(&'a Masa),
    Current(Arc<Masa>),
}

impl<'a> Recorder<'a> {
    pub(super) fn masa(&self) -> Held<'a> {
        match self {
            Self::Fixed(masa) => Held::Fixed(masa),
            Self::Current(current) => Held::Current(current.masa()),
        }
    }

    pub(super) fn may_record(&self) -> Result<(), Failure> {
        match self {
            Self::Fixed(_) => Ok(()),
            // Not the row's fault: it may be recorded another time.
            Self::Current(current) => current.may_record().map_err(|cause| Failure { trouble: true, ..Failure::new(cause) }),
        }
    }
}

impl Held<'_> {
    /// Whether its stations may have changed since a row was verified.
    pub(super) fn may_be_another(&self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Current(_) => true,
        }
    }
}

impl Deref for Held<'_> {
    type Target = Masa;

    fn deref(&self) -> &Masa {
        match self {
            Self::Fixed(masa) => masa,
            Self::Current(masa) => masa,
        }
    }
}
