//! The `[trail]` table: under which name and key the audit trail is signed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use brski_common::log::{LogName, VerifierKey};
use brski_common::serve::setup::read_text;
use brski_common::sign::KeyUri;
use brski_registrar::SqlitePledges;
use brski_registrar::trail::Notary;
use serde::Deserialize;

use super::Configuration;

/// Verifier keys in a file, one a line.
pub(crate) fn read_verifiers(path: &Path) -> anyhow::Result<Vec<VerifierKey>> {
    let text = read_text(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Vec<VerifierKey> = lines.map(str::parse).collect::<Result<_, _>>().with_context(|| format!("{}: not a trail's key", path.display()))?;
    anyhow::ensure!(!keys.is_empty(), "{}: has no key", path.display());
    Ok(keys)
}

/// Where the keys that a trail has had are, for whoever verifies it: beside the configuration.
pub(crate) const TRAIL_VERIFIER: &str = "certificates/trail-verifier.txt";

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Values {
    name: String,
    key: KeyUri,
}

impl Configuration {
    /// Who signs the audit trail; none if the configuration names nobody.
    pub(crate) fn notary(&self) -> anyhow::Result<Option<Notary>> {
        let Some(Values { name, key }) = &self.values.trail else { return Ok(None) };
        let name = LogName::new(name.as_str()).map_err(|err| self.file.error("trail.name", "cannot be the name of a log").because(err))?;
        let signer = self.file.log_signer("trail.key", key)?;
        let identity = self.file.certificates("identity.certificate", &self.values.identity.certificate)?;
        let (_, domain_ca) = self.ca_chain()?;
        // Whoever trusts one of these keys trusts it for that one thing.
        if identity.first().into_iter().chain(domain_ca.first()).any(|own| own.public_key() == *signer.public_key()) {
            return Err(self.file.error("trail.key", "must be a key of its own, but is that of a certificate").into());
        }
        let unusable = |err| self.file.error("trail.key", "must be an Ed25519 key, the only kind whose checkpoints all witnesses can read").because(err);
        Ok(Some(Notary::new(name, signer, self.last_signed()).map_err(unusable)?))
    }

    /// Who signs the audit trail, for a command that cannot do without.
    pub(crate) fn needed_notary(&self) -> anyhow::Result<Notary> {
        let missing = "is missing, a table with the trail's name and the key that signs it; `openssl genpkey -algorithm ed25519 -out keys/trail.pem` makes one";
        self.notary()?.ok_or_else(|| self.file.error("trail", missing).into())
    }

    /// The keys whose signatures count for the trail: the configured one, and those in the file of verifier keys beside it, where keys that it had before are.
    pub(crate) fn trail_keys(&self, notary: Option<&Notary>) -> anyhow::Result<Vec<VerifierKey>> {
        let mut keys: Vec<VerifierKey> = notary.iter().map(|notary| notary.verifier().clone()).collect();
        let path = self.resolve(TRAIL_VERIFIER.as_ref());
        if !keys.is_empty() && path.exists() {
            keys.extend(read_verifiers(&path)?);
        }
        Ok(keys)
    }

    /// Where the trail's key is.
    pub(crate) fn trail_key(&self) -> Option<KeyUri> {
        self.values.trail.as_ref().map(|trail| trail.key.clone())
    }

    /// The file in which is remembered what was signed last: beside the store.
    pub(crate) fn last_signed(&self) -> PathBuf {
        self.pledges_path().with_file_name("trail-last-signed.txt")
    }

    /// A path as the configuration means it.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.file.resolve(path)
    }

    /// The file of the store.
    pub(crate) fn pledges_path(&self) -> PathBuf {
        self.file.resolve(&self.values.pledges)
    }

    /// Opens the store of pledges, and makes it if it does not exist.
    pub(crate) fn pledges(&self) -> anyhow::Result<Arc<SqlitePledges>> {
        let path = self.pledges_path();
        let unusable = |err| self.file.error("pledges", format!("{} cannot be used", path.display())).because(err);
        Ok(Arc::new(SqlitePledges::open(&path).map_err(unusable)?))
    }

    /// Opens the store of pledges if there is one.
    pub(crate) fn existing_pledges(&self) -> anyhow::Result<Arc<SqlitePledges>> {
        match self.file.database("pledges", &self.values.pledges)? {
            true => self.pledges(),
            false => Err(self.file.error("pledges", format!("{} does not exist; `brski-registrar serve` makes it", self.pledges_path().display())).into()),
        }
    }
}
