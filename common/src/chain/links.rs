//! Links between CAs that were verified before, so that of the next leaf only its own signature is left.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::read_keys::ReadKeys;
use crate::certificate::Certificate;

/// Paths from issuing CAs up to an anchor, as they were verified with a leaf below. Shared by the copies of the anchors that they were verified for, and by no others.
///
/// Of a path that was verified before, everything holds still that does not depend on the leaf or on the time: signatures, names, and what each CA may do. The leaf's own
/// signature and name are verified each time, and so are the times at which the CAs are valid.
#[derive(Clone, Default)]
pub(super) struct Links(Arc<RwLock<VecDeque<Arc<Link>>>>);

/// An issuing CA and what stands above it.
pub(super) struct Link {
    /// The issuing CA first, the anchor last.
    pub(super) path: Vec<Certificate>,
    /// The issuing CA as paths are checked with it.
    pub(super) issuer: TrustAnchor<'static>,
    pub(super) issuer_key: ReadKeys,
}

impl Links {
    /// The links to CAs of this name.
    pub(super) fn to(&self, name: &[u8]) -> Vec<Arc<Link>> {
        let links = self.0.read().unwrap_or_else(PoisonError::into_inner);
        links.iter().filter(|link| link.path.first().is_some_and(|issuer| issuer.subject_der() == name)).cloned().collect()
    }

    /// Remembers a path: issuing CA first, anchor last. Not one whose CAs constrain names: these constrain the leaf too.
    pub(super) fn keep(&self, path: &[Certificate]) {
        let [issuer, _, ..] = path else { return };
        if path.iter().any(constrains_names) {
            return;
        }
        let der = CertificateDer::from(issuer.der());
        let Ok(anchor) = webpki::anchor_from_trusted_cert(&der).map(|anchor| anchor.to_owned()) else { return };
        let mut links = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if links.iter().any(|link| link.path == path) {
            return;
        }
        if links.len() >= MOST_LINKS {
            links.pop_front();
        }
        let issuer_key = ReadKeys::of(core::slice::from_ref(issuer));
        links.push_back(Arc::new(Link { path: path.to_vec(), issuer: anchor, issuer_key }));
    }
}

impl Link {
    /// Whether what is known still counts: the CAs below the anchor are in this pool, and valid now. An anchor is trusted as it is.
    pub(super) fn holds(&self, pool: &[Certificate], now: UnixTime) -> bool {
        let below_the_anchor = self.path.split_last().map_or(&[][..], |(_, below)| below);
        below_the_anchor.iter().all(|authority| pool.contains(authority) && authority.not_before() <= now && now <= authority.not_after())
    }
}

/// One that cannot be read is taken for one that does.
fn constrains_names(certificate: &Certificate) -> bool {
    let read = X509Certificate::from_der(certificate.der()).ok();
    read.and_then(|(_, certificate)| certificate.name_constraints().ok().map(|found| found.is_some())).unwrap_or(true)
}

/// How many issuing CAs are remembered; a manufacturer has a few.
const MOST_LINKS: usize = 64;
