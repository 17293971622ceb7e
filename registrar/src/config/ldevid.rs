//! `[ldevid]`: what stands in LDevIDs, and when they are taken back.

use core::time::Duration;
use std::collections::HashMap;

use brski_common::provenance::{Basis, Status};
use brski_common::serve::setup::{ConfigFile, SetupError};
use brski_common::{Method, PolicyOid};
use brski_registrar::enroll::profile::{ExtendedUsage, NamePattern, ProvenancePolicies, SubjectForm};
use brski_registrar::{CertificateProfile, Requirement};
use serde::Deserialize;

use super::former::Former;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct LDevId {
    preset: Preset,
    lifetime_days: Option<u32>,
    lifetime_hours: Option<u32>,
    backdating_minutes: Option<u32>,
    subject: Subject,
    names: Vec<String>,
    usages: Option<Vec<Usage>>,
    pub(super) crl_url: Option<String>,
    method_policies: HashMap<Method, PolicyOid>,
    basis_policies: HashMap<Basis, PolicyOid>,
    statement_at_renewal: Option<Requirement>,
    revoke_on: Vec<Status>,
    pub(super) former_cas: Vec<Former>,
}

/// Where the other fields begin.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Preset {
    /// A year.
    #[default]
    Standard,
    /// Days, and no revocation.
    ShortLived,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Subject {
    #[default]
    Idevid,
    SerialNumber,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Usage {
    ClientAuth,
    ServerAuth,
}

impl LDevId {
    /// What becomes of a renewal whose MASA cannot be asked, if the file says so.
    pub(super) fn statement_at_renewal(&self) -> Option<Requirement> {
        self.statement_at_renewal
    }

    /// With which word of its manufacturer a device loses its LDevIDs.
    pub(super) fn revoke_on(&self) -> &[Status] {
        &self.revoke_on
    }

    /// Checks what the types do not.
    pub(super) fn check(&self, file: &ConfigFile) -> Result<(), SetupError> {
        let error = |field: &str, problem: String| Err(file.error(&format!("ldevid.{field}"), problem));
        if self.lifetime_days == Some(0) {
            return error("lifetime-days", "must be at least 1".to_owned());
        }
        if self.lifetime_hours == Some(0) {
            return error("lifetime-hours", "must be at least 1".to_owned());
        }
        if self.lifetime_days.is_some() && self.lifetime_hours.is_some() {
            return error("lifetime-hours", "is one of two lifetimes; lifetime-days has to go if this one shall count".to_owned());
        }
        if let Some((name, err)) = self.names.iter().find_map(|name| NamePattern::new(name).err().map(|err| (name, err))) {
            return error("names", format!("'{name}' cannot be used: {err}"));
        }
        if self.usages.as_ref().is_some_and(|usages| !usages.iter().any(|usage| matches!(usage, Usage::ClientAuth))) {
            return error("usages", "must list client-auth, without which no device can renew its LDevID".to_owned());
        }
        if self.crl_url.as_deref().is_some_and(|url| !is_url(url)) {
            return error("crl-url", "must be a URL such as http://crl.example.net/ldevid.crl".to_owned());
        }
        if self.revoke_on.contains(&Status::Valid) {
            return error("revoke-on", "must not list valid, which would take back every LDevID; compromised and disputed can be listed".to_owned());
        }
        Ok(())
    }

    /// The profile, of fields that were checked.
    pub(super) fn profile(&self) -> CertificateProfile {
        let preset = match self.preset {
            Preset::Standard => CertificateProfile::default(),
            Preset::ShortLived => CertificateProfile::short_lived(),
        };
        let days = self.lifetime_days.map(|days| Duration::from_secs(u64::from(days) * 86_400));
        let hours = self.lifetime_hours.map(|hours| Duration::from_secs(u64::from(hours) * 3600));
        let usage = |usage: &Usage| match usage {
            Usage::ClientAuth => ExtendedUsage::ClientAuth,
            Usage::ServerAuth => ExtendedUsage::ServerAuth,
        };
        CertificateProfile {
            subject: match self.subject {
                Subject::Idevid => SubjectForm::IDevId,
                Subject::SerialNumber => SubjectForm::SerialNumber,
            },
            names: self.names.iter().filter_map(|name| NamePattern::new(name).ok()).collect(),
            usages: self.usages.as_ref().map_or(preset.usages, |usages| usages.iter().map(usage).collect()),
            lifetime: days.or(hours).unwrap_or(preset.lifetime),
            backdating: self.backdating_minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
            policies: ProvenancePolicies { by_method: self.method_policies.clone(), by_basis: self.basis_policies.clone() },
            no_revocation: preset.no_revocation && self.crl_url.is_none(),
            crl_url: self.crl_url.clone(),
        }
    }
}

/// What a certificate can hold and a client can fetch.
fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
}
