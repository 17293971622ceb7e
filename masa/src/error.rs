//! Everything that can keep a MASA from doing what it was asked: policy's "no", a signature that cannot be trusted, and trouble of its own.

use brski_common::{DecodeError, Format, Refusal, SignError, VerifyError};

use crate::ledger::{LedgerError, Unique};
use crate::masa::LogError;

/// Why a request was not answered as hoped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Understood, authentic, and refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A signature or its chain is not to be trusted, or the bytes cannot be read.
    #[error(transparent)]
    Untrusted(#[from] VerifyError),
    /// The voucher has no form in the format that was asked for. Nothing was recorded.
    #[error("the voucher cannot be expressed in {}", .format.name())]
    Inexpressible {
        /// What was asked for.
        format: Format,
        /// Which leaf stands against it.
        #[source]
        source: DecodeError,
    },
    /// The ledger failed.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The transparency log signs nothing.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    Randomness,
}

impl From<LedgerError> for Error {
    /// What is already on record with other facts is policy's "no"; all else is trouble.
    fn from(err: LedgerError) -> Self {
        match err {
            LedgerError::Conflict { what: Unique::Device, device } => Refusal::Contradiction { what: "the serial number", device }.into(),
            LedgerError::Seeds(fault) => Refusal::from(fault).into(),
            LedgerError::Conflict { what: Unique::PublicKey, device } => Refusal::Contradiction { what: "the public key", device }.into(),
            // The rest of what is unique was chosen here, or looked at before: a caller that meets such a conflict looks again.
            other @ (LedgerError::Conflict { what: Unique::Record | Unique::Statement | Unique::Nonce, .. }
            | LedgerError::UnknownDevice(_)
            | LedgerError::Encode(_)
            | LedgerError::Busy
            | LedgerError::Open { .. }
            | LedgerError::Missing { .. }
            | LedgerError::Outdated { .. }
            | LedgerError::Schema { .. }
            | LedgerError::OtherLog { .. }
            | LedgerError::Corrupt { .. }
            | LedgerError::NoProof(_)
            | LedgerError::NotSoLong { .. }
            | LedgerError::Tree(_)
            | LedgerError::Unavailable(_)) => Self::Ledger(other),
        }
    }
}
