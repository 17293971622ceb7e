//! What the log signed last. A log must never sign a state that does not continue the one it signed before (C2SP tlog-checkpoint), whatever became of its ledger: a backup
//! that is put back makes the ledger forget, this does not.

mod file;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use brski_common::Signer;
use brski_common::log::{Checkpoint, SignedCheckpoint, VerifierKey, verify_consistency};

use self::file::StateFile;
use crate::error::Error;
use crate::ledger::{Ledger, TreeHead};

/// The newest state of the log that was signed. It belongs beside the ledger and out of its backups: put back together with an older ledger it has forgotten as much.
#[derive(Debug)]
pub struct LastSigned {
    /// `None` if nothing outlives the process.
    file: Option<StateFile>,
    /// What was signed or read last.
    known: Mutex<Option<SignedHead>>,
}

/// A state of the log that may be signed: it is remembered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SignedHead {
    pub(super) head: TreeHead,
    pub(super) checkpoint: SignedCheckpoint,
    /// By which it was signed: under another name or key it is nothing that is remembered, but something to be told of.
    log: VerifierKey,
}

impl LastSigned {
    /// Remembers in the file at `path`, as the text of the signed checkpoint. Every process that uses the ledger must name the same file. A file of the same name with
    /// `.lock` appended appears beside it.
    pub fn in_file(path: impl Into<PathBuf>) -> Self {
        Self { file: Some(StateFile::new(path.into())), known: Mutex::default() }
    }

    /// Remembers as long as it lives: for ledgers that live no longer.
    pub fn in_memory() -> Self {
        Self { file: None, known: Mutex::default() }
    }

    /// The checkpoint that is remembered. Whose signatures it bears is not looked at.
    ///
    /// # Errors
    /// [`LogError::File`] if the file cannot be read, [`LogError::Unbelieved`] if it holds no checkpoint.
    pub fn remembered(&self) -> Result<Option<SignedCheckpoint>, LogError> {
        let Some(file) = &self.file else { return Ok(self.with(|known| known.as_ref().map(|known| known.checkpoint.clone()))) };
        let unbelieved = |source: brski_common::DecodeError| LogError::Unbelieved { path: file.path().to_owned(), keys: String::new(), source: source.into() };
        file.read()?.map(|text| SignedCheckpoint::parse(&text).map_err(unbelieved)).transpose()
    }

    /// Remembers this checkpoint in the file, whatever was remembered there: for a ledger that was put back from a backup, and for nothing else. Under a key whose signature
    /// it does not bear nothing is signed from now on.
    ///
    /// # Errors
    /// [`LogError::File`] if the file cannot be used.
    pub fn begin_with(&self, checkpoint: &SignedCheckpoint) -> Result<(), LogError> {
        let Some(file) = &self.file else { return Ok(()) };
        let new = checkpoint.to_string();
        // Another process may write in between.
        while !file.replace(file.read()?.as_deref(), &new)? {}
        Ok(())
    }

    /// The ledger's head, remembered on disk and signed. Where it has not grown since the last time nothing is signed or written.
    ///
    /// Whoever is content with any state of at least `enough` entries gets the last one that is known here if it is one of them: of many records that became durable
    /// together the first writes for all.
    ///
    /// Writing waits for the disk, and for other processes that write at that moment: some milliseconds, once for each new head.
    ///
    /// # Errors
    /// [`LogError`] if the ledger does not continue what was signed before, or if the file cannot be used; [`Error::Ledger`]; [`Error::Sign`].
    pub(super) async fn advance(&self, ledger: &dyn Ledger, log: &VerifierKey, signer: &dyn Signer, enough: Option<u64>) -> Result<SignedHead, Error> {
        // Each round that another writer wins has moved what is remembered towards the head.
        loop {
            if let Some(known) = self.with(|known| known.clone().filter(|known| known.log == *log && enough.is_some_and(|enough| known.head.size >= enough))) {
                return Ok(known);
            }
            // What is remembered is read first, so that a ledger that is shorter then has really lost something.
            let last = self.read(log)?;
            let head = ledger.head().await?;
            match &last {
                Some(last) if last.head == head => return Ok(last.clone()),
                Some(last) => continues(ledger, last.head, head).await?,
                None => {}
            }
            let unsigned = Checkpoint { origin: log.name().clone(), size: head.size, root: head.root };
            // Signed, but told to nobody unless it is remembered.
            let next = SignedHead { head, checkpoint: unsigned.sign(signer).await?, log: log.clone() };
            if self.replace(last.as_ref(), &next)? {
                if last.is_none() && head.size > 1 {
                    tracing::warn!(size = head.size, "no state of the log was remembered as signed: its memory begins with this one");
                }
                return Ok(next);
            }
        }
    }

