//! What `config check` found.

use core::fmt;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use brski_common::access::{Proof, Role};
use brski_common::evidence::{Authorities, Authority};
use brski_common::serve::setup::{ConfigFile, Finding, KeyFiles};
use brski_common::{Anchors, Leniency, UnixTime};
use brski_masa::Station;
use serde::Serialize;

use super::Configuration;
use super::lines::Line;

/// A configuration with all that it names.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Report {
    config: PathBuf,
    listen: SocketAddr,
    authority: String,
    ledger: PathBuf,
    ledger_exists: bool,
    certificates: Vec<Finding>,
    /// The log's verifier key.
    log: String,
    /// Name and SHA-256 of the SubjectPublicKeyInfo.
    stations: BTreeMap<String, String>,
    /// Whose evidence counts, by name, and as which basis.
    evidence: BTreeMap<String, &'static str>,
    /// Name, and how the keys that sign vouchers are certified.
    product_lines: BTreeMap<String, &'static str>,
    /// Where the admin interface listens, if it does.
    admin: Option<SocketAddr>,
    /// Name and role of each of its credentials.
    credentials: BTreeMap<String, Role>,
    /// Those that are on.
    leniencies: Vec<&'static str>,
    warnings: Vec<String>,
}

impl Report {
    pub(super) fn new(configuration: &Configuration) -> anyhow::Result<Self> {
        let Configuration { file, values, .. } = configuration;
        let warning = "no station is enrolled, so that `record` accepts nothing; add a [[stations]] table".to_owned();
        Ok(Self {
            config: file.path().to_owned(),
            listen: values.listen,
            authority: values.authority.clone(),
            ledger_exists: file.database("ledger", &values.ledger)?,
            ledger: file.resolve(&values.ledger),
            certificates: Vec::new(),
            log: String::new(),
            stations: BTreeMap::new(),
            evidence: BTreeMap::new(),
            product_lines: BTreeMap::new(),
            admin: None,
            credentials: BTreeMap::new(),
            leniencies: values.leniencies.granted().map(Leniency::name).collect(),
            warnings: values.stations.is_empty().then_some(warning).into_iter().collect(),
        })
    }

    /// Adds a certificate whose key is here.
    pub(super) fn add_key_pair(&mut self, file: &ConfigFile, field: &str, files: &KeyFiles, now: UnixTime) -> anyhow::Result<()> {
        let pair = file.key_pair(field, files)?;
        Finding::add_pair(&mut self.certificates, field, &pair.chain, &files.key, now);
        self.warnings.extend(file.exposed(&files.key));
        Ok(())
    }

    /// Adds the key of the log.
    pub(super) fn add_log_key(&mut self, configuration: &Configuration) -> anyhow::Result<()> {
        self.log = configuration.log_verifier()?.to_string();
        self.warnings.extend(configuration.values.log.iter().filter_map(|log| configuration.file.exposed(&log.key)));
        Ok(())
    }

    /// Adds the product lines, and warns of devices that no voucher key covers.
    pub(super) fn add_product_lines(&mut self, configuration: &Configuration, now: UnixTime) -> anyhow::Result<()> {
        for Line { line, mode } in configuration.lines()? {
            let gaps = line.vouchers.gaps(&line.devices.serial_prefix, now);
            self.warnings.extend(gaps.into_iter().map(|gap| format!("product line '{}': no voucher key covers {gap}", line.name)));
            self.product_lines.insert(line.name, mode.name());
        }
        Ok(())
    }

    /// Adds the stations and whose evidence counts, and warns of what a station may claim and can never show.
    pub(super) fn add_stations(&mut self, stations: &[Station], authorities: &Authorities, now: UnixTime) {
        for Authority { name, anchors, basis, .. } in authorities.iter() {
            Finding::add(&mut self.certificates, "evidence.anchors", anchors.certificates(), now);
            self.evidence.insert(name.clone(), basis.name());
        }
        for station in stations {
            let name = &station.key.name;
            let groundless = station.bases.iter().filter(|basis| basis.is_attested() && !authorities.iter().any(|authority| authority.basis == **basis));
            self.warnings.extend(groundless.filter(|_| !station.without_evidence).map(|basis| {
                format!("station '{name}' may claim basis {basis}, which nothing can ground: no [[evidence]] has that basis, and the station may not do without-evidence")
            }));
            self.stations.insert(name.clone(), station.key.key.digest().to_string());
        }
    }

    /// Adds the admin interface with its credentials.
    pub(super) fn add_admin(&mut self, configuration: &Configuration, now: UnixTime) -> anyhow::Result<()> {
        let Some(values) = &configuration.values.admin else { return Ok(()) };
        let credentials = configuration.credentials()?;
        if let Some(files) = &values.tls {
            self.add_key_pair(&configuration.file, "admin.tls", files, now)?;
        }
        self.admin = Some(values.listen);
        self.warnings.extend(values.warnings("brski-masa", &credentials, now));
        for credential in credentials {
            if let Proof::Certificate(certificate) = &credential.proof {
                Finding::add(&mut self.certificates, "admin.credentials", core::slice::from_ref(certificate), now);
            }
            self.credentials.insert(credential.name, credential.role);
        }
        Ok(())
    }

    /// Adds certificates that are trusted.
    pub(super) fn add_anchors(&mut self, field: &str, anchors: &Anchors, now: UnixTime) {
        if anchors.certificates().is_empty() {
            self.warnings.push(format!("{field} is empty, so that no device is known"));
        }
        Finding::add(&mut self.certificates, field, anchors.certificates(), now);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: usable", self.config.display())?;
        writeln!(f, "listen: {}, known to the world as {}", self.listen, self.authority)?;
        let state = if self.ledger_exists { "exists" } else { "missing: restore it from a backup, only `init` begins one, with a new manufacturer" };
        writeln!(f, "ledger: {}, {state}", self.ledger.display())?;
        self.certificates.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        self.stations.iter().try_for_each(|(name, digest)| writeln!(f, "stations: {name}, SHA-256 of its key {digest}"))?;
        self.evidence.iter().try_for_each(|(name, basis)| writeln!(f, "evidence: of {name}, as basis {basis}"))?;
        self.product_lines.iter().try_for_each(|(name, mode)| writeln!(f, "product line: {name}, vouchers signed in mode {mode}"))?;
        writeln!(f, "transparency log: {}", self.log)?;
        self.admin.iter().try_for_each(|listen| writeln!(f, "admin: {listen}"))?;
        self.credentials.iter().try_for_each(|(name, role)| writeln!(f, "admin credential: {name}, {role}"))?;
        self.leniencies.iter().try_for_each(|leniency| writeln!(f, "leniency: {leniency}"))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))?;
        write!(f, "Next: brski-masa serve --config {}", self.config.display())
    }
}
