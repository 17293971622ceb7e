//! The configuration file of a MASA that runs as a program of its own.

mod log;
mod report;

use core::time::Duration;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use brski_common::provenance::{Basis, Disclosure};
use brski_common::serve::TlsIdentity;
use brski_common::serve::setup::{ConfigFile, KeyFiles, KeyPair, socket_address};
use brski_common::{Certificate, Clock, EnrolledKey, Leniencies, MasaUrl, SigningParty, SpkiDigest, UnixTime};
use brski_masa::{IssuePolicy, Masa, MasaParts, NoncelessPolicy, ProximityKey, SqliteLedger, Station, UncheckedRevocation, WithoutProximity};
use serde::Deserialize;

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
    authority: String,
    ledger: PathBuf,
    idevid_anchors: Vec<PathBuf>,
    #[serde(default = "public")]
    disclosure: Disclosure,
    #[serde(default = "body_limit")]
    body_limit: usize,
    tls: KeyFiles,
    voucher_signer: KeyFiles,
    provenance_signer: KeyFiles,
    log: Option<log::Values>,
    #[serde(default)]
    stations: Vec<StationValues>,
    idevid_issuer: Option<KeyFiles>,
    #[serde(default)]
    requests: Requests,
    #[serde(default)]
    revocation: Revocation,
    #[serde(default)]
    nonceless: NoncelessValues,
    #[serde(default)]
    leniencies: Leniencies,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct StationValues {
    name: String,
    public_key: PathBuf,
    bases: Option<Vec<Basis>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Requests {
    freshness: Option<u64>,
    without_proximity: Option<WithoutProximity>,
    vouchers_per_day: Option<usize>,
    proximity_key: Option<ProximityKey>,
    statement_in_voucher: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Revocation {
    unchecked: Option<UncheckedRevocation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct NoncelessValues {
    domains: Vec<SpkiDigest>,
    lifetime: Option<u64>,
}

impl Configuration {
    /// Reads the file itself.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let (file, values): (ConfigFile, Values) = ConfigFile::read(path)?;
        let configuration = Self { file, values };
        let error = |field: &str, problem: &str| configuration.file.error(field, problem);
        match &configuration.values {
            values if values.version != 1 => Err(error("version", "must be 1").into()),
            values if !(1024..=16 * 1024 * 1024).contains(&values.body_limit) => Err(error("body-limit", "must be between 1024 octets and 16 MiB").into()),
            values => match MasaUrl::new(&values.authority) {
                Ok(url) if url.authority() == values.authority => Ok(configuration),
                _ => Err(error("authority", "must be a host, and a port if it is not 443, such as masa.example.com:9443").into()),
            },
        }
    }

    /// Where to listen.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.values.listen
    }

    /// How the world reaches the MASA.
    pub(crate) fn authority(&self) -> &str {
        &self.values.authority
    }

    /// Largest request body in octets.
    pub(crate) fn body_limit(&self) -> usize {
        self.values.body_limit
    }

    /// The TLS server's certificate path and key.
    pub(crate) fn tls(&self) -> anyhow::Result<TlsIdentity> {
        let pair = self.file.key_pair("tls", &self.values.tls)?;
        Ok(TlsIdentity::new(&pair.chain, &pair.key_der).map_err(|err| self.file.error("tls", "cannot be used for TLS").because(err))?)
    }

    /// The CA that issues IDevIDs.
    pub(crate) fn idevid_issuer(&self) -> anyhow::Result<KeyPair> {
        let files = self.values.idevid_issuer.as_ref();
        let files = files.ok_or_else(|| self.file.error("idevid-issuer", "is missing, a table with certificate and key of the CA that issues IDevIDs"))?;
        let pair = self.file.key_pair("idevid-issuer", files)?;
        match pair.chain.first().is_some_and(Certificate::is_ca) {
            true => Ok(pair),
            false => Err(self.file.error("idevid-issuer.certificate", "must begin with the certificate of a CA").into()),
        }
    }

    /// The MASA itself. Opens the ledger, which `init` began.
    pub(crate) fn masa(&self) -> anyhow::Result<Masa> {
        let clock = Clock::system();
        let values = &self.values;
        let parts = |ledger| {
            // Before the others: it may not be one of them.
            let log_key = Arc::new(self.log_key()?);
            anyhow::Ok(MasaParts {
                authority: values.authority.clone(),
                ledger,
                voucher: self.party("voucher-signer", &values.voucher_signer)?,
                provenance: self.party("provenance-signer", &values.provenance_signer)?,
                log_key,
                last_signed: Arc::new(self.last_signed()),
                stations: self.stations()?,
                idevid_anchors: self.file.anchors("idevid-anchors", &values.idevid_anchors)?,
                issue_policy: values.issue_policy(),
                lenient: values.leniencies,
                disclosure: values.disclosure,
                clock: clock.clone(),
            })
        };
        let path = self.file.resolve(&values.ledger);
        let ledger = SqliteLedger::open(&path, &values.authority);
        let ledger = ledger.with_context(|| self.file.error("ledger", format!("{} cannot be used", path.display())).to_string())?;
        Ok(Masa::new(parts(Arc::new(ledger))?))
    }

    /// Reads every file that serving would read, and changes none.
    pub(crate) fn check(&self, now: UnixTime) -> anyhow::Result<Report> {
        let mut report = Report::new(self)?;
        let values = &self.values;
        // First, since it may not be one of the others.
        report.add_log_key(self)?;
        for (field, files) in [("tls", &values.tls), ("voucher-signer", &values.voucher_signer), ("provenance-signer", &values.provenance_signer)] {
            report.add_key_pair(&self.file, field, files, now)?;
        }
        if let Some(files) = &values.idevid_issuer {
            self.idevid_issuer()?;
            report.add_key_pair(&self.file, "idevid-issuer", files, now)?;
        }
        report.add_anchors("idevid-anchors", &self.file.anchors("idevid-anchors", &values.idevid_anchors)?, now);
        report.stations = self.stations()?.into_iter().map(|station| (station.key.name, station.key.key.digest().to_string())).collect();
        Ok(report)
    }

    fn party(&self, field: &str, files: &KeyFiles) -> anyhow::Result<SigningParty> {
        let pair = self.file.key_pair(field, files)?;
        Ok(SigningParty::with_chain(pair.chain, Arc::new(pair.key)))
    }

    fn stations(&self) -> anyhow::Result<Vec<Station>> {
        let mut stations: Vec<Station> = Vec::new();
        for StationValues { name, public_key, bases } in &self.values.stations {
            if stations.iter().any(|known| known.key.name == *name) {
                return Err(self.file.error("stations.name", format!("'{name}' occurs twice, each station needs a name of its own")).into());
            }
            let station = Station::new(EnrolledKey { name: name.clone(), key: self.file.public_key("stations.public-key", public_key)? });
            stations.push(Station { bases: bases.clone().unwrap_or(station.bases), key: station.key });
        }
        Ok(stations)
    }
}

impl Values {
    fn issue_policy(&self) -> IssuePolicy {
        let default = IssuePolicy::default();
        let Self { requests, revocation, nonceless, .. } = self;
        IssuePolicy {
            freshness: requests.freshness.map_or(default.freshness, Duration::from_secs),
            without_proximity: requests.without_proximity.unwrap_or(default.without_proximity),
            daily_vouchers: requests.vouchers_per_day.unwrap_or(default.daily_vouchers),
            proximity_key: requests.proximity_key.unwrap_or(default.proximity_key),
            statement_in_voucher: requests.statement_in_voucher.unwrap_or(default.statement_in_voucher),
            unchecked_revocation: revocation.unchecked.unwrap_or(default.unchecked_revocation),
            nonceless: NoncelessPolicy {
                domains: nonceless.domains.clone(),
                lifetime: nonceless.lifetime.map_or(default.nonceless.lifetime, Duration::from_secs),
            },
        }
    }
}

fn public() -> Disclosure {
    Disclosure::Public
}

/// Some ten times what a voucher-request with a long chain needs.
fn body_limit() -> usize {
    64 * 1024
}

#[cfg(test)]
mod tests;
