//! Vouchers and voucher-requests (RFC 8366bis): every leaf, whatever the encoding. CMS and JWS carry them in JSON, COSE carries them in CBOR.
//!
//! The struct's fields are the YANG leaves in snake case. Readers ignore leaves they do not know (RFC 8995, section 5.6.1), so that an extension is never critical.

mod cbor;
mod encoded;
mod json;
mod leaves;
mod nonce;
mod read;
mod schema;
mod write;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use nonce::Nonce;
pub(crate) use schema::{PRM_ROOT, root};

use crate::certificate::Certificate;
use crate::envelope::Format;
use crate::error::DecodeError;
use crate::identity::{KeyIdentifier, SerialNumber, SpkiDigest};
use crate::leniency::Reading;
use crate::provenance::{Method, Protection, Source, Transfer};
use crate::signed::{CoseCertificates, Payload, Typ};
use crate::time::UnixTime;

/// How sure the MASA is that the domain owns the pledge (RFC 8366bis, `assertion`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Assertion {
    /// Ownership was checked out of band.
    Verified,
    /// The issue was merely logged.
    Logged,
    /// The pledge named the registrar it spoke to.
    Proximity,
    /// An agent vouched for the pledge's proximity (BRSKI-PRM).
    AgentProximity,
}

impl Assertion {
    pub(crate) const ALL: [Self; 4] = [Self::Verified, Self::Logged, Self::Proximity, Self::AgentProximity];

    /// The YANG enumeration's name, as JSON carries it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Logged => "logged",
            Self::Proximity => "proximity",
            Self::AgentProximity => "agent-proximity",
        }
    }

    /// The YANG enumeration's value: 0 for verified to 3 for agent-proximity.
    pub fn number(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Logged => 1,
            Self::Proximity => 2,
            Self::AgentProximity => 3,
        }
    }

    /// The one with exactly this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }

    /// The one with this number.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|a| u64::from(a.number()) == number)
    }
}

impl core::fmt::Display for Assertion {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// What the MASA tells a pledge: which domain to trust. [`Voucher::new`] has the serial number and nothing else; set what applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// The device it is for; mandatory, and the pledge must compare it.
    pub serial_number: SerialNumber,
    /// How sure the MASA is.
    pub assertion: Option<Assertion>,
    /// When it was made; informational.
    pub created_on: Option<UnixTime>,
    /// Whether the pledge must (true) or must not (false) check the revocation of the pinned certificate.
    pub domain_cert_revocation_checks: Option<bool>,
    /// End of its validity, for pledges with a clock; the alternative to a nonce.
    pub expires_on: Option<UnixTime>,
    /// The CA that issued the IDevID, where serial numbers alone are ambiguous.
    pub idevid_issuer: Option<KeyIdentifier>,
    /// Last time at which the MASA intends to renew it; only together with `expires_on`.
    pub last_renewal_date: Option<UnixTime>,
    /// The pledge's own nonce; absent from a nonceless voucher.
    pub nonce: Option<Nonce>,
    /// The domain's trust anchor, or its registrar's end-entity certificate.
    pub pinned_domain_cert: Option<Certificate>,
    /// The registrar's raw public key, as DER SubjectPublicKeyInfo.
    pub pinned_domain_pubk: Option<Vec<u8>>,
    /// SHA-256 over the registrar's SubjectPublicKeyInfo.
    pub pinned_domain_pubk_sha256: Option<[u8; 32]>,
    /// Where a cloud registrar sends the pledge for its configuration.
    pub additional_configuration_url: Option<String>,
    /// The EST server to use after a cloud registrar.
    pub est_domain: Option<String>,
    /// Opaque words from the manufacturer to its pledge; called manufacturer-private in older drafts.
    pub manufacturer_proprietary: Option<Vec<u8>>,
    /// The extension [`EXTENSION_NAME`], if it is listed.
    pub provenance: Option<ProvenanceExtension>,
}

impl Voucher {
    /// A voucher for this device with no other leaf.
    pub fn new(serial_number: SerialNumber) -> Self {
        Self {
            serial_number,
            assertion: None,
            created_on: None,
            domain_cert_revocation_checks: None,
            expires_on: None,
            idevid_issuer: None,
            last_renewal_date: None,
            nonce: None,
            pinned_domain_cert: None,
            pinned_domain_pubk: None,
            pinned_domain_pubk_sha256: None,
            additional_configuration_url: None,
            est_domain: None,
            manufacturer_proprietary: None,
            provenance: None,
        }
    }
}

