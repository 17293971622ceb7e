//! The profile file in which a manufacturer tells registrars what they must know of it, and the rule by which a newer one takes the place of an accepted one.

use brski_common::log::VerifierKey;
use brski_common::time::{from_rfc3339, to_rfc3339};
use brski_common::{Anchors, Certificate, DecodeError, Leniencies, MasaUrl, PolicyOid, ProfileText, PublicKey, SerialSource, UnixTime, Verified};
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
}

/// Decides whether a signed profile takes the place of the accepted one, without anybody comparing fingerprints: `offered` was verified under the anchors of the
/// manufacturer that `accepted` is the profile of.
///
/// It has to be of the same manufacturer and, unless `older` is allowed, no older than what it replaces: whoever kept an old profile could otherwise bring back a key that was given up.
///
/// # Errors
/// [`ProfileError`] saying which of these it is not.
pub fn update(accepted: &str, offered: &Verified<ProfileText>, older: bool) -> Result<Manufacturer, ProfileError> {
    let text = offered.get().as_str();
    let (known, manufacturer) = (Manufacturer::from_profile(accepted)?, Manufacturer::from_profile(text)?);
    if known.name != manufacturer.name {
        return Err(ProfileError::OtherManufacturer { found: manufacturer.name, expected: known.name });
    }
    match (Manufacturer::profile_issued_at(accepted)?, Manufacturer::profile_issued_at(text)?) {
        _ if older => Ok(manufacturer),
        (_, None) => Err(field("issued-at", DecodeError::MissingField { field: "issued-at", artefact: "signed profile" })),
        (Some(accepted), Some(offered)) if offered < accepted => Err(ProfileError::Older { found: to_rfc3339(offered), accepted: to_rfc3339(accepted) }),
        (Some(_) | None, Some(_)) => Ok(manufacturer),
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

fn field(field: &'static str, source: DecodeError) -> ProfileError {
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
    /// It is older than the one that is accepted.
    #[error("the profile was written {found}, before the accepted one of {accepted}; an old profile may name keys that were given up since")]
    Older {
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
