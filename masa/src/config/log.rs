//! The `[log]` table: the key of the transparency log, and where it remembers what it signed.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use brski_common::log::VerifierKey;
use brski_common::sign::{KeyKind, KeyUri};
use brski_common::{PublicKey, Signer};
use brski_masa::LastSigned;
use brski_masa::masa::log_name;
use serde::Deserialize;

use super::Configuration;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Values {
    pub(super) key: KeyUri,
    last_signed: Option<PathBuf>,
}

impl Configuration {
    /// The key that signs checkpoints and receipts.
    pub(crate) fn log_key(&self) -> anyhow::Result<Arc<dyn Signer>> {
        let missing = "is missing, a table with the key that signs checkpoints and receipts; `openssl genpkey -algorithm ed25519` makes one";
        let values = self.values.log.as_ref().ok_or_else(|| self.file.error("log", missing))?;
        let key = self.file.log_signer("log.key", &values.key)?;
        self.check_key_of_its_own(key.public_key())?;
        match key.public_key().kind() == KeyKind::Ed25519 {
            true => Ok(key),
            false => Err(self.file.error("log.key", "must be an Ed25519 key, the only kind whose checkpoints all witnesses can read").into()),
        }
    }

    /// Whoever trusts one of these keys trusts it for that one thing.
    pub(crate) fn check_key_of_its_own(&self, key: &PublicKey) -> anyhow::Result<()> {
        for (field, files) in self.key_files() {
            // By its certificate, wherever the other key is. One that cannot be read is told of by whoever needs it.
            let certificates = self.file.certificates(&field, &files.certificate).unwrap_or_default();
            if certificates.first().is_some_and(|own| own.public_key() == *key) {
                return Err(self.file.error("log.key", format!("must be a key of its own, but is that of {field}.key")).into());
            }
        }
        Ok(())
    }

    /// Where the log remembers what it signed: beside the ledger, unless the configuration says otherwise.
    pub(super) fn last_signed(&self) -> LastSigned {
        LastSigned::in_file(self.last_signed_path())
    }

    /// The file in which the log remembers what it signed.
    pub(crate) fn last_signed_path(&self) -> PathBuf {
        let named = self.values.log.as_ref().and_then(|log| log.last_signed.as_ref());
        named.map_or_else(|| self.file.resolve(&self.values.ledger).with_file_name("log-last-signed.txt"), |path| self.file.resolve(path))
    }

    /// Name and key of the log, as others know it.
    pub(crate) fn log_verifier(&self) -> anyhow::Result<VerifierKey> {
        self.log_verifier_of(self.log_key()?.public_key())
    }

    /// The same log under this key.
    pub(crate) fn log_verifier_of(&self, key: &PublicKey) -> anyhow::Result<VerifierKey> {
        let name = log_name(self.authority()).with_context(|| self.file.error("authority", "cannot be part of the log's name").to_string())?;
        Ok(VerifierKey::new(name, key.clone())?)
    }

    /// The file in which others find the log's verifier key: beside the configuration.
    pub(crate) fn log_verifier_path(&self) -> PathBuf {
        self.file.resolve(LOG_VERIFIER.as_ref())
    }

    /// The file of the ledger, and the name of its log.
    pub(crate) fn ledger(&self) -> (PathBuf, &str) {
        (self.file.resolve(&self.values.ledger), self.authority())
    }
}

/// Name of the file with the log's verifier key.
pub(crate) const LOG_VERIFIER: &str = "log-verifier.txt";