/// What a pledge asks of a registrar (PVR), or a registrar of a MASA (RVR). [`VoucherRequest::new`] has the serial number and nothing else; set what applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherRequest {
    /// The device it is about; mandatory.
    pub serial_number: SerialNumber,
    /// What the requester would like the voucher to assert; a pledge says proximity.
    pub assertion: Option<Assertion>,
    /// When it was made.
    pub created_on: Option<UnixTime>,
    /// Without meaning in a request; must be ignored.
    pub domain_cert_revocation_checks: Option<bool>,
    /// End of validity that a nonceless request wishes for.
    pub expires_on: Option<UnixTime>,
    /// The CA that issued the IDevID; mandatory in a registrar's request (RFC 8366bis, section 6.1).
    pub idevid_issuer: Option<KeyIdentifier>,
    /// Without meaning in a request; must be ignored.
    pub last_renewal_date: Option<UnixTime>,
    /// The pledge's nonce, which the voucher will repeat.
    pub nonce: Option<Nonce>,
    /// The certificate to pin, where a registrar proposes one.
    pub pinned_domain_cert: Option<Certificate>,
    /// The raw key to pin, as DER SubjectPublicKeyInfo.
    pub pinned_domain_pubk: Option<Vec<u8>>,
    /// The hash to pin.
    pub pinned_domain_pubk_sha256: Option<[u8; 32]>,
    /// Counterpart of the voucher's leaf.
    pub additional_configuration_url: Option<String>,
    /// Counterpart of the voucher's leaf.
    pub est_domain: Option<String>,
    /// Opaque words from the pledge to its manufacturer.
    pub manufacturer_proprietary: Option<Vec<u8>>,
    /// The pledge's whole signed request inside a registrar's, or the old voucher when it asks for renewal.
    pub prior_signed_voucher_request: Option<Vec<u8>>,
    /// The registrar's TLS certificate as the pledge saw it; only in a pledge's request (RFC 8995, section 5.5).
    pub proximity_registrar_cert: Option<Certificate>,
    /// The registrar's raw TLS key as the pledge saw it, DER SubjectPublicKeyInfo.
    pub proximity_registrar_pubk: Option<Vec<u8>>,
    /// SHA-256 of that SubjectPublicKeyInfo.
    pub proximity_registrar_pubk_sha256: Option<[u8; 32]>,
    /// The registrar's certificate as an agent provided it (BRSKI-PRM).
    pub agent_provided_proximity_registrar_cert: Option<Certificate>,
    /// The agent's certificates in DER, its own first (BRSKI-PRM).
    pub agent_sign_cert: Option<Vec<Vec<u8>>>,
    /// What the agent signed (BRSKI-PRM).
    pub agent_signed_data: Option<Vec<u8>>,
    /// The extension [`EXTENSION_NAME`], if it is listed.
    pub provenance: Option<ProvenanceExtension>,
}

impl VoucherRequest {
    /// A request about this device with no other leaf.
    pub fn new(serial_number: SerialNumber) -> Self {
        Self {
            serial_number,
            assertion: None,
            created_on: None,
            domain_cert_revocation_checks: None,
            expires_on: None,
            idevid_issuer: None,
            last_renewal_date: None,
            nonce: None,
            pinned_domain_cert: None,
            pinned_domain_pubk: None,
            pinned_domain_pubk_sha256: None,
            additional_configuration_url: None,
            est_domain: None,
            manufacturer_proprietary: None,
            prior_signed_voucher_request: None,
            proximity_registrar_cert: None,
            proximity_registrar_pubk: None,
            proximity_registrar_pubk_sha256: None,
            agent_provided_proximity_registrar_cert: None,
            agent_sign_cert: None,
            agent_signed_data: None,
            provenance: None,
        }
    }

    /// How the pledge named the registrar it spoke to, if it did. Of several leaves the first counts, in the order hash, key, certificate (RFC 8366bis, section 9).
    pub fn proximity(&self) -> Option<Proximity<'_>> {
        let hash = self.proximity_registrar_pubk_sha256.as_ref().map(Proximity::KeyHash);
        let key = || self.proximity_registrar_pubk.as_deref().map(Proximity::Key);
        hash.or_else(key).or_else(|| self.proximity_registrar_cert.as_ref().map(Proximity::Certificate))
    }
}

/// A registrar as a pledge's request names it. All kinds are told: a MASA has to decide on each, so that a further one must not go unnoticed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proximity<'a> {
    /// proximity-registrar-pubk-sha256.
    KeyHash(&'a [u8; 32]),
    /// proximity-registrar-pubk: DER SubjectPublicKeyInfo.
    Key(&'a [u8]),
    /// proximity-registrar-cert.
    Certificate(&'a Certificate),
}

impl Proximity<'_> {
    /// Whether it names the holder of exactly this TLS certificate.
    pub fn names(&self, registrar: &Certificate) -> bool {
        match self {
            Self::KeyHash(_) | Self::Key(_) => self.spki_digest() == registrar.spki_digest(),
            Self::Certificate(certificate) => *certificate == registrar,
        }
    }

    /// The registrar's key.
    pub fn spki_digest(&self) -> SpkiDigest {
        match self {
            Self::KeyHash(hash) => SpkiDigest(**hash),
            Self::Key(spki) => SpkiDigest::of(spki),
            Self::Certificate(certificate) => certificate.spki_digest(),
        }
    }
}

/// Content of the voucher extension [`EXTENSION_NAME`] (RFC 8366bis, section 8.6), in a pledge's request, a registrar's or a voucher. Nothing in it is trusted here.
///
/// Only `statement` bears a signature of its own. What else it says of a key is for display: decisions are made from a verified statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvenanceExtension {
    /// What a registrar would like the voucher to tell; in its request only.
    pub request: Option<Wanted>,
    /// A signed provenance statement, octet for octet as the manufacturer signed it.
    pub statement: Option<Vec<u8>>,
    /// Media type of the statement; `application/eat+cwt` if absent.
    pub statement_type: Option<String>,
    /// SHA-256 over the statement, where that itself is too long.
    pub statement_hash: Option<[u8; 32]>,
    /// Where the statement can be fetched.
    pub statement_uri: Option<String>,
    /// How the key came to be.
    pub method: Option<Method>,
    /// How the private key travelled.
    pub transfer: Option<Transfer>,
    /// What the key came out of.
    pub source: Option<Source>,
    /// How well the key is held.
    pub protection: Option<Protection>,
    /// What the device, its secure element or an HSM itself produced: CMW records.
    pub evidence: Vec<Vec<u8>>,
}

