//! At which stage an attempt ended, and why.

use core::time::Duration;

use super::step::Stage;
use crate::error::SignError;
use crate::pledge::PledgeError;
use crate::serve::client::ClientError;
use crate::serve::tls::TlsError;

/// An attempt to onboard that ended early.
#[derive(Debug, thiserror::Error)]
#[error("{stage} failed")]
pub struct OnboardError {
    /// How far it came.
    pub stage: Stage,
    /// Why it ended there.
    #[source]
    pub cause: Cause,
}

impl OnboardError {
    /// Status and sentence with which the registrar refused, or put off for longer than this attempt allows, if it did.
    pub fn refusal(&self) -> Option<(u16, &str)> {
        match &self.cause {
            Cause::Pledge(err) => match err.as_ref() {
                PledgeError::Refused { status, sentence, .. } => Some((*status, sentence)),
                _ => None,
            },
            Cause::Exhausted { sentence, .. } => Some((202, sentence)),
            Cause::Client(_) | Cause::Tls(_) | Cause::Sign(_) | Cause::RegistrarChanged { .. } => None,
        }
    }
}

/// Why an attempt ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The registrar could not be talked to.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The registrar refused, or the pledge does.
    #[error(transparent)]
    Pledge(Box<PledgeError>),
    /// A certificate and its key are of no use to TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no new key, or no nonce.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The registrar said "later" more often, or for longer, than this attempt allows.
    #[error("the registrar says 'later' ({sentence}), and has been asked again {repeats} times in {} s", .waited.as_secs())]
    Exhausted {
        /// How often the request was repeated.
        repeats: u32,
        /// For how long.
        waited: Duration,
        /// Its explanation, as untrusted text.
        sentence: String,
    },
    /// The connection was lost, and another server answers now.
    #[error("the registrar shows another TLS certificate than at first: {found}, expected {expected}")]
    RegistrarChanged {
        /// Subject and fingerprint of the new one.
        found: String,
        /// Subject and fingerprint of the one that the voucher-request names.
        expected: String,
    },
}

impl From<PledgeError> for Cause {
    fn from(err: PledgeError) -> Self {
        Self::Pledge(Box::new(err))
    }
}
