//! The `[admin]` table: where the admin interface listens, and who may use it.

use std::net::SocketAddr;

use brski_common::access::{Access, Credential, Role, Throttle};
use brski_common::serve::TlsIdentity;
use brski_masa::metrics::{KeyUse, measured_signer};

use super::Configuration;

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
        Ok(self.file.access(self.values.admin.as_ref(), Role::OF_MASA, throttle)?)
    }

    /// The credentials of the admin interface, once it is sure that they can be told apart.
    pub(super) fn credentials(&self) -> anyhow::Result<Vec<Credential>> {
        self.access(Throttle::default())?;
        Ok(self.file.admin_credentials(self.values.admin.as_ref(), Role::OF_MASA)?)
    }

    /// Whether this configuration may take the place of that one while a process serves: what it was started on stays.
    pub(crate) fn may_follow(&self, old: &Self) -> anyhow::Result<()> {
        for (field, same) in [
            ("listen", self.values.listen == old.values.listen),
            ("authority", self.values.authority == old.values.authority),
            ("ledger", self.ledger().0 == old.ledger().0),
            ("admin.listen", self.admin_listen() == old.admin_listen()),
            ("limits.connections", self.limits().limits() == old.limits().limits()),
            ("cloud.listen", self.cloud_listen() == old.cloud_listen()),
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
}
