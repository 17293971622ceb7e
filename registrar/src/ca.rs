//! The joint to the owner's certification authority, a built-in one, and one that an EST server is.

#[cfg(feature = "masa-client")]
mod est;
mod list;

use core::future::ready;
use core::time::Duration;
use std::sync::Arc;

use brski_common::issuing::{Subject, Template};
use brski_common::time::to_rfc3339;
use brski_common::{BoxFuture, Certificate, SignError, Signer, UnixTime};

#[cfg(feature = "masa-client")]
pub use self::est::{EstCa, EstServer};
pub use self::list::{FormerCa, RevocationList, list_name};
use crate::enroll::IssueOrder;
use crate::pledges::Revocation;

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

    /// Whether [`revocation_list`](Self::revocation_list) makes one. Not, by default: then whoever revokes is told that this CA has to hear of it elsewhere.
    fn makes_revocation_lists(&self) -> bool {
        false
    }

    /// Whether it could issue at `now`, for whoever watches the registrar; one that says nothing is taken to be able.
    fn ready(&self, _now: UnixTime) -> BoxFuture<'_, Result<(), IssueError>> {
        Box::pin(ready(Ok(())))
    }
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
        let own = chain.first().cloned().ok_or(IssueError::Misconfigured("it has no certificate"))?;
        list::check(&own, &*signer)?;
        Ok(Self { own, chain, signer })
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
            Some(url) => template.crl_distribution_point(&url.replace(ISSUER_IN_URL, &list_name(&self.own))),
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
        Box::pin(async move { list::signed_list(&self.own, &*self.signer, revoked, number, now).await.map(Some) })
    }

    fn makes_revocation_lists(&self) -> bool {
        true
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

/// What stands in the URL of a CRL for the [name of the list](list_name) of whichever CA issues, so that each LDevID leads to its own issuer's list.
pub const ISSUER_IN_URL: &str = "{issuer}";
/// What the key signs to show that it can: nothing that a certificate could be made of.
const PROBE: &[u8] = b"brski-registrar: does the CA's key sign?";
