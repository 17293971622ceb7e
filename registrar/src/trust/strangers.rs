//! Pledges of manufacturers whom nobody has accepted, who wait for an owner that wants to decide about them: what each of them showed, for the owner to look at.
//!
//! Nothing here is trusted. Whoever is on the network can put something in, so that its size is bounded.

use core::time::Duration;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use brski_common::files;
use brski_common::time::rfc3339;
use brski_common::{Certificate, DecodeError, PeerCertificates, SerialNumber, SpkiDigest, UnixTime};
use serde::{Deserialize, Serialize};

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

    /// How long it waits.
    pub const WAITS: Duration = Duration::from_secs(4 * 86_400);

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
        now.as_secs().saturating_sub(self.since.as_secs()) < Self::WAITS.as_secs()
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
        let PeerCertificates(chain) = self.chain()?;
        let mut path: Vec<&Certificate> = chain.first().into_iter().collect();
        while let Some(above) = path.last().and_then(|last| chain.iter().find(|above| above.is_ca() && !path.contains(above) && last.is_issued_by(above))) {
            path.push(above);
        }
        Ok(path.get(1..).and_then(<[&Certificate]>::last).map(|issuer| (*issuer).clone()))
    }
}

/// What strangers showed, each kept for four days after it first came, which is how long a pledge waits (RFC 8995, section 5.6). Clones share it.
#[derive(Clone, Debug)]
pub struct Strangers(Arc<Mutex<Keep>>);

#[derive(Debug)]
enum Keep {
    Memory(Vec<Stranger>),
    /// One file for each.
    Folder(PathBuf),
}

impl Strangers {
    /// How many are kept.
    pub const MOST: usize = 256;

    /// Forgotten when the process ends.
    pub fn in_memory() -> Self {
        Self(Arc::new(Mutex::new(Keep::Memory(Vec::new()))))
    }

    /// In this folder, which is made with the first of them.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Mutex::new(Keep::Folder(folder.into()))))
    }

    /// Keeps what a stranger showed, unless something of it is kept already, and returns since when it waits. None if so many wait that there is no room.
    ///
    /// Writes a small file where they are in a folder, and blocks for as long as that takes.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be read or written.
    pub fn keep(&self, stranger: Stranger) -> Result<Option<UnixTime>, StoreError> {
        let mut keep = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Most requests repeat an earlier one: those look at no other.
        if let Some(known) = keep.find(stranger.key)?.filter(|kept| kept.waits_at(stranger.since)) {
            return Ok(Some(known.since));
        }
        let (waiting, late): (Vec<_>, Vec<_>) = keep.all()?.into_iter().partition(|kept| kept.waits_at(stranger.since));
        late.iter().try_for_each(|kept| keep.remove(kept.key))?;
        match waiting.len() < Self::MOST {
            true => keep.add(&stranger).map(|()| Some(stranger.since)),
            false => Ok(None),
        }
    }

    /// Those who wait, the first that came first.
    ///
    /// # Errors
    /// [`StoreError`] if the folder or a file in it cannot be read.
    pub fn waiting(&self, now: UnixTime) -> Result<Vec<Stranger>, StoreError> {
        let keep = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = keep.all()?;
        all.retain(|stranger| stranger.waits_at(now));
        all.sort_by_key(|stranger| (stranger.since, stranger.key));
        Ok(all)
    }

    /// Forgets what this one showed.
    ///
    /// # Errors
    /// [`StoreError`] if the file system does not play along.
    pub fn forget(&self, key: SpkiDigest) -> Result<(), StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }
}

impl Keep {
    fn find(&self, key: SpkiDigest) -> Result<Option<Stranger>, StoreError> {
        match self {
            Self::Memory(strangers) => Ok(strangers.iter().find(|stranger| stranger.key == key).cloned()),
            Self::Folder(folder) => match file_of(folder, key) {
                path if path.is_file() => read(&path).map(Some),
                _ => Ok(None),
            },
        }
    }

