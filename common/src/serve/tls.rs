//! TLS configurations: one for both servers, two for clients, which differ in how they look at the server's certificate.
//!
//! Everywhere: TLS 1.3 and 1.2, `http/1.1` alone, no tickets, no session identifiers, no early data.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WantsServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, DistinguishedName, Error, OtherError, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};

use crate::certificate::Certificate;
use crate::chain::{Anchors, Usage};
use crate::serve::TlsKey;
use crate::sign::{Hash, Signer};
use crate::time::UnixTime;

/// A TLS configuration that cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// There is no certificate to show.
    #[error("a TLS identity needs at least one certificate")]
    NoCertificate,
    /// The private key is of no known form.
    #[error("the private key is not usable for TLS, expected unencrypted PKCS #8 or SEC 1 in DER")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Certificate and private key do not belong together.
    #[error("the private key is not the one of {subject}")]
    Mismatch {
        /// The certificate's subject.
        subject: String,
    },
    /// The TLS library does not take it.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// A certificate path and its private key, ready for handshakes as server or as client.
#[derive(Clone, Debug)]
pub struct TlsIdentity(Arc<CertifiedKey>);

impl TlsIdentity {
    /// A path, the party's own certificate first, and the private key in PKCS #8 or SEC 1 DER. The key's octets are read, not kept.
    ///
    /// # Errors
    /// [`TlsError`] if the path is empty, the key unusable or another certificate's.
    pub fn new(chain: &[Certificate], key: &[u8]) -> Result<Self, TlsError> {
        let own = chain.first().ok_or(TlsError::NoCertificate)?;
        let key = PrivateKeyDer::try_from(key).map_err(|err| TlsError::Key(err.into()))?;
        let key = aws_lc_rs::sign::any_supported_type(&key).map_err(|err| TlsError::Key(err.into()))?;
        let certified = CertifiedKey::new(ders(chain), key);
        match certified.keys_match() {
            Ok(()) => Ok(Self(Arc::new(certified))),
            Err(Error::InconsistentKeys(_)) => Err(TlsError::Mismatch { subject: own.subject().to_owned() }),
            Err(other) => Err(TlsError::Setup(other)),
        }
    }

    /// A path, the party's own certificate first, and a key behind the [`Signer`] joint, which need not ever leave its store.
    ///
    /// # Errors
    /// [`TlsError`] if the path is empty or the key another certificate's.
    pub fn with_signer(chain: &[Certificate], signer: Arc<dyn Signer>) -> Result<Self, TlsError> {
        let own = chain.first().ok_or(TlsError::NoCertificate)?;
        match own.public_key() == *signer.public_key() {
            true => Ok(Self(Arc::new(CertifiedKey::new(ders(chain), TlsKey::new(signer))))),
            false => Err(TlsError::Mismatch { subject: own.subject().to_owned() }),
        }
    }

    /// SHA-256 over the certificate path: two identities with the same one are the same party to whoever they are shown to.
    pub fn fingerprint(&self) -> [u8; 32] {
        let octets: Vec<u8> = self.0.cert.iter().flat_map(|der| (der.len() as u64).to_be_bytes().into_iter().chain(der.iter().copied())).collect();
        Hash::Sha256.of(&octets).try_into().unwrap_or_default()
    }

    fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(self.0.clone()))
    }
}

/// A server that asks every client for a certificate, takes any or none, and only checks that the client holds its key: whether the certificate is any good is the service's decision.
///
/// The name that a client asks for (SNI) is ignored: a pledge does not know its registrar's name.
///
/// # Errors
/// [`TlsError::Setup`] if the TLS library refuses the combination.
pub fn server_config(identity: &TlsIdentity) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider();
    let clients = Arc::new(AnyClient { algorithms: provider.signature_verification_algorithms });
    let builder: ConfigBuilder<ServerConfig, WantsServerCert> =
        ServerConfig::builder_with_provider(provider).with_protocol_versions(VERSIONS).map_err(TlsError::Setup)?.with_client_cert_verifier(clients);
    let mut config = builder.with_cert_resolver(identity.resolver());
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    // Resumption would let a client in whose certificate nobody looks at again.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// A pledge's client before it has a voucher: any server is taken provisionally, if it holds its certificate's key (RFC 8995, section 5.1).
///
/// Nothing that such a server says may be believed until a voucher pins it.
///
/// # Errors
/// [`TlsError::Setup`] if the TLS library refuses the combination.
pub fn provisional_config(identity: Option<&TlsIdentity>) -> Result<Arc<ClientConfig>, TlsError> {
    client_config(Trust::Provisional, identity, VERSIONS)
}

/// A client of a server known by its name: path to one of `anchors`, and a subjectAltName with the DNS name or IP address that was dialled.
///
/// # Errors
/// [`TlsError::Setup`] if the TLS library refuses the combination.
pub fn anchored_config(anchors: &Anchors, identity: Option<&TlsIdentity>) -> Result<Arc<ClientConfig>, TlsError> {
    client_config(Trust::Anchored(anchors.clone()), identity, VERSIONS)
}

/// Whether a certificate's subjectAltName has this DNS name or IP address, as a client with an [`anchored_config`] demands beside the path (RFC 9525, section 6).
pub fn bears_name(certificate: &Certificate, name: &ServerName<'_>) -> bool {
    let der = CertificateDer::from(certificate.der());
    webpki::EndEntityCert::try_from(&der).and_then(|own| own.verify_is_valid_for_subject_name(name)).is_ok()
}

/// [`provisional_config`] for one version.
#[cfg(test)]
pub(super) fn provisional_config_of(version: &'static SupportedProtocolVersion, identity: Option<&TlsIdentity>) -> Arc<ClientConfig> {
    client_config(Trust::Provisional, identity, &[version]).unwrap()
}

fn client_config(trust: Trust, identity: Option<&TlsIdentity>, versions: &[&'static SupportedProtocolVersion]) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = provider();
    let enable_sni = matches!(trust, Trust::Anchored(_));
    let servers = Arc::new(ServerCheck { trust, algorithms: provider.signature_verification_algorithms });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(TlsError::Setup)?
        .dangerous()
        .with_custom_certificate_verifier(servers);
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = enable_sni;
    Ok(Arc::new(config))
}

/// Possession of the key is proven, nothing else.
#[derive(Debug)]
struct AnyClient {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(&self, _: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: UnixTime) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// On what ground a client takes a server.
#[derive(Debug)]
enum Trust {
    Provisional,
    Anchored(Anchors),
}

#[derive(Debug)]
struct ServerCheck {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for ServerCheck {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let anchors = match &self.trust {
            Trust::Provisional => return Ok(ServerCertVerified::assertion()),
            Trust::Anchored(anchors) => anchors,
        };
        let read = |der: &CertificateDer<'_>| Certificate::from_der(der).map_err(invalid);
        let leaf = read(end_entity)?;
        let pool: Vec<Certificate> = intermediates.iter().map(read).collect::<Result<_, _>>()?;
        anchors.verify_path(&leaf, &pool, Usage::TlsServer, now).map_err(invalid)?;
        match bears_name(&leaf, name) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::NotValidForName)),
        }
    }

    fn verify_tls12_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn ders(chain: &[Certificate]) -> Vec<CertificateDer<'static>> {
    chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect()
}

/// Carries our own reason through the TLS library's error.
fn invalid(reason: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(reason))))
}

const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const HTTP_1_1: &[u8] = b"http/1.1";
