//! Links to audit logs that work without further credential: whoever has the URL may read (RFC 8995, section 5.8, "capability URL").
//!
//! A link is 128 random bits. Only their SHA-256 is kept, beside the ledger and not in it: the log may be shown to others, and is kept for ever, while links end.

#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(test)]
mod tests;

use core::fmt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::{DeviceId, UnixTime};
use zeroize::Zeroizing;

/// Which links are in force. Clones share them.
#[derive(Clone)]
pub struct AuditLinks(Arc<dyn Store>);

impl AuditLinks {
    /// Links that end with the process.
    pub fn in_memory() -> Self {
        Self(Arc::new(Memory::default()))
    }

    /// Links in an SQLite file, which is made with the first link, for its owner alone. Several processes may use it at once.
    ///
    /// # Errors
    /// [`AuditLinksError`] if it cannot be used.
    #[cfg(feature = "sqlite")]
    pub fn in_file(path: impl AsRef<std::path::Path>) -> Result<Self, AuditLinksError> {
        Ok(Self(Arc::new(sqlite::File::open(path.as_ref())?)))
    }

    /// Enters a link. Of one device the oldest make room for it beyond [`MOST_OF_DEVICE`].
    pub(crate) fn enter(&self, link: Link) -> Result<(), AuditLinksError> {
        self.0.enter(link)
    }

    /// The device whose log may be read with this capability.
    pub(crate) fn find(&self, capability: &Capability, now: UnixTime) -> Result<Option<DeviceId>, AuditLinksError> {
        self.0.find(&capability.digest(), now)
    }

    /// Ends a link, and says whether there was one.
    pub(crate) fn revoke(&self, capability: &Capability) -> Result<bool, AuditLinksError> {
        self.0.revoke(&capability.digest())
    }
}

impl fmt::Debug for AuditLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditLinks")
    }
}

/// Links that cannot be looked up or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditLinksError {
    /// As many are in force as are kept.
    #[error("{MOST} links to audit logs are in force already, which is the most; they end by themselves, and `audit-log --revoke-link` ends one")]
    TooMany,
    /// The file cannot be used.
    #[error("the links to audit logs in {} cannot be used", .path.display())]
    File {
        /// Which file.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What is kept of a link.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) digest: Digest,
    pub(crate) device: DeviceId,
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "who made a link is for readers of the file"))]
    pub(crate) by: String,
    pub(crate) made_at: UnixTime,
    pub(crate) expires_at: UnixTime,
}

type Digest = [u8; 32];

/// Looks links up by the digest of what their holder shows: how long that takes tells nothing about any digest that can be turned into a link.
trait Store: Send + Sync {
    fn enter(&self, link: Link) -> Result<(), AuditLinksError>;
    fn find(&self, digest: &Digest, now: UnixTime) -> Result<Option<DeviceId>, AuditLinksError>;
    fn revoke(&self, digest: &Digest) -> Result<bool, AuditLinksError>;
}

/// Whoever has it may read one audit log: 128 random bits, in base64url without padding.
pub(crate) struct Capability(Zeroizing<[u8; 16]>);

impl Capability {
    pub(crate) fn new(random: [u8; 16]) -> Self {
        Self(Zeroizing::new(random))
    }

    /// Reads exactly what [`text`](Self::text) writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() != CHARACTERS {
            return None;
        }
        let octets = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        Some(Self::new(octets.as_slice().try_into().ok()?))
    }

    pub(crate) fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// Enough to find it in a log, too little to guess the rest.
    pub(crate) fn hint(&self) -> String {
        self.text().chars().take(HINT).collect()
    }

    pub(crate) fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        let hashed = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.0.as_slice());
        digest.iter_mut().zip(hashed.as_ref()).for_each(|(octet, hashed)| *octet = *hashed);
        digest
    }
}

#[derive(Default)]
struct Memory(Mutex<HashMap<Digest, Link>>);

impl Memory {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Digest, Link>) -> T) -> T {
        // Nothing under the lock can panic halfway.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for Memory {
    fn enter(&self, link: Link) -> Result<(), AuditLinksError> {
        self.with(|links| {
            links.retain(|_, known| known.expires_at > link.made_at);
            let mut of_device: Vec<_> = links.values().filter(|known| known.device == link.device).map(|known| (known.made_at, known.digest)).collect();
            of_device.sort_unstable();
            for (_, oldest) in of_device.iter().take((of_device.len() + 1).saturating_sub(MOST_OF_DEVICE)) {
                links.remove(oldest);
            }
            if links.len() >= MOST {
                return Err(AuditLinksError::TooMany);
            }
            links.insert(link.digest, link);
            Ok(())
        })
    }

    fn find(&self, digest: &Digest, now: UnixTime) -> Result<Option<DeviceId>, AuditLinksError> {
        Ok(self.with(|links| links.get(digest).filter(|link| link.expires_at > now).map(|link| link.device.clone())))
    }

    fn revoke(&self, digest: &Digest) -> Result<bool, AuditLinksError> {
        Ok(self.with(|links| links.remove(digest).is_some()))
    }
}

/// How many links there are to the log of one device at most: whoever may ask for them cannot fill the store.
pub const MOST_OF_DEVICE: usize = 16;

/// How many there are at most.
pub const MOST: usize = 100_000;

/// 128 bits in base64url.
const CHARACTERS: usize = 22;

const HINT: usize = 6;
