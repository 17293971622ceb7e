//! The configuration file of a registrar that runs as a program of its own.

mod admin;
mod approvals;
mod ca;
mod evidence;
mod former;
mod ldevid;
mod leniencies;
mod masas;
mod profiles;
mod report;
mod trail;
mod trust;

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use brski_common::http::Proxies;
use brski_common::serve::TlsIdentity;
use brski_common::serve::setup::{AdminValues, ConfigFile, EvidenceValues, KeyFiles, KeyPair, LimitValues, ProxyValues, socket_address};
use brski_common::voucher::Wanted;
use brski_common::{Anchors, Certificate, Clock, DomainId, Leniencies, Policy, SigningParty, UnixTime, Usage};
use brski_registrar::metrics::{KeyUse, measured_ca, measured_masa, measured_pledges, measured_signer};
use brski_registrar::trust::Strangers;
use brski_registrar::{CertificateAuthority, EstServer, PledgeStore, Registrar, RegistrarParts, Requirement, Settings};
use serde::Deserialize;

pub(crate) use masas::MasaMemory;
pub(crate) use profiles::{Profile, Profiles};
pub(crate) use report::Report;
pub(crate) use trail::{TRAIL_VERIFIER, read_verifiers};

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
    #[serde(default)]
    limits: LimitValues,
    identity: KeyFiles,
    domain_ca: Option<KeyFiles>,
    ca: Option<ca::Ca>,
    admin: Option<AdminValues>,
    #[serde(default)]
    webhooks: Vec<admin::WebhookValues>,
    proxy: Option<ProxyValues>,
    #[serde(default)]
    requests: Requests,
    #[serde(default)]
    ldevid: ldevid::LDevId,
    #[serde(default)]
    audit: Audit,
    #[serde(default)]
    approvals: approvals::Values,
    trail: Option<trail::Values>,
    #[serde(default)]
    masas: masas::Masas,
    #[serde(default, deserialize_with = "leniencies::by_manufacturer")]
    leniencies: BTreeMap<String, Leniencies>,
    #[serde(default)]
    manufacturers: BTreeMap<String, trust::Override>,
    #[serde(default)]
    unknown_manufacturers: trust::UnknownManufacturers,
    #[serde(default)]
    evidence: Vec<EvidenceValues>,
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
struct Audit {
    audit_log: Requirement,
    accepted_foreign_domains: Vec<DomainId>,
}

