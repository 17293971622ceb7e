//! The table `[admin]`: where an admin interface listens, and who may use it.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::{ConfigFile, KeyFiles, SetupError, socket_address};
use crate::access::{Access, Credential, Proof, Role, Throttle, TokenDigest};
use crate::time::{UnixTime, from_rfc3339, to_rfc3339};

/// The table `[admin]` of a configuration.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AdminValues {
    /// IP address and port.
    #[serde(deserialize_with = "socket_address")]
    pub listen: SocketAddr,
    /// A TLS identity of its own.
    pub tls: Option<KeyFiles>,
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

impl AdminValues {
    /// What should be done about it, if anything. `program` is whose command `token` makes a credential.
    pub fn warnings(&self, program: &str, credentials: &[Credential], now: UnixTime) -> Vec<String> {
        let open = (!self.listen.ip().is_loopback())
            .then(|| format!("admin.listen is {}, where others than this machine reach it; 127.0.0.1 would keep them out", self.listen));
        let none =
            credentials.is_empty().then(|| format!("admin has no credentials, so that nobody may use it; `{program} token NAME --role operator` makes one"));
        let ended = credentials.iter().filter_map(|credential| {
            let at = credential.not_after.filter(|at| *at < now)?;
            Some(format!("the admin credential {} ended at {}; remove it", credential.name, to_rfc3339(at)))
        });
        open.into_iter().chain(none).chain(ended).collect()
    }
}

impl ConfigFile {
    /// Who may use the admin interface: nobody without the table. `roles` are those that the program knows; `throttle` remembers who failed.
    ///
    /// # Errors
    /// [`SetupError`] if a file cannot be read, a role is another program's, or credentials cannot be told apart.
    pub fn access(&self, values: Option<&AdminValues>, roles: &[Role], throttle: Throttle) -> Result<Access, SetupError> {
        let access = Access::new(self.admin_credentials(values, roles)?, throttle);
        access.map_err(|err| self.error("admin.credentials", "cannot be used").because(err))
    }

    /// The credentials themselves; whether they can be told apart, [`access`](Self::access) says.
    ///
    /// # Errors
    /// [`SetupError`] if a file cannot be read or a role is another program's.
    pub fn admin_credentials(&self, values: Option<&AdminValues>, roles: &[Role]) -> Result<Vec<Credential>, SetupError> {
        values.iter().flat_map(|admin| &admin.credentials).map(|values| self.credential(values, roles)).collect()
    }

    fn credential(&self, values: &CredentialValues, roles: &[Role]) -> Result<Credential, SetupError> {
        let CredentialValues { name, role, token_sha256, certificate, not_after } = values;
        if let Err(right) = Role::read(role.name(), roles) {
            return Err(self.error("admin.credentials", format!("'{name}' has the role {role}, which {right}")));
        }
        let proof = match (token_sha256, certificate) {
            (Some(digest), None) => Proof::Token(*digest),
            (None, Some(path)) => {
                let mut certificates = self.certificates("admin.credentials.certificate", path)?;
                match (certificates.pop(), certificates.is_empty()) {
                    (Some(only), true) => Proof::Certificate(Box::new(only)),
                    _ => {
                        let problem = format!("{} must hold one certificate, which is '{name}' itself: paths to anchors are not looked at", path.display());
                        return Err(self.error("admin.credentials.certificate", problem));
                    }
                }
            }
            (None, None) | (Some(_), Some(_)) => {
                let problem = format!("'{name}' must have either token-sha256 or certificate");
                return Err(self.error("admin.credentials", problem));
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
