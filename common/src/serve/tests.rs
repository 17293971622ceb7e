//! Over loopback, in one thread, on ports that the operating system chooses. Where time matters it is virtual: nothing here waits.

mod client;
mod limits;
mod listener;
mod reload;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

use super::*;
use crate::certificate::Certificate;
use crate::http::{plain, read_body};
use crate::issuing::{Subject, Template, never};
use crate::peer::PeerCertificates;
use crate::sign::{SignatureAlgorithm, Signer as _, SoftwareKey};
use crate::test_pki::block_on;
use crate::time::at;

/// A certificate with its path and its key in both forms.
#[derive(Clone)]
pub(super) struct Party {
    pub(super) chain: Vec<Certificate>,
    pub(super) key: SoftwareKey,
    pub(super) pkcs8: Zeroizing<Vec<u8>>,
}

impl Party {
    /// A CA that is always valid: TLS asks the machine's own clock.
    pub(super) fn root(name: &str) -> Self {
        let (key, pkcs8) = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap();
        let template = Template::new(Subject::common_name(name), key.public_key(), [1; 16], at(0), never()).ca(None);
        Self { chain: vec![block_on(template.self_signed(&key)).unwrap()], key, pkcs8 }
    }

    pub(super) fn issue(&self, subject: Subject, shape: impl FnOnce(Template) -> Template) -> Self {
        let (key, pkcs8) = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap();
        let template = shape(Template::new(subject, key.public_key(), [2; 16], at(0), never()));
        let own = block_on(template.issued_by(&self.chain[0], &self.key)).unwrap();
        Self { chain: core::iter::once(own).chain(self.chain.clone()).collect(), key, pkcs8 }
    }

    /// A server under this CA that may be called `127.0.0.1`.
    pub(super) fn server(&self, name: &str) -> Self {
        self.issue(Subject::common_name(name), |t| t.alternative_names(&["127.0.0.1".to_owned()]))
    }

    pub(super) fn tls(&self) -> TlsIdentity {
        TlsIdentity::new(&self.chain, &self.pkcs8).unwrap()
    }
}

/// A certificate and a key as TLS takes them, whether they fit or not.
pub(super) fn unchecked(der: &[u8], pkcs8: &[u8]) -> Arc<CertifiedKey> {
    let key = any_supported_type(&PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8))).unwrap();
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(der.to_vec())], key))
}

/// A listener at work.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) async fn start<R, F, B>(server: &Party, limits: Limits, respond: R) -> Self
    where
        R: Fn(Request<TimedBody>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: http_body::Body<Data = Bytes, Error: Into<crate::http::BoxError>> + Send + Unpin + 'static,
    {
        Self::start_with(server_config(&server.tls()).unwrap(), limits, respond).await
    }

    pub(super) async fn start_with<R, F, B>(tls: impl Into<TlsSource>, limits: Limits, respond: R) -> Self
    where
        R: Fn(Request<TimedBody>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: http_body::Body<Data = Bytes, Error: Into<crate::http::BoxError>> + Send + Unpin + 'static,
    {
        let tls = tls.into();
        let listener = Server::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move { stopped.await.unwrap_or_default() };
        let task = tokio::spawn(listener.serve(tls, limits, respond, shutdown));
        Self { address, stop: Some(stop), task }
    }

    pub(super) fn authority(&self) -> String {
        self.address.to_string()
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    async fn ended(self) {
        self.task.await.unwrap();
    }
}

/// A listener that says who asked: a subject, or `nobody`.
async fn who() -> Running {
    Running::start(&Party::root("domain").server("registrar"), Limits::default(), |request| async move {
        let peer = request.extensions().get::<PeerCertificates>().unwrap();
        plain(StatusCode::OK, peer.own().map_or("nobody", Certificate::subject))
    })
    .await
}

/// A listener that counts the octets of bodies of at most 64.
async fn counting(limits: Limits) -> Running {
    Running::start(&Party::root("domain").server("registrar"), limits, |request| async move {
        match read_body(request.into_body(), 64).await {
            Ok(body) => plain(StatusCode::OK, body.len().to_string()),
            Err(err) => plain(err.status(), err.to_string()),
        }
    })
    .await
}

fn provisional() -> Arc<ClientConfig> {
    provisional_config(None).unwrap()
}

async fn dial(address: SocketAddr, tls: Arc<ClientConfig>) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(tls).connect(ServerName::from(address.ip()), stream).await.unwrap()
}

/// Everything until the server closes, however it does so.
async fn rest(stream: &mut TlsStream<TcpStream>) -> String {
    let mut octets = Vec::new();
    let _ = stream.read_to_end(&mut octets).await;
    String::from_utf8(octets).unwrap()
}

async fn write(stream: &mut TlsStream<TcpStream>, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

fn get() -> Request<Full<Bytes>> {
    Request::get("/").body(Full::default()).unwrap()
}

fn post(octets: usize) -> Request<Full<Bytes>> {
    Request::post("/").body(Full::from(vec![b'x'; octets])).unwrap()
}
