//! The joint to manufacturers' MASAs: how a voucher-request gets there is not the rules' business.

mod answers;
pub mod breaker;
#[cfg(feature = "sqlite")]
mod desk;
mod digest;
#[cfg(feature = "masa-client")]
mod http;
#[cfg(feature = "masa-client")]
mod lines;
#[cfg(feature = "masa-client")]
mod pool;
mod schedule;
#[cfg(feature = "sqlite")]
mod stored;
#[cfg(feature = "sqlite")]
mod worker;

use core::time::Duration;

pub use self::answers::{AnswerKey, AnswerStore, AnswerStoreError, MemoryAnswers, REMEMBERED_FOR};
#[cfg(feature = "sqlite")]
pub use self::desk::{QuestionsError, SqliteDesk};
#[cfg(feature = "masa-client")]
pub use self::http::HttpMasaClient;
#[cfg(feature = "masa-client")]
pub use self::lines::Lines;
pub use self::schedule::Schedule;
#[cfg(feature = "sqlite")]
pub use self::worker::{ThroughWorker, Worker};
use brski_common::provenance::ProvenanceStatement;
use brski_common::{AuditLog, BoxFuture, Format, MasaUrl, Signed, Voucher, VoucherRequest};

use crate::trust::Manufacturer;

/// What a MASA is asked about one pledge.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The manufacturer whose anchors verified the pledge, and who says how its MASA is authenticated.
    pub manufacturer: &'a Manufacturer,
    /// Where its MASA answers.
    pub url: &'a MasaUrl,
    /// The registrar's voucher-request.
    pub request: &'a Signed<VoucherRequest>,
    /// SHA-256 over the pledge's voucher-request inside: the same pledge asks the same again, while our signature around it may differ.
    pub pledge_request: [u8; 32],
    /// In which format the voucher is wanted, and in no other.
    pub answer: Format,
}

/// Asks a MASA.
pub trait MasaClient: Send + Sync {
    /// Sends the registrar's voucher-request and gathers what the MASA says of the device: a voucher in the format `answer` and in no other, provenance statement, audit log.
    ///
    /// An implementation authenticates the server against the manufacturer's `masa_tls_anchors`, bounds time and size, and judges nothing:
    /// what it returns is verified by its caller. A statement or an audit log that the MASA does not have, or keeps from us, is `None`; a failure to fetch one is an error.
    fn request_voucher<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<MasaAnswer, MasaClientError>>;

    /// Asks what the MASA says today of the key of a device that this domain has: `request` is a voucher-request of the registrar without nonce and without a
    /// pledge's request inside. `None` if it says nothing.
    fn request_statement<'a>(
        &'a self,
        manufacturer: &'a Manufacturer,
        url: &'a MasaUrl,
        request: &'a Signed<VoucherRequest>,
    ) -> BoxFuture<'a, Result<Option<Signed<ProvenanceStatement>>, MasaClientError>>;
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
    /// 202, or 429: ask again after this long.
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
    /// No connection, or somebody in front of the MASA says that it is down: worth another try, and 502 once there is no more time for one.
    #[error("the MASA at {url} cannot be reached")]
    Unreachable {
        /// Where.
        url: MasaUrl,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A server is there and is not to be trusted, so that it was told nothing: 502.
    #[error("the server at {url} cannot be trusted as the manufacturer's MASA")]
    Untrusted {
        /// Where.
        url: MasaUrl,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process asks, and has no answer yet: 202.
    #[error("the MASA at {url} is being asked")]
    Asking {
        /// Where.
        url: MasaUrl,
        /// After how long to look again.
        wait: Duration,
    },
    /// Another process asks, and has to ask so much about this device already that it takes on no more: 202.
    #[error("{waiting} questions about this device wait to be asked at {url} already")]
    Crowded {
        /// Where.
        url: MasaUrl,
        /// How many.
        waiting: u64,
        /// After how long to look again.
        wait: Duration,
    },
    /// Another process asks, and there is no room to leave it a question: worth another try, and 503 once there is no more time for one.
    #[error("the question to {url} cannot be left for a masa-worker, since the store of questions is full; is a worker running?")]
    Full {
        /// Where.
        url: MasaUrl,
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

impl MasaClientError {
    /// Whether the same question may well get an answer later without anybody doing anything here.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Asking { .. } | Self::Crowded { .. } | Self::Full { .. } => true,
            Self::Untrusted { .. } | Self::BadAnswer { .. } => false,
        }
    }
}