    fn read(&self, log: &VerifierKey) -> Result<Option<SignedHead>, LogError> {
        let known = self.with(|known| known.clone());
        let unbelieved = |keys, source| LogError::Unbelieved { path: self.file.as_ref().map_or(MEMORY.into(), |file| file.path().to_owned()), keys, source };
        let checkpoint = match &self.file {
            Some(file) => {
                let Some(text) = file.read()? else { return Ok(None) };
                match known {
                    Some(known) if known.log == *log && known.checkpoint.to_string() == text => return Ok(Some(known)),
                    Some(_) | None => SignedCheckpoint::parse(&text).map_err(|err| unbelieved(format!(" {log}"), err.into()))?,
                }
            }
            None => match known {
                Some(known) if known.log != *log => known.checkpoint,
                Some(_) | None => return Ok(known),
            },
        };
        let Checkpoint { size, root, .. } = *checkpoint.verify(log).map_err(|err| unbelieved(keys(log, &checkpoint), err.into()))?;
        let read = SignedHead { head: TreeHead { size, root }, checkpoint, log: log.clone() };
        self.with(|known| *known = Some(read.clone()));
        Ok(Some(read))
    }

    /// Remembers `next` in place of `last`. False, with nothing done, if something else is remembered by now.
    fn replace(&self, last: Option<&SignedHead>, next: &SignedHead) -> Result<bool, LogError> {
        let text = |head: &SignedHead| head.checkpoint.to_string();
        match &self.file {
            Some(file) => {
                let replaced = file.replace(last.map(text).as_deref(), &text(next))?;
                if replaced {
                    self.with(|known| *known = Some(next.clone()));
                }
                Ok(replaced)
            }
            None => Ok(self.with(|known| {
                let replaced = known.as_ref() == last;
                if replaced {
                    *known = Some(next.clone());
                }
                replaced
            })),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Option<SignedHead>) -> T) -> T {
        // What is under the lock is replaced as a whole.
        act(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The present key, and those that signed the checkpoint by their own account: name and key ID, as verifier keys begin.
fn keys(present: &VerifierKey, checkpoint: &SignedCheckpoint) -> String {
    let signers = checkpoint.signatures().iter().map(|line| format!("{}+{:08x}", line.name(), u32::from_be_bytes(line.key_id())));
    format!(" {present}, but one by {}", signers.collect::<Vec<_>>().join(" and "))
}

/// What remembers where there is no file.
const MEMORY: &str = "the memory of this process";

/// Checks that the log at `now` continues what was `signed`.
async fn continues(ledger: &dyn Ledger, signed: TreeHead, now: TreeHead) -> Result<(), Error> {
    let forked = LogError::Forked { signed, now };
    if now.size <= signed.size {
        return Err(forked.into());
    }
    let path = ledger.consistency(signed.size, now.size).await?;
    Ok(verify_consistency(signed.size, &signed.root, now.size, &now.root, &path).map_err(|_| forked)?)
}

/// Why the log signs nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The ledger does not continue what was signed before. Signing it would prove to everybody that the log forked.
    #[error(
        "the log has {} entries with root {}, which do not continue the {} entries with root {} that it has signed; probably the ledger was put back from a backup: \
         put back the one with all entries, or begin another log under another key and without the last-signed file",
        .now.size, .now.root, .signed.size, .signed.root
    )]
    Forked {
        /// What was signed last.
        signed: TreeHead,
        /// What the ledger is now.
        now: TreeHead,
    },
    /// The log does not continue the state that somebody holds against it.
    #[error("the log was rewritten: its {} entries now do not continue the {} entries with root {}; `log verify --checkpoint` tells where", .now.size, .old.size, .old.root)]
    Rewritten {
        /// The older state.
        old: TreeHead,
        /// What the ledger is now.
        now: TreeHead,
    },
    /// The file that remembers is not what this log wrote.
    #[error("{} does not hold a checkpoint that this log signed with its present key{keys}: [log] key must name the key that signed it, or the new one that restore was given; without this file the log could contradict itself", .path.display())]
    Unbelieved {
        /// The file.
        path: PathBuf,
        /// The present key, and by which it is signed instead: what follows "its present key" in the sentence, empty if nobody asked for a key.
        keys: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file that remembers cannot be read or written.
    #[error("the last signed state of the log cannot be kept in {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}
