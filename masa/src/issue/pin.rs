//! What a voucher pins, and thereby whose the device becomes: a domain by its certificate, or a registrar by its raw key (RFC 8366bis, sections 8 and 9).

use brski_common::voucher::Proximity;
use brski_common::{Certificate, DomainId, SpkiDigest};

use crate::ledger::Pinned;

/// The one thing that a voucher pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pin<'a> {
    /// pinned-domain-cert.
    Certificate(&'a Certificate),
    /// pinned-domain-pubk: DER SubjectPublicKeyInfo.
    Key(&'a [u8]),
    /// pinned-domain-pubk-sha256.
    KeyHash(&'a [u8; 32]),
}

impl<'a> Pin<'a> {
    /// The pin of the kind by which the pledge named its registrar, since it will look for no other; the domain's certificate where it named nobody.
    ///
    /// `named` must have been found to be the registrar: a raw key is pinned as it stands there.
    pub(super) fn choose(named: Option<Proximity<'a>>, domain: &'a Certificate) -> Self {
        match named {
            Some(Proximity::KeyHash(hash)) => Self::KeyHash(hash),
            Some(Proximity::Key(spki)) => Self::Key(spki),
            Some(Proximity::Certificate(_)) | None => Self::Certificate(domain),
        }
    }

    /// Digest of the pinned key.
    pub(super) fn digest(self) -> SpkiDigest {
        match self {
            Self::Certificate(certificate) => certificate.spki_digest(),
            Self::Key(spki) => SpkiDigest::of(spki),
            Self::KeyHash(hash) => SpkiDigest(*hash),
        }
    }

    /// How audit logs name whose the device becomes (RFC 8995, section 5.8.2).
    pub(super) fn domain_id(self) -> DomainId {
        match self {
            Self::Certificate(certificate) => certificate.domain_id(),
            Self::Key(_) | Self::KeyHash(_) => self.digest().into(),
        }
    }

    /// The pin as the ledger keeps it.
    pub(super) fn to_pinned(self) -> Pinned {
        match self {
            Self::Certificate(certificate) => Pinned::Certificate(certificate.clone()),
            Self::Key(spki) => Pinned::Key(spki.to_vec()),
            Self::KeyHash(_) => Pinned::KeyHash,
        }
    }
}
