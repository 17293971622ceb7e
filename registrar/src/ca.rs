//! The joint to the owner's certification authority, a built-in one, and one that an EST server is.

#[cfg(feature = "masa-client")]
mod est;

use core::future::ready;
use core::time::Duration;
use std::sync::Arc;

use brski_common::issuing::{ListedReason, Revoked, Subject, Template, revocation_list};
use brski_common::time::{at, to_rfc3339};
use brski_common::{BoxFuture, Certificate, SignError, Signer, UnixTime};

#[cfg(feature = "masa-client")]
pub use self::est::{EstCa, EstServer};
use crate::enroll::IssueOrder;
use crate::pledges::Revocation;
use crate::trail::RevocationReason;

/// Issues LDevIDs. There is no other way in than an [`IssueOrder`].
pub trait CertificateAuthority: Send + Sync {
    /// Issues exactly what the order says and returns the LDevID, then the path above it without the anchor.
    ///
    /// An order is spent by value: an implementation must not issue twice on it. One that needs time says [`IssueError::Later`]; the pledge then repeats the same request, for which
    /// there will be another order.
    fn issue<'a>(&'a self, order: IssueOrder) -> BoxFuture<'a, Result<Vec<Certificate>, IssueError>>;

    /// What `cacerts` hands out: the issuing CA first, the domain's anchor last (RFC 7030, section 4.1.3).
    fn ca_certificates(&self) -> &[Certificate];

    /// The list of what it revoked, with this number, which grows from list to list. None, the default, if it makes none here.
    fn revocation_list<'a>(&'a self, revoked: &'a [Revocation], number: u128, now: UnixTime) -> BoxFuture<'a, Result<Option<RevocationList>, IssueError>> {
        let _ = (revoked, number, now);
        Box::pin(ready(Ok(None)))
    }

    /// Whether it could issue at `now`, for whoever watches the registrar; one that says nothing is taken to be able.
    fn ready(&self, _now: UnixTime) -> BoxFuture<'_, Result<(), IssueError>> {
        Box::pin(ready(Ok(())))
    }
}

/// A CRL (RFC 5280, section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// The list.
    pub der: Vec<u8>,
    /// When the next one comes at the latest.
    pub next_update: UnixTime,
}

