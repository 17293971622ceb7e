//! Certification authorities with their keys.

use std::sync::Arc;

use brski_common::issuing::{Subject, Template};
use brski_common::time::at;
use brski_common::{Certificate, SignatureAlgorithm, Signer as _, SigningParty, SoftwareKey};

use super::NOW;

/// A CA: its certificate path (its own first, the root last) and its key.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) chain: Vec<Certificate>,
    pub(crate) key: SoftwareKey,
}

impl Authority {
    pub(crate) async fn root(name: &str) -> Self {
        let key = new_key();
        let certificate = template(Subject::common_name(name), &key).ca(None).self_signed(&key).await.unwrap();
        Self { chain: vec![certificate], key }
    }

    pub(crate) async fn subordinate(&self, name: &str) -> Self {
        let key = new_key();
        let chain = self.issue(template(Subject::common_name(name), &key).ca(None)).await;
        Self { chain, key }
    }

    /// Its certificate.
    pub(crate) fn certificate(&self) -> Certificate {
        self.chain[0].clone()
    }

    /// The topmost certificate.
    pub(crate) fn anchor(&self) -> Certificate {
        self.chain[self.chain.len() - 1].clone()
    }

    /// Issues a certificate and returns it with the path above it.
    pub(crate) async fn issue(&self, template: Template) -> Vec<Certificate> {
        let issued = template.issued_by(&self.chain[0], &self.key).await.unwrap();
        core::iter::once(issued).chain(self.chain.iter().cloned()).collect()
    }

    /// Somebody with a new key and these extended key usages, who shows the path above, too.
    pub(crate) async fn party(&self, name: &str, usages: &[&str]) -> SigningParty {
        let key = new_key();
        let chain = self.issue(template(Subject::common_name(name), &key).usages(usages)).await;
        SigningParty::with_chain(chain, Arc::new(key))
    }
}

pub(crate) fn new_key() -> SoftwareKey {
    SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0
}

/// Valid from a year before [`NOW`] to ten years after it. The certificate's serial number follows from the key.
pub(crate) fn template(subject: Subject, key: &SoftwareKey) -> Template {
    valid(NOW - YEAR, NOW + 10 * YEAR, subject, key)
}

/// As [`template`], valid between these seconds.
pub(crate) fn valid(from: u64, until: u64, subject: Subject, key: &SoftwareKey) -> Template {
    let mut serial = [0; 16];
    serial.copy_from_slice(&key.public_key().digest().0[..16]);
    Template::new(subject, key.public_key(), serial, at(from), at(until))
}

const YEAR: u64 = 365 * 86_400;
