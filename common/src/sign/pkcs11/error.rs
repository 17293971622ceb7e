//! What can be wrong with a token, in sentences that say what to do.

use std::path::PathBuf;

use cryptoki::error::{Error, RvError};

/// A key in a token that cannot be used. Never holds a PIN.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The module is no library that speaks PKCS #11, or not there.
    #[error("the module {} cannot be loaded: module-path must name the token's PKCS #11 library", .path.display())]
    Module {
        /// Its path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The module did not start.
    #[error("the module {} does not start", .path.display())]
    Start {
        /// Its path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No token is as the URI says.
    #[error("no token matches {asked}: {present}")]
    NoToken {
        /// The URI.
        asked: String,
        /// Which tokens there are.
        present: String,
    },
    /// Several are.
    #[error("several tokens match {asked}, add token, serial or slot-id: {present}")]
    SeveralTokens {
        /// The URI.
        asked: String,
        /// Which tokens there are.
        present: String,
    },
    /// The token wants a PIN and nobody says where it is.
    #[error("the token wants a PIN: add pin-source=file:PATH after the ?, a file whose first line is the PIN")]
    NoPin,
    /// The PIN's file cannot be used.
    #[error("the PIN file {} cannot be used: its first line must be the PIN", .path.display())]
    PinFile {
        /// Its path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The token does not accept the PIN. It is not shown to the token again before the next start, because a token locks after a few wrong ones.
    #[error("the token refuses the PIN; it is not tried again before the next start, because tokens lock themselves after a few wrong ones")]
    PinRefused,
    /// The token has had too many wrong PINs.
    #[error("the token is locked after too many wrong PINs: its security officer has to set a new one")]
    PinLocked,
    /// No private key is as the URI says.
    #[error("the token '{token}' has no private key that matches {asked}: {present}")]
    NoKey {
        /// The URI.
        asked: String,
        /// The token's label.
        token: String,
        /// Which private keys there are.
        present: String,
    },
    /// Several are.
    #[error("the token '{token}' has several private keys that match {asked}, add object or id: {present}")]
    SeveralKeys {
        /// The URI.
        asked: String,
        /// The token's label.
        token: String,
        /// Those that match.
        present: String,
    },
    /// A key pair was to be made under a name that a key has.
    #[error("the token '{token}' has a private key that matches {asked}, and none is made in its stead: {present}")]
    KeyExists {
        /// The URI.
        asked: String,
        /// The token's label.
        token: String,
        /// Those that match.
        present: String,
    },
    /// The system gives no random numbers for the new key's identifier.
    #[error("the system gives no random numbers for the key's identifier")]
    Random,
    /// Nobody says what the public half is.
    #[error("the token has neither a public key nor a certificate with the private key's CKA_ID: store one beside it")]
    NoPublicKey,
    /// The token's word on the public half cannot be read.
    #[error("the token's public key cannot be read")]
    PublicKey(#[source] crate::error::DecodeError),
    /// We make no signatures with such a key.
    #[error("the key is on another curve or of another kind than P-256, P-384 or Ed25519")]
    KeyKind,
    /// The token asks a person for each signature.
    #[error("the key wants the PIN anew for each signature (CKA_ALWAYS_AUTHENTICATE): a server needs a key that does not")]
    AlwaysAuthenticate,
    /// The token made a signature that is not this key's.
    #[error("the token's signature does not verify with the public key: the token holds another key")]
    OtherKey,
    /// A call failed.
    #[error("the token did not {what}")]
    Call {
        /// What it was asked.
        what: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Too many signatures wait.
    #[error("too many signatures wait for the token")]
    Busy,
    /// The key's thread is gone.
    #[error("the token's thread has stopped")]
    Stopped,
    /// The key's thread cannot be started.
    #[error("no thread can be started for the token")]
    Thread(#[source] std::io::Error),
}

impl TokenError {
    /// Whether a new session may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Start { .. } | Self::NoToken { .. } | Self::NoKey { .. } | Self::Call { .. } | Self::OtherKey => true,
            // To ask again would lock the token.
            Self::NoPin | Self::PinFile { .. } | Self::PinRefused | Self::PinLocked => false,
            Self::Module { .. } | Self::SeveralTokens { .. } | Self::SeveralKeys { .. } => false,
            Self::NoPublicKey | Self::PublicKey(_) | Self::KeyKind | Self::AlwaysAuthenticate => false,
            Self::KeyExists { .. } | Self::Random => false,
            Self::Busy | Self::Stopped | Self::Thread(_) => false,
        }
    }

    /// A call that failed while the token should `what`.
    pub(super) fn call(what: &'static str) -> impl Fn(Error) -> Self {
        move |source| Self::Call { what, source: Box::new(source) }
    }

    /// A login that failed.
    pub(super) fn login(source: Error) -> Self {
        match source {
            Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange | RvError::PinExpired, _) => Self::PinRefused,
            Error::Pkcs11(RvError::PinLocked, _) => Self::PinLocked,
            other => Self::call("let us log in")(other),
        }
    }
}
