//! Whose pledges this owner accepts: manufacturers with their trust anchors, and the profile file in which a manufacturer hands them over.

#[cfg(test)]
mod tests;

use brski_common::sign::Hash;
use brski_common::{
    Anchors, Certificate, DecodeError, DeviceId, IDevIdCert, Leniencies, MasaUrl, Payload, PeerCertificates, PolicyOid, ProvenanceStatement, Refusal, Signed,
    SignedBy, SpkiDigest, UnixTime, Usage, Verified, Verifier, VerifyError, Voucher,
};
use serde::Deserialize;

use crate::error::Error;
use crate::relay::Admission;

/// A manufacturer whose devices this owner accepts, and what is needed to check its word.
#[derive(Clone, Debug)]
pub struct Manufacturer {
    /// Its name, for people and logs; unique within a [`Trust`].
    pub name: String,
    /// Which CAs issue its IDevIDs.
    pub idevid_anchors: Anchors,
    /// Who may sign its vouchers: of those below them, where they [demand](Anchors::demanding) a policy, only who was certified under it.
    pub voucher_anchors: Anchors,
    /// Who may sign its provenance statements.
    pub provenance_anchors: Anchors,
    /// Who may be its MASA's TLS server; if none is named, no MASA of this manufacturer can be reached: the web's public CAs are not asked.
    pub masa_tls_anchors: Anchors,
    /// Where its MASA answers, overriding what the IDevIDs say (RFC 8995, section 5.4).
    pub masa_url: Option<MasaUrl>,
    /// Accept IDevIDs past their notAfter (RFC 8995, section 2.6.2).
    pub ignore_idevid_expiry: bool,
    /// What its devices and its MASA may do wrong. The owner's decision: a profile cannot ask for it.
    pub lenient: Leniencies,
}

impl Manufacturer {
    /// Reads a profile file.
    ///
    /// # Errors
    /// [`ProfileError`] naming the field and what would be right.
    pub fn from_profile(text: &str) -> Result<Self, ProfileError> {
        if text.len() > LARGEST_PROFILE {
            let source = DecodeError::TooLarge { what: "the file in octets", limit: LARGEST_PROFILE };
            return Err(ProfileError::Field { field: "size", source });
        }
        let profile: Profile = toml::from_str(text).map_err(|err| ProfileError::Syntax(Box::new(err)))?;
        if profile.version != 1 {
            return Err(ProfileError::Version(profile.version));
        }
        if profile.name.trim().is_empty() || profile.name.len() > 128 || profile.name.chars().any(char::is_control) {
            let source = DecodeError::InvalidField { field: "name", expected: "1 to 128 octets of printable text" };
            return Err(ProfileError::Field { field: "name", source });
        }
        let voucher_anchors = some_anchors("voucher-anchors", &profile.voucher_anchors)?;
        let policy = profile.voucher_policy.as_deref().map(PolicyOid::new).transpose();
        let policy = policy.map_err(|source| ProfileError::Field { field: "voucher-policy", source })?;
        let masa_url = profile.masa_url.as_deref().map(MasaUrl::new).transpose();
        Ok(Self {
            name: profile.name,
            idevid_anchors: some_anchors("idevid-anchors", &profile.idevid_anchors)?,
            voucher_anchors: match policy {
                Some(policy) => voucher_anchors.demanding(policy),
                None => voucher_anchors,
            },
            provenance_anchors: anchors("provenance-anchors", &profile.provenance_anchors)?,
            masa_tls_anchors: anchors("masa-tls-anchors", &profile.masa_tls_anchors)?,
            masa_url: masa_url.map_err(|source| ProfileError::Field { field: "masa-url", source })?,
            ignore_idevid_expiry: profile.ignore_idevid_expiry,
            lenient: Leniencies::default(),
        })
    }

