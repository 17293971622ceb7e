//! Customers and their keys, and who signs vouchers without nonce for whom.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::PathBuf;

use brski_common::serve::setup::KeyFiles;
use brski_common::{Certificate, Signer as _, SigningParty, SpkiDigest};
use brski_masa::issue::KnownCustomer;
use brski_masa::metrics::KeyUse;
use brski_masa::{IssuePolicy, NoncelessPolicy, SalesPolicy, VoucherSigners};
use serde::Deserialize;

use super::{Configuration, Requests};

/// One `[[customers]]` table.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Customer {
    name: String,
    #[serde(default)]
    domain_cas: Vec<PathBuf>,
    #[serde(default)]
    keys: Vec<SpkiDigest>,
    #[serde(default)]
    any_below: bool,
    nonceless_lifetime: Option<u64>,
}

/// The `[nonceless]` table.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Nonceless {
    pub(super) signer: Option<KeyFiles>,
    domains: Vec<SpkiDigest>,
    lifetime: Option<u64>,
    lifetimes: BTreeMap<SpkiDigest, u64>,
    registrar_anchors: Vec<PathBuf>,
}

impl Configuration {
    /// When a voucher may be issued.
    pub(super) fn issue_policy(&self, own: Option<&Requests>) -> anyhow::Result<IssuePolicy> {
        Ok(IssuePolicy { nonceless: self.nonceless_policy()?, sales: self.sales_policy(own)?, ..self.values.issue_policy(own) })
    }

    /// What follows from sales data.
    fn sales_policy(&self, own: Option<&Requests>) -> anyhow::Result<SalesPolicy> {
        let requests = own.map_or_else(|| self.values.requests.clone(), |own| own.clone().or(&self.values.requests));
        let customers = self.values.customers.iter().map(|customer| self.known_customer(customer)).collect::<anyhow::Result<Vec<_>>>()?;
        for (place, customer) in customers.iter().enumerate() {
            if customers.iter().take(place).any(|other| other.name == customer.name) {
                return Err(self.file.error("customers.name", format!("'{}' occurs twice, each customer needs one table", customer.name)).into());
            }
        }
        Ok(SalesPolicy { sales: requests.sales.unwrap_or_default(), resale: requests.resale.unwrap_or_default(), customers })
    }

    fn known_customer(&self, customer: &Customer) -> anyhow::Result<KnownCustomer> {
        let Customer { name, domain_cas, keys, any_below, nonceless_lifetime } = customer;
        let mut keys = keys.clone();
        for path in domain_cas {
            // The first is the domain's own; those above it may be everybody's.
            let certificates = self.file.certificates("customers.domain-cas", path)?;
            keys.extend(certificates.first().map(Certificate::spki_digest));
        }
        if keys.is_empty() {
            let problem = format!("'{name}' has neither domain-cas nor keys; without them a sale by name cannot tell who may have the device");
            return Err(self.file.error("customers", problem).into());
        }
        Ok(KnownCustomer { name: name.clone(), keys, any_below: *any_below, lifetime: nonceless_lifetime.map(Duration::from_secs) })
    }

    /// Who may have vouchers without nonce.
    fn nonceless_policy(&self) -> anyhow::Result<NoncelessPolicy> {
        let Nonceless { signer: _, domains, lifetime, lifetimes, registrar_anchors } = &self.values.nonceless;
        let mut anchors = Vec::new();
        for path in registrar_anchors {
            anchors.extend(self.file.certificates("nonceless.registrar-anchors", path)?);
        }
        Ok(NoncelessPolicy {
            domains: domains.clone(),
            lifetime: lifetime.map_or(NoncelessPolicy::default().lifetime, Duration::from_secs),
            lifetimes: lifetimes.iter().map(|(key, lifetime)| (*key, Duration::from_secs(*lifetime))).collect(),
            registrar_anchors: anchors,
        })
    }

    /// The same signers, with the one for vouchers without nonce if its key is here: that of the configuration, or this one in its place.
    pub(super) fn and_nonceless(&self, vouchers: VoucherSigners) -> anyhow::Result<VoucherSigners> {
        let Some(files) = self.nonceless_signer.as_ref().or(self.values.nonceless.signer.as_ref()) else { return Ok(vouchers) };
        self.and_nonceless_by("nonceless.signer", files, vouchers)
    }

    /// The same signers, with the one for vouchers without nonce that `field` names.
    pub(super) fn and_nonceless_by(&self, field: &str, files: &KeyFiles, vouchers: VoucherSigners) -> anyhow::Result<VoucherSigners> {
        let party = self.party(field, files, KeyUse::NoncelessVoucher)?;
        self.check_is_its_own(field, &party)?;
        Ok(vouchers.and_nonceless(party))
    }

    /// Whoever has that key can take devices that nobody has unpacked yet: no other purpose may bring it near the network (RFC 8995, section 11.6.2.2).
    fn check_is_its_own(&self, field: &str, party: &SigningParty) -> anyhow::Result<()> {
        let key = party.signer.public_key();
        let refuse = |other: &str| Err(self.file.error(&format!("{field}.key"), format!("must be a key of its own, but is that of {other}")).into());
        if self.log_key().is_ok_and(|log| log.public_key() == key) {
            return refuse("log");
        }
        let admin = self.values.admin.iter().filter_map(|admin| Some(("admin.tls".to_owned(), admin.tls.as_ref()?)));
        for (other, files) in self.key_files().into_iter().chain(admin) {
            // By its certificate, since the key itself may be in a token that is not here.
            let certificates = self.file.certificates(&format!("{other}.certificate"), &files.certificate)?;
            if certificates.first().is_some_and(|own| own.public_key() == *key) {
                return refuse(&other);
            }
        }
        Ok(())
    }

    /// The same configuration with this signer for vouchers without nonce, whose key was brought along.
    pub(crate) fn with_nonceless_signer(self, signer: Option<KeyFiles>) -> Self {
        Self { nonceless_signer: signer.or(self.nonceless_signer), ..self }
    }
}
