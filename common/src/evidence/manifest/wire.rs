//! The JSON of an element.

use serde::Deserialize;

use super::{ElementKey, ManifestElement, SecureElement};
use crate::certificate::Certificate;
use crate::codec::{unbase64, unbase64url};
use crate::error::DecodeError;
use crate::provenance::Text;
use crate::sign::{KeyKind, PublicKey, Signature, SignatureAlgorithm};
use crate::time::from_rfc3339;

/// SignedSecureElement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JWS in flattened serialization (RFC 7515, section 7.2.2)")]
struct Jws<'a> {
    #[serde(borrow)]
    payload: std::borrow::Cow<'a, str>,
    protected: String,
    #[serde(default)]
    header: Option<Unprotected>,
    signature: String,
}

/// By which elements are looked up. It is not signed, and says nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unprotected {
    unique_id: String,
}

/// SignedSecureElementProtectedHeader. What else stands there is passed over, as in any JWS.
#[derive(Deserialize)]
struct Protected {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

/// SecureElement. `modelInfo`, secret keys that are encrypted for somebody else and whatever later versions add are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    version: u64,
    unique_id: String,
    model: String,
    #[serde(default)]
    part_number: Option<String>,
    #[serde(default)]
    manufacturer: Option<EntityName>,
    #[serde(default)]
    provisioner: Option<EntityName>,
    #[serde(default)]
    group_id: Option<String>,
    #[serde(default)]
    provisioning_timestamp: Option<String>,
    #[serde(default)]
    public_key_set: Option<KeySet>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntityName {
    #[serde(default)]
    organization_name: Option<String>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Jwk>,
}

/// PublicJWK.
#[derive(Deserialize)]
struct Jwk {
    kid: String,
    kty: String,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
    #[serde(default)]
    x5c: Vec<String>,
}

pub(super) fn read(octets: &[u8]) -> Result<ManifestElement, DecodeError> {
    if octets.len() > ManifestElement::LARGEST {
        return Err(DecodeError::TooLarge { what: "the manifest element's size in octets", limit: ManifestElement::LARGEST });
    }
    let Jws { payload, protected, header, signature } = serde_json::from_slice(octets).map_err(syntax)?;
    let (algorithm, signer) = header_of(&unbase64url("protected", &protected)?)?;
    let signature = Signature::from_fixed(algorithm, unbase64url("signature", &signature)?)?.fixed().to_vec();
    let content = content(&unbase64url("payload", &payload)?)?;
    match header {
        Some(Unprotected { unique_id }) if unique_id != content.unique_id.as_str() => {
            let expected = "that which is signed, or absent";
            Err(DecodeError::Unexpected { what: "uniqueId in the unprotected header of the manifest element", found: format!("'{unique_id}'"), expected })
        }
        Some(_) | None => {
            let signed = [protected.as_bytes(), b".", payload.as_bytes()].concat();
            Ok(ManifestElement { octets: octets.to_vec(), signed, signature, algorithm, signer, content })
        }
    }
}

/// The algorithm and the thumbprint of the signer's certificate.
fn header_of(header: &[u8]) -> Result<(SignatureAlgorithm, [u8; 32]), DecodeError> {
    let Protected { alg, typ, crit, thumbprint } = serde_json::from_slice(header).map_err(syntax)?;
    if crit.is_some() {
        return Err(DecodeError::InvalidField { field: "crit", expected: "absent: no critical extension is understood" });
    }
    if typ.as_deref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(DecodeError::Unexpected { what: "typ of the manifest element", found: typ.unwrap_or_default(), expected: "JWT, or absent" });
    }
    let unknown = DecodeError::Unexpected { what: "alg of the manifest element", found: format!("'{alg}'"), expected: "one of ES256, ES384 and EdDSA" };
    let thumbprint = unbase64url(THUMBPRINT, &thumbprint)?;
    let wrong = DecodeError::InvalidField { field: THUMBPRINT, expected: "the 32 octets of a SHA-256 digest in base64url" };
    Ok((SignatureAlgorithm::from_jose(&alg).ok_or(unknown)?, thumbprint.try_into().map_err(|_| wrong)?))
}

