//! What `config check` found.

use core::fmt;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use brski_common::serve::setup::{ConfigFile, Finding, KeyFiles};
use brski_common::{Leniency, UnixTime};
use brski_registrar::Manufacturer;
use serde::Serialize;

use super::{Configuration, Profile};

/// A configuration with all that it names.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Report {
    config: PathBuf,
    listen: SocketAddr,
    accepted: String,
    pledges: PathBuf,
    pledges_exist: bool,
    certificates: Vec<Finding>,
    manufacturers: Vec<String>,
    leniencies: BTreeMap<String, Vec<&'static str>>,
    warnings: Vec<String>,
}

impl Report {
    /// `accepted` is what the policy accepts, in words.
    pub(super) fn new(configuration: &Configuration, accepted: String) -> anyhow::Result<Self> {
        let Configuration { file, values } = configuration;
        let warning = "the policy accepts nothing, so that no device gets an LDevID".to_owned();
        Ok(Self {
            config: file.path().to_owned(),
            listen: values.listen,
            pledges_exist: file.database("pledges", &values.pledges)?,
            pledges: file.resolve(&values.pledges),
            certificates: Vec::new(),
            manufacturers: Vec::new(),
            leniencies: BTreeMap::new(),
            warnings: accepted.is_empty().then_some(warning).into_iter().collect(),
            accepted,
        })
    }

    /// Adds a certificate whose key is here.
    pub(super) fn add_key_pair(&mut self, file: &ConfigFile, field: &str, files: &KeyFiles, now: UnixTime) -> anyhow::Result<()> {
        let pair = file.key_pair(field, files)?;
        Finding::add(&mut self.certificates, field, &pair.chain, now);
        self.warnings.extend(file.exposed(&files.key));
        Ok(())
    }

    /// Adds what each manufacturer's devices and MASA may do wrong, the default included.
    pub(super) fn add_leniencies(&mut self, manufacturers: &[Manufacturer]) {
        for manufacturer in manufacturers {
            let granted = manufacturer.lenient.granted();
            self.leniencies.insert(manufacturer.name.clone(), granted.map(Leniency::name).collect());
        }
    }

    /// Adds the manufacturers that are trusted.
    pub(super) fn add_profiles(&mut self, profiles: Vec<Profile>, now: UnixTime) {
        if profiles.is_empty() {
            self.warnings.push("no manufacturer is accepted yet; `brski-registrar trust add` accepts one".to_owned());
        }
        for Profile { manufacturer, .. } in profiles {
            for (field, anchors) in [
                ("idevid-anchors", &manufacturer.idevid_anchors),
                ("voucher-anchors", &manufacturer.voucher_anchors),
                ("provenance-anchors", &manufacturer.provenance_anchors),
                ("masa-tls-anchors", &manufacturer.masa_tls_anchors),
            ] {
                let field = format!("{field} of {}", manufacturer.name);
                if anchors.certificates().is_empty() {
                    self.warnings.push(format!("{field} is empty, so that nothing it is needed for can succeed"));
                }
                Finding::add(&mut self.certificates, &field, anchors.certificates(), now);
            }
            self.manufacturers.push(manufacturer.name);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: usable", self.config.display())?;
        writeln!(f, "listen: {}", self.listen)?;
        writeln!(f, "accepted keys: {}", if self.accepted.is_empty() { "none" } else { &self.accepted })?;
        let state = if self.pledges_exist { "exists" } else { "will be made at the first start" };
        writeln!(f, "pledges: {}, {state}", self.pledges.display())?;
        writeln!(f, "manufacturers: {}", if self.manufacturers.is_empty() { "none".to_owned() } else { self.manufacturers.join(", ") })?;
        for (manufacturer, granted) in &self.leniencies {
            writeln!(f, "leniencies for {manufacturer}: {}", if granted.is_empty() { "none".to_owned() } else { granted.join(", ") })?;
        }
        self.certificates.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))?;
        let config = self.config.display();
        match self.manufacturers.is_empty() {
            true => write!(f, "Next: brski-registrar trust add --config {config} manufacturer-profile.toml"),
            false => write!(f, "Next: brski-registrar serve --config {config}"),
        }
    }
}
