//! Who signs the trail: with a checkpoint kept elsewhere, nobody can rewrite what came before it without being noticed, the registrar's operator included.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use brski_common::files::replace;
use brski_common::log::{Checkpoint, Frontier, Hash, LogName, SignedCheckpoint, VerifierKey, leaf_hash};
use brski_common::text::in_full;
use brski_common::{DecodeError, SignError, Signer, VerifyError};

use crate::pledges::{PledgeStore as _, SqlitePledges, StoreError};

#[cfg(test)]
mod tests;

/// The key of a trail, and its memory of what it signed last, which is kept beside the store: a store that is older than that is not signed.
#[derive(Clone)]
pub struct Notary {
    signer: Arc<dyn Signer>,
    verifier: VerifierKey,
    remembered: PathBuf,
    // As much of the tree as this process has computed from the events' octets.
    seen: Arc<Mutex<Frontier>>,
}

/// Why the trail is not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotaryError {
    /// The store has fewer events than were signed.
    #[error("the trail has {events} events, but {signed} were signed: events are lost, or the store came out of an older backup; nothing is signed")]
    Older {
        /// How many there are.
        events: u64,
        /// How many were signed.
        signed: u64,
    },
    /// The store has other events than were signed.
    #[error("the first {signed} events of the trail are not those that were signed: `brski-registrar audit verify` tells more; nothing is signed")]
    Another {
        /// How many were signed.
        signed: u64,
    },
    /// The tree that the store keeps is not the one over its events.
    #[error(
        "the tree in the store is not the one over its {events} events, so that they were changed or removed: `brski-registrar audit verify` tells more; nothing is signed"
    )]
    Unlike {
        /// Over how many it was computed.
        events: u64,
    },
    /// It is not known any more what was signed last.
    #[error(
        "{}: is missing, although the trail has been signed before; put it back, or say with `brski-registrar audit checkpoint --accept-missing` that it is gone; nothing is signed",
        .0.display()
    )]
    Forgotten(PathBuf),
    /// The last checkpoint in the store cannot be read.
    #[error("the last checkpoint in the store cannot be read: {0}; nothing is signed")]
    Kept(#[source] DecodeError),
    /// What was signed last cannot be read.
    #[error("{}: cannot be used as what the trail signed last", .path.display())]
    Remembered {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key does not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Notary {
    /// A trail of this name under an Ed25519 key; `remembered` is the file for what it signed last.
    ///
    /// # Errors
    /// [`DecodeError`] if the key is of another kind.
    pub fn new(name: LogName, signer: Arc<dyn Signer>, remembered: PathBuf) -> Result<Self, DecodeError> {
        let verifier = VerifierKey::new(name, signer.public_key().clone())?;
        Ok(Self { signer, verifier, remembered, seen: Arc::default() })
    }

    /// By what others know the trail.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The key.
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// The file in which it remembers what it signed last.
    pub fn remembered_in(&self) -> &Path {
        &self.remembered
    }

    /// What it signed last; none if it signed nothing yet.
    ///
    /// # Errors
    /// [`NotaryError::Remembered`].
    pub fn remembered(&self) -> Result<Option<(Checkpoint, SignedCheckpoint)>, NotaryError> {
        let unusable = |source: Box<dyn std::error::Error + Send + Sync>| NotaryError::Remembered { path: self.remembered.clone(), source };
        let note = match std::fs::read_to_string(&self.remembered) {
            Ok(note) => note,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(unusable(err.into())),
        };
        let signed = SignedCheckpoint::parse(&note).map_err(|err| unusable(err.into()))?;
        let checkpoint = signed.verify(&self.verifier).map_err(|err: VerifyError| unusable(err.into()))?.clone();
        Ok(Some((checkpoint, signed)))
    }

    /// Signs the trail as it is now, and keeps the checkpoint in the store and beside it. One that has not grown keeps its checkpoint.
    ///
    /// The tree is computed from the octets of the events: from all of them when a process signs for the first time, from what was added later on. Nothing that the
    /// store keeps of the tree is believed.
    ///
    /// # Errors
    /// Any [`NotaryError`]. Nothing is signed that does not continue what was signed before.
    pub async fn sign(&self, store: &SqlitePledges) -> Result<SignedCheckpoint, NotaryError> {
        match (self.remembered()?, store.last_checkpoint().await?) {
            (None, Some(_)) => Err(NotaryError::Forgotten(self.remembered.clone())),
            (remembered, kept) => self.sign_after(remembered, kept, store).await,
        }
    }

    /// As [`sign`](Self::sign), also where what was signed last is not remembered any more: for a person who knows why. The last checkpoint in the store counts alone then.
    ///
    /// # Errors
    /// As [`sign`](Self::sign), but for [`NotaryError::Forgotten`].
    pub async fn sign_anew(&self, store: &SqlitePledges) -> Result<SignedCheckpoint, NotaryError> {
        self.sign_after(self.remembered()?, store.last_checkpoint().await?, store).await
    }

    async fn sign_after(
        &self,
        remembered: Option<(Checkpoint, SignedCheckpoint)>,
        kept: Option<String>,
        store: &SqlitePledges,
    ) -> Result<SignedCheckpoint, NotaryError> {
        let kept = kept.map(|note| SignedCheckpoint::parse(&note)).transpose().map_err(NotaryError::Kept)?;
        let kept = kept.as_ref().map(SignedCheckpoint::peek_unverified);
        // Whose signature the one in the store bears decides nothing: it can only keep something from being signed.
        let mut signed: Vec<_> = remembered.iter().map(|(checkpoint, _)| checkpoint).chain(kept).map(|checkpoint| (checkpoint.size, checkpoint.root)).collect();
        signed.sort_by_key(|(size, _)| *size);
        let edge = self.computed(&signed, store).await?;
        if let Some((checkpoint, note)) = remembered
            && checkpoint.size == edge.size()
        {
            return Ok(note);
        }
        let checkpoint = Checkpoint { origin: self.verifier.name().clone(), size: edge.size(), root: edge.root() };
        let note = checkpoint.sign(&*self.signer).await?;
        // First beside the store: what is in the store alone goes with it.
        replace(&self.remembered, note.to_string().as_bytes()).map_err(|err| NotaryError::Remembered { path: self.remembered.clone(), source: err.into() })?;
        store.keep_checkpoint(edge, note.to_string()).await?;
        Ok(note)
    }

    /// The tree's right edge by the octets of the events, compared with these sizes and roots on the way, which are in order.
    async fn computed(&self, signed: &[(u64, Hash)], store: &SqlitePledges) -> Result<Frontier, NotaryError> {
        let head = store.head().await?;
        if let Some((size, _)) = signed.last().filter(|(size, _)| *size > head.size) {
            return Err(NotaryError::Older { events: head.size, signed: *size });
        }
        let least = signed.first().map_or(0, |(size, _)| *size);
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut edge = if seen.size() <= least { seen } else { Frontier::new() };
        let mut signed = signed.iter().copied().peekable();
        let mut check = |edge: &Frontier| match signed.next_if(|(size, _)| *size == edge.size()) {
            Some((size, root)) if root != edge.root() => Err(NotaryError::Another { signed: size }),
            Some(_) | None => Ok(()),
        };
        check(&edge)?;
        check(&edge)?;
        while edge.size() < head.size {
            let left = u32::try_from(head.size - edge.size()).unwrap_or(AT_ONCE).min(AT_ONCE);
            let events = store.events(edge.size(), left).await?;
            if events.is_empty() {
                return Err(NotaryError::Unlike { events: edge.size() });
            }
            for octets in events {
                drop(edge.append(leaf_hash(&octets)));
                check(&edge)?;
                check(&edge)?;
            }
        }
        if edge.root() != head.root {
            return Err(NotaryError::Unlike { events: head.size });
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&edge);
        Ok(edge)
    }

    /// Signs the trail on occasion: trouble is logged and stops nobody.
    pub async fn sign_if_grown(&self, store: &SqlitePledges) {
        match self.sign(store).await {
            Ok(checkpoint) => tracing::debug!(events = checkpoint.peek_unverified().size, "the audit trail is signed"),
            Err(err) => tracing::error!(reason = in_full(&err), "the audit trail could not be signed"),
        }
    }
}

impl core::fmt::Debug for Notary {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Notary({})", self.verifier)
    }
}

/// How many events are in memory at once while the tree is computed.
const AT_ONCE: u32 = 512;
