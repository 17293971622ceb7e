//! What the line and the silicon vendor sign: manufacture reports and delivery lists.

use serde_json::Value as Json;

use super::certificate::{Role, certificate, shown};
use super::envelope::{Envelope, nest_certificates};
use super::signatures::Sections;
use super::{Context, Inspection, Kind, bundle, signatures};
use crate::evidence::DeliveryList;
use crate::provenance::{KeyOrigin, ManufactureReport};
use crate::time::to_rfc3339;

/// A manufacture report.
pub(super) fn manufacture(envelope: &Envelope, context: &Context<'_>) -> Inspection {
    let mut inspection = opened(Kind::ManufactureReport, envelope);
    let mut decoded = None;
    let read = signatures::read(envelope, OURS, context, |report: &ManufactureReport| decoded = Some(report.clone()));
    inspection.signatures = read.signatures;
    inspection.deviations.extend(read.findings);
    let Some(report) = decoded else {
        show_raw(&mut inspection, envelope);
        return inspection;
    };
    inspection.leaf("serial-number", report.idevid.device().serial.as_str());
    inspection.leaf("idevid-issuer", report.idevid.device().issuer.to_string());
    match &report.origin {
        Some(origin) => show_origin(&mut inspection, "origin/", origin, context),
        None => inspection.leaf("origin", "not written down"),
    }
    if let Some(inside) = context.inside(&[]) {
        inspection.nest("idevid", certificate(report.idevid.certificate(), Role::Any, &inside));
    }
    nest_certificates(&mut inspection, &envelope.certificates, context);
    inspection
}

/// How a key came to be, where that contradicts itself, and what there is as evidence of it.
pub(super) fn show_origin(inspection: &mut Inspection, prefix: &str, origin: &KeyOrigin, context: &Context<'_>) {
    if let Ok(Json::Object(facts)) = serde_json::to_value(origin) {
        let facts = facts.into_iter().filter(|(name, _)| name != EVIDENCE);
        facts.for_each(|(name, fact)| inspection.leaf(format!("{prefix}{name}"), fact));
    }
    if let Err(refusal) = origin.check() {
        inspection.deviates("taxonomy, section 4.1.1", refusal.to_string());
    }
    for (index, item) in origin.evidence.iter().enumerate() {
        let name = format!("{prefix}{EVIDENCE} {}", index + 1);
        inspection.leaf(name.clone(), format!("{}, {} octets", item.kind.as_str(), item.data.len()));
        if let Some(inside) = context.inside(&[]) {
            inspection.nest(name, bundle::evidence_of(item, &inside));
        }
    }
}

/// A delivery list.
pub(super) fn delivery(envelope: &Envelope, context: &Context<'_>) -> Inspection {
    let mut inspection = opened(Kind::DeliveryList, envelope);
    let mut decoded = None;
    let read = signatures::read(envelope, OURS, context, |list: &DeliveryList| decoded = Some(list.clone()));
    inspection.signatures = read.signatures;
    inspection.deviations.extend(read.findings);
    let Some(list) = decoded else {
        show_raw(&mut inspection, envelope);
        return inspection;
    };
    inspection.leaf("delivery", shown(&list.delivery));
    inspection.leaf("se-generation", list.se_generation.name());
    inspection.leaf("ca-arrangement", list.ca_arrangement.name());
    inspection.leaf("made-at", to_rfc3339(list.made_at));
    inspection.leaf("elements", list.elements.len());
    if let Some(inside) = context.inside(&[]) {
        for (index, element) in list.elements.iter().take(MOST_SHOWN).enumerate() {
            inspection.nest(format!("element {}", index + 1), certificate(&element.certificate, Role::Any, &inside));
        }
    }
    inspection
}

fn opened(kind: Kind, envelope: &Envelope) -> Inspection {
    let mut inspection = Inspection::new(kind);
    inspection.encodings.push("JWS");
    inspection.deviations = envelope.findings.clone();
    inspection
}

/// The payload's members, where the strict reader gives up.
fn show_raw(inspection: &mut Inspection, envelope: &Envelope) {
    if let Ok(Json::Object(members)) = serde_json::from_slice(&envelope.payload) {
        members.into_iter().for_each(|(name, value)| inspection.leaf(name, value));
    }
}

/// What is in them has no specification but ours.
const OURS: Sections = Sections { envelope: "RFC 7515, section 7.2.1", content: "" };

const EVIDENCE: &str = "evidence";

const MOST_SHOWN: usize = 256;
