//! A TLS key behind the [`Signer`] joint, so that a key which never leaves its secure element or HSM can authenticate a connection.

use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::Thread;

use rustls::sign::SigningKey;
use rustls::{Error, SignatureAlgorithm as TlsAlgorithm, SignatureScheme};

use crate::sign::{SignatureAlgorithm, Signer};

/// Lets rustls sign with any [`Signer`].
///
/// rustls signs synchronously: while the key store works, the thread of this handshake waits. A software key answers at once.
#[derive(Clone)]
pub struct TlsKey(Arc<dyn Signer>);

impl TlsKey {
    /// A key for [`rustls::sign::CertifiedKey`].
    pub fn new(signer: Arc<dyn Signer>) -> Arc<Self> {
        Arc::new(Self(signer))
    }

    fn scheme(&self) -> SignatureScheme {
        match self.0.algorithm() {
            SignatureAlgorithm::Es256 => SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureAlgorithm::Es384 => SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureAlgorithm::EdDsa => SignatureScheme::ED25519,
        }
    }
}

impl SigningKey for TlsKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn rustls::sign::Signer>> {
        offered.contains(&self.scheme()).then(|| Box::new(self.clone()) as Box<dyn rustls::sign::Signer>)
    }

    fn algorithm(&self) -> TlsAlgorithm {
        match self.0.algorithm() {
            SignatureAlgorithm::Es256 | SignatureAlgorithm::Es384 => TlsAlgorithm::ECDSA,
            SignatureAlgorithm::EdDsa => TlsAlgorithm::ED25519,
        }
    }
}

impl rustls::sign::Signer for TlsKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |err: &dyn std::error::Error| Error::General(err.to_string());
        let signature = block_on(self.0.sign(message)).map_err(|err| failed(&err))?;
        signature.to_asn1().map_err(|err| failed(&err))
    }

    fn scheme(&self) -> SignatureScheme {
        Self::scheme(self)
    }
}

impl core::fmt::Debug for TlsKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TlsKey({:?})", self.0.public_key())
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(mut future: crate::BoxFuture<'_, T>) -> T {
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::{Hash, SignatureScheme as Scheme, SoftwareKey};

    #[test]
    fn a_signature_made_for_tls_is_the_signers_own() {
        let (key, _) = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap();
        let tls = TlsKey::new(Arc::new(key.clone()));
        let signer = tls.choose_scheme(&[SignatureScheme::ECDSA_NISTP384_SHA384, SignatureScheme::ECDSA_NISTP256_SHA256]).unwrap();
        let signature = signer.sign(b"handshake").unwrap();
        assert!(key.public_key().verifies(Scheme::EcdsaAsn1(Hash::Sha256), b"handshake", &signature));
    }

    #[test]
    fn a_scheme_of_another_curve_is_not_chosen() {
        let (key, _) = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap();
        assert!(TlsKey::new(Arc::new(key)).choose_scheme(&[SignatureScheme::ECDSA_NISTP384_SHA384]).is_none());
    }
}
