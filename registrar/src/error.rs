//! Everything that can stop a journey, before it becomes a status code.

use brski_common::refusal::RefusalKind;
use brski_common::{DecodeError, Refusal, SignError, VerifyError};

use crate::ca::IssueError;
use crate::masa_client::MasaClientError;
use crate::pledges::StoreError;

/// Why the registrar did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Policy's "no", or "not yet".
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The peer's bytes cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A signature or certificate of the peer cannot be trusted.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The MASA said no; its status is passed on.
    #[error("the MASA refused: {sentence}")]
    MasaRefused {
        /// Its HTTP status.
        status: u16,
        /// Its explanation.
        sentence: String,
    },
    /// What the MASA sent as voucher cannot be trusted; it is not passed on.
    #[error("the MASA's voucher cannot be trusted")]
    BadVoucher(#[source] VerifyError),
    /// The MASA gave no usable answer.
    #[error(transparent)]
    Masa(MasaClientError),
    /// The registrar was put together without a certificate.
    #[error("the registrar has no certificate")]
    NoCertificate,
    /// The registrar's own key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The store of pledges did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certification authority did not do its part.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

impl From<MasaClientError> for Error {
    fn from(err: MasaClientError) -> Self {
        match err {
            // No trouble: somebody else is at it.
            MasaClientError::Asking { wait, .. } => Refusal::Pending { reason: "the MASA is being asked".to_owned(), wait }.into(),
            MasaClientError::Crowded { waiting, wait, .. } => {
                Refusal::Pending { reason: format!("{waiting} questions about this device wait for its MASA already"), wait }.into()
            }
            MasaClientError::Unreachable { .. }
            | MasaClientError::Untrusted { .. }
            | MasaClientError::Full { .. }
            | MasaClientError::TimedOut { .. }
            | MasaClientError::BadAnswer { .. } => Self::Masa(err),
        }
    }
}

impl Error {
    /// Whether it is a "no" to the pledge itself, after its identity was verified: not "later", and not somebody else's trouble.
    ///
    /// `own_format` says whether the voucher was asked for in the format of the request; a MASA's 406 may otherwise speak of the format alone.
    pub(crate) fn is_definite(&self, own_format: bool) -> bool {
        match self {
            Self::Refused(refusal) => match refusal.kind() {
                RefusalKind::Pending | RefusalKind::WrongVoucher => false,
                RefusalKind::WrongRegistrar
                | RefusalKind::UnknownDevice
                | RefusalKind::Provenance
                | RefusalKind::ClientCertificate
                | RefusalKind::Forbidden => true,
            },
            // Other statuses speak of the request, of us or of the MASA.
            Self::MasaRefused { status, .. } => matches!(status, 403 | 404) || (*status == 406 && own_format),
            Self::Decode(_) | Self::Verify(_) | Self::BadVoucher(_) | Self::Masa(_) | Self::NoCertificate | Self::Sign(_) | Self::Store(_) | Self::Issue(_) => {
                false
            }
        }
    }
}
