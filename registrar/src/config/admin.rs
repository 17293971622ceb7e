//! The tables `[admin]` and `[[webhooks]]`: where the admin interface listens, who may use it, and which webhooks may ask it for opinions.

use std::net::SocketAddr;
use std::path::PathBuf;

use brski_common::access::{Access, Credential, Role, Throttle};
use brski_common::serve::TlsIdentity;
use brski_common::sign::KeyUri;
use brski_registrar::admin::Webhook;
use brski_registrar::metrics::{KeyUse, measured_signer};
use serde::Deserialize;

use super::Configuration;

/// One webhook of step-ca.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct WebhookValues {
    id: String,
    secret: PathBuf,
    #[serde(default)]
    subject_serial: bool,
}

impl Configuration {
    /// Where the admin interface listens, if it does.
    pub(crate) fn admin_listen(&self) -> Option<SocketAddr> {
        self.values.admin.as_ref().map(|admin| admin.listen)
    }

    /// The TLS identity of the admin interface: the registrar's own, unless it has another.
    pub(crate) fn admin_tls(&self) -> anyhow::Result<TlsIdentity> {
        let Some(files) = self.values.admin.as_ref().and_then(|admin| admin.tls.as_ref()) else { return self.tls() };
        let pair = self.file.key_pair("admin.tls", files)?;
        let identity = TlsIdentity::with_signer(&pair.chain, measured_signer(pair.key, KeyUse::Admin));
        Ok(identity.map_err(|err| self.file.error("admin.tls", "cannot be used for TLS").because(err))?)
    }

    /// Who may use the admin interface. `throttle` remembers who failed.
    pub(crate) fn access(&self, throttle: Throttle) -> anyhow::Result<Access> {
        Ok(self.file.access(self.values.admin.as_ref(), Role::OF_REGISTRAR, throttle)?)
    }

    /// The credentials of the admin interface, once it is sure that they can be told apart.
    pub(super) fn credentials(&self) -> anyhow::Result<Vec<Credential>> {
        self.access(Throttle::default())?;
        Ok(self.file.admin_credentials(self.values.admin.as_ref(), Role::OF_REGISTRAR)?)
    }

    /// The webhooks that may ask for opinions.
    pub(crate) fn webhooks(&self) -> anyhow::Result<Vec<Webhook>> {
        let values = &self.values.webhooks;
        for (index, WebhookValues { id, .. }) in values.iter().enumerate() {
            if id.is_empty() || !id.bytes().all(|octet| octet.is_ascii_graphic()) {
                return Err(self.file.error("webhooks", format!("id must be printable ASCII without spaces, '{}' is not", id.escape_debug())).into());
            }
            if values.iter().take(index).any(|other| other.id == *id) {
                return Err(self.file.error("webhooks", format!("two webhooks have the id '{id}', each needs its own")).into());
            }
        }
        if self.values.admin.is_none() && !values.is_empty() {
            return Err(self.file.error("webhooks", "are answered by the admin interface, and there is no table [admin]").into());
        }
        values.iter().map(|values| self.webhook(values)).collect()
    }

    fn webhook(&self, WebhookValues { id, secret, subject_serial }: &WebhookValues) -> anyhow::Result<Webhook> {
        let text = self.file.text("webhooks.secret", secret)?;
        let problem = || format!("{} cannot be used for '{id}'", secret.display());
        Ok(Webhook::new(id, &text, *subject_serial).map_err(|err| self.file.error("webhooks.secret", problem()).because(err))?)
    }

    /// What an operator should know about the files with the webhooks' secrets.
    pub(super) fn exposed_secrets(&self) -> Vec<String> {
        self.values.webhooks.iter().filter_map(|webhook| self.file.exposed(&KeyUri::File(webhook.secret.clone()))).collect()
    }

    /// Whether this configuration may take the place of that one while a process serves: what it was started on stays.
    pub(crate) fn may_follow(&self, old: &Self) -> anyhow::Result<()> {
        for (field, same) in [
            ("listen", self.values.listen == old.values.listen),
            ("pledges", self.file.resolve(&self.values.pledges) == old.file.resolve(&old.values.pledges)),
            ("trail.key", self.trail_key() == old.trail_key()),
            ("admin.listen", self.admin_listen() == old.admin_listen()),
            ("limits, connections or connections-per-address,", self.limits().limits() == old.limits().limits()),
        ] {
            anyhow::ensure!(same, self.file.error(field, "cannot change while serving; nothing of the new configuration is applied until a restart"));
        }
        Ok(())
    }
}
