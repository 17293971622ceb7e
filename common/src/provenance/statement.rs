//! What the manufacturer signs and others may see: a CWT with an EAT profile, in COSE_Sign1.

mod claims;
mod confirmation;

pub(crate) use self::confirmation::public_key as cose_key;
use super::basis::Basis;
use super::digest::RecordDigest;
use super::disclosure::{Disclosure, Fact};
use super::finding::{Finding, FindingResult};
use super::method::{Lock, Locus, Method, SecureElementGeneration};
use super::origin::CoGeneration;
use super::pki::Answers;
use super::protection::Protection;
use super::quantity::Text;
use super::record::{ProvenanceRecord, Status};
use super::source::Source;
use super::transfer::Transfer;
use crate::certificate::IDevIdCert;
use crate::envelope::Format;
use crate::error::DecodeError;
use crate::evidence::Countersignature;
use crate::identity::{DeviceId, SpkiDigest};
use crate::leniency::Reading;
use crate::refusal::Refusal;
use crate::sign::PublicKey;
use crate::signed::{Payload, Typ};
use crate::time::UnixTime;

/// What a manufacturer says of one key to readers of one disclosure level: a RATS Endorsement (RFC 9334).
///
/// A fact that is `None` or `unknown` was not said to this reader; that is never a "no".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenanceStatement {
    /// Who says it: the MASA's authority (claim iss).
    pub issuer: String,
    /// Of which device.
    pub device: DeviceId,
    /// Of which key.
    pub spki: SpkiDigest,
    /// The key itself; none if COSE_Key cannot express it (RSA), when its digest alone names it.
    pub public_key: Option<PublicKey>,
    /// When it was said (claim iat).
    pub issued_at: UnixTime,
    /// Until when it may be relied on (claim exp); for ever if none.
    pub expires_at: Option<UnixTime>,
    /// Identifier of this statement (claim cti), 1 to 64 octets.
    pub id: Vec<u8>,
    /// Number of the record it views: the higher one supersedes.
    pub seq: u32,
    /// Whether the manufacturer still stands by the record.
    pub status: Status,
    /// The whole record's leaf in the log.
    pub record: RecordDigest,
    /// The record that a third party audited, whose countersignature names it; none if the basis is another.
    pub audited: Option<RecordDigest>,
    /// The taxonomy's method.
    pub method: Method,
    /// What the key came out of.
    pub source: Source,
    /// How well it is held.
    pub protection: Protection,
    /// Where it came into being.
    pub locus: Locus,
    /// How CSR and certificate moved.
    pub certificate_transfer: Option<Transfer>,
    /// How the private key or seed moved.
    pub private_transfer: Option<Transfer>,
    /// Whether the secure element made its key.
    pub se_generation: Option<SecureElementGeneration>,
    /// What keeps the provisioning interface shut.
    pub lock: Option<Lock>,
    /// On whose word all this stands.
    pub basis: Basis,
    /// What the evidence of it came to, the best of it; none if there was none, or none was appraised.
    pub evidence: Option<FindingResult>,
    /// When the key was made.
    pub made_at: Option<UnixTime>,
    /// Whether the factory kept the key.
    pub key_retained: Option<bool>,
    /// Whether every copy of the seed that it was derived from was destroyed, but for the device's.
    pub seed_copies_destroyed: Option<bool>,
    /// How many parties made the key together.
    pub co_generation: Option<Quorum>,
    /// Site of manufacture.
    pub site: Option<Text>,
    /// Assembly line.
    pub line: Option<Text>,
    /// Station at the line.
    pub station: Option<Text>,
    /// Batch.
    pub batch: Option<Text>,
    /// Answers to the evaluation questions.
    pub answers: Answers,
}

/// How many parties made a key together, without their names, and without how many of them could make it again: that stays with the manufacturer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quorum {
    /// How many there were.
    pub parties: u32,
}

/// The EAT profile that statements follow (RFC 9711, section 6). The `.example` domain belongs to nobody (RFC 2606), as fits an unregistered profile.
pub const PROFILE: &str = "tag:brski.example,2026:key-provenance#1";

