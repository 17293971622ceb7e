//! Pledges of manufacturers whom nobody has accepted, who wait for an owner that wants to decide about them: what each of them showed, for the owner to look at.
//!
//! Nothing here is trusted. Whoever is on the network can put something in, so that its size is bounded.

mod folder;
mod room;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brski_common::pledge::LONGEST_DEFERRAL;
use brski_common::sign::Hash;
use brski_common::time::rfc3339;
use brski_common::{Certificate, DecodeError, PeerCertificates, SerialNumber, SpkiDigest, UnixTime};
use serde::{Deserialize, Serialize};

pub use self::folder::{NoStranger, StrangerFolder};
use self::room::Maker;
use self::writer::Writer;
use crate::pledges::StoreError;

/// What a pledge of an unknown manufacturer showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stranger {
    /// SHA-256 over its certificate's SubjectPublicKeyInfo. It was seen to hold that key.
    pub key: SpkiDigest,
    /// What its certificate calls it.
    pub serial: SerialNumber,
    /// When it first came.
    #[serde(with = "rfc3339")]
    pub since: UnixTime,
    /// Its certificate and those that came with it, in PEM.
    pub certificates: String,
}

impl Stranger {
    /// Largest chain in octets of PEM.
    pub const LARGEST: usize = 16 * 1024;

    /// What this peer shows.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`].
    pub fn new(key: SpkiDigest, serial: SerialNumber, peer: &PeerCertificates, since: UnixTime) -> Result<Self, DecodeError> {
        let certificates: String = peer.0.iter().map(Certificate::to_pem).collect();
        match certificates.len() <= Self::LARGEST {
            true => Ok(Self { key, serial, since, certificates }),
            false => Err(DecodeError::TooLarge { what: "the certificates of a pledge of an unknown manufacturer, in octets of PEM", limit: Self::LARGEST }),
        }
    }

    fn waits_at(&self, now: UnixTime) -> bool {
        now.as_secs().saturating_sub(self.since.as_secs()) < LONGEST_DEFERRAL.as_secs()
    }

    /// Its certificates as it presented them, its own first.
    ///
    /// # Errors
    /// [`DecodeError`] if they cannot be read.
    pub fn chain(&self) -> Result<PeerCertificates, DecodeError> {
        Certificate::all_from_pem(&self.certificates).map(PeerCertificates)
    }

    /// The topmost of its certificates that is a CA's and stands above its own by signatures; none if it showed no issuer.
    ///
    /// # Errors
    /// [`DecodeError`] if they cannot be read.
    pub fn issuer(&self) -> Result<Option<Certificate>, DecodeError> {
        let PeerCertificates(mut chain) = self.chain()?;
        // Each step up may try all of them, and anybody may have made them up.
        chain.truncate(MOST_CERTIFICATES);
        let mut path: Vec<&Certificate> = chain.first().into_iter().collect();
        while let Some(above) = path.last().and_then(|last| chain.iter().find(|above| above.is_ca() && !path.contains(above) && last.is_issued_by(above))) {
            path.push(above);
        }
        Ok(path.get(1..).and_then(<[&Certificate]>::last).map(|issuer| (*issuer).clone()))
    }

    /// Who made it, as far as it shows that: the key of its topmost CA, or else no more than the name that its own certificate has for its issuer.
    fn maker(&self) -> Maker {
        let own_issuer = || Hash::Sha256.of(self.chain().ok()?.0.first()?.issuer_der()).try_into().map(Maker::Claimed).ok();
        let shown = self.issuer().ok().flatten().map(|issuer| Maker::Shown(issuer.spki_digest()));
        shown.or_else(own_issuer).unwrap_or(Maker::Unreadable)
    }
}

/// What strangers showed, each kept for four days after it first came, which is how long a pledge waits (RFC 8995, section 5.6). Clones share it.
///
/// It is bounded for each maker and in total. Where there is no room left, the oldest of the maker that has the most gives way: a crowd displaces itself and not the newcomer, and who was
/// displaced comes in again when it asks again.
#[derive(Clone, Debug)]
pub struct Strangers {
    waiting: Arc<Mutex<Waiting>>,
    writer: Option<Arc<Writer>>,
}

type Waiting = BTreeMap<SpkiDigest, (Maker, Stranger)>;

impl Strangers {
    /// How many are kept.
    pub const MOST: usize = 256;

    /// How many of them of one maker.
    pub const MOST_OF_ONE_MAKER: usize = 32;

    /// Forgotten when the process ends.
    pub fn in_memory() -> Self {
        Self { waiting: Arc::default(), writer: None }
    }

    /// In memory, and in this folder, where a thread of its own writes them down: nobody who keeps one waits for the disk. Reads what is there, and blocks for as long as that takes.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be read or the thread cannot be started.
    pub fn in_folder(folder: StrangerFolder) -> Result<Self, StoreError> {
        let waiting: Waiting = folder.all()?.into_iter().map(|stranger| (stranger.key, (stranger.maker(), stranger))).collect();
        let waiting = Arc::new(Mutex::new(waiting));
        let writer = Writer::start(folder, waiting.clone())?;
        Ok(Self { waiting, writer: Some(Arc::new(writer)) })
    }

    /// Keeps what a stranger showed, unless something of it is kept already, and returns since when it waits. Does not wait for a file.
    pub fn keep(&self, stranger: Stranger) -> UnixTime {
        let (key, since) = (stranger.key, stranger.since);
        // Most requests repeat an earlier one.
        if let Some((_, known)) = lock(&self.waiting).get(&key).filter(|(_, known)| known.waits_at(since)) {
            return known.since;
        }
        // Looks at signatures, therefore not under the lock.
        let maker = stranger.maker();
        let gone = {
            let mut waiting = lock(&self.waiting);
            let gone = room::make(&mut waiting, maker, since);
            waiting.insert(key, (maker, stranger.clone()));
            gone
        };
        if let Some(writer) = &self.writer {
            gone.into_iter().for_each(|key| writer.remove(key));
            writer.write(stranger);
        }
        since
    }

    /// Those who wait, the first that came first.
    pub fn waiting(&self, now: UnixTime) -> Vec<Stranger> {
        let all = lock(&self.waiting).values().map(|(_, stranger)| stranger.clone()).collect();
        in_order(all, now)
    }
}

/// What is in there is whole after every single change of it.
fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Those of them who still wait, the first that came first.
fn in_order(mut strangers: Vec<Stranger>, now: UnixTime) -> Vec<Stranger> {
    strangers.retain(|stranger| stranger.waits_at(now));
    strangers.sort_by_key(|stranger| (stranger.since, stranger.key));
    strangers
}

/// More certificates than a path from a device to its root has.
const MOST_CERTIFICATES: usize = 8;