impl Configuration {
    /// Reads the file itself.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        Self::checked(ConfigFile::read(path)?)
    }

    /// Reads this text as if it stood in the file at `path`.
    pub(crate) fn read_as(path: &Path, text: &str) -> anyhow::Result<Self> {
        Self::checked(ConfigFile::read_as(path, text)?)
    }

    fn checked((file, values): (ConfigFile, Values)) -> anyhow::Result<Self> {
        file.check_limits(&values.limits)?;
        if let Some((field, problem)) = values.masas.mistake() {
            return Err(file.error(field, problem).into());
        }
        match values {
            values if values.version != 1 => Err(file.error("version", "must be 1").into()),
            values if !(1024..=16 * 1024 * 1024).contains(&values.body_limit) => Err(file.error("body-limit", "must be between 1024 octets and 16 MiB").into()),
            values if values.requests.hold_retry.is_some_and(|s| !(1..=60).contains(&s)) => {
                Err(file.error("requests.hold-retry", "must be between 1 and 60 seconds (RFC 8995, section 5.6)").into())
            }
            values if !(1..=2).contains(&values.approvals.persons) => {
                Err(file.error("approvals.persons", "must be 1, or 2 where nobody shall decide alone").into())
            }
            values => {
                values.ldevid.check(&file)?;
                Ok(Self { file, values })
            }
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

    /// How much one client, and all of them, may take.
    pub(crate) fn limits(&self) -> &LimitValues {
        &self.values.limits
    }

    /// Largest request body in octets.
    pub(crate) fn body_limit(&self) -> usize {
        self.values.body_limit
    }

    /// The registrar's certificate path and key.
    pub(crate) fn tls(&self) -> anyhow::Result<TlsIdentity> {
        let pair = self.file.key_pair("identity", &self.values.identity)?;
        Ok(TlsIdentity::with_signer(&pair.chain, measured_signer(pair.key, KeyUse::Registrar))
            .map_err(|err| self.file.error("identity", "cannot be used for TLS").because(err))?)
    }

    /// The folder of manufacturers' profiles.
    pub(crate) fn profiles(&self) -> Profiles {
        Profiles::new(self.file.resolve(&self.values.trust))
    }

    /// What stays the same for as long as the process lives: the store of pledges, which is made if it does not exist.
    pub(crate) fn open(&self) -> anyhow::Result<Arc<dyn PledgeStore>> {
        Ok(measured_pledges(self.pledges()?))
    }

    /// The registrar on a store that is open already, and with what is known of MASAs.
    pub(crate) fn registrar_on(&self, pledges: Arc<dyn PledgeStore>, known: &MasaMemory) -> anyhow::Result<Registrar> {
        let identity = self.file.key_pair("identity", &self.values.identity)?;
        let (masa, answers) = self.masas(known)?;
        let registrar = Registrar::new(RegistrarParts {
            identity: SigningParty::with_chain(identity.chain, measured_signer(identity.key, KeyUse::Registrar)),
            trust: self.trust()?,
            policy: self.policy()?,
            masa: measured_masa(masa),
            ca: measured_ca(self.ca()?),
            pledges,
            settings: Settings { former_cas: self.former_cas()?, ..self.values.settings() },
            clock: Clock::system(),
        });
        let registrar = registrar.remembering_in(answers).with_nonces(known.nonces()).listing_for(self.former_listers()?);
        Ok(if self.holds_strangers() { registrar.holding_strangers(Strangers::in_folder(self.strangers())?) } else { registrar })
    }

    /// The policy's file.
    pub(crate) fn policy_path(&self) -> PathBuf {
        self.file.resolve(&self.values.policy)
    }

    /// Reads every file that serving would read, and changes none.
    pub(crate) fn check(&self, now: UnixTime) -> anyhow::Result<Report> {
        self.ca()?;
        self.former_listers()?;
        self.proxies()?;
        self.webhooks()?;
        let policy = self.policy()?;
        let mut report = Report::new(self, policy.accepted_in_words())?;
        report.add_key_pair(&self.file, "identity", &self.values.identity, now)?;
        self.check_masas(&mut report, now)?;
        match &self.values.domain_ca {
            Some(files) => report.add_key_pair(&self.file, "domain-ca", files, now)?,
            None => {
                let (field, chain) = self.ca_chain()?;
                report.add_certificates(field, &chain, now);
            }
        }
        self.former_keys().filter_map(|files| self.file.exposed(&files.key)).for_each(|warning| report.warn(&warning));
        report.add_certificates("ldevid.former-cas", &self.former_cas()?, now);
        self.revocation_warnings()?.iter().for_each(|warning| report.warn(warning));
        if !self.is_of_the_ca(now)? {
            report.warn(
                "the certificate of [identity] does not stand under the CA that issues LDevIDs: vouchers pin the CA above the registrar, and pledges take the one that issues for that of \
                 another domain; `brski-registrar ca issue-registrar` issues a certificate below it",
            );
        }
        report.add_admin(self, now)?;
        report.add_trail(self.notary()?.as_ref(), self.trail_key().and_then(|key| self.file.exposed(&key)));
        let trust = self.trust()?;
        report.add_leniencies(trust.manufacturers());
        report.add_policy(&policy, trust.manufacturers());
        report.add_evidence(trust.authorities(), &policy, now);
        report.add_profiles(self.profiles().read()?, now);
        Ok(report)
    }

    fn policy(&self) -> anyhow::Result<Policy> {
        let text = self.file.text("policy", &self.values.policy)?;
        Policy::from_toml(&text).with_context(|| self.file.resolve(&self.values.policy).display().to_string())
    }

    fn ca(&self) -> anyhow::Result<Arc<dyn CertificateAuthority>> {
        Ok(ca::authority(&self.file, self.values.ca.as_ref(), self.values.domain_ca.as_ref(), &self.values.identity)?)
    }

    /// Whether the registrar's certificate stands under the CA that issues itself, and not merely under the same root: that CA is what vouchers should pin.
    fn is_of_the_ca(&self, now: UnixTime) -> anyhow::Result<bool> {
        let registrar = self.file.certificates("identity.certificate", &self.values.identity.certificate)?;
        let anchors = Anchors::new(self.ca_chain()?.1.into_iter().take(1))?;
        Ok(registrar.first().is_some_and(|own| anchors.verify_path(own, &registrar, Usage::Any, now).is_ok()))
    }

    /// The path of the CA that issues LDevIDs, and the field that names it.
    pub(crate) fn ca_chain(&self) -> anyhow::Result<(&'static str, Vec<Certificate>)> {
        Ok(ca::chain(&self.file, self.values.ca.as_ref(), self.values.domain_ca.as_ref())?)
    }

    /// The CA that issues LDevIDs, if its key is here.
    pub(crate) fn domain_ca(&self) -> anyhow::Result<KeyPair> {
        match (&self.values.ca, &self.values.domain_ca) {
            (None, Some(files)) => Ok(self.file.key_pair("domain-ca", files)?),
            (None, None) => Err(self.file.error("domain-ca", "is missing: it names the CA that issues LDevIDs").into()),
            (Some(_), _) => {
                Err(self.file.error("ca", "says that an EST server issues: it has to certify the registrar, too, since its key is not here").into())
            }
        }
    }

    /// The registrar's certificate.
    pub(crate) fn identity(&self) -> anyhow::Result<Certificate> {
        let registrar = self.file.certificates("identity.certificate", &self.values.identity.certificate)?;
        Ok(registrar.into_iter().next().ok_or_else(|| self.file.error("identity.certificate", "holds no certificate"))?)
    }

    /// The EST server that issues LDevIDs, and where its CA certificates are kept.
    pub(crate) fn est_server(&self) -> anyhow::Result<(EstServer, PathBuf)> {
        let ca = self.values.ca.as_ref().ok_or_else(|| self.file.error("ca", "is missing: there is no EST server to fetch certificates from"))?;
        let (server, certificates) = ca.server(&self.file, &self.values.identity)?;
        Ok((server, self.file.resolve(certificates)))
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
            ldevid: ldevid.profile(),
            former_cas: default.former_cas,
            revoke_on: ldevid.revoke_on().to_vec(),
            audit_log: audit.audit_log,
            statement_at_renewal: ldevid.statement_at_renewal().unwrap_or(default.statement_at_renewal),
            approvers: usize::from(self.approvals.persons),
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