    /// SHA-256 over the exact octets of a profile file, in hex: what two people compare over the telephone.
    pub fn fingerprint(text: &str) -> String {
        Hash::Sha256.of(text.as_bytes()).iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// Whether a CA's key stands behind the IDevIDs of both: which of the two made a device could not be told then.
    pub fn shares_idevid_anchor(&self, other: &Self) -> bool {
        let of_other = other.idevid_anchors.certificates();
        self.idevid_anchors.certificates().iter().any(|own| of_other.iter().any(|anchor| anchor.spki_digest() == own.spki_digest()))
    }

    /// Where the MASA of this device answers: the owner's word first, then the IDevID's.
    ///
    /// # Errors
    /// [`Refusal::NoMasa`] if neither says so, [`DecodeError`] if the IDevID says something unusable.
    pub fn masa_url_of(&self, idevid: &IDevIdCert) -> Result<MasaUrl, Error> {
        match &self.masa_url {
            Some(url) => Ok(url.clone()),
            None => idevid.masa_url()?.ok_or_else(|| Refusal::NoMasa(idevid.device().serial.clone()).into()),
        }
    }

    /// Checks that this manufacturer signed the voucher.
    ///
    /// # Errors
    /// [`VerifyError`] saying what is wrong with bytes, signature or signer.
    pub fn verify_voucher(&self, voucher: &Signed<Voucher>, now: UnixTime) -> Result<Verified<Voucher>, VerifyError> {
        self.verify_word(voucher, &self.voucher_anchors, now)
    }

    /// Checks that this manufacturer signed the provenance statement.
    ///
    /// # Errors
    /// [`VerifyError`] saying what is wrong with bytes, signature or signer.
    pub fn verify_statement(&self, statement: &Signed<ProvenanceStatement>, now: UnixTime) -> Result<Verified<ProvenanceStatement>, VerifyError> {
        self.verify_word(statement, &self.provenance_anchors, now)
    }

    fn verify_word<T: Payload>(&self, word: &Signed<T>, anchors: &Anchors, now: UnixTime) -> Result<Verified<T>, VerifyError> {
        let by = SignedBy::Anchored { anchors, usage: Usage::Any, known: anchors.certificates() };
        let verified = word.verify(&Verifier { by, lenient: self.lenient }, now)?;
        // Where devices and the manufacturer's own signers share a root, each device could otherwise vouch for itself, also one whose serial number nobody can read.
        match verified.signer().chain.first() {
            Some(signer) if signer.names_device() && !anchors.certificates().contains(signer) => {
                let (found, expected) = (format!("the device {}", signer.subject()), "its manufacturer".to_owned());
                Err(VerifyError::WrongSigner { artefact: T::NAME, found, expected })
            }
            Some(_) | None => Ok(verified),
        }
    }

    fn verify(&self, own: &Certificate, pool: &[Certificate], now: UnixTime) -> Result<Vec<Certificate>, VerifyError> {
        match self.idevid_anchors.verify_path(own, pool, Usage::Any, now) {
            // As of the day it was issued: the CAs above it may have expired since, too.
            Err(VerifyError::NotCurrent { .. }) if self.ignore_idevid_expiry && own.not_before() <= now => {
                self.idevid_anchors.verify_path(own, pool, Usage::Any, own.not_before())
            }
            verified => verified,
        }
    }
}

/// The profile file, as its author writes it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Profile {
    version: u32,
    name: String,
    #[serde(default)]
    masa_url: Option<String>,
    idevid_anchors: String,
    voucher_anchors: String,
    #[serde(default)]
    voucher_policy: Option<String>,
    #[serde(default)]
    provenance_anchors: String,
    #[serde(default)]
    masa_tls_anchors: String,
    #[serde(default)]
    ignore_idevid_expiry: bool,
}

/// Without these no pledge could ever be admitted.
fn some_anchors(field: &'static str, pem: &str) -> Result<Anchors, ProfileError> {
    match pem.trim().is_empty() {
        true => Err(ProfileError::Field { field, source: DecodeError::MissingField { field, artefact: "manufacturer's profile" } }),
        false => anchors(field, pem),
    }
}

/// An empty text is no anchor: a manufacturer may sign no statements, or its MASA's server may be known otherwise.
fn anchors(field: &'static str, pem: &str) -> Result<Anchors, ProfileError> {
    let certificates = match pem.trim().is_empty() {
        true => Ok(Vec::new()),
        false => Certificate::all_from_pem(pem),
    };
    certificates.and_then(Anchors::new).map_err(|source| ProfileError::Field { field, source })
}

