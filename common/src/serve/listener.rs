//! The listener: accepts, shakes hands, and lets a service answer, with a bound on everything a peer can spend.

use core::convert::Infallible;
use core::pin::pin;
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, error, info, warn};

use super::body::TimedBody;
use super::crowd::Crowd;
use super::limits::Limits;
use super::paced::{Paced, Progress};
use crate::certificate::Certificate;
use crate::error::DecodeError;
use crate::http::plain;
use crate::peer::PeerCertificates;

/// A bound socket that does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Binds a TCP socket; port 0 takes a free one.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await? })
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
    /// Each request carries its TLS peer as extension [`PeerCertificates`]. A peer whose certificate we cannot read gets 400 and never reaches `respond`.
    /// If the peer leaves, or [`Limits::request`] passes, the future of `respond` is dropped where it stands.
    pub async fn serve<R, F>(self, tls: Arc<ServerConfig>, limits: Limits, respond: R, shutdown: impl Future<Output = ()>)
    where
        R: Fn(Request<TimedBody>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let mut shutdown = pin!(shutdown);
        let acceptor = TlsAcceptor::from(tls);
        let mut crowd = Crowd::default();
        let (stop, stopping) = watch::channel(());
        let mut connections = JoinSet::new();

        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => {
                    note_end(ended);
                    crowd.forget_ended();
                    continue;
                }
                accepted = accept(&self.listener), if connections.len() < limits.connections || crowd.has_silent() => accepted,
            };
            let Some((stream, peer)) = accepted else { continue };
            if crowd.from(peer.ip()) >= limits.connections_per_address {
                info!(%peer, limit = limits.connections_per_address, "a connection was refused: its address has too many");
                continue;
            }
            if connections.len() >= limits.connections {
                crowd.dismiss();
                // Whoever was dismissed is gone at once. If the last silent one has begun to ask by now, somebody else has to finish first.
                tokio::select! {
                    () = &mut shutdown => break,
                    ended = connections.join_next() => ended.into_iter().for_each(note_end),
                }
                crowd.forget_ended();
            }
            let progress = Progress::default();
            let connection = Connection { peer, limits, respond: respond.clone(), progress: progress.clone(), stopping: stopping.clone() };
            let task = connections.spawn(connection.run(acceptor.clone(), stream));
            crowd.add(peer.ip(), progress, task);
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
    limits: Limits,
    respond: R,
    progress: Progress,
    /// Closed when the listener stops.
    stopping: watch::Receiver<()>,
}

impl<R, F> Connection<R>
where
    R: Fn(Request<TimedBody>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    async fn run(mut self, acceptor: TlsAcceptor, stream: TcpStream) {
        let peer = self.peer;
        let handshake = timeout(self.limits.handshake, acceptor.accept(stream));
        let stream = tokio::select! {
            shaken = handshake => match shaken {
                Ok(Ok(stream)) => stream,
                Ok(Err(err)) => return info!(%peer, error = %err, "the TLS handshake failed"),
                Err(_) => return info!(%peer, "the TLS handshake did not end in time"),
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
    async fn answer(&self, identity: &Result<PeerCertificates, DecodeError>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.progress.begin();
        let (limits, peer) = (self.limits, self.peer);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = match identity {
            Ok(certificates) => {
                let mut request = request.map(|incoming| TimedBody::new(incoming, limits.body));
                request.extensions_mut().insert(certificates.clone());
                timeout(limits.request, (self.respond)(request)).await.unwrap_or_else(|_| {
                    warn!(%peer, %method, path, "a request was given up: no answer in time");
                    closing(StatusCode::SERVICE_UNAVAILABLE, "the request took too long, ask again later".to_owned())
                })
            }
            Err(err) => closing(StatusCode::BAD_REQUEST, format!("the TLS client certificate cannot be read: {err}")),
        };
        self.progress.answer();
        debug!(%peer, %method, path, status = answer.status().as_u16(), "answered");
        answer
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
