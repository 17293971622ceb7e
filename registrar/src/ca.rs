//! The joint to the owner's certification authority, and a built-in one.

use std::sync::Arc;

use brski_common::issuing::{Subject, Template};
use brski_common::time::to_rfc3339;
use brski_common::{BoxFuture, Certificate, SignError, Signer};

use crate::enroll::IssueOrder;

/// Issues LDevIDs. There is no other way in than an [`IssueOrder`].
pub trait CertificateAuthority: Send + Sync {
    /// Issues exactly what the order says and returns the LDevID, then the path above it without the anchor.
    ///
    /// An order is spent by value: an implementation must not issue twice on it.
    fn issue<'a>(&'a self, order: IssueOrder) -> BoxFuture<'a, Result<Vec<Certificate>, IssueError>>;

    /// What `cacerts` hands out: the issuing CA first, the domain's anchor last (RFC 7030, section 4.1.3).
    fn ca_certificates(&self) -> &[Certificate];
}

/// A certification authority that did not issue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
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
        let template = Template::new(subject, order.public_key(), serial, not_before, not_after).usages(&[ID_KP_CLIENT_AUTH]);
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
}

/// TLS client authentication (RFC 5280, section 4.2.1.12).
const ID_KP_CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
