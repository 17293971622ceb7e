//! Who may use an administrative interface: credentials, roles, and what those hear who have none.
//!
//! A caller proves itself with a bearer token (RFC 6750) or with its TLS client certificate. Plain http types and no runtime: whoever ends TLS puts
//! [`PeerCertificates`] and [`PeerAddress`] into the request's extensions.

mod throttle;
mod token;

#[cfg(test)]
mod tests;

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Extensions, StatusCode};
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

pub use self::throttle::Throttle;
pub use self::token::{Token, TokenDigest};
use crate::certificate::Certificate;
use crate::peer::{PeerAddress, PeerCertificates};
use crate::text::in_full;
use crate::time::{UnixTime, to_rfc3339};

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the service: changes things.
    Operator,
    /// Says yes or no to held pledges, looks at everything and changes nothing else.
    Approver,
    /// Looks at everything and changes nothing.
    Auditor,
    /// Reports what an assembly line makes.
    Station,
}

impl Role {
    /// Those that a MASA knows.
    pub const OF_MASA: &[Self] = &[Self::Operator, Self::Auditor, Self::Station];

    /// Those that a registrar knows.
    pub const OF_REGISTRAR: &[Self] = &[Self::Operator, Self::Approver, Self::Auditor];

    /// Reads the name of one of these.
    ///
    /// # Errors
    /// A sentence that names them.
    pub fn read(text: &str, known: &[Self]) -> Result<Self, String> {
        let names = || known.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
        known.iter().copied().find(|role| role.name() == text).ok_or_else(|| format!("must be one of {}", names()))
    }

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Station => "station",
        }
    }
}

impl core::fmt::Display for Role {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that somebody can prove to have, and what that lets them do.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Who has it. Entries in logs name it.
    pub name: String,
    /// What it is good for.
    pub role: Role,
    /// What it is.
    pub proof: Proof,
    /// Its last second, if it has one; a certificate's own end counts as well.
    pub not_after: Option<UnixTime>,
}

/// How a credential is known again.
#[derive(Clone, Debug)]
pub enum Proof {
    /// By the digest of a bearer token. The token itself is nowhere but with its owner.
    Token(TokenDigest),
    /// As this very TLS client certificate. Its issuer does not matter.
    Certificate(Box<Certificate>),
}

impl Credential {
    fn not_after(&self) -> Option<UnixTime> {
        let certificate = match &self.proof {
            Proof::Token(_) => None,
            Proof::Certificate(certificate) => Some(certificate.not_after()),
        };
        self.not_after.into_iter().chain(certificate).min()
    }
}

/// Somebody who proved who they are. Made by [`Access::authenticate`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    name: String,
    role: Role,
    certificate: Option<String>,
}

impl Caller {
    /// The name of the credential.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is good for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Subject of the TLS client certificate that they proved it with; none if it was a token.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Demands one of these roles.
    ///
    /// # Errors
    /// [`Denied::WrongRole`], which names them.
    pub fn must_be(&self, roles: &'static [Role]) -> Result<(), Denied> {
        match roles.contains(&self.role) {
            true => Ok(()),
            false => Err(Denied::WrongRole { found: self.role, needed: roles }),
        }
    }
}

/// Somebody who may not do what they ask for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// Nothing was presented.
    #[error("a credential is needed: a bearer token in the Authorization header, or a TLS client certificate")]
    Nobody,
    /// The Authorization header is not one bearer token.
    #[error("the Authorization header must be there once and say 'Bearer', a space and the token")]
    NoToken,
    /// What was presented is no credential here.
    #[error("the {0} is not known here")]
    Unknown(&'static str),
    /// What was presented was good once.
    #[error("the credential {name} ended at {}", to_rfc3339(*.at))]
    Expired {
        /// Its name.
        name: String,
        /// Its last second.
        at: UnixTime,
    },
    /// What was presented is a certificate that is not valid yet.
    #[error("the certificate of {name} is not valid before {}", to_rfc3339(*.at))]
    TooEarly {
        /// Its name.
        name: String,
        /// Its first second.
        at: UnixTime,
    },
    /// There were too many wrong credentials from there. Right ones are taken nevertheless, so that nobody locks out anybody.
    #[error("too many wrong credentials from this address, try again in {seconds} s")]
    TooOften {
        /// When to try again.
        seconds: u64,
    },
    /// The caller is known, and may not.
    #[error("this needs the role {}, and the credential has the role {found}", one_of(.needed))]
    WrongRole {
        /// The caller's.
        found: Role,
        /// Those that may.
        needed: &'static [Role],
    },
}

impl Denied {
    /// What the peer is told.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Nobody | Self::NoToken | Self::Unknown(_) | Self::Expired { .. } | Self::TooEarly { .. } => StatusCode::UNAUTHORIZED,
            Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::WrongRole { .. } => StatusCode::FORBIDDEN,
        }
    }

    /// What goes into the header WWW-Authenticate of a 401 (RFC 6750, section 3); none with another status.
    pub fn challenge(&self) -> Option<HeaderValue> {
        match self {
            Self::Nobody => Some(HeaderValue::from_static("Bearer realm=\"admin\"")),
            Self::NoToken => Some(HeaderValue::from_static("Bearer realm=\"admin\", error=\"invalid_request\"")),
            Self::Unknown(_) | Self::Expired { .. } | Self::TooEarly { .. } => {
                Some(HeaderValue::from_static("Bearer realm=\"admin\", error=\"invalid_token\""))
            }
            Self::TooOften { .. } | Self::WrongRole { .. } => None,
        }
    }
}

