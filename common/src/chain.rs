//! Certificate paths to configured anchors (RFC 5280), evaluated by rustls-webpki.

mod links;
mod read_keys;

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode as _, Reader as _, SliceReader};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};

use self::read_keys::ReadKeys;
use crate::certificate::{Certificate, PolicyOid};
use crate::error::{DecodeError, VerifyError};
use crate::time::to_rfc3339;

/// What an end-entity certificate must be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Usage {
    /// No particular use: IDevIDs and voucher signers carry no extended key usage.
    Any,
    /// Act as registrar: id-kp-cmcRA must be present (RFC 8995, section 5.5.4).
    CmcRa,
    /// TLS server, if usages are restricted at all.
    TlsServer,
    /// TLS client, if usages are restricted at all.
    TlsClient,
}

impl Usage {
    /// Whether a certificate with these extended key usages (dotted OIDs; none if unrestricted) may do it.
    fn allowed_by(self, usages: &[String]) -> bool {
        let has = |oid: &str| usages.iter().any(|u| u == oid);
        match self {
            Self::Any => true,
            Self::CmcRa => has(ID_KP_CMC_RA),
            Self::TlsServer => usages.is_empty() || has("1.3.6.1.5.5.7.3.1") || has("2.5.29.37.0"),
            Self::TlsClient => usages.is_empty() || has("1.3.6.1.5.5.7.3.2") || has("2.5.29.37.0"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::CmcRa => "id-kp-cmcRA (1.3.6.1.5.5.7.3.28)",
            Self::TlsServer => "serverAuth",
            Self::TlsClient => "clientAuth",
        }
    }
}

/// id-kp-cmcRA, which says that a certificate belongs to a registrar.
pub const ID_KP_CMC_RA: &str = "1.3.6.1.5.5.7.3.28";

/// Certificates that are trusted because somebody configured them. May be empty: then nothing is trusted.
///
/// A CA's certificate vouches for what it issued. Any other, one of version 1 included, stands for itself alone: pinning a registrar does not make it a CA.
#[derive(Clone, Default)]
pub struct Anchors {
    certificates: Vec<Certificate>,
    /// Those of CAs: as paths are built from them, and in the same order as they were given.
    issuers: Vec<TrustAnchor<'static>>,
    issuer_certificates: Vec<Certificate>,
    issuer_keys: ReadKeys,
    /// Without which no certificate below counts.
    policy: Option<PolicyOid>,
    links: links::Links,
}

impl Anchors {
    /// Trusts these certificates, CAs or end-entity certificates alike.
    ///
    /// # Errors
    /// [`DecodeError`] if one cannot serve as anchor.
    pub fn new(certificates: impl IntoIterator<Item = Certificate>) -> Result<Self, DecodeError> {
        let certificates: Vec<Certificate> = certificates.into_iter().collect();
        let issuer_certificates: Vec<Certificate> = certificates.iter().filter(|c| c.is_ca()).cloned().collect();
        let anchor = |certificate: &Certificate| {
            let der = CertificateDer::from(certificate.der());
            let anchor = webpki::anchor_from_trusted_cert(&der).map(|a| a.to_owned());
            anchor.map_err(|err| DecodeError::syntax("trust anchor", "X.509", err))
        };
        let issuers = issuer_certificates.iter().map(anchor).collect::<Result<_, _>>()?;
        let issuer_keys = ReadKeys::of(&issuer_certificates);
        Ok(Self { certificates, issuers, issuer_certificates, issuer_keys, policy: None, links: links::Links::default() })
    }

    /// The same anchors for those alone who were certified under this policy: for voucher signers whose root also stands above every IDevID.
    #[must_use]
    pub fn demanding(self, policy: PolicyOid) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// Without which certificate policy nobody is trusted, if any.
    pub fn policy(&self) -> Option<&PolicyOid> {
        self.policy.as_ref()
    }

    /// Those of these certificates that nothing else among them issued, as anchors for consistency only. A self-issued one must have signed itself.
    fn temporary(leaf: &Certificate, pool: &[Certificate]) -> Result<Self, VerifyError> {
        let all = || core::iter::once(leaf).chain(pool);
        let topmost = all().filter(|c| match c.is_self_issued() {
            true => is_self_signed(c),
            false => !all().any(|above| above.subject_der() == c.issuer_der()),
        });
        Self::new(topmost.cloned()).map_err(|source| VerifyError::Decode { artefact: "certificate chain in the envelope", source })
    }

