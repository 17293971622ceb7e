//! What a manufacturer decides about vouchers. Each default is the safe choice.

use core::time::Duration;
use std::collections::BTreeMap;

use brski_common::{Certificate, SpkiDigest};
use serde::{Deserialize, Serialize};

/// When a voucher may be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuePolicy {
    /// How far a registrar's `created-on` may lie from now, in either direction. 10 minutes.
    pub freshness: Duration,
    /// What to do where the pledge does not say to which registrar it speaks. Refuse.
    pub without_proximity: WithoutProximity,
    /// Which of the registrar's certificates the pledge may name. Any of the path.
    pub proximity_key: ProximityKey,
    /// What to do with certificates that name revocation sources: none is consulted. Refuse.
    pub unchecked_revocation: UncheckedRevocation,
    /// Who gets vouchers without nonce. Nobody.
    pub nonceless: NoncelessPolicy,
    /// How many vouchers one device gets within 24 hours. 50.
    ///
    /// Every voucher stays in the log for good, so that whoever holds a device could otherwise fill it: audit logs then have to leave something out, which other owners refuse.
    pub daily_vouchers: usize,
    /// Whether a voucher tells of the device's key what its registrar asks for. It does.
    pub statement_in_voucher: bool,
    /// What follows from sales data. A device that is sold to known keys goes to nobody else.
    pub sales: SalesPolicy,
}

impl Default for IssuePolicy {
    fn default() -> Self {
        Self {
            freshness: Duration::from_secs(600),
            without_proximity: WithoutProximity::default(),
            proximity_key: ProximityKey::default(),
            unchecked_revocation: UncheckedRevocation::default(),
            nonceless: NoncelessPolicy::default(),
            daily_vouchers: 50,
            statement_in_voucher: true,
            sales: SalesPolicy::default(),
        }
    }
}

/// What becomes of a request in which the pledge does not claim proximity. A wrong proof is always refused, and so is a request with a nonce but without the pledge's own
/// request: its nonce could be anybody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutProximity {
    /// It is refused.
    #[default]
    Refuse,
    /// It gets a voucher whose assertion is `logged`.
    Logged,
}

/// Which certificate a pledge may name as the registrar's, out of those that came with the registrar's request; by raw key it may name the signer's alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProximityKey {
    /// Any certificate of the signer's path, the CAs included (RFC 8995, section 5.5.5). That section would do with another certificate of the same key.
    #[default]
    InChain,
    /// The signer's own (draft-ietf-anima-registrar-considerations, section 5.3).
    Signer,
}

/// What becomes of a registrar whose certificates name CRL distribution points or OCSP responders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UncheckedRevocation {
    /// It is refused.
    #[default]
    Refuse,
    /// It is accepted as if they named none.
    Accept,
}

/// What follows from what a manufacturer knows of its sales.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalesPolicy {
    /// Whether sales data decides who gets vouchers.
    pub sales: Sales,
    /// Who may have a device that another domain has already.
    pub resale: Resale,
    /// What is known of customers beyond the ledger.
    pub customers: Vec<KnownCustomer>,
}

impl SalesPolicy {
    /// The keys of the customer of this name.
    pub fn keys_of(&self, name: &str) -> impl Iterator<Item = SpkiDigest> {
        self.customers.iter().filter(move |customer| customer.name == name).flat_map(|customer| customer.keys.iter().copied())
    }

    /// Whether whoever is anywhere below a key of this customer is this customer.
    pub(super) fn any_below(&self, name: &str) -> bool {
        self.customers.iter().any(|customer| customer.name == name && customer.any_below)
    }
}

/// Whether sales data decides who gets vouchers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sales {
    /// It decides nothing, but vouchers for the customer assert `verified`.
    Ignored,
    /// A device that is sold to known keys goes to nobody else.
    #[default]
    IfSold,
    /// A device goes to the customer that it is sold to, and to nobody before.
    Required,
}

/// Who may have a device that another domain was given a voucher for since it last changed hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resale {
    /// Anybody, as RFC 8995 has it: the audit log shows who had it.
    #[default]
    Anyone,
    /// Nobody, until it is released or sold anew.
    AfterRelease,
}

/// A customer of whom the manufacturer knows more than a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCustomer {
    /// The name, as the sales data has it.
    pub name: String,
    /// The keys of the customer's domain CAs.
    pub keys: Vec<SpkiDigest>,
    /// Whether a key counts for every registrar below it, through however many CAs, and not only for its own holder and for whom that certified itself. Only where nobody else has
    /// a CA below: everybody who has one can otherwise take the customer's devices, by vouchers that assert `verified`.
    pub any_below: bool,
    /// How long vouchers without nonce for its devices are valid at most, if that is agreed.
    pub lifetime: Option<Duration>,
}

/// Vouchers without nonce, which work without the pledge taking part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoncelessPolicy {
    /// The domains that may have them, by the key of the CA that the voucher pins. Not by domainID: anybody may put any domainID into a certificate.
    pub domains: Vec<SpkiDigest>,
    /// How long they are valid at most. 20 minutes.
    pub lifetime: Duration,
    /// How long those are valid at most that pin these keys, where something else is agreed.
    pub lifetimes: BTreeMap<SpkiDigest, Duration>,
    /// Under which certificates a registrar's own shows who asks, where it is not that of a TLS client (RFC 8995, section 5.5.4). None.
    pub registrar_anchors: Vec<Certificate>,
}

impl Default for NoncelessPolicy {
    fn default() -> Self {
        let lifetime = Duration::from_secs(20 * 60);
        Self { domains: Vec::new(), lifetime, lifetimes: BTreeMap::new(), registrar_anchors: Vec::new() }
    }
}