impl ProvenanceExtension {
    /// With a signed statement and nothing else.
    pub fn with_statement(statement: Vec<u8>) -> Self {
        Self { statement: Some(statement), ..Self::default() }
    }

    /// With what a registrar asks for and nothing else.
    pub fn asking_for(wanted: Wanted) -> Self {
        Self { request: Some(wanted), ..Self::default() }
    }
}

/// How much of a key's provenance a registrar asks for in a voucher. These two are all that the extension's YANG module has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The statement itself.
    pub full: bool,
    /// Its hash and the leaves for display.
    pub summary: bool,
}

/// Name of the voucher extension, and of its YANG module.
pub const EXTENSION_NAME: &str = "brski-key-provenance";

/// SID of that module, from the range for experiments (RFC 9595). In CBOR it stands for the extension and for its content; the SIDs of the leaves follow it.
///
/// Module and SID file are in the directory `yang` of this crate.
pub const EXTENSION_SID: u64 = 60100;

/// The leaf of a voucher or, if `in_request`, a voucher-request with this absolute SID, for looking at what cannot be decoded.
pub(crate) fn leaf_numbered(in_request: bool, sid: u64) -> Option<&'static str> {
    match in_request {
        true => schema::REQUEST.leaf_numbered(sid),
        false => schema::VOUCHER.leaf_numbered(sid),
    }
}

/// The leaf of our extension with this absolute SID.
pub(crate) fn extension_leaf_numbered(sid: u64) -> Option<&'static str> {
    schema::PROVENANCE.leaf_numbered(sid)
}

impl Payload for Voucher {
    const NAME: &'static str = "voucher";

    const COSE_CERTIFICATES: CoseCertificates = CoseCertificates::Bag;

    fn typ(format: Format) -> Option<Typ> {
        typ(format)
    }

    fn encode(&self, format: Format) -> Result<Vec<u8>, DecodeError> {
        match format {
            Format::Cms | Format::Jws => write::voucher::<serde_json::Value>(self),
            Format::Cose => write::voucher::<ciborium::Value>(self),
        }
    }

    fn decode(octets: &[u8], format: Format, reading: &Reading) -> Result<Self, DecodeError> {
        match format {
            Format::Cms | Format::Jws => read::voucher::<serde_json::Value>(octets, reading),
            Format::Cose => read::voucher::<ciborium::Value>(octets, reading),
        }
    }
}

impl Payload for VoucherRequest {
    const NAME: &'static str = "voucher-request";

    const COSE_CERTIFICATES: CoseCertificates = CoseCertificates::Bag;

    fn typ(format: Format) -> Option<Typ> {
        typ(format)
    }

    fn encode(&self, format: Format) -> Result<Vec<u8>, DecodeError> {
        match format {
            Format::Cms | Format::Jws => write::request::<serde_json::Value>(self),
            Format::Cose => write::request::<ciborium::Value>(self),
        }
    }

    fn decode(octets: &[u8], format: Format, reading: &Reading) -> Result<Self, DecodeError> {
        match format {
            Format::Cms | Format::Jws => read::request::<serde_json::Value>(octets, reading),
            Format::Cose => read::request::<ciborium::Value>(octets, reading),
        }
    }
}

/// Optional in JWS (JWS vouchers, section 3.2); unheard of in constrained BRSKI.
fn typ(format: Format) -> Option<Typ> {
    match format {
        Format::Cms => None,
        Format::Jws => Some(Typ::Optional("voucher-jws+json")),
        Format::Cose => Some(Typ::Optional("application/voucher+cose")),
    }
}

/// The YANG module's own `must`: nobody can renew what does not expire.
fn renewal_needs_expiry(voucher: &Voucher) -> Result<(), DecodeError> {
    match (voucher.last_renewal_date, voucher.expires_on) {
        (Some(_), None) => Err(DecodeError::InvalidField { field: "last-renewal-date", expected: "accompanied by expires-on" }),
        (Some(_), Some(_)) | (None, Some(_) | None) => Ok(()),
    }
}