    /// The certificates that are trusted.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Builds and checks a path from `leaf` through `pool` to an anchor at the time `now`, and returns it: leaf first, anchor last.
    ///
    /// An anchor is trusted as it is: its own validity is checked only where it is the leaf itself. Of the pool, a few certificates of one subject name are looked at, those first
    /// whose key identifier the certificate below names: CAs of one name that certify each other would otherwise make for more paths than anybody can try.
    ///
    /// What was verified of the CAs between is remembered, so that of the next leaf that they issued only its own signature is left. That accepts nothing else: the CAs must be in
    /// the pool and valid at `now` each time.
    ///
    /// # Errors
    /// [`VerifyError::NoPath`], [`VerifyError::NotCurrent`], [`VerifyError::WrongUsage`] or [`VerifyError::WrongPolicy`].
    pub fn verify_path(&self, leaf: &Certificate, pool: &[Certificate], usage: Usage, now: UnixTime) -> Result<Vec<Certificate>, VerifyError> {
        if !usage.allowed_by(leaf.usages()) {
            return Err(VerifyError::WrongUsage { subject: leaf.subject().to_owned(), usage: usage.name() });
        }
        self.demand_policy(core::slice::from_ref(leaf))?;
        if self.certificates.contains(leaf) {
            if leaf.has_unknown_critical_extension() {
                return Err(VerifyError::NoPath { subject: leaf.subject().to_owned(), detail: "it has a critical extension that is not known".to_owned() });
            }
            return match (now < leaf.not_before(), now > leaf.not_after()) {
                (true, _) => Err(not_current(leaf, NOT_YET_VALID, now)),
                (false, true) => Err(not_current(leaf, EXPIRED, now)),
                (false, false) => Ok(vec![leaf.clone()]),
            };
        }

        let pool = above(leaf, pool);
        let ders: Vec<CertificateDer<'_>> = pool.iter().map(|c| CertificateDer::from(c.der())).collect();
        let der = CertificateDer::from(leaf.der());
        let failed = |err: webpki::Error| match err {
            webpki::Error::CertExpired { .. } => not_current(leaf, EXPIRED, now),
            webpki::Error::CertNotValidYet { .. } => not_current(leaf, NOT_YET_VALID, now),
            other => self.no_path(leaf, &other),
        };
        let end_entity = EndEntityCert::try_from(&der).map_err(failed)?;
        if let Some(path) = self.known_path(leaf, &end_entity, &pool, now) {
            return Ok(path);
        }
        let issuers_may_issue = |path: &VerifiedPath<'_>| issuers_may_issue(&self.certificates_of(path, leaf, &pool));
        let algorithms = self.issuer_keys.algorithms();
        let path = end_entity.verify_for_usage(&algorithms, &self.issuers, &ders, now, Unchecked, None, Some(&issuers_may_issue)).map_err(failed)?;
        let path = self.certificates_of(&path, leaf, &pool);
        self.demand_policy(&path)?;
        self.links.keep(path.get(1..).unwrap_or_default());
        Ok(path)
    }

    /// What path building does not look at.
    fn demand_policy(&self, path: &[Certificate]) -> Result<(), VerifyError> {
        let Some(policy) = &self.policy else { return Ok(()) };
        let wrong = |lacks: &Certificate| VerifyError::WrongPolicy { subject: lacks.subject().to_owned(), policy: policy.clone() };
        policy.first_without(path).map_or(Ok(()), |lacks| Err(wrong(lacks)))
    }

    /// The path over CAs whose own path was verified before, if there is one. Where there is none nothing is said: perhaps there is another.
    fn known_path(&self, leaf: &Certificate, end_entity: &EndEntityCert<'_>, pool: &[Certificate], now: UnixTime) -> Option<Vec<Certificate>> {
        self.links.to(leaf.issuer_der()).into_iter().filter(|link| link.holds(pool, now)).find_map(|link| {
            let issuer = core::slice::from_ref(&link.issuer);
            end_entity.verify_for_usage(&link.issuer_key.algorithms(), issuer, &[], now, Unchecked, None, None).ok()?;
            let path: Vec<Certificate> = core::iter::once(leaf).chain(&link.path).cloned().collect();
            (issuers_may_issue(&path).is_ok() && self.demand_policy(&path).is_ok()).then_some(path)
        })
    }

    /// The certificates of a path: leaf first, anchor last.
    fn certificates_of(&self, path: &VerifiedPath<'_>, leaf: &Certificate, pool: &[Certificate]) -> Vec<Certificate> {
        let mut chain = vec![leaf.clone()];
        for link in path.intermediate_certificates() {
            chain.extend(pool.iter().find(|c| *c.der() == *link.der()).cloned());
        }
        let anchor = self.issuers.iter().zip(&self.issuer_certificates).find(|(anchor, _)| core::ptr::eq(*anchor, path.anchor()));
        chain.extend(anchor.map(|(_, certificate)| certificate.clone()));
        chain
    }

