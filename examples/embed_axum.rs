//! A registrar and a MASA in somebody else's server: axum ends TLS, routes, and tells the services who the client is.
//!
//! `cargo run --example embed_axum -- --demo` onboards one device through it, renews the device's LDevID, and ends. Without `--demo` both serve until they are stopped.
//!
//! What is ours in an axum server is three lines: [`mounted`], and the extension in [`with_peer`].

#![allow(clippy::print_stdout, reason = "it tells what it does")]
#![allow(dead_code, reason = "makes its manufacturer and its owner as the example onboard does, and needs less of them")]

#[path = "onboard/factory.rs"]
mod factory;
#[path = "onboard/folder.rs"]
mod folder;
#[path = "onboard/hardware.rs"]
mod hardware;
#[path = "onboard/manufacturer.rs"]
mod manufacturer;
#[path = "onboard/owner.rs"]
mod owner;
#[path = "onboard/token.rs"]
mod token;
#[path = "onboard/tpm.rs"]
mod tpm;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{any, get};
use axum::serve::{IncomingStream, Listener};
use brski_common::pledge::Pledge;
use brski_common::serve::onboard::{Options, onboard};
use brski_common::serve::{ServerConfig, TlsIdentity, server_config};
use brski_common::{Certificate, Clock, PeerAddress, PeerCertificates, Policy};
use brski_masa::MasaService;
use brski_registrar::{PledgeStore as _, RegistrarService};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A socket for axum with TLS on it. Handshakes run beside each other: a client that is slow to finish its own keeps nobody waiting.
struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    fn new(listener: TcpListener, tls: Arc<ServerConfig>) -> Result<Self> {
        let (done, ready) = mpsc::channel(16);
        let (address, acceptor) = (listener.local_addr()?, TlsAcceptor::from(tls));
        tokio::spawn(async move {
            // A server of yours bounds the number of connections and the time of a handshake as well: `brski_common::serve::Server` shows how.
            while let Ok((stream, peer)) = listener.accept().await {
                let (acceptor, done) = (acceptor.clone(), done.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = done.send((stream, peer)).await;
                    }
                });
            }
        });
        Ok(Self { ready, address })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The socket is gone; axum ends with the process.
            None => core::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}

/// Who is at the other end, as TLS saw it: read once a connection.
#[derive(Clone)]
struct Peer(PeerCertificates, PeerAddress);

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        let presented = stream.io().get_ref().1.peer_certificates().unwrap_or_default();
        // One that cannot be read authenticates nobody.
        let read: Result<_, _> = presented.iter().map(|der| Certificate::from_der(der)).collect();
        Self(PeerCertificates(read.unwrap_or_default()), PeerAddress(*stream.remote_addr()))
    }
}

/// Tells the services who the client is: this extension is all that they know of TLS. Nothing that a client sends may ever get into it.
async fn with_peer(ConnectInfo(Peer(certificates, address)): ConnectInfo<Peer>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(certificates);
    request.extensions_mut().insert(address);
    next.run(request).await
}

/// The registrar's resources, beside whatever else your server has.
fn mounted(registrar: RegistrarService) -> Router {
    let respond = any(|State(service): State<RegistrarService>, request: Request| async move { service.respond(request).await.map(Body::new) });
    Router::new().route("/.well-known/brski/{*rest}", respond.clone()).route("/.well-known/est/{*rest}", respond).with_state(registrar)
}

/// The MASA's resources. They share a path with the registrar's, so that they have a socket of their own.
fn mounted_masa(masa: MasaService) -> Router {
    let respond = any(|State(service): State<MasaService>, request: Request| async move { service.respond(request).await.map(Body::new) });
    Router::new().route("/.well-known/brski/{*rest}", respond).with_state(masa)
}

#[tokio::main]
async fn main() -> Result<()> {
    let (folder, clock) = (folder::Folder::new(None)?, Clock::system());
    let (masa_socket, socket) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    let (masa_address, address) = (masa_socket.local_addr()?, socket.local_addr()?);
    let maker = manufacturer::Manufacturer::found(&folder, &masa_address.to_string(), hardware::Modules::NONE, clock.clone()).await?;
    let policy = Policy::from_toml(include_str!("onboard/policy.toml"))?;
    let owner = owner::Owner::found(&folder, &maker.profile, policy, clock).await?;

    let hello = get(|| async { "a page of the server that the registrar is mounted in\n" });
    let registrar = mounted(RegistrarService::new(owner.registrar.clone(), 64 * 1024)).route("/", hello).layer(from_fn(with_peer));
    let masa = mounted_masa(MasaService::new(maker.masa.clone(), 64 * 1024)).layer(from_fn(with_peer));
    let registrar = axum::serve(TlsListener::new(socket, server_config(&owner.tls)?)?, registrar.into_make_service_with_connect_info::<Peer>());
    let masa = axum::serve(TlsListener::new(masa_socket, server_config(&maker.tls)?)?, masa.into_make_service_with_connect_info::<Peer>());
    let servers = tokio::spawn(async move { tokio::join!(registrar, masa) });
    println!("registrar: https://{address}\nMASA: https://{masa_address}");
    if !std::env::args().any(|argument| argument == "--demo") {
        let (registrar, masa) = servers.await?;
        return Ok(registrar.and(masa)?);
    }

    let device = maker.line.avocado("FM-0001").await?;
    let identity = TlsIdentity::with_signer(&device.chain, device.signer.clone())?;
    let pledge = Pledge::new(device.chain.clone(), device.signer.clone(), maker.profile.voucher_anchors.clone())?;
    let mut onboarded = onboard(&pledge, &identity, &address.to_string(), &Options { repeats: 0, ..Options::default() }, |_| ()).await?;
    onboarded.renew(|_| ()).await?;
    let admission = owner.pledges.find(device.chain[0].spki_digest()).await?.context("the device has an LDevID and no admission")?;
    println!("{} got an LDevID by rule '{}' and renewed it", onboarded.ldevid.chain[0].subject(), admission.ground().rule);
    servers.abort();
    Ok(())
}