    fn all(&self) -> Result<Vec<Stranger>, StoreError> {
        match self {
            Self::Memory(strangers) => Ok(strangers.clone()),
            Self::Folder(folder) => {
                let entries = match fs::read_dir(folder) {
                    Err(err) if err.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                    entries => entries.map_err(unavailable)?,
                };
                let paths: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(unavailable)?;
                paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "json")).map(|path| read(path)).collect()
            }
        }
    }

    fn add(&mut self, stranger: &Stranger) -> Result<(), StoreError> {
        match self {
            Self::Memory(strangers) => strangers.push(stranger.clone()),
            Self::Folder(folder) => {
                fs::create_dir_all(&folder).map_err(unavailable)?;
                let text = serde_json::to_vec(stranger).map_err(|err| StoreError::Unavailable(err.into()))?;
                files::replace(&file_of(folder, stranger.key), &text).map_err(unavailable)?;
            }
        }
        Ok(())
    }

    fn remove(&mut self, key: SpkiDigest) -> Result<(), StoreError> {
        match self {
            Self::Memory(strangers) => strangers.retain(|stranger| stranger.key != key),
            Self::Folder(folder) => match fs::remove_file(file_of(folder, key)) {
                Err(err) if err.kind() != ErrorKind::NotFound => return Err(unavailable(err)),
                Ok(()) | Err(_) => {}
            },
        }
        Ok(())
    }
}

fn file_of(folder: &Path, key: SpkiDigest) -> PathBuf {
    folder.join(format!("{key}.json"))
}

fn read(path: &Path) -> Result<Stranger, StoreError> {
    let damaged =
        |err: serde_json::Error| StoreError::Damaged { what: format!("{} is no pledge of an unknown manufacturer", path.display()), source: Some(err.into()) };
    serde_json::from_slice(&fs::read(path).map_err(unavailable)?).map_err(damaged)
}

fn unavailable(err: std::io::Error) -> StoreError {
    StoreError::Unavailable(err.into())
}

#[cfg(test)]
mod tests {
    use brski_common::time::at;

    use super::*;
    use crate::testing::{NOW, World};

    fn stranger(number: u16, since: u64) -> Stranger {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&number.to_be_bytes());
        Stranger { key: SpkiDigest(key), serial: SerialNumber::new("JADA1").unwrap(), since: at(since), certificates: String::new() }
    }

    #[test]
    fn stranger_waits_since_it_first_came() {
        let strangers = Strangers::in_memory();
        assert_eq!(strangers.keep(stranger(1, NOW)).unwrap(), Some(at(NOW)));
        assert_eq!(strangers.keep(stranger(1, NOW + 60)).unwrap(), Some(at(NOW)));
    }

    #[test]
    fn crowd_of_strangers_finds_no_room_until_the_first_have_left() {
        let strangers = Strangers::in_memory();
        for number in 0..256 {
            strangers.keep(stranger(number, NOW)).unwrap();
        }
        assert_eq!(strangers.keep(stranger(999, NOW + 1)).unwrap(), None);
        let later = NOW + Stranger::WAITS.as_secs() + 1;
        assert_eq!(strangers.keep(stranger(999, later)).unwrap(), Some(at(later)));
        assert_eq!(strangers.waiting(at(later)).unwrap().len(), 1);
    }

    #[test]
    fn folder_outlives_the_process() {
        let folder = std::env::temp_dir().join(format!("brski-strangers-{}", std::process::id()));
        Strangers::in_folder(&folder).keep(stranger(1, NOW)).unwrap();
        let read = Strangers::in_folder(&folder).waiting(at(NOW)).unwrap();
        Strangers::in_folder(&folder).forget(stranger(1, NOW).key).unwrap();
        let left = Strangers::in_folder(&folder).waiting(at(NOW)).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((read, left), (vec![stranger(1, NOW)], Vec::new()));
    }

    #[test]
    fn issuer_of_a_stranger_is_the_topmost_that_signed_what_is_below() {
        let world = World::new();
        let below = world.idevid_ca.subordinate("Maker Line CA");
        let pledge = world.pledge_of(&below, "JADA1", brski_common::issuing::never());
        let shown = |above: &[&Certificate]| {
            let chain = core::iter::once(pledge.idevid.certificate()).chain(above.iter().copied()).cloned().collect();
            let stranger = Stranger::new(pledge.idevid.spki_digest(), pledge.idevid.device().serial.clone(), &PeerCertificates(chain), at(NOW)).unwrap();
            stranger.issuer().unwrap()
        };
        let root = &world.idevid_ca.certificate;
        assert_eq!(shown(&[root, &below.certificate]), Some(root.clone()));
        assert_eq!(shown(&[&below.certificate, &world.domain.certificate]), Some(below.certificate.clone()));
        assert_eq!(shown(&[root]), None);
    }

    #[test]
    fn chain_of_a_stranger_is_bounded() {
        let world = World::new();
        let peer = PeerCertificates(vec![world.idevid_ca.certificate.clone(); 64]);
        let outcome = Stranger::new(SpkiDigest([1; 32]), SerialNumber::new("JADA1").unwrap(), &peer, at(NOW));
        assert!(matches!(outcome, Err(DecodeError::TooLarge { limit: Stranger::LARGEST, .. })));
    }
}
