//! What people sign of a key: parties' signatures, notices of seeds, auditors' countersignatures.

use serde::Serialize;
use serde_json::Value as Json;

use super::envelope::{Envelope, nest_certificates};
use super::signatures::{self, Sections};
use super::{Context, Inspection, Kind};
use crate::evidence::{CeremonySignature, Countersignature, SeedNotice};
use crate::signed::Payload;

/// A testimony of this type, if it is one of them.
pub(super) fn inspect(typ: &str, envelope: &Envelope, context: &Context<'_>) -> Option<Inspection> {
    match typ {
        CeremonySignature::KIND => Some(show::<CeremonySignature>(envelope, context)),
        SeedNotice::KIND => Some(show::<SeedNotice>(envelope, context)),
        Countersignature::KIND => Some(show::<Countersignature>(envelope, context)),
        _ => None,
    }
}

fn show<T: Payload + Serialize>(envelope: &Envelope, context: &Context<'_>) -> Inspection {
    let mut inspection = Inspection::new(Kind::Testimony);
    inspection.encodings.push("COSE");
    inspection.deviations = envelope.findings.clone();
    let mut said = None;
    let read = signatures::read(envelope, OURS, context, |content: &T| said = serde_json::to_value(content).ok());
    inspection.signatures = read.signatures;
    inspection.deviations.extend(read.findings);
    inspection.leaf("testimony", T::NAME);
    if let Some(said) = said {
        leaves(&mut inspection, "", said);
    }
    nest_certificates(&mut inspection, &envelope.certificates, context);
    inspection
}

/// Each member by its path. Testimonies are three levels deep at most.
fn leaves(inspection: &mut Inspection, prefix: &str, said: Json) {
    let Json::Object(members) = said else { return };
    for (name, value) in members {
        match value {
            Json::Object(_) => leaves(inspection, &format!("{prefix}{name}/"), value),
            value => inspection.leaf(format!("{prefix}{name}"), value),
        }
    }
}

/// What is in them has no specification but ours.
const OURS: Sections = Sections { envelope: "RFC 9052, section 4.2", content: "" };
