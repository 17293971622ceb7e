//! What both binaries do before they serve: read a configuration and the files it names, or make them all anew.
//!
//! Every error is one sentence that names the file, the field and what would be right. Nothing secret is part of it.

mod admin;
mod error;
mod evidence;
mod finding;
mod keys;
mod limits;
mod new_files;
mod place;
mod proxy;
mod suggestion;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde::de::{DeserializeOwned, Error as _};
use zeroize::Zeroizing;

pub use admin::AdminValues;
pub use error::SetupError;
pub use evidence::EvidenceValues;
pub use finding::Finding;
pub use keys::{KeyFiles, KeyPair, open_key};
pub use limits::LimitValues;
pub use new_files::NewFiles;
pub use proxy::ProxyValues;
pub use suggestion::nearest;
use suggestion::{Wanted, and, for_missing, for_unreadable};

use crate::certificate::Certificate;
use crate::chain::Anchors;
use crate::codec::pem_fault;
use crate::csr::Csr;
use crate::sign::{PublicKey, SoftwareKey};

/// A configuration file that was read. The paths in it are relative to the folder it lies in.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: PathBuf,
    /// On which line each field stands.
    lines: BTreeMap<String, usize>,
}

impl ConfigFile {
    /// Reads a TOML configuration.
    ///
    /// # Errors
    /// [`SetupError`] if the file cannot be read or is not such a configuration.
    pub fn read<T: DeserializeOwned>(path: &Path) -> Result<(Self, T), SetupError> {
        let text = read_text(path).map_err(|err| SetupError::new(path, "cannot be read").because(err))?;
        Self::read_as(path, &text)
    }

    /// Reads this text as if it stood in the file at `path`: to see whether it might.
    ///
    /// # Errors
    /// [`SetupError`] if it is not such a configuration.
    pub fn read_as<T: DeserializeOwned>(path: &Path, text: &str) -> Result<(Self, T), SetupError> {
        let config = toml::from_str(text).map_err(|err| unknown_at_top::<T>(path, text).unwrap_or_else(|| SetupError::from_toml(path, text, &err)))?;
        Ok((Self { path: path.to_owned(), lines: place::lines(text) }, config))
    }

    /// The file itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a path in the configuration leads to.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        match self.path.parent() {
            Some(folder) => folder.join(path),
            None => path.to_owned(),
        }
    }

    /// An error about one field of this file. An element of an array has its place in brackets: `stations[0].name`.
    pub fn error(&self, field: &str, problem: impl Into<String>) -> SetupError {
        SetupError::new(&self.path, problem).field(field).line(self.lines.get(field).copied())
    }

    /// The text of a file that `field` names, at most 1 MiB.
    ///
    /// # Errors
    /// [`SetupError`] if it cannot be read.
    pub fn text(&self, field: &str, path: &Path) -> Result<Zeroizing<String>, SetupError> {
        self.text_of(field, path, Wanted::Other)
    }

    fn text_of(&self, field: &str, path: &Path, wanted: Wanted) -> Result<Zeroizing<String>, SetupError> {
        let path = self.resolve(path);
        read_text(&path).map_err(|err| match err.kind() {
            ErrorKind::NotFound => self.error(field, format!("{} does not exist; {}", path.display(), for_missing(&path, wanted))),
            ErrorKind::InvalidData => self.error(field, and(format!("{} cannot be read", path.display()), for_unreadable(&path, wanted))).because(err),
            _ => self.error(field, format!("{} cannot be read", path.display())).because(err),
        })
    }

    /// The certificates in the PEM file that `field` names; at least one.
    ///
    /// # Errors
    /// [`SetupError`] if the file cannot be read or holds none.
    pub fn certificates(&self, field: &str, path: &Path) -> Result<Vec<Certificate>, SetupError> {
        let text = self.text_of(field, path, Wanted::Certificate)?;
        Certificate::all_from_pem(&text).map_err(|err| self.unusable(field, path).because(err))
    }

    /// The trust anchors in the PEM files that `field` lists.
    ///
    /// # Errors
    /// [`SetupError`] if a file cannot be read or a certificate cannot be an anchor.
    pub fn anchors(&self, field: &str, paths: &[PathBuf]) -> Result<Anchors, SetupError> {
        let mut certificates = Vec::new();
        for path in paths {
            certificates.extend(self.certificates(field, path)?);
        }
        Anchors::new(certificates).map_err(|err| self.error(field, "a certificate cannot serve as anchor").because(err))
    }

    /// The public key in the PEM file that `field` names.
    ///
    /// # Errors
    /// [`SetupError`] if the file cannot be read or holds none.
    pub fn public_key(&self, field: &str, path: &Path) -> Result<PublicKey, SetupError> {
        use rustls_pki_types::SubjectPublicKeyInfoDer;
        use rustls_pki_types::pem::PemObject as _;
        let text = self.text_of(field, path, Wanted::PublicKey)?;
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).map_err(|err| self.unusable(field, path).because(pem_fault(&err)))?;
        PublicKey::from_spki(&spki).map_err(|err| self.unusable(field, path).because(err))
    }

    /// Whether the database that `field` names was begun already. Only its first octets are looked at: opening it could change it.
    ///
    /// # Errors
    /// [`SetupError`] if the file cannot be read or is no SQLite database.
    pub fn database(&self, field: &str, path: &Path) -> Result<bool, SetupError> {
        let path = self.resolve(path);
        let mut head = Vec::new();
        match File::open(&path).and_then(|file| file.take(SQLITE.len() as u64).read_to_end(&mut head)) {
            Ok(0) => Ok(false),
            Ok(_) if head == SQLITE => Ok(true),
            Ok(_) => Err(self.error(field, format!("{} is no SQLite database", path.display()))),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(false),
            Err(err) => Err(self.error(field, format!("{} cannot be read", path.display())).because(err)),
        }
    }

    fn unusable(&self, field: &str, path: &Path) -> SetupError {
        self.error(field, format!("{} cannot be used", self.resolve(path).display()))
    }
}

