//! A new key for a trail that lost what its old key had signed.

use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::cli::place::move_aside;
use brski_common::files::replace;
use brski_common::log::VerifierKey;
use brski_common::serve::setup::NewFiles;
use brski_common::sign::KeyUri;
use brski_common::{SignatureAlgorithm, Signer as _, SoftwareKey};
use brski_registrar::trail::{NewTrailKey, Notary};

use crate::config::{Configuration, TRAIL_VERIFIER};

/// A key that is not in its place yet.
pub(super) struct NewKey {
    /// None if it is in a token.
    file: Option<KeyFile>,
    remembered: PathBuf,
    verifiers: PathBuf,
    verifier: VerifierKey,
}

struct KeyFile {
    key: PathBuf,
    files: NewFiles,
    folder: PathBuf,
}

impl NewKey {
    /// `former` is the verifier key that the backup's trail had.
    pub(super) fn make(configuration: &Configuration, notary: Option<&Notary>, former: Option<&str>) -> anyhow::Result<Self> {
        let notary = notary.context("--new-trail-key: the configuration has no table [trail]")?;
        let (file, verifier) = match configuration.trail_key() {
            Some(KeyUri::File(path)) => {
                let key = configuration.resolve(&path);
                let (signer, pkcs8) = SoftwareKey::generate(SignatureAlgorithm::EdDsa)?;
                let name = key.file_name().context("--new-trail-key: the trail's key has no file name")?;
                let mut files = NewFiles::new();
                files.private_key(name, &pkcs8);
                let folder = key.parent().map(PathBuf::from).unwrap_or_default();
                (Some(KeyFile { key, files, folder }), VerifierKey::new(notary.verifier().name().clone(), signer.public_key().clone())?)
            }
            // Nothing is made in a token here: the one that is named must be another than the trail had.
            _ => {
                let verifier = notary.verifier().clone();
                anyhow::ensure!(
                    former != Some(verifier.to_string().as_str()),
                    "--new-trail-key: the trail's key is in a token, and is the one that the backup's trail had; make a new one there, name it in [trail], and restore again"
                );
                (None, verifier)
            }
        };
        let (remembered, verifiers) = (notary.remembered_in().to_owned(), configuration.resolve(TRAIL_VERIFIER.as_ref()));
        Ok(Self { file, remembered, verifiers, verifier })
    }

    /// What the trail says of it; `known` are the keys that count for the trail until now, and `events` how many of theirs came back, if an upgrade added more.
    pub(super) fn told(&self, known: &[VerifierKey], events: Option<u64>) -> NewTrailKey {
        let key = self.verifier.to_string();
        NewTrailKey { former: known.iter().map(VerifierKey::to_string).filter(|former| *former != key).collect(), key, events }
    }

    /// Moves the old key and what it signed last aside, and puts the new one there. The file of verifier keys, if there is one, gets one more line.
    pub(super) fn put(self) -> anyhow::Result<String> {
        let cannot = |path: &PathBuf| format!("{}: cannot be replaced", path.display());
        move_aside(&self.remembered).with_context(|| cannot(&self.remembered))?;
        if let Some(KeyFile { key, files, folder }) = self.file {
            move_aside(&key).with_context(|| cannot(&key))?;
            files.write_into(&folder)?;
        }
        let verifier = self.verifier.to_string();
        if let Ok(known) = std::fs::read_to_string(&self.verifiers)
            && !known.lines().any(|line| line.trim() == verifier)
        {
            replace(&self.verifiers, format!("{known}{verifier}\n").as_bytes()).with_context(|| cannot(&self.verifiers))?;
        }
        Ok(verifier)
    }
}
