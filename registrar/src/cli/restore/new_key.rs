//! A new key for a trail that lost what its old key had signed.

use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::files::replace;
use brski_common::log::VerifierKey;
use brski_common::serve::setup::NewFiles;
use brski_common::sign::KeyUri;
use brski_common::{SignatureAlgorithm, Signer as _, SoftwareKey};
use brski_registrar::trail::Notary;

use super::place::move_aside;
use crate::config::{Configuration, TRAIL_VERIFIER};

/// A key that is not in its place yet.
pub(super) struct NewKey {
    key: PathBuf,
    files: NewFiles,
    folder: PathBuf,
    remembered: PathBuf,
    verifiers: PathBuf,
    verifier: VerifierKey,
}

impl NewKey {
    pub(super) fn make(configuration: &Configuration, notary: Option<&Notary>) -> anyhow::Result<Self> {
        let notary = notary.context("--new-trail-key: the configuration has no table [trail]")?;
        let Some(KeyUri::File(path)) = configuration.trail_key() else {
            anyhow::bail!("--new-trail-key: the trail's key is in a token; make a new one there, name it in [trail], and move trail-last-signed.txt away");
        };
        let key = configuration.resolve(&path);
        let (signer, pkcs8) = SoftwareKey::generate(SignatureAlgorithm::EdDsa)?;
        let verifier = VerifierKey::new(notary.verifier().name().clone(), signer.public_key().clone())?;
        let name = key.file_name().context("--new-trail-key: the trail's key has no file name")?;
        let mut files = NewFiles::new();
        files.private_key(name, &pkcs8);
        let folder = key.parent().map(PathBuf::from).unwrap_or_default();
        let (remembered, verifiers) = (notary.remembered_in().to_owned(), configuration.resolve(TRAIL_VERIFIER.as_ref()));
        Ok(Self { key, files, folder, remembered, verifiers, verifier })
    }

    /// Moves the old key and what it signed last aside, and puts the new one there. The file of verifier keys, if there is one, gets one more line.
    pub(super) fn put(self) -> anyhow::Result<String> {
        let cannot = |path: &PathBuf| format!("{}: cannot be replaced", path.display());
        move_aside(&self.remembered, &[""]).with_context(|| cannot(&self.remembered))?;
        move_aside(&self.key, &[""]).with_context(|| cannot(&self.key))?;
        self.files.write_into(&self.folder)?;
        if let Ok(known) = std::fs::read_to_string(&self.verifiers) {
            replace(&self.verifiers, format!("{known}{}\n", self.verifier).as_bytes()).with_context(|| cannot(&self.verifiers))?;
        }
        Ok(self.verifier.to_string())
    }
}
