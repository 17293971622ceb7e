//! The `[cloud]` table: where customers want devices that come to their manufacturer themselves.

use core::time::Duration;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use brski_common::MasaUrl;
use brski_common::serve::setup::socket_address;
use brski_masa::issue::cloud::{CloudOwner, CloudPolicy, Destination, EstServer};
use serde::Deserialize;

use super::Configuration;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Values {
    #[serde(deserialize_with = "socket_address")]
    pub(super) listen: SocketAddr,
    retry_after: Option<u64>,
    #[serde(default)]
    owners: Vec<Owner>,
}

/// One `[[cloud.owners]]` table.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Owner {
    customer: String,
    registrar: Option<String>,
    est_domain: Option<String>,
    domain_ca: Option<PathBuf>,
    additional_configuration_url: Option<String>,
}

impl Configuration {
    /// Where devices come to themselves, if they may.
    pub(crate) fn cloud_listen(&self) -> Option<SocketAddr> {
        self.values.cloud.as_ref().map(|cloud| cloud.listen)
    }

    /// Where customers want their devices, if those may come themselves.
    pub(crate) fn cloud_policy(&self) -> anyhow::Result<Option<CloudPolicy>> {
        let Some(values) = &self.values.cloud else { return Ok(None) };
        let mut owners: Vec<CloudOwner> = Vec::new();
        for owner in &values.owners {
            if owners.iter().any(|other| other.customer == owner.customer) {
                return Err(self.file.error("cloud.owners.customer", format!("'{}' occurs twice, each customer needs one table", owner.customer)).into());
            }
            owners.push(CloudOwner { customer: owner.customer.clone(), destination: self.destination(owner)? });
        }
        Ok(Some(CloudPolicy { owners, retry_after: Duration::from_secs(values.retry_after.unwrap_or(RETRY_AFTER)) }))
    }

    fn destination(&self, owner: &Owner) -> anyhow::Result<Destination> {
        let Owner { customer, registrar, est_domain, domain_ca, additional_configuration_url } = owner;
        match (registrar, est_domain, domain_ca) {
            (Some(url), None, None) if additional_configuration_url.is_none() => {
                let url = MasaUrl::new(url).map_err(|err| self.file.error("cloud.owners.registrar", "is not usable").because(err))?;
                if url.authority() == self.authority() {
                    return Err(self.file.error("cloud.owners.registrar", "is this MASA itself, which would send devices round in a circle").into());
                }
                Ok(Destination::Registrar(url))
            }
            (None, Some(est_domain), Some(path)) => {
                for (field, url) in [("est-domain", Some(est_domain)), ("additional-configuration-url", additional_configuration_url.as_ref())] {
                    if url.is_some_and(|url| !url.starts_with("https://") || url.len() > LONGEST_URL || !url.bytes().all(|octet| octet.is_ascii_graphic())) {
                        return Err(self.file.error(&format!("cloud.owners.{field}"), "must be an https URL").into());
                    }
                }
                let certificates = self.file.certificates("cloud.owners.domain-ca", path)?;
                let pinned = certificates.into_iter().next().with_context(|| self.file.error("cloud.owners.domain-ca", "holds no certificate").to_string())?;
                let (est_domain, additional_configuration_url) = (est_domain.clone(), additional_configuration_url.clone());
                Ok(Destination::EstServer(Box::new(EstServer { est_domain, pinned, additional_configuration_url })))
            }
            _ => {
                let problem = format!("'{customer}' needs either registrar, or est-domain and domain-ca, beside which additional-configuration-url may stand");
                Err(self.file.error("cloud.owners", problem).into())
            }
        }
    }
}

const LONGEST_URL: usize = 2048;

/// An hour: sales are reported by the day.
const RETRY_AFTER: u64 = 3600;