/// A certification authority that did not issue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// It needs time: the pledge repeats the same request after this long (RFC 7030, section 4.2.3).
    #[error("the certification authority has not issued yet; ask again in {} s", .0.as_secs())]
    Later(Duration),
    /// It cannot issue what the order says on the request as it stands: the pledge's doing.
    #[error("{0}")]
    Unsuitable(String),
    /// It refused.
    #[error("the certification authority refused: {0}")]
    Refused(String),
    /// What it issued is not what was ordered, or cannot be read; it is not passed on.
    #[error("what the certification authority answered is not used: {detail}")]
    BadAnswer {
        /// What is wrong with it.
        detail: String,
        /// What its reader said, if one said something.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Its key did not sign.
    #[error("the certification authority did not sign")]
    Sign(#[source] SignError),
    /// It has no certificate, or one that is no CA's or another key's.
    #[error("the certification authority cannot be used: {0}")]
    Misconfigured(&'static str),
    /// Nothing that it issues now would be valid.
    #[error("the certificate of the certification authority has expired or is about to, at {not_after}")]
    Expired {
        /// RFC 3339.
        not_after: String,
    },
    /// The system gave no random numbers for a serial number.
    #[error("the system gave no random numbers")]
    Randomness,
    /// An external authority did not answer.
    #[error("the certification authority did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A CA whose key this process can use.
pub struct BuiltInCa {
    own: Certificate,
    chain: Vec<Certificate>,
    signer: Arc<dyn Signer>,
}

impl BuiltInCa {
    /// A CA with this path (its own certificate first, the root last) and key.
    ///
    /// # Errors
    /// [`IssueError::Misconfigured`] if there is no certificate, it is no CA's, or the key is not its.
    pub fn new(chain: Vec<Certificate>, signer: Arc<dyn Signer>) -> Result<Self, IssueError> {
        match chain.first() {
            None => Err(IssueError::Misconfigured("it has no certificate")),
            Some(own) if !own.is_ca() => Err(IssueError::Misconfigured("its first certificate is no CA's")),
            Some(own) if own.public_key() != *signer.public_key() => Err(IssueError::Misconfigured("its key is not that of its first certificate")),
            Some(own) => Ok(Self { own: own.clone(), chain, signer }),
        }
    }

    async fn certify(&self, order: IssueOrder) -> Result<Vec<Certificate>, IssueError> {
        // 128 random bits as certificate serial (CA/Browser Forum asks for 64): unique without memory.
        let mut serial = [0; 16];
        aws_lc_rs::rand::fill(&mut serial).map_err(|_| IssueError::Randomness)?;
        let subject = Subject::from_der(order.subject_der()).map_err(|err| IssueError::Sign(SignError::Encode { artefact: "LDevID", source: err.into() }))?;
        let not_before = order.not_before().max(self.own.not_before());
        let not_after = order.not_after().min(self.own.not_after());
        if not_after <= not_before {
            return Err(IssueError::Expired { not_after: to_rfc3339(self.own.not_after()) });
        }
        let usages: Vec<&str> = order.usages().iter().map(|usage| usage.oid()).collect();
        let template = Template::new(subject, order.public_key(), serial, not_before, not_after).usages(&usages);
        let template = template.alternative_names(&order.names().dns).alternative_uris(&order.names().uris);
        let template = order.policies().iter().fold(template, Template::policy);
        let template = match order.crl_url() {
            Some(url) => template.crl_distribution_point(url),
            None if order.no_revocation() => template.without_revocation(),
            None => template,
        };
        let ldevid = template.issued_by(&self.own, &*self.signer).await.map_err(IssueError::Sign)?;

        let above = self.chain.iter().filter(|ca| !ca.is_self_issued());
        Ok(core::iter::once(ldevid).chain(above.cloned()).collect())
    }
}

impl CertificateAuthority for BuiltInCa {
    fn issue<'a>(&'a self, order: IssueOrder) -> BoxFuture<'a, Result<Vec<Certificate>, IssueError>> {
        Box::pin(self.certify(order))
    }

    fn ca_certificates(&self) -> &[Certificate] {
        &self.chain
    }

    fn revocation_list<'a>(&'a self, revoked: &'a [Revocation], number: u128, now: UnixTime) -> BoxFuture<'a, Result<Option<RevocationList>, IssueError>> {
        let entries: Vec<Revoked> = revoked.iter().map(entry).collect();
        let next_update = at(now.as_secs().saturating_add(CRL_LIFETIME.as_secs()));
        Box::pin(async move {
            let list = revocation_list(&self.own, &*self.signer, &entries, number, now, next_update).await;
            Ok(Some(RevocationList { der: list.map_err(IssueError::Sign)?, next_update }))
        })
    }

    fn ready(&self, now: UnixTime) -> BoxFuture<'_, Result<(), IssueError>> {
        Box::pin(async move {
            if self.own.not_after() < now {
                return Err(IssueError::Expired { not_after: to_rfc3339(self.own.not_after()) });
            }
            self.signer.sign(PROBE).await.map(drop).map_err(IssueError::Sign)
        })
    }
}

fn entry(revocation: &Revocation) -> Revoked {
    let reason = match revocation.reason {
        // Left out rather than said (RFC 5280, section 5.3.1).
        RevocationReason::Unspecified => None,
        RevocationReason::KeyCompromise => Some(ListedReason::KeyCompromise),
        RevocationReason::AffiliationChanged => Some(ListedReason::AffiliationChanged),
        RevocationReason::Superseded => Some(ListedReason::Superseded),
        RevocationReason::CessationOfOperation => Some(ListedReason::CessationOfOperation),
        RevocationReason::PrivilegeWithdrawn => Some(ListedReason::PrivilegeWithdrawn),
    };
    Revoked { serial: octets(&revocation.certificate), at: revocation.at, reason }
}

/// The octets that these hexadecimal digits stand for.
fn octets(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.chars().filter_map(|c| c.to_digit(16)).filter_map(|digit| u8::try_from(digit).ok()).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit)).collect()
}

/// A new list is there after half of it: whoever keeps a copy can miss several days of this registrar.
const CRL_LIFETIME: Duration = Duration::from_secs(7 * 86_400);
/// What the key signs to show that it can: nothing that a certificate could be made of.
const PROBE: &[u8] = b"brski-registrar: does the CA's key sign?";
