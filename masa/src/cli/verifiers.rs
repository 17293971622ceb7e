//! The keys by which a log is known: its present one, and those it has had.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use brski_common::VerifyError;
use brski_common::log::{Checkpoint, SignedCheckpoint, VerifierKey};
use brski_common::serve::setup::read_text;
use clap::Args;

/// Which keys the command line names.
#[derive(Debug, Args)]
pub(super) struct LogVerifiers {
    /// A file such as log-verifier.txt with a key of this log that is trusted besides the one found here: one that it has had, or its own on a machine that does not know it.
    /// May be repeated
    #[arg(long = "log-verifier", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl LogVerifiers {
    /// The keys in these files.
    pub(super) fn read(&self) -> anyhow::Result<Vec<VerifierKey>> {
        self.files.iter().map(|path| read_verifier(path)).collect()
    }

    /// The log's own key, and these behind it. That its own is not at hand is an error unless there are others.
    pub(super) fn with_own(&self, own: anyhow::Result<VerifierKey>) -> anyhow::Result<Vec<VerifierKey>> {
        let others = self.read()?;
        match own {
            Ok(own) => Ok(core::iter::once(own).chain(others).collect()),
            Err(_) if !others.is_empty() => Ok(others),
            Err(err) => Err(err),
        }
    }
}

/// The verifier key in a file.
pub(super) fn read_verifier(path: &Path) -> anyhow::Result<VerifierKey> {
    let text = read_text(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    text.trim().parse().with_context(|| format!("{}: must hold one line with a log's verifier key, as `init` writes it into log-verifier.txt", path.display()))
}

/// What a checkpoint says, if one of these keys has signed it.
pub(super) fn verified<'a>(signed: &'a SignedCheckpoint, logs: &[VerifierKey]) -> Result<&'a Checkpoint, VerifyError> {
    let mut fault = None;
    for log in logs {
        match signed.verify(log) {
            Ok(checkpoint) => return Ok(checkpoint),
            // That of the present key, which comes first.
            Err(err) => fault = fault.or(Some(err)),
        }
    }
    Err(fault.unwrap_or(VerifyError::UnknownSigner { artefact: "checkpoint", detail: "no key of the log is known".to_owned() }))
}

/// A checkpoint in a file that one of these keys has signed.
pub(super) fn read_checkpoint(path: &Path, logs: &[VerifierKey]) -> anyhow::Result<Checkpoint> {
    let text = read_text(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let signed = SignedCheckpoint::parse(&text).with_context(|| format!("{}: not a checkpoint", path.display()))?;
    let untrusted = || format!("{}: not to be trusted; if the log signed it with a key that it has had, name that with --log-verifier", path.display());
    Ok(verified(&signed, logs).with_context(untrusted)?.clone())
}