    fn no_path(&self, leaf: &Certificate, err: &webpki::Error) -> VerifyError {
        let issuer_is_no_ca = self.certificates.iter().any(|c| !c.is_ca() && c.subject_der() == leaf.issuer_der());
        let detail = match (issuer_is_no_ca, err) {
            (true, _) => "the anchor of its issuer's name is no CA (basicConstraints)".to_owned(),
            (false, webpki::Error::EndEntityUsedAsCa) => "a certificate above it may not issue others (basicConstraints, keyUsage)".to_owned(),
            (false, other) => other.to_string(),
        };
        VerifyError::NoPath { subject: leaf.subject().to_owned(), detail }
    }
}

/// Builds and checks a path from `leaf` through `pool` to whatever stands on top there, trusted by nobody (RFC 8995, section 5.5.2), and returns it as far as it is signed.
///
/// Path building never looks at an anchor's own signature, so that anybody could alter the top of a genuine chain: its key identifier, say, and pass for another domain. Therefore a
/// self-issued top must have signed itself. One whose issuer is not at hand cannot be checked: it serves to check what is below it, and is not part of the path that is returned.
/// A leaf that stands alone is returned as it is; its holder could as well have signed it.
/// What else is in the pool does not matter: a registrar's request brings along the certificates of the pledge (constrained BRSKI, section 9.2).
///
/// # Errors
/// Those of [`Anchors::verify_path`].
pub(crate) fn consistent_path(leaf: &Certificate, pool: &[Certificate], usage: Usage, now: UnixTime) -> Result<Vec<Certificate>, VerifyError> {
    let pool = above(leaf, pool);
    let mut path = Anchors::temporary(leaf, &pool)?.verify_path(leaf, &pool, usage, now)?;
    if path.len() > 1 && path.last().is_some_and(|top| !top.is_self_issued()) {
        path.pop();
    }
    Ok(path)
}

/// Those of the pool whose names stand above the leaf's, each once, and no more than [`MOST_NAMESAKES`] of one name.
///
/// Those come first whose key identifier the certificate below names, so that a CA's former keys do not crowd out the one that counts.
fn above(leaf: &Certificate, pool: &[Certificate]) -> Vec<Certificate> {
    let mut found = vec![leaf.clone()];
    let mut next = 0;
    while let Some(below) = found.get(next).cloned() {
        let mut issuers: Vec<&Certificate> = pool.iter().filter(|c| c.subject_der() == below.issuer_der()).collect();
        issuers.sort_by_key(|c| below.authority_key_id().is_none_or(|id| c.subject_key_id() != Some(id)));
        let mut namesakes = found.iter().skip(1).filter(|c| c.subject_der() == below.issuer_der()).count();
        for issuer in issuers {
            if namesakes < MOST_NAMESAKES && !found.contains(issuer) {
                found.push(issuer.clone());
                namesakes += 1;
            }
        }
        next += 1;
    }
    found.split_off(1)
}

/// Most certificates of one subject name that a path is looked for in: a CA's old key, its new one, and the new one certified by the old (RFC 4210, section 4.4).
/// The number of paths grows with the factorial of it.
const MOST_NAMESAKES: usize = 3;

/// What RFC 5280, section 6.1.4, asks of issuers and path building does not look at: no keyUsage, and of an anchor nothing but name and key.
fn issuers_may_issue(path: &[Certificate]) -> Result<(), webpki::Error> {
    let mut authorities_below = 0;
    for issuer in path.iter().skip(1) {
        if !issuer.may_issue() {
            return Err(webpki::Error::EndEntityUsedAsCa);
        }
        if issuer.path_length().is_some_and(|most| authorities_below > most) {
            return Err(webpki::Error::PathLenConstraintViolated);
        }
        authorities_below += u32::from(!issuer.is_self_issued());
    }
    Ok(())
}

/// Whether the certificate's own key made its signature, by the algorithms that paths are checked with.
fn is_self_signed(certificate: &Certificate) -> bool {
    is_signed_by(certificate, certificate)
}

/// Whether the issuer's key made the certificate's signature. One link and no path: neither names nor what the issuer may do are looked at.
pub(crate) fn is_signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let der = CertificateDer::from(issuer.der());
    let (Ok(issuer), Ok((signed, algorithm, signature))) = (EndEntityCert::try_from(&der), parts(certificate.der())) else { return false };
    let named = ALL_VERIFICATION_ALGS.iter().filter(|known| known.signature_alg_id().as_ref() == algorithm);
    signature.as_bytes().is_some_and(|octets| named.into_iter().any(|known| issuer.verify_signature(*known, signed, octets).is_ok()))
}

/// The octets that a certificate's signature covers, the content of its algorithm identifier, and the signature.
fn parts(der: &[u8]) -> der::Result<(&[u8], &[u8], BitStringRef<'_>)> {
    let signed = AnyRef::from_der(der)?;
    let mut reader = SliceReader::new(signed.value())?;
    let parts = (reader.tlv_bytes()?, AnyRef::decode(&mut reader)?.value(), BitStringRef::decode(&mut reader)?);
    reader.finish(parts)
}

impl core::fmt::Debug for Anchors {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(&self.certificates).finish()
    }
}

/// The leaf's usages are checked by [`Usage`]; those of CAs restrict nothing here.
struct Unchecked;

impl ExtendedKeyUsageValidator for Unchecked {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

fn not_current(leaf: &Certificate, state: &'static str, now: UnixTime) -> VerifyError {
    VerifyError::NotCurrent { subject: leaf.subject().to_owned(), state, now: to_rfc3339(now) }
}

const EXPIRED: &str = "expired";
const NOT_YET_VALID: &str = "not yet valid";

#[cfg(test)]
mod tests;
