//! How a question ended, as text that a store keeps and another process reads.

use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::{AuditLog, DecodeError, Format, MasaUrl, ProvenanceStatement, Signed};
use serde::{Deserialize, Serialize};

use super::{MasaAnswer, MasaClientError};

/// The end of a question. What will pass by itself is no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub(super) enum Stored {
    Vouched { voucher_type: String, voucher: String, statement: Option<String>, audit_log: Option<String> },
    Later { seconds: u64 },
    Refused { status: u16, sentence: String },
    Statement { statement: Option<String> },
    Untrusted { detail: String },
    Unusable { detail: String },
}

impl Stored {
    pub(super) fn answer(answer: &MasaAnswer) -> Self {
        match answer {
            MasaAnswer::Vouched { voucher, statement, audit_log } => Self::Vouched {
                voucher_type: voucher.format().voucher_media_type().to_owned(),
                voucher: STANDARD.encode(voucher.wire()),
                statement: statement.as_ref().map(|statement| STANDARD.encode(statement.wire())),
                audit_log: audit_log.as_ref().map(|log| String::from_utf8_lossy(&log.to_json()).into_owned()),
            },
            MasaAnswer::Later(wait) => Self::Later { seconds: wait.as_secs() },
            MasaAnswer::Refused { status, sentence } => Self::Refused { status: *status, sentence: sentence.clone() },
        }
    }

    pub(super) fn statement(statement: Option<&Signed<ProvenanceStatement>>) -> Self {
        Self::Statement { statement: statement.map(|statement| STANDARD.encode(statement.wire())) }
    }

    /// None if the same question may get an answer by itself.
    pub(super) fn error(err: &MasaClientError) -> Option<Self> {
        let detail = || brski_common::text::in_full(err);
        match err {
            MasaClientError::Untrusted { .. } => Some(Self::Untrusted { detail: detail() }),
            MasaClientError::BadAnswer { .. } => Some(Self::Unusable { detail: detail() }),
            MasaClientError::Unreachable { .. }
            | MasaClientError::TimedOut { .. }
            | MasaClientError::Asking { .. }
            | MasaClientError::Crowded { .. }
            | MasaClientError::Full { .. } => None,
        }
    }

    pub(super) fn into_answer(self, url: &MasaUrl) -> Result<MasaAnswer, MasaClientError> {
        match self {
            Self::Vouched { voucher_type, voucher, statement, audit_log } => {
                let format = Format::from_voucher_media_type(&voucher_type).ok_or_else(|| misplaced(url))?;
                Ok(MasaAnswer::Vouched {
                    voucher: Signed::from_wire(format, octets(url, &voucher)?),
                    statement: statement.map(|text| octets(url, &text).map(|octets| Signed::from_wire(Format::Cose, octets))).transpose()?,
                    audit_log: audit_log.map(|text| AuditLog::from_json(text.as_bytes())).transpose().map_err(|err| unreadable(url, err))?,
                })
            }
            Self::Later { seconds } => Ok(MasaAnswer::Later(Duration::from_secs(seconds))),
            Self::Refused { status, sentence } => Ok(MasaAnswer::Refused { status, sentence }),
            Self::Statement { .. } => Err(misplaced(url)),
            Self::Untrusted { detail } => Err(MasaClientError::Untrusted { url: url.clone(), source: detail.into() }),
            Self::Unusable { detail } => Err(MasaClientError::BadAnswer { url: url.clone(), detail, source: None }),
        }
    }

    pub(super) fn into_statement(self, url: &MasaUrl) -> Result<Option<Signed<ProvenanceStatement>>, MasaClientError> {
        match self {
            Self::Statement { statement } => statement.map(|text| Ok(Signed::from_wire(Format::Cose, octets(url, &text)?))).transpose(),
            Self::Untrusted { detail } => Err(MasaClientError::Untrusted { url: url.clone(), source: detail.into() }),
            Self::Unusable { detail } => Err(MasaClientError::BadAnswer { url: url.clone(), detail, source: None }),
            Self::Vouched { .. } | Self::Later { .. } | Self::Refused { .. } => Err(misplaced(url)),
        }
    }
}

fn octets(url: &MasaUrl, text: &str) -> Result<Vec<u8>, MasaClientError> {
    STANDARD.decode(text).map_err(|err| unreadable(url, DecodeError::syntax("answer that was kept", "base64", err)))
}

fn unreadable(url: &MasaUrl, err: DecodeError) -> MasaClientError {
    MasaClientError::BadAnswer { url: url.clone(), detail: "what was kept of it cannot be read".to_owned(), source: Some(err.into()) }
}

fn misplaced(url: &MasaUrl) -> MasaClientError {
    MasaClientError::BadAnswer { url: url.clone(), detail: "what was kept of it answers another question".to_owned(), source: None }
}
