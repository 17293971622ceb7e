//! Provenance statements: every claim, the receipts that came with them, and what speaks against relying on them.

use ciborium::Value as Cbor;
use serde_json::{Value as Json, json};

use super::envelope::{Cose, Envelope, nest_certificates};
use super::signatures::Sections;
use super::{Context, Inspection, Kind, layers, receipt, signatures};
use crate::codec::hex;
use crate::envelope::label;
use crate::log::Hash;
use crate::provenance::{ProvenanceStatement, Status};
use crate::time::{UnixTime, to_rfc3339};

/// Whether these claims are those of a statement.
pub(super) fn is_statement(claims: &Cbor) -> bool {
    let is_ours = |key: &Cbor| key.as_integer().is_some_and(|key| i128::from(key) == KEY_PROVENANCE);
    claims.as_map().is_some_and(|claims| claims.iter().any(|(key, _)| is_ours(key)))
}

/// A signed statement.
pub(super) fn inspect(envelope: &Envelope, message: &Cose, context: &Context<'_>) -> Inspection {
    let mut inspection = Inspection::new(Kind::ProvenanceStatement);
    inspection.encodings.push("COSE");
    inspection.deviations = envelope.findings.clone();
    let (mut decoded, mut leaf) = (None, None);
    let read = signatures::read(envelope, SECTIONS, context, |statement: &ProvenanceStatement| decoded = Some(statement.clone()));
    inspection.signatures = read.signatures;
    inspection.deviations.extend(read.findings);
    match decoded {
        Some(statement) => {
            leaf = Some(Hash::from(statement.record.0));
            show(&mut inspection, &statement);
            judge(&mut inspection, &statement, context.options.now);
        }
        // What the strict reader gives up on can be looked at nevertheless.
        None => inspection.leaf("claims", layers::cbor(&envelope.payload).map_or(Json::Null, |claims| to_json(&claims))),
    }
    if let Some(inside) = context.inside(&envelope.certificates) {
        let receipts = message.unprotected(&label::RECEIPTS).and_then(Cbor::as_array);
        for (index, octets) in receipts.into_iter().flatten().filter_map(Cbor::as_bytes).take(16).enumerate() {
            let found = match layers::cbor(octets).as_ref().and_then(Cose::of) {
                Some(message) => receipt::inspect(&message, octets, leaf.as_ref(), &inside),
                None => Inspection::unknown("a receipt that is no COSE_Sign1 message"),
            };
            inspection.nest(format!("receipt {}", index + 1), found);
        }
    }
    nest_certificates(&mut inspection, &envelope.certificates, context);
    inspection
}

fn show(inspection: &mut Inspection, statement: &ProvenanceStatement) {
    inspection.leaf("issuer", statement.issuer.as_str());
    inspection.leaf("serial-number", statement.device.serial.as_str());
    inspection.leaf("idevid-issuer", statement.device.issuer.to_string());
    inspection.leaf("spki-sha256", statement.spki.to_string());
    inspection.leaf("issued-at", to_rfc3339(statement.issued_at));
    inspection.leaf_if("expires-at", statement.expires_at.map(to_rfc3339));
    inspection.leaf("id", hex(&statement.id));
    inspection.leaf("seq", statement.seq);
    inspection.leaf("status", statement.status.name());
    inspection.leaf("record", statement.record.to_string());
    inspection.leaf_if("audited", statement.audited.map(|record| record.to_string()));
    inspection.leaf("method", statement.method.name());
    inspection.leaf("method-in-words", statement.method.description());
    inspection.leaf("source", statement.source.name());
    inspection.leaf("protection", statement.protection.name());
    inspection.leaf("locus", statement.locus.name());
    inspection.leaf_if("certificate-transfer", statement.certificate_transfer.map(|transfer| transfer.name()));
    inspection.leaf_if("private-transfer", statement.private_transfer.map(|transfer| transfer.name()));
    inspection.leaf_if("se-generation", statement.se_generation.map(|generation| generation.name()));
    inspection.leaf_if("lock", statement.lock.map(|lock| lock.name()));
    inspection.leaf("basis", statement.basis.name());
    inspection.leaf_if("evidence", statement.evidence.map(|result| result.name()));
    inspection.leaf_if("made-at", statement.made_at.map(to_rfc3339));
    inspection.leaf_if("key-retained", statement.key_retained);
    inspection.leaf_if("seed-copies-destroyed", statement.seed_copies_destroyed);
    inspection.leaf_if("co-generation", statement.co_generation.map(|quorum| json!({ "parties": quorum.parties })));
    for (name, text) in [("site", &statement.site), ("line", &statement.line), ("station", &statement.station), ("batch", &statement.batch)] {
        inspection.leaf_if(name, text.as_ref().map(|text| text.as_str()));
    }
    if let Ok(Json::Object(answers)) = serde_json::to_value(&statement.answers) {
        answers.into_iter().for_each(|(name, answer)| inspection.leaf(format!("answers/{name}"), answer));
    }
}

fn judge(inspection: &mut Inspection, statement: &ProvenanceStatement, now: UnixTime) {
    if let Some(expiry) = statement.expires_at.filter(|expiry| *expiry <= now) {
        inspection.deviates("RFC 8392, section 3.1.4", format!("the statement expired at {}", to_rfc3339(expiry)));
    }
    if statement.issued_at > now {
        inspection.deviates("RFC 8392, section 3.1.6", "the statement says that it was made in the future");
    }
    match statement.status {
        Status::Valid => (),
        Status::Disputed => inspection.deviates("RFC 9334, section 8.2", "somebody has called the record behind it into question"),
        Status::Compromised => inspection.deviates("RFC 9334, section 8.2", "its manufacturer has marked the key as compromised"),
    }
}

/// Any CBOR, roughly, for looking at.
pub(super) fn to_json(value: &Cbor) -> Json {
    match value {
        Cbor::Integer(number) => i64::try_from(*number).map_or_else(|_| i128::from(*number).to_string().into(), Json::from),
        Cbor::Bytes(octets) => hex(octets).into(),
        Cbor::Float(number) => json!(number),
        Cbor::Text(text) => super::certificate::shown(text).into(),
        Cbor::Bool(flag) => (*flag).into(),
        Cbor::Array(items) => items.iter().map(to_json).collect(),
        Cbor::Tag(_, inner) => to_json(inner),
        Cbor::Map(entries) => Json::Object(
            entries
                .iter()
                .map(|(key, value)| match to_json(key) {
                    Json::String(key) => (key, to_json(value)),
                    key => (key.to_string(), to_json(value)),
                })
                .collect(),
        ),
        _ => Json::Null,
    }
}

const KEY_PROVENANCE: i128 = -70_001;

const SECTIONS: Sections = Sections { envelope: "RFC 9052, section 4.2", content: "RFC 9711, section 4" };