impl ProvenanceStatement {
    /// The view of `record` for a reader at `level`.
    ///
    /// # Errors
    /// [`DecodeError`] if the record is of another key, or has no encoding, so that no digest can be given.
    pub fn view(record: &ProvenanceRecord, public_key: &PublicKey, issuer: &str, level: Disclosure, id: [u8; 16], now: UnixTime) -> Result<Self, DecodeError> {
        if public_key.digest() != record.spki {
            return Err(DecodeError::InvalidField { field: "public key", expected: "the one that the record is about" });
        }
        let origin = &record.origin;
        let open = |fact: Fact| origin.disclosure.of(fact.into()) <= level;
        Ok(Self {
            issuer: issuer.to_owned(),
            device: record.device.clone(),
            spki: record.spki,
            public_key: confirmation::is_expressible(public_key).then(|| public_key.clone()),
            issued_at: now,
            expires_at: None,
            id: id.to_vec(),
            seq: record.seq,
            status: record.status,
            record: record.digest()?,
            audited: Countersignature::all_in(record).next().map(|(_, audit)| audit.record),
            method: origin.method,
            source: origin.source,
            protection: origin.protection,
            locus: origin.locus,
            certificate_transfer: open(Fact::CertificateTransfer).then_some(origin.certificate_transfer),
            private_transfer: open(Fact::PrivateTransfer).then_some(origin.private_transfer),
            se_generation: origin.se_generation.filter(|_| open(Fact::SeGeneration)),
            lock: open(Fact::Lock).then_some(origin.lock),
            basis: origin.basis,
            evidence: Finding::best(&record.findings),
            made_at: open(Fact::MadeAt).then_some(origin.made_at),
            key_retained: origin.key_retained.filter(|_| open(Fact::KeyRetained)),
            seed_copies_destroyed: origin.seed.as_ref().and_then(|seed| seed.copies_destroyed).filter(|_| open(Fact::SeedCopiesDestroyed)),
            co_generation: origin.co_generation.as_ref().filter(|_| open(Fact::CoGeneration)).map(Quorum::from),
            site: origin.site.clone().filter(|_| open(Fact::Site)),
            line: origin.line.clone().filter(|_| open(Fact::Line)),
            station: origin.station.clone().filter(|_| open(Fact::Station)),
            batch: origin.batch.clone().filter(|_| open(Fact::Batch)),
            answers: origin.answers.disclosed(level, &origin.disclosure, origin.split),
        })
    }

    /// Checks that the statement speaks of this very certificate: its key, its serial number, its issuer.
    ///
    /// # Errors
    /// [`Refusal::StatementMismatch`] naming which of them differs.
    pub fn check_binding(&self, idevid: &IDevIdCert) -> Result<(), Refusal> {
        let expected = idevid.device();
        let bindings = [
            ("key", self.spki.to_string(), idevid.spki_digest().to_string()),
            ("serial-number", self.device.serial.to_string(), expected.serial.to_string()),
            ("idevid-issuer", self.device.issuer.to_string(), expected.issuer.to_string()),
        ];
        match bindings.into_iter().find(|(_, found, expected)| found != expected) {
            Some((what, found, expected)) => Err(Refusal::StatementMismatch { what, found, expected }),
            None => Ok(()),
        }
    }
}

impl From<&CoGeneration> for Quorum {
    fn from(made_by: &CoGeneration) -> Self {
        Self { parties: u32::try_from(made_by.parties.len()).unwrap_or(u32::MAX) }
    }
}

impl Payload for ProvenanceStatement {
    const NAME: &'static str = "provenance statement";

    fn typ(_: Format) -> Option<Typ> {
        Some(Typ::Required("application/eat+cwt"))
    }

    fn encode(&self, format: Format) -> Result<Vec<u8>, DecodeError> {
        only_cbor(format)?;
        claims::encode(self)
    }

    fn decode(octets: &[u8], format: Format, _: &Reading) -> Result<Self, DecodeError> {
        only_cbor(format)?;
        claims::decode(octets)
    }
}

fn only_cbor(format: Format) -> Result<(), DecodeError> {
    match format {
        Format::Cose => Ok(()),
        Format::Cms | Format::Jws => {
            let expected = "a COSE_Sign1: provenance statements have no other form";
            Err(DecodeError::Unexpected { what: "envelope of the provenance statement", found: format!("{format:?}"), expected })
        }
    }
}

#[cfg(test)]
mod tests;