/// A table or key at the top that is not known. Told before anything else: `[admn]` beside `[[admin.credentials]]` would otherwise be told as a lack of what it was meant to say.
fn unknown_at_top<T: DeserializeOwned>(path: &Path, text: &str) -> Option<SetupError> {
    let document: toml::Table = text.parse().ok()?;
    document.keys().find_map(|key| {
        let alone = toml::Table::from_iter([(key.clone(), toml::Value::Boolean(true))]);
        let err = alone.try_into::<T>().err().filter(|err| err.message().starts_with("unknown field `"))?;
        Some(SetupError::from_toml(path, text, &err).field(key).line(place::lines(text).get(key).copied()))
    })
}

/// Reads an IP address and port; for `#[serde(deserialize_with)]`.
///
/// # Errors
/// The deserializer's, saying what would be right.
pub fn socket_address<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom(format!("'{text}' must be an IP address and a port such as 127.0.0.1:9443")))
}

/// Reads a text file of at most 1 MiB. It is wiped when dropped, because it may hold a key.
///
/// # Errors
/// Whatever the file system says; [`InvalidData`](std::io::ErrorKind::InvalidData) if it is longer or not UTF-8.
pub fn read_text(path: &Path) -> std::io::Result<Zeroizing<String>> {
    // Reserved at once: a growing buffer would leave copies of a key behind.
    let mut text = Zeroizing::new(String::with_capacity(64 * 1024));
    File::open(path)?.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    match text.len() as u64 > LONGEST_FILE {
        true => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "it is longer than 1 MiB")),
        false => Ok(text),
    }
}

/// The private key in a PEM file that the command line names.
///
/// # Errors
/// [`SetupError`] if the file cannot be read or holds none.
pub fn read_key(path: &Path) -> Result<SoftwareKey, SetupError> {
    let text = read_text(path).map_err(|err| SetupError::new(path, "cannot be read").because(err))?;
    SoftwareKey::from_pem(&text).map_err(|err| SetupError::new(path, "cannot be used").because(err))
}

/// The certificates in a PEM file that the command line names; at least one.
///
/// # Errors
/// [`SetupError`] if the file cannot be read or holds none.
pub fn read_certificates(path: &Path) -> Result<Vec<Certificate>, SetupError> {
    let text = read_text(path).map_err(|err| SetupError::new(path, "cannot be read").because(err))?;
    Certificate::all_from_pem(&text).map_err(|err| SetupError::new(path, "cannot be used").because(err))
}

/// The certification request in a PEM file that the command line names, with its proof of possession checked.
///
/// # Errors
/// [`SetupError`] if the file cannot be read or holds none.
pub fn read_request(path: &Path) -> Result<Csr, SetupError> {
    use rustls_pki_types::CertificateSigningRequestDer;
    use rustls_pki_types::pem::PemObject as _;
    let text = read_text(path).map_err(|err| SetupError::new(path, "cannot be read").because(err))?;
    let der = CertificateSigningRequestDer::from_pem_slice(text.as_bytes()).map_err(|err| SetupError::new(path, "cannot be used").because(pem_fault(&err)))?;
    Csr::from_der(&der).map_err(|err| SetupError::new(path, "cannot be used").because(err))
}

/// How every SQLite database begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

const LONGEST_FILE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests;
