//! Certificate policies (RFC 5280, section 4.2.1.4), of which one may say: this certificate's holder signs vouchers.

use core::fmt;

use const_oid::ObjectIdentifier;
use serde::{Deserialize, Serialize};

use super::Certificate;
use crate::error::DecodeError;

/// A certificate policy by its dotted object identifier, such as `1.3.6.1.4.1.32473.1`: whoever invents one takes it from below its own enterprise number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyOid(ObjectIdentifier);

impl PolicyOid {
    /// # Errors
    /// [`DecodeError::InvalidField`] unless it is an object identifier, and another one than anyPolicy, which would single out nobody.
    pub fn new(dotted: &str) -> Result<Self, DecodeError> {
        let invalid =
            DecodeError::InvalidField { field: "policy", expected: "a dotted object identifier such as 1.3.6.1.4.1.32473.1, and not that of anyPolicy" };
        match ObjectIdentifier::new(dotted) {
            Ok(oid) if dotted != ANY_POLICY => Ok(Self(oid)),
            Ok(_) | Err(_) => Err(invalid),
        }
    }

    pub(crate) fn oid(&self) -> ObjectIdentifier {
        self.0
    }

    /// The first certificate of a path (own first, anchor last) that was not issued under this policy: the end-entity certificate must name it, and so must each CA's below the
    /// anchor, unless it names anyPolicy (RFC 5280, section 6.1.3). Policies that a CA maps to each other are not looked at.
    pub fn first_without<'a>(&self, path: &'a [Certificate]) -> Option<&'a Certificate> {
        let (own, above) = path.split_first()?;
        let authorities = above.split_last().map_or(above, |(_anchor, below_it)| below_it);
        let names_any = |authority: &Certificate| authority.policies().iter().any(|named| named == ANY_POLICY);
        let lacking = |authority: &&Certificate| !authority.names_policy(self) && !names_any(authority);
        if !own.names_policy(self) { Some(own) } else { authorities.iter().find(lacking) }
    }
}

impl Certificate {
    /// Policies under which it was issued, as dotted OIDs; empty if the extension is absent.
    pub fn policies(&self) -> &[String] {
        &self.0.policies
    }

    /// Whether this policy is among them.
    pub fn names_policy(&self, policy: &PolicyOid) -> bool {
        let policy = policy.to_string();
        self.policies().contains(&policy)
    }
}

impl fmt::Display for PolicyOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for PolicyOid {
    type Error = DecodeError;
    fn try_from(text: String) -> Result<Self, DecodeError> {
        Self::new(&text)
    }
}

impl From<PolicyOid> for String {
    fn from(policy: PolicyOid) -> Self {
        policy.to_string()
    }
}

impl core::str::FromStr for PolicyOid {
    type Err = DecodeError;
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::new(text)
    }
}

/// Any policy whatsoever.
const ANY_POLICY: &str = "2.5.29.32.0";
