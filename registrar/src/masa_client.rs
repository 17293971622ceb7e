//! The joint to manufacturers' MASAs: how a voucher-request gets there is not the rules' business.

#[cfg(feature = "masa-client")]
mod http;

use core::time::Duration;

#[cfg(feature = "masa-client")]
pub use self::http::HttpMasaClient;
use brski_common::provenance::ProvenanceStatement;
use brski_common::{AuditLog, BoxFuture, Format, MasaUrl, Signed, Voucher, VoucherRequest};

use crate::trust::Manufacturer;

/// Asks a MASA.
pub trait MasaClient: Send + Sync {
    /// Sends the registrar's voucher-request and gathers what the MASA says of the device: a voucher in the format `answer` and in no other, provenance statement, audit log.
    ///
    /// An implementation authenticates the server against `manufacturer.masa_tls_anchors`, bounds time and size, and judges nothing:
    /// what it returns is verified by its caller. A statement or an audit log that the MASA does not have, or keeps from us, is `None`; a failure to fetch one is an error.
    fn request_voucher<'a>(
        &'a self,
        manufacturer: &'a Manufacturer,
        url: &'a MasaUrl,
        request: &'a Signed<VoucherRequest>,
        answer: Format,
    ) -> BoxFuture<'a, Result<MasaAnswer, MasaClientError>>;
}

/// What a MASA answered. Nothing in it is trusted yet.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MasaAnswer {
    /// 200.
    Vouched {
        /// The voucher, octet for octet.
        voucher: Signed<Voucher>,
        /// The statement from its provenance resource; `None` if it has none.
        statement: Option<Signed<ProvenanceStatement>>,
        /// The device's history; `None` if it discloses none. Whether a pledge may come without is the owner's setting.
        audit_log: Option<AuditLog>,
    },
    /// 202: ask again after this long.
    Later(Duration),
    /// A definite no.
    Refused {
        /// Its HTTP status.
        status: u16,
        /// Its explanation (RFC 8995, section 5.6), shortened and freed of control characters.
        sentence: String,
    },
}

/// A MASA that gave no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasaClientError {
    /// No connection, or none that can be trusted: 502.
    #[error("the MASA at {url} cannot be reached")]
    Unreachable {
        /// Where.
        url: MasaUrl,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time: 504.
    #[error("the MASA at {url} did not answer within {} s", .after.as_secs())]
    TimedOut {
        /// Where.
        url: MasaUrl,
        /// The limit.
        after: Duration,
    },
    /// An answer that is not one: wrong type, too large, cut off: 502.
    #[error("the MASA at {url} gave an unusable answer: {detail}")]
    BadAnswer {
        /// Where.
        url: MasaUrl,
        /// What is wrong with it.
        detail: String,
        /// What its reader said, if one said something.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}
