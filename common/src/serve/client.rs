//! One HTTPS connection to one server, with a bound on everything that server can spend.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::uri::Authority;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tracing::debug;

use crate::certificate::Certificate;
use crate::error::DecodeError;
use crate::http::{BodyError, read_body};

/// Bounds of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// Name resolution, TCP and TLS handshake together.
    pub connect: Duration,
    /// From the first octet of a request to the last of its answer.
    pub exchange: Duration,
    /// Octets of an answer's body.
    pub response_octets: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), exchange: Duration::from_secs(30), response_octets: 256 * 1024 }
    }
}

/// A server that could not be reached, is not to be trusted, or did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The authority is not `host` or `host:port`.
    #[error("'{0}' is not a host or host:port")]
    Authority(String),
    /// No TCP connection.
    #[error("{authority} cannot be reached")]
    Connect {
        /// Who was dialled.
        authority: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// No TLS connection, most often because the server's certificate is not accepted.
    #[error("no TLS connection with {authority}")]
    Tls {
        /// Who was dialled.
        authority: String,
        /// What the TLS library said.
        #[source]
        source: io::Error,
    },
    /// The server's certificate cannot be read.
    #[error("the TLS certificate of {authority} cannot be read")]
    Certificate {
        /// Who was dialled.
        authority: String,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// The time for this step is over.
    #[error("{authority} did not {step} within {} s", .after.as_secs())]
    TimedOut {
        /// Who was dialled.
        authority: String,
        /// `connect` or `answer`.
        step: &'static str,
        /// The limit.
        after: Duration,
    },
    /// The connection ended before the answer did, or the answer is not HTTP.
    #[error("{authority} broke the connection off")]
    Broken {
        /// Who was dialled.
        authority: String,
        /// What the HTTP library said.
        #[source]
        source: hyper::Error,
    },
    /// The answer's body cannot be read to its end.
    #[error("the answer of {authority} cannot be read")]
    Body {
        /// Who was dialled.
        authority: String,
        /// Why not.
        #[source]
        source: BodyError,
    },
}

impl ClientError {
    /// Whether a server was there and showed a certificate that is not to be trusted: asking again changes nothing until somebody changes a configuration.
    pub fn is_distrust(&self) -> bool {
        match self {
            Self::Certificate { .. } => true,
            Self::Tls { source, .. } => {
                let said = source.get_ref().and_then(|err| err.downcast_ref::<rustls::Error>());
                matches!(said, Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented))
            }
            Self::Authority(_) | Self::Connect { .. } | Self::TimedOut { .. } | Self::Broken { .. } | Self::Body { .. } => false,
        }
    }

    /// Whether there was no connection yet, so that the server cannot have seen a request.
    pub fn is_before_request(&self) -> bool {
        match self {
            Self::Authority(_) | Self::Connect { .. } | Self::Tls { .. } | Self::Certificate { .. } => true,
            Self::TimedOut { step, .. } => *step == CONNECT,
            Self::Broken { .. } | Self::Body { .. } => false,
        }
    }
}

/// One TLS connection, kept alive for as many requests as the server allows, one after the other.
#[derive(Debug)]
pub struct HttpsConnection {
    authority: Authority,
    sender: SendRequest<Full<Bytes>>,
    certificates: Vec<Certificate>,
    limits: ClientLimits,
    driver: JoinHandle<()>,
    // Set before the driver has noticed that it was stopped.
    ended: bool,
}

impl HttpsConnection {
    /// Dials `authority`, a `host` or `host:port` (443 if absent); the host is the name that `tls` may check.
    ///
    /// # Errors
    /// [`ClientError`] naming the authority and how far it went.
    pub async fn open(authority: &str, tls: Arc<ClientConfig>, limits: ClientLimits) -> Result<Self, ClientError> {
        let malformed = || ClientError::Authority(authority.to_owned());
        let authority: Authority = authority.parse().map_err(|_| malformed())?;
        // An IPv6 address stands in brackets there, and nowhere else.
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| malformed())?;
        let port = match authority.port_u16() {
            Some(port) if authority.as_str() == format!("{}:{port}", authority.host()) => port,
            None if authority.as_str() == authority.host() => 443,
            Some(_) | None => return Err(malformed()),
        };

