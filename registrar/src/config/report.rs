//! What `config check` found.

use core::fmt;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use brski_common::access::{Proof, Role};
use brski_common::appraise::{Mode, Policy};
use brski_common::serve::setup::{ConfigFile, Finding, KeyFiles};
use brski_common::{Certificate, Leniency, UnixTime};
use brski_registrar::Manufacturer;
use brski_registrar::trail::Notary;
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
    approvers: usize,
    trail: Option<String>,
    certificates: Vec<Finding>,
    /// Where the admin interface listens, if it does.
    admin: Option<SocketAddr>,
    /// Name and role of each of its credentials.
    credentials: BTreeMap<String, Role>,
    webhooks: Vec<String>,
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
            approvers: configuration.approvers(),
            trail: None,
            certificates: Vec::new(),
            admin: None,
            credentials: BTreeMap::new(),
            webhooks: Vec::new(),
            manufacturers: Vec::new(),
            leniencies: BTreeMap::new(),
            warnings: accepted.is_empty().then_some(warning).into_iter().collect(),
            accepted,
        })
    }

    /// Adds a certificate whose key is here.
    pub(super) fn add_key_pair(&mut self, file: &ConfigFile, field: &str, files: &KeyFiles, now: UnixTime) -> anyhow::Result<()> {
        let pair = file.key_pair(field, files)?;
        Finding::add_pair(&mut self.certificates, field, &pair.chain, &files.key, now);
        self.warnings.extend(file.exposed(&files.key));
        Ok(())
    }

    /// Adds what its reader should look at.
    pub(super) fn warn(&mut self, warning: &str) {
        self.warnings.push(warning.to_owned());
    }

    /// Adds certificates whose keys are elsewhere.
    pub(super) fn add_certificates(&mut self, field: &str, certificates: &[Certificate], now: UnixTime) {
        Finding::add(&mut self.certificates, field, certificates, now);
    }

    /// Adds the admin interface with its credentials and webhooks.
    pub(super) fn add_admin(&mut self, configuration: &Configuration, now: UnixTime) -> anyhow::Result<()> {
        let Some(values) = &configuration.values.admin else { return Ok(()) };
        let credentials = configuration.credentials()?;
        if let Some(files) = &values.tls {
            self.add_key_pair(&configuration.file, "admin.tls", files, now)?;
        }
        self.admin = Some(values.listen);
        self.warnings.extend(values.warnings("brski-registrar", &credentials, now));
        for credential in credentials {
            if let Proof::Certificate(certificate) = &credential.proof {
                Finding::add(&mut self.certificates, "admin.credentials", core::slice::from_ref(certificate), now);
            }
            self.credentials.insert(credential.name, credential.role);
        }
        self.webhooks.extend(configuration.webhooks()?.iter().map(|webhook| webhook.id().to_owned()));
        self.warnings.extend(configuration.exposed_secrets());
        Ok(())
    }

    /// Adds who signs the audit trail, and what is wrong with the file of that key.
    pub(super) fn add_trail(&mut self, notary: Option<&Notary>, exposed: Option<String>) {
        let unsigned = "the audit trail is not signed, so that nobody could tell if it was rewritten; a table [trail] with name and key would sign it";
        self.trail = notary.map(|notary| notary.verifier().to_string());
        self.warnings.extend(exposed);
        self.warnings.extend(self.trail.is_none().then(|| unsigned.to_owned()));
    }

    /// Adds what each manufacturer's devices and MASA may do wrong, the default included.
    pub(super) fn add_leniencies(&mut self, manufacturers: &[Manufacturer]) {
        for manufacturer in manufacturers {
            let granted = manufacturer.lenient.granted();
            self.leniencies.insert(manufacturer.name.clone(), granted.map(Leniency::name).collect());
        }
    }

    /// Adds what of the policy an owner may not have meant.
    pub(super) fn add_policy(&mut self, policy: &Policy, manufacturers: &[Manufacturer]) {
        if policy.mode() == Mode::Warn {
            self.warnings.push("the policy only warns: pledges that it holds or refuses pass nevertheless".to_owned());
        }
        for name in policy.manufacturers() {
            if !manufacturers.iter().any(|manufacturer| manufacturer.name == name) {
                self.warnings.push(format!("the policy names the manufacturer '{name}', which has no profile; `brski-registrar trust list` tells their names"));
            }
            if policy.mode() == Mode::Enforce && policy.mode_for(name) == Mode::Warn {
                self.warnings.push(format!("the policy only warns about pledges of {name}: those that it holds or refuses pass nevertheless"));
            }
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
        match &self.admin {
            Some(address) => {
                let named = self.credentials.iter().map(|(name, role)| format!("{name} ({role})")).collect::<Vec<_>>();
                writeln!(f, "admin: {address}; credentials: {}", if named.is_empty() { "none".to_owned() } else { named.join(", ") })?;
            }
            None => writeln!(f, "admin: none")?,
        }
        if !self.webhooks.is_empty() {
            writeln!(f, "webhooks: {}", self.webhooks.join(", "))?;
        }
        writeln!(f, "approvals: {} needed for a held pledge", self.approvers)?;
        writeln!(f, "audit trail: {}", self.trail.as_deref().unwrap_or("not signed"))?;
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
