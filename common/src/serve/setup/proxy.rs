//! The table `[proxy]`: who may end TLS in front of the server.

use std::path::PathBuf;

use serde::Deserialize;

use super::{ConfigFile, SetupError};
use crate::http::{Network, Proxies};

/// The table `[proxy]` of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProxyValues {
    /// From where proxies connect: addresses or networks.
    pub addresses: Vec<Network>,
    /// PEM: certificates, one of which a proxy has to show as TLS client, if there are any.
    #[serde(default)]
    pub certificates: Vec<PathBuf>,
}

impl ConfigFile {
    /// The proxies that the table `field` names; none if it is absent.
    ///
    /// # Errors
    /// [`SetupError`] if a file cannot be read, or the table names no address.
    pub fn proxies(&self, field: &str, values: Option<&ProxyValues>) -> Result<Proxies, SetupError> {
        let Some(ProxyValues { addresses, certificates }) = values else { return Ok(Proxies::default()) };
        if addresses.is_empty() {
            let problem = "must name at least one address, such as addresses = [\"192.0.2.7\"]; without proxies the table is left out";
            return Err(self.error(&format!("{field}.addresses"), problem));
        }
        let mut keys = Vec::new();
        for path in certificates {
            // The first of a file: above it is whoever issued it, to others too.
            keys.extend(self.certificates(&format!("{field}.certificates"), path)?.first().map(|own| own.spki_digest()));
        }
        Ok(Proxies::new(addresses.clone(), keys))
    }
}