        let connected = timeout(limits.connect, connect(&authority, (host, port), name, tls)).await;
        let (sender, certificates, driver) = connected.map_err(|_| timed_out(&authority, CONNECT, limits.connect))??;
        Ok(Self { authority, sender, certificates, limits, driver, ended: false })
    }

    /// The server's certificates, its own first. How far they are to be trusted depends on the TLS configuration.
    pub fn server_certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Whether the server still takes requests here, as far as known.
    pub fn is_open(&self) -> bool {
        !self.ended && !self.sender.is_closed()
    }

    /// Sends one request and reads its whole answer. The Host field is added; the request's URI is a path.
    ///
    /// # Errors
    /// [`ClientError`]; the connection is of no use afterwards.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<Response<Bytes>, ClientError> {
        let (authority, limits) = (self.authority.clone(), self.limits);
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| ClientError::Authority(authority.to_string()))?;
        request.headers_mut().insert(HOST, host);
        let exchanged = timeout(limits.exchange, exchange(&mut self.sender, &authority, request, limits.response_octets)).await;
        let answered = exchanged.unwrap_or_else(|_| Err(timed_out(&authority, "answer", limits.exchange)));
        match &answered {
            Ok(answer) if !says_close(answer) => {}
            // Nobody may meet a late answer to this request, nor one more answer after the last.
            Ok(_) | Err(_) => {
                self.ended = true;
                self.driver.abort();
            }
        }
        answered
    }
}

type Connected = (SendRequest<Full<Bytes>>, Vec<Certificate>, JoinHandle<()>);

async fn connect(authority: &Authority, address: (String, u16), name: ServerName<'static>, tls: Arc<ClientConfig>) -> Result<Connected, ClientError> {
    let named = || authority.to_string();
    let stream = TcpStream::connect(address).await.map_err(|source| ClientError::Connect { authority: named(), source })?;
    stream.set_nodelay(true).map_err(|source| ClientError::Connect { authority: named(), source })?;
    let stream = TlsConnector::from(tls).connect(name, stream).await.map_err(|source| ClientError::Tls { authority: named(), source })?;

    let ders = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificates = ders.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>();
    let certificates = certificates.map_err(|source| ClientError::Certificate { authority: named(), source })?;

    let http = http1::Builder::new().max_buf_size(HEAD_OCTETS).handshake(TokioIo::new(stream)).await;
    let (sender, connection) = http.map_err(|source| ClientError::Broken { authority: named(), source })?;
    let driver = tokio::spawn(async move {
        if let Err(err) = connection.await {
            debug!(error = %err, "a client connection broke");
        }
    });
    Ok((sender, certificates, driver))
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    authority: &Authority,
    request: Request<Full<Bytes>>,
    response_octets: usize,
) -> Result<Response<Bytes>, ClientError> {
    let broken = |source| ClientError::Broken { authority: authority.to_string(), source };
    sender.ready().await.map_err(broken)?;
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    let body = read_body(body, response_octets).await.map_err(|source| ClientError::Body { authority: authority.to_string(), source })?;
    Ok(Response::from_parts(head, body))
}

fn says_close(answer: &Response<Bytes>) -> bool {
    let options = answer.headers().get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    options.flat_map(|text| text.split(',')).any(|option| option.trim().eq_ignore_ascii_case("close"))
}

fn timed_out(authority: &Authority, step: &'static str, after: Duration) -> ClientError {
    ClientError::TimedOut { authority: authority.to_string(), step, after }
}

const CONNECT: &str = "connect";

// Also the least that HTTP/1 libraries work with.
const HEAD_OCTETS: usize = 64 * 1024;
