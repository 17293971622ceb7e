//! Elements as whoever provisions them writes them: for makers of secure elements, and for tests of whoever imports manifests.

use serde_json::{Map, Value, json};

use super::{ElementKey, ManifestElement, SecureElement};
use crate::certificate::Certificate;
use crate::codec::{base64, base64url, sha256};
use crate::error::{DecodeError, SignError};
use crate::sign::{KeyKind, PublicKey, Signer};
use crate::time::to_rfc3339;

impl ManifestElement {
    /// One element of a manifest, signed with the key of this certificate. A manifest is a JSON array of the [octets](Self::octets) of several.
    ///
    /// # Errors
    /// [`SignError::Encode`] if it would not be read again, as for two keys of one slot; [`SignError::Key`] if the key does not sign.
    pub async fn make(content: &SecureElement, certificate: &Certificate, key: &dyn Signer) -> Result<Self, SignError> {
        let mut header = json!({ "typ": "JWT", "alg": key.algorithm().jose_name(), "x5t#S256": base64url(&sha256(certificate.der())) });
        if let Some(identifier) = certificate.subject_key_id() {
            header["kid"] = base64url(identifier).into();
        }
        let protected = base64url(header.to_string().as_bytes());
        let payload = base64url(said(content).map_err(encode)?.to_string().as_bytes());
        let signature = key.sign(format!("{protected}.{payload}").as_bytes()).await?;
        let unprotected = json!({ "uniqueId": content.unique_id });
        let element = json!({ "payload": payload, "protected": protected, "header": unprotected, "signature": base64url(signature.fixed()) });
        Self::from_json(element.to_string().as_bytes()).map_err(encode)
    }
}

fn said(content: &SecureElement) -> Result<Value, DecodeError> {
    let keys = content.keys.iter().map(jwk).collect::<Result<Vec<Value>, _>>()?;
    let organization = |name: &crate::provenance::Text| json!({ "organizationName": name });
    let members = [
        ("version", Some(if keys.is_empty() { SHORT } else { FULL }.into())),
        ("model", Some(json!(content.model))),
        ("partNumber", content.part_number.as_ref().map(|name| json!(name))),
        ("manufacturer", content.manufacturer.as_ref().map(organization)),
        ("provisioner", content.provisioner.as_ref().map(organization)),
        ("groupId", content.group.as_ref().map(|name| json!(name))),
        ("provisioningTimestamp", content.provisioned_at.map(|time| to_rfc3339(time).into())),
        ("uniqueId", Some(json!(content.unique_id))),
        ("publicKeySet", (!keys.is_empty()).then(|| json!({ "keys": keys }))),
    ];
    Ok(Value::Object(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>()))
}

fn jwk(held: &ElementKey) -> Result<Value, DecodeError> {
    let unknown = DecodeError::InvalidField { field: "key of the manifest element", expected: "on one of the curves P-256, P-384 and P-521" };
    let (curve, x, y) = held.key.as_ref().and_then(point).ok_or(unknown)?;
    let mut jwk = json!({ "kid": held.slot, "kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y) });
    if !held.certificates.is_empty() {
        jwk["x5c"] = held.certificates.iter().map(|certificate| base64(certificate.der())).collect();
    }
    Ok(jwk)
}

/// The curve's name, and both coordinates.
fn point(key: &PublicKey) -> Option<(&'static str, &[u8], &[u8])> {
    let curve = match key.kind() {
        KeyKind::P256 => "P-256",
        KeyKind::P384 => "P-384",
        KeyKind::P521 => "P-521",
        KeyKind::Ed25519 | KeyKind::Rsa => return None,
    };
    let coordinates = key.raw().get(1..)?;
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    Some((curve, x, y))
}

fn encode(source: DecodeError) -> SignError {
    SignError::Encode { artefact: ManifestElement::NAME, source: Box::new(source) }
}

const SHORT: u64 = 2;

const FULL: u64 = 3;
