//! What a backup says of itself: which store it is a copy of, and in which state. The copy is made by [`copy`](crate::pledges::copy).

use std::io::{self, Read};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::log::{Hash, VerifierKey};
use brski_common::sign::SignatureScheme;
use brski_common::time::rfc3339;
use brski_common::{DecodeError, SignError, UnixTime};
use serde::{Deserialize, Serialize};

use crate::pledges::Verified;
use crate::trail::Notary;

#[cfg(test)]
mod tests;

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    version: u32,
    /// Name and version of the program that made it.
    pub program: String,
    /// When.
    #[serde(with = "rfc3339")]
    pub made: UnixTime,
    /// Length of the copy.
    pub octets: u64,
    /// SHA-256 over the copy, in hex.
    pub sha256: String,
    /// How many events its trail has.
    pub events: u64,
    /// Root over them, in hex.
    pub root: String,
    /// The trail's verifier key; none if the trail is not signed.
    pub trail: Option<String>,
}

/// A manifest as a file: its exact text, and the signature of the trail's key over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SignedManifest {
    /// JSON.
    manifest: String,
    /// In base64; none if the trail has no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

/// Why a manifest is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It is none.
    #[error("it is no manifest of a backup")]
    Syntax(#[source] serde_json::Error),
    /// It is of another version.
    #[error("it is a manifest of version {0}, expected 1")]
    Version(u32),
    /// It has no signature.
    #[error("it is not signed, although the trail's key is known")]
    Unsigned,
    /// None of the keys signed it.
    #[error("none of the trail's keys signed it")]
    BadSignature,
    /// It cannot be written.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl Manifest {
    /// Of a copy in this file, which has been verified.
    ///
    /// # Errors
    /// What the file system says.
    pub fn of(copy: &Path, verified: &Verified, trail: Option<&VerifierKey>, made: UnixTime) -> io::Result<Self> {
        let (octets, sha256) = digest(copy)?;
        Ok(Self {
            version: 1,
            program: concat!("brski-registrar ", env!("CARGO_PKG_VERSION")).to_owned(),
            made,
            octets,
            sha256,
            events: verified.events,
            root: verified.root.to_string(),
            trail: trail.map(VerifierKey::to_string),
        })
    }

    /// Whether it speaks of the copy in this file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn is_of(&self, copy: &Path) -> io::Result<bool> {
        Ok(digest(copy)? == (self.octets, self.sha256.clone()))
    }

    /// Whether a trail in this state is the one that it tells of.
    pub fn fits(&self, verified: &Verified) -> bool {
        (self.events, self.root.as_str()) == (verified.events, verified.root.to_string().as_str())
    }

    /// Signs it, if the trail has a key.
    ///
    /// # Errors
    /// [`ManifestError::Sign`] if the key does not sign.
    pub async fn sign(&self, notary: Option<&Notary>) -> Result<SignedManifest, ManifestError> {
        let manifest = serde_json::to_string(self).map_err(ManifestError::Syntax)?;
        let signature = match notary {
            None => None,
            Some(notary) => Some(STANDARD.encode(notary.signer().sign(&to_be_signed(&manifest)).await?.fixed())),
        };
        Ok(SignedManifest { manifest, signature })
    }
}

impl SignedManifest {
    /// Reads the file's content.
    ///
    /// # Errors
    /// [`ManifestError::Syntax`].
    pub fn from_json(octets: &[u8]) -> Result<Self, ManifestError> {
        serde_json::from_slice(octets).map_err(ManifestError::Syntax)
    }

    /// What it says, signed by one of these keys; with no key it is believed as it is.
    ///
    /// # Errors
    /// Any [`ManifestError`].
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Manifest, ManifestError> {
        match (keys, &self.signature) {
            ([], _) => {}
            (_, None) => return Err(ManifestError::Unsigned),
            (keys, Some(signature)) => {
                let signature = STANDARD.decode(signature).map_err(|_| ManifestError::BadSignature)?;
                let text = to_be_signed(&self.manifest);
                let signed = keys.iter().any(|key| key.key().verifies(SignatureScheme::Ed25519, &text, &signature));
                signed.then_some(()).ok_or(ManifestError::BadSignature)?;
            }
        }
        let read: Manifest = serde_json::from_str(&self.manifest).map_err(ManifestError::Syntax)?;
        match read.version {
            1 => Ok(read),
            other => Err(ManifestError::Version(other)),
        }
    }

    /// Whether it bears a signature.
    pub fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// As it is written to a file.
    ///
    /// # Errors
    /// [`DecodeError`] if it cannot be written, which does not happen.
    pub fn to_json(&self) -> Result<Vec<u8>, DecodeError> {
        serde_json::to_vec_pretty(self).map_err(|err| DecodeError::syntax("backup manifest", "JSON", err))
    }
}

/// The key signs checkpoints as well, whose first line is the name of a log: this one has spaces and is none.
fn to_be_signed(manifest: &str) -> Vec<u8> {
    [b"manifest of a brski-registrar backup\n", manifest.as_bytes()].concat()
}

/// Length and SHA-256 in hex.
fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = std::fs::File::open(path)?;
    let (mut context, mut octets, mut buffer) = (Context::new(&SHA256), 0, vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else { break };
        context.update(chunk);
        octets += chunk.len() as u64;
    }
    let digest = Hash::try_from(context.finish().as_ref()).map_err(io::Error::other)?;
    Ok((octets, digest.to_string()))
}
