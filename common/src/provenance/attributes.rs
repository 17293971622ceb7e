//! What tokens and modules say of a key themselves, and the evidence they produced.

use serde::{Deserialize, Serialize};

use super::quantity::Text;
use crate::codec;
use crate::error::DecodeError;

/// Attributes of a PKCS #11 private key object. A token does not sign them: whoever read them vouches for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Pkcs11Attributes {
    /// CKA_LOCAL: the token made the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<bool>,
    /// CKA_SENSITIVE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<bool>,
    /// CKA_ALWAYS_SENSITIVE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub always_sensitive: Option<bool>,
    /// CKA_EXTRACTABLE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extractable: Option<bool>,
    /// CKA_NEVER_EXTRACTABLE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_extractable: Option<bool>,
    /// CKA_KEY_GEN_MECHANISM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_gen_mechanism: Option<u64>,
}

/// TPMA_OBJECT of a TPM 2.0 key, as the bits stand in its public area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TpmaObject(pub u32);

impl TpmaObject {
    /// fixedTPM: the key cannot be duplicated to another TPM.
    pub fn fixed_tpm(self) -> bool {
        self.0 & (1 << 1) != 0
    }

    /// fixedParent: the key cannot be moved below another parent.
    pub fn fixed_parent(self) -> bool {
        self.0 & (1 << 4) != 0
    }

    /// sensitiveDataOrigin: the TPM made the secret part.
    pub fn sensitive_data_origin(self) -> bool {
        self.0 & (1 << 5) != 0
    }

    /// Whether this TPM made the key, as far as attributes tell; none if they do not.
    ///
    /// Whoever imports a key may set sensitiveDataOrigin, the one attribute that importing leaves open, and another TPM may have made it: only with fixedTPM and fixedParent, which no
    /// TPM grants to what it imports, does it tell.
    pub fn made_inside(self) -> Option<bool> {
        match (self.sensitive_data_origin(), self.fixed_tpm() && self.fixed_parent()) {
            (true, true) => Some(true),
            (false, _) => Some(false),
            (true, false) => None,
        }
    }
}

/// FIPS 140 validation of a module. The level says nothing about provenance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fips {
    /// Version of the standard, as in `FIPS 140-3`.
    pub version: Text,
    /// Security level, 1 to 4.
    pub level: u8,
    /// Name or certificate number of the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<Text>,
}

/// Something that a device, a secure element or an HSM produced about the key (RFC 9334), kept octet for octet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Evidence {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: EvidenceType,
    /// Its octets; base64 in JSON.
    #[serde(with = "base64_text")]
    pub data: Vec<u8>,
}

impl core::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Evidence({}, {} octets)", self.kind.as_str(), self.data.len())
    }
}

/// A media type, as in `application/eat+cwt`, or a dotted object identifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EvidenceType(String);

impl EvidenceType {
    /// # Errors
    /// [`DecodeError::InvalidField`] if it is neither, or longer than 127 characters.
    pub fn new(text: impl Into<String>) -> Result<Self, DecodeError> {
        let text = text.into();
        let token = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
        let media_type = text.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype));
        let oid = text.contains('.') && text.split('.').all(|arc| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()));
        match text.len() <= 127 && (media_type || oid) {
            true => Ok(Self(text)),
            false => Err(DecodeError::InvalidField { field: "evidence type", expected: "a media type without parameters, or a dotted object identifier" }),
        }
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EvidenceType {
    type Error = DecodeError;
    fn try_from(text: String) -> Result<Self, DecodeError> {
        Self::new(text)
    }
}

impl From<EvidenceType> for String {
    fn from(kind: EvidenceType) -> Self {
        kind.0
    }
}

mod base64_text {
    use super::codec;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&codec::base64(octets))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        codec::unbase64("evidence data", &text).map_err(serde::de::Error::custom)
    }
}
