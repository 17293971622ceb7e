//! The configuration file of a MASA that runs as a program of its own.

mod admin;
mod audit;
mod cloud;
mod lines;
mod log;
mod pack;
mod profile;
mod report;
mod sales;
mod signing;
mod stations;

use core::time::Duration;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use brski_common::evidence::Authorities;
use brski_common::http::Proxies;
use brski_common::serve::TlsIdentity;
use brski_common::serve::setup::{AdminValues, ConfigFile, EvidenceValues, KeyFiles, KeyPair, LimitValues, ProxyValues, socket_address};
use brski_common::{Certificate, Clock, Leniencies, MasaUrl, PublicKey, SigningParty, UnixTime};
use brski_masa::metrics::{KeyUse, measured_ledger, measured_signer};
use brski_masa::{
    AuditLinks, IssuePolicy, LastSigned, Ledger, Masa, MasaParts, ProximityKey, Resale, Sales, SqliteLedger, Station, UncheckedRevocation, WithoutProximity,
};
use serde::Deserialize;

pub(crate) use audit::LINK_LIFETIME;
pub(crate) use log::LOG_VERIFIER;
pub(crate) use pack::{Named, named_files};
pub(crate) use profile::{LineAnchors, anchor_in};
pub(crate) use report::Report;

/// A configuration that was read; the files it names are read when they are asked for.
#[derive(Debug)]
pub(crate) struct Configuration {
    file: ConfigFile,
    values: Values,
    /// In the place of the configured one.
    nonceless_signer: Option<KeyFiles>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Values {
    version: u32,
    #[serde(deserialize_with = "socket_address")]
    listen: SocketAddr,
    authority: String,
    ledger: PathBuf,
    idevid_anchors: Vec<PathBuf>,
    #[serde(default)]
    disclosure: lines::Disclosed,
    #[serde(default = "body_limit")]
    body_limit: usize,
    #[serde(default)]
    limits: LimitValues,
    tls: KeyFiles,
    admin: Option<AdminValues>,
    voucher_signer: Option<KeyFiles>,
    voucher_signing: Option<signing::Values>,
    provenance_signer: KeyFiles,
    log: Option<log::Values>,
    #[serde(default)]
    audit: audit::Values,
    #[serde(default)]
    product_lines: Vec<lines::Values>,
    #[serde(default)]
    stations: Vec<stations::Values>,
    #[serde(default)]
    evidence: Vec<EvidenceValues>,
    idevid_issuer: Option<KeyFiles>,
    proxy: Option<ProxyValues>,
    #[serde(default)]
    requests: Requests,
    #[serde(default)]
    revocation: Revocation,
    #[serde(default)]
    nonceless: sales::Nonceless,
    #[serde(default)]
    customers: Vec<sales::Customer>,
    cloud: Option<cloud::Values>,
    #[serde(default)]
    leniencies: Leniencies,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Requests {
    freshness: Option<u64>,
    without_proximity: Option<WithoutProximity>,
    vouchers_per_day: Option<usize>,
    proximity_key: Option<ProximityKey>,
    statement_in_voucher: Option<bool>,
    sales: Option<Sales>,
    resale: Option<Resale>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Revocation {
    unchecked: Option<UncheckedRevocation>,
}

/// What a configuration names and a process opens once: no other configuration can take its place while the process lives.
pub(crate) struct Opened {
    ledger: Arc<dyn Ledger>,
    last_signed: Arc<LastSigned>,
    links: AuditLinks,
    /// What was signed last was signed by it.
    log_key: PublicKey,
}

impl Configuration {
    /// Reads the file itself.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let (file, values): (ConfigFile, Values) = ConfigFile::read(path)?;
        Self { file, values, nonceless_signer: None }.checked()
    }

    /// Reads this text as if it stood in the file at `path`.
    pub(crate) fn read_as(path: &Path, text: &str) -> anyhow::Result<Self> {
        let (file, values): (ConfigFile, Values) = ConfigFile::read_as(path, text)?;
        Self { file, values, nonceless_signer: None }.checked()
    }

    fn checked(self) -> anyhow::Result<Self> {
        let configuration = self;
        let error = |field: &str, problem: &str| configuration.file.error(field, problem);
        configuration.file.check_limits(&configuration.values.limits)?;
        match &configuration.values {
            values if values.version != 1 => Err(error("version", "must be 1").into()),
            values if !(1024..=16 * 1024 * 1024).contains(&values.body_limit) => Err(error("body-limit", "must be between 1024 octets and 16 MiB").into()),
            values => match MasaUrl::new(&values.authority) {
                Ok(url) if url.authority() == values.authority => Ok(configuration),
                _ => Err(error("authority", "must be a host, and a port if it is not 443, such as masa.example.com:9443").into()),
            },
        }
    }

    /// Whose evidence counts.
    fn authorities(&self) -> anyhow::Result<Authorities> {
        let idevids = self.file.anchors("idevid-anchors", &self.values.idevid_anchors)?;
        Ok(self.file.authorities(&self.values.evidence, idevids.certificates())?)
    }

    /// Where to listen.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.values.listen
    }

    /// How the world reaches the MASA.
    pub(crate) fn authority(&self) -> &str {
        &self.values.authority
    }

    /// Who may end TLS in front of the server and say who the client is.
    pub(crate) fn proxies(&self) -> anyhow::Result<Proxies> {
        Ok(self.file.proxies("proxy", self.values.proxy.as_ref())?)
    }

    /// How much one client, and all of them, may take.
    pub(crate) fn limits(&self) -> &LimitValues {
        &self.values.limits
    }

    /// Largest request body in octets.
    pub(crate) fn body_limit(&self) -> usize {
        self.values.body_limit
    }

    /// The TLS server's certificate path and key.
    pub(crate) fn tls(&self) -> anyhow::Result<TlsIdentity> {
        let pair = self.file.key_pair("tls", &self.values.tls)?;
        Ok(TlsIdentity::with_signer(&pair.chain, measured_signer(pair.key, KeyUse::Tls))
            .map_err(|err| self.file.error("tls", "cannot be used for TLS").because(err))?)
    }

    /// The CA that issues IDevIDs, by the field that names it.
    fn issuer(&self, field: &str, files: Option<&KeyFiles>) -> anyhow::Result<KeyPair> {
        let files = files.ok_or_else(|| self.file.error(field, "is missing, a table with certificate and key of the CA that issues IDevIDs"))?;
        let pair = self.file.key_pair(field, files)?;
        match pair.chain.first().is_some_and(Certificate::is_ca) {
            true => Ok(pair),
            false => Err(self.file.error(&format!("{field}.certificate"), "must begin with the certificate of a CA").into()),
        }
    }

    /// The MASA itself. Opens the ledger, which `init` began.
    pub(crate) fn masa(&self) -> anyhow::Result<Masa> {
        self.masa_on(&self.open()?)
    }

    /// What stays the same for as long as the process lives.
    pub(crate) fn open(&self) -> anyhow::Result<Opened> {
        // Before the ledger is opened, which could change it: the key may not be one of the others.
        let log_key = self.log_key()?.public_key().clone();
        let path = self.file.resolve(&self.values.ledger);
        let ledger = SqliteLedger::open(&path, &self.values.authority);
        let ledger = ledger.with_context(|| self.file.error("ledger", format!("{} cannot be used", path.display())).to_string())?;
        Ok(Opened { ledger: measured_ledger(Arc::new(ledger)), last_signed: Arc::new(self.last_signed()), links: self.audit_links()?, log_key })
    }

    /// The MASA on a ledger that is open already.
    pub(crate) fn masa_on(&self, opened: &Opened) -> anyhow::Result<Masa> {
        let values = &self.values;
        // Before the others: it may not be one of them.
        let log_key = measured_signer(self.log_key()?, KeyUse::Log);
        anyhow::ensure!(*log_key.public_key() == opened.log_key, self.cannot_change("log.key"));
        Ok(Masa::new(MasaParts {
            authority: values.authority.clone(),
            ledger: Arc::clone(&opened.ledger),
            lines: self.product_lines()?,
            log_key,
            last_signed: Arc::clone(&opened.last_signed),
            stations: self.stations()?,
            idevid_anchors: self.file.anchors("idevid-anchors", &values.idevid_anchors)?,
            lenient: values.leniencies,
            clock: Clock::system(),
        })
        .with_audit_links(opened.links.clone())
        .with_authorities(self.authorities()?))
    }

    /// Reads every file that serving would read, and changes none.
    pub(crate) fn check(&self, now: UnixTime) -> anyhow::Result<Report> {
        let mut report = Report::new(self)?;
        self.proxies()?;
        let values = &self.values;
        self.audit_answer()?;
        // First, since it may not be one of the others.
        report.add_log_key(self)?;
        for (field, files) in self.key_files() {
            report.add_key_pair(&self.file, &field, files, now)?;
        }
        if let Some(files) = &values.nonceless.signer {
            report.add_key_pair(&self.file, "nonceless.signer", files, now)?;
        }
        report.add_anchors("idevid-anchors", &self.file.anchors("idevid-anchors", &values.idevid_anchors)?, now);
        // All that hangs together: keys of their own, customers with keys, levels that may leave the house.
        self.product_lines()?;
        self.cloud_policy()?;
        report.add_product_lines(self, now)?;
        report.add_admin(self, now)?;
        report.add_stations(&self.stations()?, &self.authorities()?, now);
        Ok(report)
    }

    fn party(&self, field: &str, files: &KeyFiles, key: KeyUse) -> anyhow::Result<SigningParty> {
        let pair = self.file.key_pair(field, files)?;
        Ok(SigningParty::with_chain(pair.chain, measured_signer(pair.key, key)))
    }

    fn stations(&self) -> anyhow::Result<Vec<Station>> {
        stations::read(&self.file, &self.values.stations)
    }
}

impl Values {
    /// What stands in the file itself: a product line's own table, and where that says nothing the one that is for all.
    fn issue_policy(&self, own: Option<&Requests>) -> IssuePolicy {
        let default = IssuePolicy::default();
        let Self { requests, revocation, .. } = self;
        let requests = own.map_or_else(|| requests.clone(), |own| own.clone().or(requests));
        IssuePolicy {
            freshness: requests.freshness.map_or(default.freshness, Duration::from_secs),
            without_proximity: requests.without_proximity.unwrap_or(default.without_proximity),
            daily_vouchers: requests.vouchers_per_day.unwrap_or(default.daily_vouchers),
            proximity_key: requests.proximity_key.unwrap_or(default.proximity_key),
            statement_in_voucher: requests.statement_in_voucher.unwrap_or(default.statement_in_voucher),
            unchecked_revocation: revocation.unchecked.unwrap_or(default.unchecked_revocation),
            ..default
        }
    }
}

impl Requests {
    fn or(self, others: &Self) -> Self {
        Self {
            freshness: self.freshness.or(others.freshness),
            without_proximity: self.without_proximity.or(others.without_proximity),
            vouchers_per_day: self.vouchers_per_day.or(others.vouchers_per_day),
            proximity_key: self.proximity_key.or(others.proximity_key),
            statement_in_voucher: self.statement_in_voucher.or(others.statement_in_voucher),
            sales: self.sales.or(others.sales),
            resale: self.resale.or(others.resale),
        }
    }
}

/// Some ten times what a voucher-request with a long chain needs.
fn body_limit() -> usize {
    64 * 1024
}

#[cfg(test)]
mod tests;
