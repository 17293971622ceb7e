//! The `[admin]` table: where the admin interface listens, and who may use it.

use std::net::SocketAddr;
use std::path::PathBuf;

use brski_common::UnixTime;
use brski_common::access::{Access, Credential, Proof, Role, Throttle, TokenDigest};
use brski_common::serve::TlsIdentity;
use brski_common::serve::setup::{KeyFiles, socket_address};
use brski_common::time::{from_rfc3339, to_rfc3339};
use brski_masa::metrics::{KeyUse, measured_signer};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::Configuration;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Values {
    #[serde(deserialize_with = "socket_address")]
    pub(super) listen: SocketAddr,
    pub(super) tls: Option<KeyFiles>,
    #[serde(default)]
    credentials: Vec<CredentialValues>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CredentialValues {
    name: String,
    role: Role,
    token_sha256: Option<TokenDigest>,
    certificate: Option<PathBuf>,
    #[serde(default, deserialize_with = "time")]
    not_after: Option<UnixTime>,
}

impl Values {
    /// What should be done about it, if anything.
    pub(super) fn warnings(&self, credentials: &[Credential], now: UnixTime) -> Vec<String> {
        let open = (!self.listen.ip().is_loopback())
            .then(|| format!("admin.listen is {}, where others than this machine reach it; 127.0.0.1 would keep them out", self.listen));
        let none =
            credentials.is_empty().then(|| "admin has no credentials, so that nobody may use it; `brski-masa token NAME --role operator` makes one".to_owned());
        let ended = credentials.iter().filter_map(|credential| {
            let at = credential.not_after.filter(|at| *at < now)?;
            Some(format!("the admin credential {} ended at {}; remove it", credential.name, to_rfc3339(at)))
        });
        open.into_iter().chain(none).chain(ended).collect()
    }
}

impl Configuration {
    /// Where the admin interface listens, if it does.
    pub(crate) fn admin_listen(&self) -> Option<SocketAddr> {
        self.values.admin.as_ref().map(|admin| admin.listen)
    }

    /// The TLS identity of the admin interface: the MASA's own, unless it has another.
    pub(crate) fn admin_tls(&self) -> anyhow::Result<TlsIdentity> {
        let Some(files) = self.values.admin.as_ref().and_then(|admin| admin.tls.as_ref()) else { return self.tls() };
        let pair = self.file.key_pair("admin.tls", files)?;
        let identity = TlsIdentity::with_signer(&pair.chain, measured_signer(pair.key, KeyUse::Tls));
        Ok(identity.map_err(|err| self.file.error("admin.tls", "cannot be used for TLS").because(err))?)
    }

    /// Who may use the admin interface. `throttle` remembers who failed.
    pub(crate) fn access(&self, throttle: Throttle) -> anyhow::Result<Access> {
        let access = Access::new(self.read_credentials()?, throttle);
        Ok(access.map_err(|err| self.file.error("admin.credentials", "cannot be used").because(err))?)
    }

    /// The credentials of the admin interface, once it is sure that they can be told apart.
    pub(super) fn credentials(&self) -> anyhow::Result<Vec<Credential>> {
        self.access(Throttle::default())?;
        self.read_credentials()
    }

    /// Whether this configuration may take the place of that one while a process serves: what it was started on stays.
    pub(crate) fn may_follow(&self, old: &Self) -> anyhow::Result<()> {
        for (field, same) in [
            ("listen", self.values.listen == old.values.listen),
            ("authority", self.values.authority == old.values.authority),
            ("ledger", self.ledger().0 == old.ledger().0),
            ("admin.listen", self.admin_listen() == old.admin_listen()),
            ("log.last-signed", self.last_signed_path() == old.last_signed_path()),
        ] {
            anyhow::ensure!(same, self.cannot_change(field));
        }
        Ok(())
    }

    /// Why it may not.
    pub(super) fn cannot_change(&self, field: &str) -> anyhow::Error {
        self.file.error(field, "cannot change while serving; nothing of the new configuration is applied until a restart").into()
    }

    fn read_credentials(&self) -> anyhow::Result<Vec<Credential>> {
        let values = self.values.admin.iter().flat_map(|admin| &admin.credentials);
        values.map(|values| self.credential(values)).collect()
    }

    fn credential(&self, values: &CredentialValues) -> anyhow::Result<Credential> {
        let CredentialValues { name, role, token_sha256, certificate, not_after } = values;
        let proof = match (token_sha256, certificate) {
            (Some(digest), None) => Proof::Token(*digest),
            (None, Some(path)) => {
                let mut certificates = self.file.certificates("admin.credentials.certificate", path)?;
                match (certificates.pop(), certificates.is_empty()) {
                    (Some(only), true) => Proof::Certificate(Box::new(only)),
                    _ => {
                        let problem = format!("{} must hold one certificate, which is '{name}' itself: paths to anchors are not looked at", path.display());
                        return Err(self.file.error("admin.credentials.certificate", problem).into());
                    }
                }
            }
            (None, None) | (Some(_), Some(_)) => {
                let problem = format!("'{name}' must have either token-sha256 or certificate");
                return Err(self.file.error("admin.credentials", problem).into());
            }
        };
        Ok(Credential { name: name.clone(), role: *role, proof, not_after: *not_after })
    }
}

/// Reads RFC 3339, as text or as TOML's own date-time.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnixTime>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Toml(toml::value::Datetime),
        Text(String),
    }
    let text = match Written::deserialize(deserializer)? {
        Written::Toml(time) => time.to_string(),
        Written::Text(text) => text,
    };
    from_rfc3339("not-after", &text).map(Some).map_err(D::Error::custom)
}
