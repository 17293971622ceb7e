//! Documents that nobody signs: policies, key origins, audit logs and telemetry.

use ciborium::Value as Cbor;
use serde_json::{Value as Json, json};

use super::certificate::shown;
use super::{Context, Finding, Inspection, Kind, configuration, profile, report, statement};
use crate::appraise::Policy;
use crate::audit_log::AuditLog;
use crate::codec::hex;
use crate::provenance::KeyOrigin;
use crate::telemetry::Telemetry;
use crate::time::to_rfc3339;

/// A configuration, a policy or a manufacturer's profile.
pub(super) fn of_toml(text: &str, table: &toml::Table, context: &Context<'_>) -> Inspection {
    if let Some(configuration) = configuration::inspect(table) {
        return configuration;
    }
    if table.contains_key("idevid-anchors") || table.contains_key("voucher-anchors") {
        return profile::inspect(text, table, context);
    }
    if table.contains_key("rule") {
        return policy(text);
    }
    Inspection::unknown("TOML that is neither a policy, a manufacturer's profile nor a configuration")
}

fn policy(text: &str) -> Inspection {
    let mut inspection = Inspection::new(Kind::Policy);
    match Policy::from_toml(text) {
        Ok(policy) => {
            let accepted = policy.accepted_in_words();
            inspection.leaf("accepts", if accepted.is_empty() { "nothing".to_owned() } else { accepted });
            inspection.leaf("mode", policy.mode().name());
            inspection.leaf("rules", policy.rules_in_words());
            inspection.leaf("otherwise", "refused");
            inspection.leaf("sha256", hex(policy.digest()));
        }
        Err(err) => inspection.deviations.push(Finding::undecodable("", &err)),
    }
    inspection
}

/// An audit log, telemetry or a key origin.
pub(super) fn of_json(octets: &[u8], value: &Json, context: &Context<'_>) -> Inspection {
    let has = |member: &str| value.get(member).is_some();
    if has("events") {
        return audit_log(octets);
    }
    if has("bundle-version") && has("files") {
        return bundle_manifest(value);
    }
    if has("version") && (has("status") || has("Status")) {
        return telemetry(octets);
    }
    if has("method") && has("source") && has("protection") {
        return key_origin(octets, context);
    }
    match value.as_object().map(|members| members.keys().take(6).map(|name| format!("'{}'", shown(name))).collect::<Vec<_>>()) {
        Some(names) => Inspection::unknown(&format!("a JSON object with the members {}", names.join(", "))),
        None => Inspection::unknown("a JSON array"),
    }
}

/// Telemetry in CBOR has the same names as in JSON (constrained BRSKI, section 6.5.1).
pub(super) fn of_cbor(value: &Cbor) -> Inspection {
    let json = statement::to_json(value);
    match json.get("version").is_some() && json.get("status").is_some() {
        true => telemetry(json.to_string().as_bytes()),
        false => Inspection::unknown("a CBOR item that is no COSE_Sign1 message, voucher or telemetry"),
    }
}

/// What a station writes down of a key, before it is signed in a report.
fn key_origin(octets: &[u8], context: &Context<'_>) -> Inspection {
    let mut inspection = Inspection::new(Kind::KeyOrigin);
    match serde_json::from_slice::<KeyOrigin>(octets) {
        Ok(origin) => report::show_origin(&mut inspection, "", &origin, context),
        Err(err) => inspection.deviations.push(Finding::undecodable("", &err)),
    }
    inspection
}

fn audit_log(octets: &[u8]) -> Inspection {
    let mut inspection = Inspection::new(Kind::AuditLog);
    let log = match AuditLog::from_json(octets) {
        Ok(log) => log,
        Err(err) => {
            inspection.deviations.push(Finding::of_decoder("RFC 8995, section 5.8.1", &err));
            return inspection;
        }
    };
    inspection.leaf("events", log.events.len());
    for (index, event) in log.events.iter().take(MOST_EVENTS).enumerate() {
        let (nonce, text) = (event.nonce.as_ref().map(|nonce| hex(&nonce.octets())), event.nonce.as_ref().map(|nonce| nonce.as_text()));
        let shown = json!({
            "date": to_rfc3339(event.date), "domainID": event.domain_id.to_string(), "nonce": nonce, "nonce-text": text, "assertion": event.assertion.name(), "truncated": event.truncated,
        });
        inspection.leaf(format!("event {}", index + 1), shown);
    }
    if log.events.len() > MOST_EVENTS {
        inspection.leaf("not-shown", log.events.len() - MOST_EVENTS);
    }
    let truncation = log.truncation;
    inspection.leaf(
        "truncation",
        json!({
            "nonced duplicates": truncation.nonced_duplicates, "nonceless duplicates": truncation.nonceless_duplicates, "arbitrary": truncation.arbitrary,
        }),
    );
    let numbers_as_text = serde_json::from_slice::<Json>(octets).is_ok_and(|log| log.get("version").is_some_and(Json::is_string));
    if numbers_as_text {
        inspection.deviates("RFC 8995, section 5.8.1", "version is text, as in the example there; the CDDL has a number");
    }
    inspection
}

/// What `brski-masa bundle` says of the files beside it. It bears no signature: each of them bears its own, or is of no weight alone.
fn bundle_manifest(value: &Json) -> Inspection {
    let mut inspection = Inspection::new(Kind::BundleManifest);
    let text = |value: &Json, name: &str| value.get(name).and_then(Json::as_str).map(shown);
    for name in ["masa", "made-at", "by"] {
        inspection.leaf_if(name, text(value, name));
    }
    for name in ["domain-ca", "registrar"] {
        let subject = value.get(name).and_then(|certificate| text(certificate, "subject").zip(text(certificate, "sha256")));
        inspection.leaf_if(name, subject.map(|(subject, sha256)| json!({ "subject": subject, "sha256": sha256 })));
    }
    let files = value.get("files").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    inspection.leaf("files", files.len());
    for file in files.iter().take(MOST_EVENTS) {
        if let Some(path) = text(file, "path") {
            inspection.leaf(format!("file {path}"), json!({ "kind": text(file, "kind"), "serial": text(file, "serial"), "sha256": text(file, "sha256") }));
        }
    }
    if files.len() > MOST_EVENTS {
        inspection.leaf("not-shown", files.len() - MOST_EVENTS);
    }
    let refused = value.get("refused").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    for device in refused.iter().take(MOST_EVENTS) {
        if let (Some(serial), Some(cause)) = (text(device, "serial"), text(device, "cause")) {
            inspection.leaf(format!("refused {serial}"), cause);
        }
    }
    inspection
}

fn telemetry(octets: &[u8]) -> Inspection {
    let mut inspection = Inspection::new(Kind::Telemetry);
    match Telemetry::from_json(octets) {
        Ok(telemetry) => {
            inspection.leaf("version", telemetry.version);
            inspection.leaf("status", telemetry.status);
            inspection.leaf_if("reason", telemetry.reason.as_deref().map(shown));
            inspection.leaf_if("reason-context", telemetry.reason_context.clone());
            if !telemetry.status && telemetry.reason.is_none() {
                inspection.deviates("RFC 8995, section 5.7", "a failure should have a reason");
            }
            if telemetry.version > Telemetry::VERSION {
                inspection.deviates("RFC 8995, section 5.7", format!("its version is {}, which is not known here", telemetry.version));
            }
        }
        Err(err) => inspection.deviations.push(Finding::of_decoder("RFC 8995, section 5.7", &err)),
    }
    inspection
}

const MOST_EVENTS: usize = 256;
