//! A manufacturer's profile, as registrars accept it. Whether one accepts it is theirs to say; here it is shown, and what could not be used is named.

use super::certificate::{Role, certificate, shown};
use super::{Context, Finding, Inspection, Kind};
use crate::certificate::{Certificate, MasaUrl, PolicyOid};
use crate::codec::{hex, sha256};

/// A profile's fields, each anchor nested.
pub(super) fn inspect(text: &str, table: &toml::Table, context: &Context<'_>) -> Inspection {
    let mut inspection = Inspection::new(Kind::ManufacturerProfile);
    match table.get("version").and_then(toml::Value::as_integer) {
        Some(1) => inspection.leaf("version", 1),
        _ => inspection.deviates("", "the profile's version must be 1"),
    }
    match table.get("name").and_then(toml::Value::as_str) {
        Some(name) => inspection.leaf("name", shown(name)),
        None => inspection.deviates("", "the profile lacks its manufacturer's name"),
    }
    if let Some(url) = table.get("masa-url").and_then(toml::Value::as_str) {
        match MasaUrl::new(url) {
            Ok(url) => inspection.leaf("masa-url", url.to_string()),
            Err(err) => inspection.deviations.push(Finding::undecodable("RFC 8995, section 2.3.2", &err)),
        }
    }
    if let Some(policy) = table.get("voucher-policy").and_then(toml::Value::as_str) {
        match PolicyOid::new(policy) {
            Ok(policy) => inspection.leaf("voucher-policy", policy.to_string()),
            Err(err) => inspection.deviations.push(Finding::undecodable("", &err)),
        }
    }
    for field in ["serial-source", "issued-at"] {
        if let Some(text) = table.get(field).and_then(toml::Value::as_str) {
            inspection.leaf(field, shown(text));
        }
    }
    for key in table.get("log-keys").and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str) {
        inspection.leaf("log-key", shown(key.trim()));
    }
    for key in table.get("profile-signers").and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str) {
        inspection.leaf("profile-signer", shown(key));
    }
    inspection.leaf("ignore-idevid-expiry", table.get("ignore-idevid-expiry").and_then(toml::Value::as_bool).unwrap_or(false));
    // Over the text as it lies in the file, which is what two people compare over the telephone.
    inspection.leaf("sha256", hex(&sha256(text.as_bytes())));
    for (field, mandatory) in [("idevid-anchors", true), ("voucher-anchors", true), ("provenance-anchors", false), ("masa-tls-anchors", false)] {
        let pem = table.get(field).and_then(toml::Value::as_str).unwrap_or_default();
        match (pem.trim().is_empty(), mandatory, Certificate::all_from_pem(pem)) {
            (true, true, _) => inspection.deviates("", format!("the profile has no {field}")),
            (true, false, _) => (),
            (false, _, Err(err)) => inspection.deviations.push(Finding::undecodable("", &err)),
            (false, _, Ok(anchors)) => {
                for (index, anchor) in anchors.iter().enumerate() {
                    if let Some(inside) = context.inside(&[]) {
                        inspection.nest(format!("{field} {}", index + 1), certificate(anchor, Role::Any, &inside));
                    }
                }
            }
        }
    }
    let known = |field: &str| FIELDS.contains(&field);
    if let Some(unknown) = table.keys().find(|field| !known(field)) {
        inspection.deviates("", format!("the profile has a field '{}', which is not known", shown(unknown)));
    }
    inspection
}

const FIELDS: [&str; 13] = [
    "profile-signers",
    "serial-source",
    "log-keys",
    "issued-at",
    "version",
    "name",
    "masa-url",
    "idevid-anchors",
    "voucher-anchors",
    "voucher-policy",
    "provenance-anchors",
    "masa-tls-anchors",
    "ignore-idevid-expiry",
];
