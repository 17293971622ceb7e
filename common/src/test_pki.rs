//! Keys and certificates for unit tests.

use std::sync::Arc;

use crate::certificate::Certificate;
use crate::issuing::{Subject, Template, never};
use crate::sign::{SignatureAlgorithm, Signer, SoftwareKey};
use crate::signed::SigningParty;
use crate::time::{UnixTime, at};

/// Some time in 2026, at which everything below is valid.
pub(crate) const NOW: u64 = 1_790_000_000;

/// Ends a future of software keys, which answer at once.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = core::pin::pin!(future);
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        core::task::Poll::Ready(value) => value,
        core::task::Poll::Pending => panic!("a software key answers at once"),
    }
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Entity {
    pub(crate) certificate: Certificate,
    pub(crate) key: SoftwareKey,
}

impl Entity {
    /// A self-signed CA.
    pub(crate) fn root(name: &str) -> Self {
        let key = new_key(SignatureAlgorithm::Es256);
        let template = template(Subject::common_name(name), &key).ca(None);
        Self { certificate: block_on(template.self_signed(&key)).unwrap(), key }
    }

    /// Whatever `shape` makes of a certificate for a new key under this one.
    pub(crate) fn issue(&self, name: &str, algorithm: SignatureAlgorithm, shape: impl FnOnce(Template) -> Template) -> Self {
        let key = new_key(algorithm);
        let template = shape(template(Subject::common_name(name), &key));
        Self { certificate: block_on(template.issued_by(&self.certificate, &self.key)).unwrap(), key }
    }

    /// A CA under this one.
    pub(crate) fn issue_ca(&self, name: &str) -> Self {
        self.issue(name, SignatureAlgorithm::Es256, |t| t.ca(None))
    }

    /// This self-signed certificate after `change`, signed anew.
    pub(crate) fn reissued(&self, change: impl FnOnce(&mut x509_cert::TbsCertificate)) -> Certificate {
        use der::{Decode as _, Encode as _};
        let mut certificate = x509_cert::Certificate::from_der(self.certificate.der()).unwrap();
        change(&mut certificate.tbs_certificate);
        let signature = block_on(self.key.sign(&certificate.tbs_certificate.to_der().unwrap())).unwrap();
        certificate.signature = der::asn1::BitString::from_bytes(&signature.to_asn1().unwrap()).unwrap();
        Certificate::from_der(&certificate.to_der().unwrap()).unwrap()
    }

    /// A party that shows its own certificate and these.
    pub(crate) fn party(&self, above: &[&Entity]) -> SigningParty {
        let chain = core::iter::once(self).chain(above.iter().copied()).map(|e| e.certificate.clone()).collect();
        SigningParty::with_chain(chain, Arc::new(self.key.clone()))
    }
}

/// A new key.
pub(crate) fn new_key(algorithm: SignatureAlgorithm) -> SoftwareKey {
    SoftwareKey::generate(algorithm).unwrap().0
}

/// A template with a serial number that depends on the key, valid from a day before [`NOW`] on.
pub(crate) fn template(subject: Subject, key: &SoftwareKey) -> Template {
    let mut serial = [0; 16];
    serial.copy_from_slice(&key.public_key().digest().0[..16]);
    Template::new(subject, key.public_key(), serial, at(NOW - 86_400), never())
}

/// [`NOW`] as the type that rules take.
pub(crate) fn now() -> UnixTime {
    at(NOW)
}
