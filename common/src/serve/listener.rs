//! The listener: accepts, shakes hands, and lets a service answer, with a bound on everything a peer can spend.

use core::convert::Infallible;
use core::pin::pin;
use core::time::Duration;
use std::io;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, error, info, warn};

use super::body::{AnswerBody, TimedBody};
use super::crowd::Crowd;
use super::limits::Limits;
use super::metrics::{self, OpenConnection};
use super::paced::{Paced, Progress};
use super::reload::TlsSource;
use crate::audit_log::path_for_logs;
use crate::certificate::Certificate;
use crate::error::DecodeError;
use crate::http::{BoxError, plain};
use crate::peer::{PeerAddress, PeerCertificates};

/// A bound socket that does not serve yet.
pub struct Server {
    listener: TcpListener,
    name: &'static str,
    exempt: Exempt,
}

/// Whether connections from there are not counted by address.
type Exempt = Box<dyn Fn(IpAddr) -> bool + Send + Sync>;

impl Server {
    /// Binds a TCP socket; port 0 takes a free one.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, name: "service", exempt: Box::new(|_| false) })
    }

    /// The same under another name than `service`: metrics tell listeners apart by it.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The same without [`Limits::connections_per_address`] for whoever is where `exempt` says: many are behind a proxy.
    #[must_use]
    pub fn exempting(self, exempt: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self { exempt: Box::new(exempt), ..self }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests with `respond` until `shutdown` resolves, then finishes the open ones within [`Limits::drain`].
    ///
    /// Each request carries its TLS peer as extensions [`PeerCertificates`] and [`PeerAddress`]. A peer whose certificate we cannot read gets 400 and never reaches `respond`.
    /// If the peer leaves, or [`Limits::request`] passes, the future of `respond` is dropped where it stands. An answer's body may take longer, as long as the peer takes it.
    ///
    /// `tls` is asked for every new connection: one that stands keeps the configuration with which it began.
    pub async fn serve<R, F, B>(self, tls: impl Into<TlsSource>, limits: Limits, respond: R, shutdown: impl Future<Output = ()>)
    where
        R: Fn(Request<TimedBody>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let mut shutdown = pin!(shutdown);
        let (tls, name) = (tls.into(), self.name);
        let mut crowd = Crowd::default();
        let (stop, stopping) = watch::channel(());
        let mut connections = JoinSet::new();

        'accepting: loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => {
                    note_end(ended);
                    crowd.forget_ended();
                    continue;
                }
                accepted = accept(&self.listener), if connections.len() < limits.connections || crowd.has_spare() => accepted,
                // Everybody is busy; who has got an answer meanwhile, or owes the rest of a request for too long, may be spared.
                () = sleep(ACCEPT_PAUSE), if connections.len() >= limits.connections => continue,
            };
            let Some((stream, peer)) = accepted else { continue };
            if crowd.from(peer) >= limits.connections_per_address && !(self.exempt)(peer.ip()) && !crowd.dismiss_resting_of(peer) {
                info!(%peer, limit = limits.connections_per_address, "a connection was refused: its address has too many");
                continue;
            }
            while connections.len() >= limits.connections {
                crowd.dismiss();
                // Whoever was dismissed is gone at once. If the last spare one has begun to ask by now, somebody has to finish first, or to have an answer.
                tokio::select! {
                    () = &mut shutdown => break 'accepting,
                    ended = connections.join_next() => ended.into_iter().for_each(note_end),
                    () = sleep(ACCEPT_PAUSE) => {}
                }
                crowd.forget_ended();
            }
            let progress = Progress::default();
            let connection = Connection { peer, name, limits, respond: respond.clone(), progress: progress.clone(), stopping: stopping.clone() };
            let task = connections.spawn(connection.run(TlsAcceptor::from(tls.current()), stream));
            crowd.add(peer, progress, task);
        }

        drop((self.listener, stop));
        let finish = async {
            while let Some(ended) = connections.join_next().await {
                note_end(ended)
            }
        };
        if timeout(limits.drain, finish).await.is_err() {
            warn!(open = connections.len(), "stopped with open requests: they did not finish in time");
        }
    }
}

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Server").field("listener", &self.listener).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Waits for a peer. An error is the peer's or the system's passing trouble, never the listener's end.
async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small and complete: waiting for more octets would only delay them.
            if let Err(err) = stream.set_nodelay(true) {
                debug!(%peer, error = %err, "TCP_NODELAY was not set");
            }
            Some((stream, peer))
        }
        Err(err) => {
            warn!(error = %err, "a connection was not accepted");
            // Out of file descriptors, say: without a pause this would spin.
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn note_end(ended: Result<(), JoinError>) {
    if let Err(err) = ended
        // It made room for another.
        && !err.is_cancelled()
    {
        error!(error = %err, "a connection's task failed");
    }
}

/// One connection's surroundings.
struct Connection<R> {
    peer: SocketAddr,
    name: &'static str,
    limits: Limits,
    respond: R,
    progress: Progress,
    /// Closed when the listener stops.
    stopping: watch::Receiver<()>,
}

impl<R, F, B> Connection<R>
where
    R: Fn(Request<TimedBody>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    async fn run(mut self, acceptor: TlsAcceptor, stream: TcpStream) {
        let (peer, name) = (self.peer, self.name);
        let _open = OpenConnection::count(name);
        let handshake = timeout(self.limits.handshake, acceptor.accept(stream));
        let stream = tokio::select! {
            shaken = handshake => match shaken {
                Ok(Ok(stream)) => stream,
                Ok(Err(err)) => {
                    metrics::count_failed_handshake(name);
                    return info!(%peer, error = %err, "the TLS handshake failed");
                }
                Err(_) => {
                    metrics::count_failed_handshake(name);
                    return info!(%peer, "the TLS handshake did not end in time");
                }
            },
            _ = self.stopping.changed() => return,
        };
        let identity = read_peer(stream.get_ref().1.peer_certificates());
        match &identity {
            Ok(certificates) => debug!(%peer, subject = certificates.own().map(Certificate::subject), "connected"),
            Err(err) => info!(%peer, error = %err, "the client's certificate cannot be read"),
        }

        let mut stopping = self.stopping.clone();
        let stream = Paced::new(stream, self.progress.clone(), self.limits.header, self.limits.write);
        let service = service_fn(async |request| Ok::<_, Infallible>(self.answer(&identity, request).await));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle)
            .max_header_size(self.limits.header_octets)
            .max_headers(self.limits.header_fields)
            .serve_connection(TokioIo::new(stream), service);

        let mut connection = pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            _ = stopping.changed() => {
                // Nothing was asked yet, so that nothing needs an answer.
                if !self.progress.has_begun() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        match served {
            Ok(()) => debug!(%peer, "disconnected"),
            Err(err) => debug!(%peer, error = %err, "the connection broke"),
        }
    }

    /// One request, from the end of its head to its answer.
    async fn answer(&self, identity: &Result<PeerCertificates, DecodeError>, request: Request<Incoming>) -> Response<AnswerBody<B>> {
        if !self.progress.begin() {
            // Its task is being ended.
            return core::future::pending().await;
        }
        let (limits, peer) = (self.limits, self.peer);
        let (method, path) = (request.method().clone(), path_for_logs(request.uri().path()));
        let answer = match identity {
            Ok(certificates) => {
                let mut request = request.map(|incoming| TimedBody::new(incoming, limits.body, limits.body_pause, self.progress.clone()));
                request.extensions_mut().insert(certificates.clone());
                request.extensions_mut().insert(PeerAddress(peer));
                match timeout(limits.request, (self.respond)(request)).await {
                    Ok(answer) => answer.map(Either::Right),
                    Err(_) => {
                        warn!(%peer, %method, path, "a request was given up: no answer in time");
                        closing(StatusCode::SERVICE_UNAVAILABLE, "the request took too long, ask again later".to_owned()).map(Either::Left)
                    }
                }
            }
            Err(err) => closing(StatusCode::BAD_REQUEST, format!("the TLS client certificate cannot be read: {err}")).map(Either::Left),
        };
        debug!(%peer, %method, path, status = answer.status().as_u16(), "answered");
        answer.map(|body| AnswerBody::new(body, self.progress.clone()))
    }
}

/// The peer's certificates, read once for all its requests.
fn read_peer(certificates: Option<&[CertificateDer<'_>]>) -> Result<PeerCertificates, DecodeError> {
    certificates.unwrap_or_default().iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>().map(PeerCertificates)
}

/// An answer after which the connection is closed.
fn closing(status: StatusCode, sentence: String) -> Response<Full<Bytes>> {
    let mut response = plain(status, sentence);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
