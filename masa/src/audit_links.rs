//! Links to audit logs that work without further credential: whoever has the URL may read (RFC 8995, section 5.8, "capability URL").
//!
//! A link is 128 random bits. Only their SHA-256 is kept, beside the ledger and not in it: the log may be shown to others, and is kept for ever, while links end.

#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(test)]
mod tests;

use core::fmt;
use core::future::ready;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::audit_log::link_for_logs;
use brski_common::{BoxFuture, DeviceId, SpkiDigest, UnixTime};
use zeroize::Zeroizing;

use crate::ledger::LedgerError;

/// Which links are in force. Clones share them.
#[derive(Clone)]
pub struct AuditLinks {
    store: Arc<dyn Store>,
    most: Most,
}

impl AuditLinks {
    /// Links that end with the process.
    pub fn in_memory() -> Self {
        Self { store: Arc::new(Memory::default()), most: MOST }
    }

    /// Links in an SQLite file, which is made with the first link, for its owner alone. Several processes may use it at once.
    ///
    /// # Errors
    /// [`AuditLinksError`] if it cannot be used.
    #[cfg(feature = "sqlite")]
    pub fn in_file(path: impl AsRef<std::path::Path>) -> Result<Self, AuditLinksError> {
        Ok(Self { store: Arc::new(sqlite::File::open(path.as_ref())?), most: MOST })
    }

    /// Enters a link. Where there are too many of one owner that owner's oldest make room for it, and no other's.
    pub(crate) fn enter(&self, link: Link) -> Answer<'_, ()> {
        self.store.enter(link, self.most)
    }

    /// The device whose log may be read with this capability.
    pub(crate) fn find(&self, capability: &Capability, now: UnixTime) -> Answer<'_, Option<DeviceId>> {
        self.store.find(&capability.digest(), now)
    }

    /// Ends a link, and says whether there was one.
    pub(crate) fn revoke(&self, capability: &Capability) -> Answer<'_, bool> {
        self.store.revoke(&capability.digest())
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
    #[error("{} links to audit logs are in force already, which is the most; they end by themselves, and `audit-log --revoke-link` ends one", MOST.in_all)]
    TooMany,
    /// The thread that uses the file takes no more.
    #[error(transparent)]
    Thread(#[from] LedgerError),
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
    /// The key of the domain that it was made for; `None` if it was made on an operator's word.
    pub(crate) owner: Option<SpkiDigest>,
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "who made a link is for readers of the file"))]
    pub(crate) by: String,
    pub(crate) made_at: UnixTime,
    pub(crate) expires_at: UnixTime,
}

type Digest = [u8; 32];

pub(crate) type Answer<'a, T> = BoxFuture<'a, Result<T, AuditLinksError>>;

/// How many links there are at most: whoever may ask for them can fill the store with nobody's but its own.
#[derive(Clone, Copy, Debug)]
struct Most {
    /// Of one owner to the log of one device.
    of_device: usize,
    /// Of one owner.
    of_owner: usize,
    /// Of all owners, and as many that were made on an operator's word.
    in_all: usize,
}

/// Looks links up by the digest of what their holder shows: how long that takes tells nothing about any digest that can be turned into a link.
trait Store: Send + Sync {
    fn enter(&self, link: Link, most: Most) -> Answer<'_, ()>;
    fn find(&self, digest: &Digest, now: UnixTime) -> Answer<'_, Option<DeviceId>>;
    fn revoke(&self, digest: &Digest) -> Answer<'_, bool>;
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

    /// Enough to find it in a log, and nothing of it.
    pub(crate) fn hint(&self) -> String {
        link_for_logs(&self.text())
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
    fn enter(&self, link: Link, most: Most) -> Answer<'_, ()> {
        let entered = self.with(|links| {
            links.retain(|_, known| known.expires_at > link.made_at);
            if link.owner.is_some() {
                make_room(links, most.of_device, |known| known.owner == link.owner && known.device == link.device);
                make_room(links, most.of_owner, |known| known.owner == link.owner);
            }
            if links.values().filter(|known| known.owner.is_some() == link.owner.is_some()).count() >= most.in_all {
                return Err(AuditLinksError::TooMany);
            }
            links.insert(link.digest, link);
            Ok(())
        });
        Box::pin(ready(entered))
    }

    fn find(&self, digest: &Digest, now: UnixTime) -> Answer<'_, Option<DeviceId>> {
        let found = self.with(|links| links.get(digest).filter(|link| link.expires_at > now).map(|link| link.device.clone()));
        Box::pin(ready(Ok(found)))
    }

    fn revoke(&self, digest: &Digest) -> Answer<'_, bool> {
        let revoked = self.with(|links| links.remove(digest).is_some());
        Box::pin(ready(Ok(revoked)))
    }
}

/// Ends the oldest of those that are meant until there is room for one more.
fn make_room(links: &mut HashMap<Digest, Link>, most: usize, are_meant: impl Fn(&Link) -> bool) {
    let mut meant: Vec<_> = links.values().filter(|known| are_meant(known)).map(|known| (known.made_at, known.digest)).collect();
    meant.sort_unstable();
    for (_, oldest) in meant.iter().take((meant.len() + 1).saturating_sub(most)) {
        links.remove(oldest);
    }
}

const MOST: Most = Most { of_device: 16, of_owner: 10_000, in_all: 100_000 };

/// 128 bits in base64url.
const CHARACTERS: usize = 22;