/// Far more than a dozen certificates need.
const LARGEST_PROFILE: usize = 256 * 1024;

/// A profile file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// It is no TOML of the expected shape.
    #[error("the manufacturer's profile is not what it should be")]
    Syntax(#[source] Box<toml::de::Error>),
    /// Its version is not one we read.
    #[error("the manufacturer's profile is of version {0}, expected 1")]
    Version(u32),
    /// A field holds no usable value.
    #[error("{field} of the manufacturer's profile is not usable")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What is wrong.
        #[source]
        source: DecodeError,
    },
}

/// The manufacturers that an owner accepts.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    manufacturers: Vec<Manufacturer>,
}

impl Trust {
    /// Accepts these manufacturers; the first whose anchors verify a pledge counts.
    pub fn new(manufacturers: impl IntoIterator<Item = Manufacturer>) -> Self {
        Self { manufacturers: manufacturers.into_iter().collect() }
    }

    /// The manufacturers.
    pub fn manufacturers(&self) -> &[Manufacturer] {
        &self.manufacturers
    }

    /// Finds the manufacturer whose anchors verify the peer's certificate.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is no certificate or no such manufacturer, [`Error::Verify`] if its certificate is not an IDevID or not current.
    pub fn admit(&self, peer: &PeerCertificates, now: UnixTime) -> Result<(VerifiedIDevId, &Manufacturer), Error> {
        let (own, pool) = peer.0.split_first().ok_or(Refusal::ClientCertificateRequired("the pledge's IDevID"))?;
        let unknown = || Error::Refused(Refusal::UnknownManufacturer { subject: own.subject().to_owned() });
        // An anchor verifies itself; that makes a CA no device.
        if own.is_ca() {
            return Err(unknown());
        }

        let mut failure = unknown();
        for manufacturer in &self.manufacturers {
            match manufacturer.verify(own, pool, now) {
                Ok(chain) => {
                    let idevid = IDevIdCert::new(own.clone())?;
                    return Ok((VerifiedIDevId { idevid, chain }, manufacturer));
                }
                // The manufacturer is known, the time is wrong: that says more than "unknown".
                Err(expired @ VerifyError::NotCurrent { .. }) => failure = expired.into(),
                Err(_) => {}
            }
        }
        Err(failure)
    }

    /// Checks that a device that was admitted is of a manufacturer that is accepted today.
    ///
    /// What counts is whom the owner trusts, not the IDevID's age: its path is verified as of the day of the admission.
    ///
    /// # Errors
    /// [`Refusal::ManufacturerWithdrawn`].
    pub fn still_accepts(&self, admission: &Admission) -> Result<(), Refusal> {
        let path_holds =
            |manufacturer: &Manufacturer| manufacturer.verify(admission.idevid().certificate(), admission.issuers(), admission.admitted_at()).is_ok();
        match self.manufacturers.iter().any(path_holds) {
            true => Ok(()),
            false => Err(Refusal::ManufacturerWithdrawn(admission.device().serial.clone())),
        }
    }
}

/// The CA certificates of a verified path that are neither its first nor the anchor.
pub(crate) fn issuers(chain: &[Certificate]) -> &[Certificate] {
    chain.get(1..chain.len().saturating_sub(1)).unwrap_or_default()
}

/// An IDevID whose path to an accepted manufacturer was verified, and whose key the peer was seen to hold. Made by [`Trust::admit`] alone.
#[derive(Clone, Debug)]
pub struct VerifiedIDevId {
    idevid: IDevIdCert,
    chain: Vec<Certificate>,
}

impl VerifiedIDevId {
    /// The IDevID.
    pub fn idevid(&self) -> &IDevIdCert {
        &self.idevid
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        self.idevid.certificate()
    }

    /// Which device it names.
    pub fn device(&self) -> &DeviceId {
        self.idevid.device()
    }

    /// SHA-256 over its SubjectPublicKeyInfo.
    pub fn spki_digest(&self) -> SpkiDigest {
        self.idevid.spki_digest()
    }

    /// The CA certificates of that path which are neither the IDevID nor the anchor.
    pub fn issuers(&self) -> &[Certificate] {
        issuers(&self.chain)
    }

    /// The verified path: the IDevID first, the anchor last.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }
}
