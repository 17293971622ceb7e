//! Private keys that a configuration names, wherever they live: all of them are opened here.

use core::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::suggestion::{Wanted, for_key};
use super::{ConfigFile, SetupError, read_key};
use crate::certificate::Certificate;
use crate::sign::{KeyUri, Pkcs11Uri, PublicKey, Signer, SoftwareKey};

/// A table that names a certificate file and where the private key is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyFiles {
    /// PEM: the certificate, then the path above it, if others should be told.
    pub certificate: PathBuf,
    /// The private key: a PEM file in PKCS #8 or SEC 1, unencrypted, or a key in a token.
    pub key: KeyUri,
}

/// A certificate path, own certificate first, and the private key that belongs to it.
#[derive(Clone)]
pub struct KeyPair {
    /// Own certificate first.
    pub chain: Vec<Certificate>,
    /// The private key.
    pub key: Arc<dyn Signer>,
}

impl ConfigFile {
    /// The certificate path and key that the table `field` names, if they belong together. A key file that others can read is warned of in the log.
    ///
    /// Waits for the token, if the key is in one.
    ///
    /// # Errors
    /// [`SetupError`] if a file cannot be read, the key cannot be used or is not the certificate's.
    pub fn key_pair(&self, field: &str, files: &KeyFiles) -> Result<KeyPair, SetupError> {
        let chain = self.certificates(&format!("{field}.certificate"), &files.certificate)?;
        let field = format!("{field}.key");
        let known = chain.first().map(Certificate::public_key);
        let key = self.open_key(&field, &files.key, known.as_ref(), Wanted::PrivateKey)?;
        match chain.first() {
            Some(own) if own.public_key() == *key.public_key() => Ok(KeyPair { chain, key }),
            _ => {
                let (key, certificate) = (self.shown(&files.key), self.resolve(&files.certificate));
                Err(self.error(&field, format!("{key} is not the private key of the first certificate in {}", certificate.display())))
            }
        }
    }

    /// The private key of a transparency log that `field` names: one that no certificate is about.
    ///
    /// Waits for the token, if the key is in one.
    ///
    /// # Errors
    /// [`SetupError`] if it cannot be used.
    pub fn log_signer(&self, field: &str, key: &KeyUri) -> Result<Arc<dyn Signer>, SetupError> {
        self.open_key(field, key, None, Wanted::LogKey)
    }

    /// Every key of a configuration is opened here. `known` is its public half, if a certificate tells it.
    fn open_key(&self, field: &str, key: &KeyUri, known: Option<&PublicKey>, wanted: Wanted) -> Result<Arc<dyn Signer>, SetupError> {
        if let Some(warning) = self.exposed(key) {
            tracing::warn!(field, "{warning}");
        }
        match key {
            KeyUri::File(path) => self.software_key(field, path, wanted),
            KeyUri::Pkcs11(uri) => self.token_key(field, uri, known),
        }
    }

    fn token_key(&self, field: &str, uri: &Pkcs11Uri, known: Option<&PublicKey>) -> Result<Arc<dyn Signer>, SetupError> {
        let resolved = Pkcs11Uri { pin_source: uri.pin_source.as_ref().map(|path| self.resolve(path)), ..uri.clone() };
        in_token(&resolved, known).map_err(|err| self.error(field, format!("{uri} cannot be used")).because(err))
    }

    fn software_key(&self, field: &str, path: &Path, wanted: Wanted) -> Result<Arc<dyn Signer>, SetupError> {
        let text = self.text_of(field, path, wanted)?;
        let key = SoftwareKey::from_pem(&text).map_err(|err| match for_key(&self.resolve(path), &text, wanted) {
            Some(suggestion) => self.error(field, format!("{} cannot be used; {suggestion}", self.resolve(path).display())),
            None => self.unusable(field, path).because(err),
        })?;
        Ok(Arc::new(key))
    }

    /// What is wrong with the permissions of the file that holds a private key, if others than its owner can read it.
    pub fn exposed(&self, key: &KeyUri) -> Option<String> {
        let path = match key {
            KeyUri::File(path) => self.resolve(path),
            KeyUri::Pkcs11(uri) => self.resolve(uri.pin_source.as_ref()?),
        };
        #[cfg(unix)]
        let others = std::fs::metadata(&path).map(|file| std::os::unix::fs::MetadataExt::mode(&file) & 0o077).unwrap_or(0);
        #[cfg(not(unix))]
        let others = 0;
        (others != 0).then(|| format!("{} can be used by others than its owner; chmod 600 would change that", path.display()))
    }

    /// A key as an error names it.
    fn shown(&self, key: &KeyUri) -> String {
        match key {
            KeyUri::File(path) => self.resolve(path).display().to_string(),
            KeyUri::Pkcs11(uri) => uri.to_string(),
        }
    }
}

/// The private key that the command line names. Paths are relative to where the command runs.
///
/// Waits for the token, if the key is in one.
///
/// # Errors
/// [`SetupError`] if it cannot be used.
pub fn open_key(key: &KeyUri) -> Result<Arc<dyn Signer>, SetupError> {
    match key {
        KeyUri::File(path) => Ok(Arc::new(read_key(path)?)),
        KeyUri::Pkcs11(uri) => in_token(uri, None).map_err(|err| SetupError::new(Path::new(&uri.to_string()), "cannot be used").because(err)),
    }
}

#[cfg(feature = "pkcs11")]
fn in_token(uri: &Pkcs11Uri, known: Option<&PublicKey>) -> Result<Arc<dyn Signer>, Box<dyn core::error::Error + Send + Sync>> {
    Ok(Arc::new(crate::sign::Pkcs11Key::open(uri, known)?))
}

#[cfg(not(feature = "pkcs11"))]
fn in_token(_: &Pkcs11Uri, _: Option<&PublicKey>) -> Result<Arc<dyn Signer>, Box<dyn core::error::Error + Send + Sync>> {
    Err("this program was built without the feature pkcs11".into())
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("chain", &self.chain).field("key", self.key.public_key()).finish()
    }
}
