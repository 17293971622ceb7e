//! The configuration file of a registrar that runs as a program of its own.

mod leniencies;
mod profiles;
mod report;

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use brski_common::http::Proxies;
use brski_common::serve::TlsIdentity;
use brski_common::serve::setup::{ConfigFile, KeyFiles, KeyPair, ProxyValues, socket_address};
use brski_common::voucher::Wanted;
use brski_common::{Clock, DomainId, Leniencies, Policy, SigningParty, UnixTime};
use brski_registrar::masa_client::HttpMasaClient;
use brski_registrar::{BuiltInCa, Registrar, RegistrarParts, Requirement, Settings, SqlitePledges, Trust};
use serde::Deserialize;

pub(crate) use profiles::{Profile, Profiles};
pub(crate) use report::Report;

/// A configuration that was read; the files it names are read when they are asked for.
#[derive(Debug)]
pub(crate) struct Configuration {
    file: ConfigFile,
    values: Values,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Values {
    version: u32,
    #[serde(deserialize_with = "socket_address")]
    listen: SocketAddr,
    policy: PathBuf,
    trust: PathBuf,
    pledges: PathBuf,
    #[serde(default = "body_limit")]
    body_limit: usize,
    identity: KeyFiles,
    domain_ca: KeyFiles,
    proxy: Option<ProxyValues>,
    #[serde(default)]
    requests: Requests,
    #[serde(default)]
    ldevid: LDevId,
    #[serde(default)]
    audit: Audit,
    #[serde(default, deserialize_with = "leniencies::by_manufacturer")]
    leniencies: BTreeMap<String, Leniencies>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Requests {
    oldest: Option<u64>,
    clock_skew: Option<u64>,
    hold_retry: Option<u64>,
    statement: Option<Statement>,
}

/// What a voucher is asked to say of its pledge's key.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Statement {
    /// The whole statement.
    Full,
    /// Its hash and what is for display.
    Summary,
}

impl Statement {
    fn wanted(self) -> Wanted {
        match self {
            Self::Full => Wanted { full: true, summary: false },
            Self::Summary => Wanted { full: false, summary: true },
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct LDevId {
    lifetime_days: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Audit {
    audit_log: Requirement,
    accepted_foreign_domains: Vec<DomainId>,
}

impl Configuration {
    /// Reads the file itself.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let (file, values): (ConfigFile, Values) = ConfigFile::read(path)?;
        match &values {
            values if values.version != 1 => Err(file.error("version", "must be 1").into()),
            values if !(1024..=16 * 1024 * 1024).contains(&values.body_limit) => Err(file.error("body-limit", "must be between 1024 octets and 16 MiB").into()),
            values if values.requests.hold_retry.is_some_and(|s| !(1..=60).contains(&s)) => {
                Err(file.error("requests.hold-retry", "must be between 1 and 60 seconds (RFC 8995, section 5.6)").into())
            }
            values if values.ldevid.lifetime_days == Some(0) => Err(file.error("ldevid.lifetime-days", "must be at least 1").into()),
            _ => Ok(Self { file, values }),
        }
    }

    /// Where to listen.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.values.listen
    }

    /// Who may end TLS in front of the server and say who the client is.
    pub(crate) fn proxies(&self) -> anyhow::Result<Proxies> {
        Ok(self.file.proxies("proxy", self.values.proxy.as_ref())?)
    }

    /// Largest request body in octets.
    pub(crate) fn body_limit(&self) -> usize {
        self.values.body_limit
    }

    /// The registrar's certificate path and key.
    pub(crate) fn tls(&self) -> anyhow::Result<TlsIdentity> {
        let pair = self.file.key_pair("identity", &self.values.identity)?;
        Ok(TlsIdentity::with_signer(&pair.chain, pair.key).map_err(|err| self.file.error("identity", "cannot be used for TLS").because(err))?)
    }

    /// The folder of manufacturers' profiles.
    pub(crate) fn profiles(&self) -> Profiles {
        Profiles::new(self.file.resolve(&self.values.trust))
    }

    /// The registrar itself. Opens the store of pledges, and makes it if it does not exist.
    pub(crate) fn registrar(&self) -> anyhow::Result<Registrar> {
        let identity = self.file.key_pair("identity", &self.values.identity)?;
        let masa = HttpMasaClient::new(self.tls()?);
        let parts = |pledges| {
            anyhow::Ok(RegistrarParts {
                identity: SigningParty::with_chain(identity.chain, identity.key),
                trust: self.trust()?,
                policy: self.policy()?,
                masa: Arc::new(masa),
                ca: Arc::new(self.ca()?),
                pledges,
                settings: self.values.settings(),
                clock: Clock::system(),
            })
        };
        let path = self.file.resolve(&self.values.pledges);
        let pledges = SqlitePledges::open(&path);
        let pledges = pledges.with_context(|| self.file.error("pledges", format!("{} cannot be used", path.display())).to_string())?;
        Ok(Registrar::new(parts(Arc::new(pledges))?))
    }

    /// Reads every file that serving would read, and changes none.
    pub(crate) fn check(&self, now: UnixTime) -> anyhow::Result<Report> {
        self.ca()?;
        self.proxies()?;
        let mut report = Report::new(self, self.policy()?.accepted_in_words())?;
        report.add_key_pair(&self.file, "identity", &self.values.identity, now)?;
        report.add_key_pair(&self.file, "domain-ca", &self.values.domain_ca, now)?;
        report.add_leniencies(self.trust()?.manufacturers());
        report.add_profiles(self.profiles().read()?, now);
        Ok(report)
    }

    fn trust(&self) -> anyhow::Result<Trust> {
        let mut manufacturers = Vec::new();
        let mut lenient = self.values.leniencies.clone();
        for Profile { manufacturer, .. } in self.profiles().read()? {
            let lenient = lenient.remove(&manufacturer.name).unwrap_or_default();
            manufacturers.push(brski_registrar::Manufacturer { lenient, ..manufacturer });
        }
        match lenient.keys().next() {
            None => Ok(Trust::new(manufacturers)),
            Some(name) => Err(self.file.error("leniencies", format!("'{name}' is no manufacturer with a profile; `trust list` tells their names")).into()),
        }
    }

    fn policy(&self) -> anyhow::Result<Policy> {
        let text = self.file.text("policy", &self.values.policy)?;
        Policy::from_toml(&text).with_context(|| self.file.resolve(&self.values.policy).display().to_string())
    }

    fn ca(&self) -> anyhow::Result<BuiltInCa> {
        let KeyPair { chain, key } = self.file.key_pair("domain-ca", &self.values.domain_ca)?;
        Ok(BuiltInCa::new(chain, key).map_err(|err| self.file.error("domain-ca", "cannot be used").because(err))?)
    }
}

impl Values {
    fn settings(&self) -> Settings {
        let default = Settings::default();
        let Self { requests, ldevid, audit, .. } = self;
        Settings {
            oldest_request: requests.oldest.map_or(default.oldest_request, Duration::from_secs),
            clock_skew: requests.clock_skew.map_or(default.clock_skew, Duration::from_secs),
            hold_retry: requests.hold_retry.map_or(default.hold_retry, Duration::from_secs),
            statement_in_voucher: requests.statement.map(Statement::wanted),
            ldevid_lifetime: ldevid.lifetime_days.map_or(default.ldevid_lifetime, |days| Duration::from_secs(u64::from(days) * 86_400)),
            audit_log: audit.audit_log,
            accepted_foreign_domains: audit.accepted_foreign_domains.clone(),
        }
    }
}

/// Some ten times what a voucher-request with a long chain needs.
fn body_limit() -> usize {
    64 * 1024
}

#[cfg(test)]
mod tests;
