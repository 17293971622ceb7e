//! The profile file in which a manufacturer tells registrars what they must know of it.

use brski_common::log::VerifierKey;
use brski_common::time::from_rfc3339;
use brski_common::{Anchors, Certificate, DecodeError, Leniencies, MasaUrl, PolicyOid, ProfileText, PublicKey, SerialSource, SpkiDigest, UnixTime};
use serde::Deserialize;

use super::Manufacturer;

impl Manufacturer {
    /// Reads a profile file.
    ///
    /// # Errors
    /// [`ProfileError`] naming the field and what would be right.
    pub fn from_profile(text: &str) -> Result<Self, ProfileError> {
        let profile = Profile::read(text)?;
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
            serial_source: profile.serial_source,
            log_keys: profile.log_keys.iter().map(|key| log_key(key)).collect::<Result<_, _>>()?,
            lenient: Leniencies::default(),
        })
    }

    /// When a profile says that it was written, if it says so.
    ///
    /// # Errors
    /// As for [`from_profile`](Self::from_profile).
    pub fn profile_issued_at(text: &str) -> Result<Option<UnixTime>, ProfileError> {
        let issued_at = Profile::read(text)?.issued_at;
        issued_at.as_deref().map(|text| from_rfc3339("issued-at", text)).transpose().map_err(|source| field("issued-at", source))
    }

    /// Whose signature a profile accepts on the one that takes its place: SHA-256 over the SubjectPublicKeyInfo of each key. Nobody's, if it names none.
    ///
    /// # Errors
    /// As for [`from_profile`](Self::from_profile).
    pub fn profile_signers(text: &str) -> Result<Vec<SpkiDigest>, ProfileError> {
        Ok(Profile::read(text)?.profile_signers)
    }
}

/// What an owner puts into a profile of its own making, for a manufacturer that hands over certificates and no profile.
#[derive(Clone, Debug, Default)]
pub struct Founding {
    /// The manufacturer's name.
    pub name: String,
    /// Where its MASA answers, if not where its IDevIDs say.
    pub masa_url: Option<String>,
    /// Where its serial numbers stand.
    pub serial_source: SerialSource,
    /// Who issues its IDevIDs.
    pub idevid: Vec<Certificate>,
    /// Who may sign its vouchers; those who issue its IDevIDs if there is none: who signs for the manufacturer then may bear no serial number.
    pub voucher: Vec<Certificate>,
    /// Who may sign its provenance statements.
    pub provenance: Vec<Certificate>,
    /// Who may be its MASA's TLS server.
    pub tls: Vec<Certificate>,
}

impl Founding {
    /// The text of the profile.
    pub fn profile(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let pem = |certificates: &[Certificate]| certificates.iter().map(Certificate::to_pem).collect::<String>();
        let mut text = format!("# Made here from certificates.\nversion = 1\nname = {}\n", quoted(&self.name));
        if let Some(url) = &self.masa_url {
            text += &format!("masa-url = {}\n", quoted(url));
        }
        if !self.serial_source.is_default() {
            text += &format!("serial-source = \"{}\"\n", self.serial_source.name());
        }
        let voucher = if self.voucher.is_empty() { &self.idevid } else { &self.voucher };
        for (field, certificates) in
            [("idevid-anchors", &self.idevid), ("voucher-anchors", voucher), ("provenance-anchors", &self.provenance), ("masa-tls-anchors", &self.tls)]
        {
            if !certificates.is_empty() {
                text += &format!("{field} = \"\"\"\n{}\"\"\"\n", pem(certificates));
            }
        }
        text
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
    #[serde(default)]
    serial_source: SerialSource,
    #[serde(default)]
    log_keys: Vec<String>,
    #[serde(default)]
    profile_signers: Vec<SpkiDigest>,
    #[serde(default)]
    issued_at: Option<String>,
}

impl Profile {
    fn read(text: &str) -> Result<Self, ProfileError> {
        match text.len() > ProfileText::LARGEST {
            true => Err(field("size", DecodeError::TooLarge { what: "the file in octets", limit: ProfileText::LARGEST })),
            false => toml::from_str(text).map_err(|err| ProfileError::Syntax(Box::new(err))),
        }
    }
}

pub(super) fn field(field: &'static str, source: DecodeError) -> ProfileError {
    ProfileError::Field { field, source }
}

/// A key of a transparency log: as witnesses know it (C2SP signed-note), or a public key in PEM.
fn log_key(text: &str) -> Result<PublicKey, ProfileError> {
    let key = match text.trim_start().starts_with("-----BEGIN") {
        true => PublicKey::from_pem(text),
        false => text.trim().parse::<VerifierKey>().map(|verifier| verifier.key().clone()),
    };
    key.map_err(|source| field("log-keys", source))
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
    /// It is another manufacturer's.
    #[error("the profile is of '{found}', not of '{expected}', whose place it would take")]
    OtherManufacturer {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// Its date lies ahead: no later one could take its place until then.
    #[error("issued-at of the profile is {found}, which lies in the future here, where it is {now}; one of the two clocks is wrong")]
    Future {
        /// When it says that it was written.
        found: String,
        /// What time it is here.
        now: String,
    },
    /// It is no newer than the one that is accepted.
    #[error("the profile was written {found}, not after the accepted one of {accepted}; an old profile may name keys that were given up since")]
    NotNewer {
        /// When it was written.
        found: String,
        /// When the accepted one was.
        accepted: String,
    },
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
