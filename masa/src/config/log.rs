//! The `[log]` table: the key of the transparency log, and where it remembers what it signed.

use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::log::VerifierKey;
use brski_common::serve::setup::read_key;
use brski_common::sign::KeyKind;
use brski_common::{Signer as _, SoftwareKey};
use brski_masa::LastSigned;
use brski_masa::masa::log_name;
use serde::Deserialize;

use super::{Configuration, Values as All};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Values {
    pub(super) key: PathBuf,
    last_signed: Option<PathBuf>,
}

impl Configuration {
    /// The key that signs checkpoints and receipts.
    pub(crate) fn log_key(&self) -> anyhow::Result<SoftwareKey> {
        let missing = "is missing, a table with the key that signs checkpoints and receipts; `openssl genpkey -algorithm ed25519` makes one";
        let values = self.values.log.as_ref().ok_or_else(|| self.file.error("log", missing))?;
        let path = self.file.resolve(&values.key);
        let key = read_key(&path).with_context(|| self.file.error("log.key", "cannot be used").to_string())?;
        self.check_key_of_its_own(&key)?;
        match key.public_key().kind() == KeyKind::Ed25519 {
            true => Ok(key),
            false => Err(self.file.error("log.key", "must be an Ed25519 key, the only kind whose checkpoints all witnesses can read").into()),
        }
    }

    /// Whoever trusts one of these keys trusts it for that one thing.
    fn check_key_of_its_own(&self, key: &SoftwareKey) -> anyhow::Result<()> {
        let All { tls, voucher_signer, provenance_signer, .. } = &self.values;
        for (field, files) in [("voucher-signer.key", voucher_signer), ("provenance-signer.key", provenance_signer), ("tls.key", tls)] {
            // One that cannot be read is told of by whoever needs it.
            let same = read_key(&self.file.resolve(&files.key)).is_ok_and(|other| other.public_key() == key.public_key());
            if same {
                return Err(self.file.error("log.key", format!("must be a key of its own, but is that of {field}")).into());
            }
        }
        Ok(())
    }

    /// Where the log remembers what it signed: beside the ledger, unless the configuration says otherwise.
    pub(super) fn last_signed(&self) -> LastSigned {
        let named = self.values.log.as_ref().and_then(|log| log.last_signed.as_ref());
        let path = named.map_or_else(|| self.file.resolve(&self.values.ledger).with_file_name("log-last-signed.txt"), |path| self.file.resolve(path));
        LastSigned::in_file(path)
    }

    /// Name and key of the log, as others know it.
    pub(crate) fn log_verifier(&self) -> anyhow::Result<VerifierKey> {
        let name = log_name(self.authority()).with_context(|| self.file.error("authority", "cannot be part of the log's name").to_string())?;
        Ok(VerifierKey::new(name, self.log_key()?.public_key().clone())?)
    }

    /// The file of the ledger, and the name of its log.
    pub(crate) fn ledger(&self) -> (PathBuf, &str) {
        (self.file.resolve(&self.values.ledger), self.authority())
    }
}