/// Credentials that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// Logs could not tell who did it.
    #[error("two credentials are called '{0}', each needs a name of its own")]
    SameName(String),
    /// Nobody could tell who it is.
    #[error("'{0}' and '{1}' are the same token or certificate, each needs its own")]
    SameProof(String, String),
    /// It could not stand in a log line.
    #[error("the name of a credential must be 1 to {LONGEST_NAME} printable ASCII characters without spaces, '{0}' is not")]
    Name(String),
}

/// Every credential of one interface.
#[derive(Clone, Debug)]
pub struct Access {
    credentials: Vec<Credential>,
    throttle: Throttle,
}

impl Access {
    /// Takes these credentials; `throttle` remembers who failed, from one set of credentials to the next.
    ///
    /// # Errors
    /// [`AccessError`] if two of them have the same name or are the same, or if a name is none.
    pub fn new(credentials: Vec<Credential>, throttle: Throttle) -> Result<Self, AccessError> {
        for (index, credential) in credentials.iter().enumerate() {
            let name = &credential.name;
            if !(1..=LONGEST_NAME).contains(&name.len()) || !name.bytes().all(|octet| octet.is_ascii_graphic()) {
                return Err(AccessError::Name(crate::text::printable(name, LONGEST_NAME)));
            }
            for earlier in credentials.iter().take(index) {
                if earlier.name == *name {
                    return Err(AccessError::SameName(name.clone()));
                }
                if earlier.proof.is_same(&credential.proof) {
                    return Err(AccessError::SameProof(earlier.name.clone(), name.clone()));
                }
            }
        }
        Ok(Self { credentials, throttle })
    }

    /// Who this is. A token counts before a certificate.
    ///
    /// What goes wrong is logged without what was presented, and slowed down by address once it happens too often.
    ///
    /// # Errors
    /// [`Denied`]; never [`Denied::WrongRole`], which is [`Caller::must_be`]'s.
    pub fn authenticate(&self, headers: &HeaderMap, extensions: &Extensions, now: UnixTime) -> Result<Caller, Denied> {
        let address = extensions.get::<PeerAddress>();
        self.find(headers, extensions.get::<PeerCertificates>(), now).map_err(|denied| match (&denied, address) {
            // Whoever shows nothing guesses nothing, and is not slowed down.
            (Denied::Nobody, Some(address)) if !self.throttle.note_nobody(address.source(), now) => denied,
            (Denied::Nobody, _) | (_, None) => self.refused(denied, address),
            (_, Some(address)) => match self.throttle.note_failure(address.source(), now) {
                Ok(()) => self.refused(denied, Some(address)),
                Err(wait) => Denied::TooOften { seconds: wait.as_secs().max(1) },
            },
        })
    }

    fn refused(&self, denied: Denied, address: Option<&PeerAddress>) -> Denied {
        let peer = address.map(tracing::field::display);
        tracing::warn!(peer, outcome = "not authenticated", sentence = in_full(&denied));
        denied
    }

    fn find(&self, headers: &HeaderMap, peer: Option<&PeerCertificates>, now: UnixTime) -> Result<Caller, Denied> {
        let (found, what) = match (bearer(headers)?, peer.and_then(PeerCertificates::own)) {
            (Some(token), _) => (self.by_token(token), "token"),
            (None, Some(certificate)) => (self.by_certificate(certificate), "TLS client certificate"),
            (None, None) => return Err(Denied::Nobody),
        };
        let credential = found.ok_or(Denied::Unknown(what))?;
        match (&credential.proof, credential.not_after()) {
            (_, Some(at)) if at < now => Err(Denied::Expired { name: credential.name.clone(), at }),
            (Proof::Certificate(own), _) if now < own.not_before() => Err(Denied::TooEarly { name: credential.name.clone(), at: own.not_before() }),
            (proof, _) => {
                let certificate = match proof {
                    Proof::Certificate(own) => Some(own.subject().to_owned()),
                    Proof::Token(_) => None,
                };
                Ok(Caller { name: credential.name.clone(), role: credential.role, certificate })
            }
        }
    }

    /// Looks at each of them however early it is found, so that time tells nothing.
    fn by_token(&self, token: &str) -> Option<&Credential> {
        let digest = TokenDigest::of(token);
        let mut place = 0u64;
        for (credential, number) in self.credentials.iter().zip(1u64..) {
            let same = match &credential.proof {
                Proof::Token(known) => known.0.ct_eq(&digest.0),
                Proof::Certificate(_) => Choice::from(0),
            };
            place.conditional_assign(&number, same);
        }
        self.credentials.get(usize::try_from(place.checked_sub(1)?).ok()?)
    }

    fn by_certificate(&self, presented: &Certificate) -> Option<&Credential> {
        self.credentials.iter().find(|credential| match &credential.proof {
            Proof::Token(_) => false,
            Proof::Certificate(own) => own.der() == presented.der(),
        })
    }
}

impl Proof {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Token(one), Self::Token(other)) => one == other,
            (Self::Certificate(one), Self::Certificate(other)) => one.der() == other.der(),
            (Self::Token(_), Self::Certificate(_)) | (Self::Certificate(_), Self::Token(_)) => false,
        }
    }
}

/// The bearer token of a request, if it has an Authorization header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let parts = text.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = parts.map(|(_, token)| token.trim()).filter(|token| !token.is_empty() && token.len() <= LONGEST_TOKEN);
    token.map(Some).ok_or(Denied::NoToken)
}

/// `operator or auditor`
fn one_of(roles: &[Role]) -> String {
    roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" or ")
}

const LONGEST_NAME: usize = 64;

// Some times what ours have.
const LONGEST_TOKEN: usize = 256;
