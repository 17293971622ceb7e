//! Revocation lists: of the CA that issues, and of those that did before.

use core::time::Duration;
use std::sync::Arc;

use brski_common::issuing::{ListedReason, Revoked, revocation_list};
use brski_common::time::at;
use brski_common::{Certificate, Signer, UnixTime};

use super::IssueError;
use crate::pledges::Revocation;
use crate::trail::RevocationReason;

/// A CRL (RFC 5280, section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// The list.
    pub der: Vec<u8>,
    /// When the next one comes at the latest.
    pub next_update: UnixTime,
}

/// A CA that issues no more, and whose key goes on signing the list of what it had issued and was revoked.
#[derive(Clone)]
pub struct FormerCa {
    own: Certificate,
    signer: Arc<dyn Signer>,
}

impl FormerCa {
    /// A CA with this certificate and key.
    ///
    /// # Errors
    /// [`IssueError::Misconfigured`] if the certificate is no CA's, or the key is not its.
    pub fn new(own: Certificate, signer: Arc<dyn Signer>) -> Result<Self, IssueError> {
        check(&own, &*signer)?;
        Ok(Self { own, signer })
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.own
    }

    /// The list of what it revoked, with this number, which grows from list to list.
    ///
    /// # Errors
    /// [`IssueError::Sign`] if its key does not sign.
    pub async fn revocation_list(&self, revoked: &[Revocation], number: u128, now: UnixTime) -> Result<RevocationList, IssueError> {
        signed_list(&self.own, &*self.signer, revoked, number, now).await
    }
}

impl core::fmt::Debug for FormerCa {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "FormerCa({})", self.own.subject())
    }
}

/// What a CA's list is called in URLs: its keyIdentifier in hexadecimal digits, so that two keys of one name have two lists.
pub fn list_name(ca: &Certificate) -> String {
    ca.domain_id().as_bytes().iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Whether this can be a CA with its key.
pub(super) fn check(own: &Certificate, signer: &dyn Signer) -> Result<(), IssueError> {
    if !own.is_ca() {
        return Err(IssueError::Misconfigured("its first certificate is no CA's"));
    }
    if own.public_key() != *signer.public_key() {
        return Err(IssueError::Misconfigured("its key is not that of its first certificate"));
    }
    Ok(())
}

pub(super) async fn signed_list(
    ca: &Certificate,
    signer: &dyn Signer,
    revoked: &[Revocation],
    number: u128,
    now: UnixTime,
) -> Result<RevocationList, IssueError> {
    let entries: Vec<Revoked> = revoked.iter().map(entry).collect();
    let next_update = at(now.as_secs().saturating_add(LIFETIME.as_secs()));
    let der = revocation_list(ca, signer, &entries, number, now, next_update).await.map_err(IssueError::Sign)?;
    Ok(RevocationList { der, next_update })
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
    Revoked { serial: octets(&revocation.certificate.serial), at: revocation.at, reason }
}

/// The octets that these hexadecimal digits stand for.
fn octets(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.chars().filter_map(|c| c.to_digit(16)).filter_map(|digit| u8::try_from(digit).ok()).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit)).collect()
}

/// A new list is there after half of it: whoever keeps a copy can miss several days of this registrar.
const LIFETIME: Duration = Duration::from_secs(7 * 86_400);