fn content(payload: &[u8]) -> Result<SecureElement, DecodeError> {
    let Payload { version, unique_id, model, part_number, manufacturer, provisioner, group_id, provisioning_timestamp, public_key_set } =
        serde_json::from_slice(payload).map_err(syntax)?;
    if !(1..=NEWEST).contains(&version) {
        return Err(DecodeError::Unexpected { what: "version of the manifest element", found: version.to_string(), expected: "1, 2 or 3" });
    }
    let organization = |name: Option<EntityName>| name.and_then(|name| name.organization_name);
    let keys = public_key_set.map(|set| set.keys).unwrap_or_default();
    if keys.len() > ManifestElement::MOST_KEYS {
        return Err(DecodeError::TooLarge { what: "number of keys in the manifest element", limit: ManifestElement::MOST_KEYS });
    }
    let keys = keys.into_iter().map(key).collect::<Result<Vec<ElementKey>, _>>()?;
    let mut slots = std::collections::BTreeSet::new();
    if let Some(again) = keys.iter().find(|key| !slots.insert(&key.slot)) {
        return Err(DecodeError::DuplicateField { field: format!("slot {}", again.slot), artefact: ManifestElement::NAME });
    }
    Ok(SecureElement {
        unique_id: identifier("uniqueId", unique_id)?,
        model: text("model", model)?,
        part_number: part_number.map(|name| text("partNumber", name)).transpose()?,
        manufacturer: organization(manufacturer).map(|name| text("manufacturer", name)).transpose()?,
        provisioner: organization(provisioner).map(|name| text("provisioner", name)).transpose()?,
        group: group_id.map(|name| text("groupId", name)).transpose()?,
        provisioned_at: provisioning_timestamp.map(|time| from_rfc3339("provisioningTimestamp", &time)).transpose()?,
        keys,
    })
}

fn key(Jwk { kid, kty, crv, x, y, x5c }: Jwk) -> Result<ElementKey, DecodeError> {
    let slot = identifier("kid", kid)?;
    let fault =
        |field: &str, cause: &str| DecodeError::Member { artefact: ManifestElement::NAME, field: format!("slot {slot}, {field}"), cause: cause.to_owned() };
    if x5c.len() > ManifestElement::MOST_CERTIFICATES {
        return Err(DecodeError::TooLarge { what: "number of certificates of one key in the manifest element", limit: ManifestElement::MOST_CERTIFICATES });
    }
    let known = crv.as_deref().filter(|_| kty == "EC").and_then(|crv| CURVES.iter().find(|(name, ..)| *name == crv));
    let key = match known {
        None => None,
        Some((_, kind, length)) => {
            let mut point = vec![UNCOMPRESSED];
            for (field, coordinate) in [("x", x), ("y", y)] {
                let coordinate = unbase64url("coordinate", &coordinate.unwrap_or_default())?;
                if coordinate.len() != *length {
                    return Err(fault(field, &format!("must be the {length} octets of a coordinate on its curve in base64url")));
                }
                point.extend(coordinate);
            }
            Some(PublicKey::from_raw(*kind, &point)?)
        }
    };
    let ders = x5c.iter().map(|text| unbase64("x5c", text)).collect::<Result<Vec<_>, _>>()?;
    let certificates = match (&key, ders.split_first()) {
        (Some(key), Some((own, above))) => {
            let own = Certificate::from_der(own)?;
            if own.public_key() != *key {
                return Err(fault("x5c", "the first certificate must be of the key that x and y give, and is of another"));
            }
            core::iter::once(own).chain(above.iter().filter_map(|der| Certificate::from_der(der).ok())).collect()
        }
        // Of a key that cannot be read there is no certificate that could.
        (None, _) | (Some(_), None) => Vec::new(),
    };
    Ok(ElementKey { slot, key, certificates })
}

fn text(field: &'static str, text: String) -> Result<Text, DecodeError> {
    Text::new(text).map_err(|_| DecodeError::InvalidField { field, expected: "1 to 200 characters without control characters" })
}

/// What elements and slots are told apart by.
fn identifier(field: &'static str, name: String) -> Result<Text, DecodeError> {
    let plain = name.len() <= 64 && name.bytes().all(|octet| octet.is_ascii_graphic());
    match Text::new(name) {
        Ok(name) if plain => Ok(name),
        Ok(_) | Err(_) => Err(DecodeError::InvalidField { field, expected: "1 to 64 printable ASCII characters without spaces" }),
    }
}

fn syntax(err: serde_json::Error) -> DecodeError {
    DecodeError::syntax("manifest element", "JSON of a JWS in flattened serialization", err)
}

/// Of the full form; the short form is version 2.
const NEWEST: u64 = 3;

const THUMBPRINT: &str = "x5t#S256";

/// Curves by their names in JOSE, with the octets of a coordinate.
const CURVES: [(&str, KeyKind, usize); 3] = [("P-256", KeyKind::P256, 32), ("P-384", KeyKind::P384, 48), ("P-521", KeyKind::P521, 66)];

const UNCOMPRESSED: u8 = 4;
