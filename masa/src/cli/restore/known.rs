//! What is known of the log's signatures beside the backup, and what follows.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::log::{Checkpoint, Hash, SignedCheckpoint, VerifierKey};
use brski_common::serve::setup::read_text;
use brski_masa::backup::Manifest;
use brski_masa::ledger::Lost;
use brski_masa::{LastSigned, TreeHead};

use crate::cli::verifiers::verified;

/// The newest state of the log that is known to have been signed.
#[derive(Debug)]
pub(super) struct Known {
    /// `None` if neither the log's memory nor anybody's checkpoint is at hand: the log may have signed anything since the backup.
    pub(super) newest: Option<(SignedCheckpoint, TreeHead)>,
}

impl Known {
    /// Size and root of it.
    pub(super) fn head(&self) -> Option<TreeHead> {
        self.newest.as_ref().map(|(_, head)| *head)
    }
}

/// Reads the log's memory and the checkpoints that were handed in; each must bear the signature of one of the log's `keys`. A memory under the new key is what an
/// earlier attempt left.
pub(super) fn gather(
    memory: &LastSigned,
    manifest: &Manifest,
    checkpoints: &[PathBuf],
    keys: &[VerifierKey],
    new_key: Option<&VerifierKey>,
) -> anyhow::Result<Known> {
    let mut found: Vec<(SignedCheckpoint, TreeHead)> = Vec::new();
    if let Some(remembered) = memory.remembered()?
        && new_key.is_none_or(|key| remembered.verify(key).is_err())
    {
        let unknown = "what the log signed last (log-last-signed.txt) is not signed by a key of it that is known here; name the one that signed it with --log-verifier, or, if the \
                       file is damaged or another log's, keep it aside and hand in the newest checkpoint that others hold with --checkpoint";
        let head = head(&remembered, keys).context(unknown)?;
        found.push((remembered, head));
    }
    for path in checkpoints {
        let signed = read(path)?;
        let head = head(&signed, keys).with_context(|| format!("{}: not to be trusted", path.display()))?;
        found.push((signed, head));
    }
    // Of no use to tell what was signed since, but it must fit.
    if let Some(text) = &manifest.checkpoint {
        let signed = SignedCheckpoint::parse(text).context("the backup's checkpoint")?;
        let head = head(&signed, keys).context("the backup's checkpoint is not to be trusted")?;
        anyhow::ensure!(head.size <= manifest.tree_size, "the backup's checkpoint is of more entries than the backup has");
    }
    for (_, one) in &found {
        let other = found.iter().find(|(_, other)| other.size == one.size && other.root != one.root);
        anyhow::ensure!(other.is_none(), "the log has signed two different states of {} entries: it forked before", one.size);
    }
    Ok(Known { newest: found.into_iter().max_by_key(|(_, head)| head.size) })
}

/// What is lost, if it is known and may be.
pub(super) fn lost(known: &Known, backup: &TreeHead, has_new_key: bool) -> anyhow::Result<Lost> {
    match (known.head(), has_new_key) {
        (Some(signed), true) if signed.size > backup.size => Ok(Lost::Signed(signed)),
        (Some(signed), false) if signed.size > backup.size => anyhow::bail!(
            "the log has signed {} entries, and the backup has {}: others may hold receipts for what lies between, so that the log must not go on under its key; restore \
             a newer backup, or begin another log with --new-log-key (`openssl genpkey -algorithm ed25519` makes one)",
            signed.size,
            backup.size
        ),
        (Some(_), true) => anyhow::bail!("no signed entry is lost, so that the log goes on under its key; --new-log-key is not needed"),
        (Some(_), false) => Ok(Lost::Nothing),
        (None, true) => Ok(Lost::Unknown),
        (None, false) => anyhow::bail!(
            "nobody knows what the log signed since the backup: put log-last-signed.txt back into its place, hand in the newest checkpoint that others hold with \
             --checkpoint, or begin another log with --new-log-key (`openssl genpkey -algorithm ed25519` makes one)"
        ),
    }
}

/// The root of the backup's tree.
pub(super) fn root(manifest: &Manifest) -> anyhow::Result<Hash> {
    let digits = manifest.root.as_bytes();
    let octet = |pair: &[u8]| core::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let octets: Option<Vec<u8>> = digits.chunks(2).map(octet).collect();
    let hash = octets.and_then(|octets| Hash::try_from(octets.as_slice()).ok());
    hash.context("the root in the backup's manifest is no SHA-256 in hex")
}

fn head(signed: &SignedCheckpoint, keys: &[VerifierKey]) -> anyhow::Result<TreeHead> {
    let Checkpoint { size, root, .. } = *verified(signed, keys)?;
    Ok(TreeHead { size, root })
}

fn read(path: &Path) -> anyhow::Result<SignedCheckpoint> {
    let text = read_text(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    SignedCheckpoint::parse(&text).with_context(|| format!("{}: not a checkpoint", path.display()))
}
