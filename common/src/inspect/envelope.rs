//! Signed envelopes taken apart without judging them: what is shown where the strict reader gives up, and which artefact is inside.

mod cms;
mod cose;
mod jws;

use ciborium::Value as Cbor;
use serde_json::Value as Json;

pub(super) use self::cose::Cose;
use super::voucher::Root;
use super::{Context, Finding, Inspection, Kind, documents, layers, manifest, receipt, report, statement, testimony, token, voucher};
use crate::certificate::Certificate;
use crate::envelope::Format;
use crate::log::receipt::VDS;

/// An envelope taken apart.
pub(super) struct Envelope {
    pub(super) format: Format,
    /// The message in the form that the strict reader knows, as far as that changes nothing that is signed.
    pub(super) wire: Vec<u8>,
    pub(super) payload: Vec<u8>,
    pub(super) typ: Option<String>,
    pub(super) algorithm: Option<String>,
    pub(super) certificates: Vec<Certificate>,
    /// The one among them that it names as its signer's.
    pub(super) claimed: Option<Certificate>,
    /// Where the envelope itself departs from its specification.
    pub(super) findings: Vec<Finding>,
}

/// A document in JSON: a JWS, or something unsigned.
pub(super) fn of_json(octets: &[u8], value: &Json, context: &Context<'_>) -> Inspection {
    if jws::is_jws(value) {
        return match jws::open(octets, value) {
            Ok(envelope) => of_jws(&envelope, context),
            Err(finding) => broken("a JWS", finding),
        };
    }
    match (Root::of_json(value), value.as_array()) {
        (Some(_), _) => voucher::unsigned(Format::Jws, octets, context),
        (None, Some(several)) if manifest::is_manifest(several) => manifest::inspect(several, context),
        (None, Some(several)) if !several.is_empty() && several.iter().all(jws::is_jws) => of_array(octets, several, context),
        (None, _) => documents::of_json(octets, value, context),
    }
}

/// Several JWS in an array.
fn of_array(octets: &[u8], several: &[Json], context: &Context<'_>) -> Inspection {
    // Each is verified as it was parsed, which must then be all there is.
    if let Err(err) = crate::json::read("array", octets, layers::MOST_JSON) {
        return broken("an array of JWS", Finding::undecodable("RFC 7515, section 4", &err));
    }
    let mut bundle = Inspection::new(Kind::Bundle);
    for (index, value) in several.iter().take(layers::MOST_ITEMS).enumerate() {
        if let Some(inside) = context.inside(&[]) {
            bundle.nest(format!("item {}", index + 1), of_json(value.to_string().as_bytes(), value, &inside));
        }
    }
    layers::note_rest(&mut bundle, several.len());
    bundle
}

/// Three parts in base64url with dots between them (RFC 7515, section 7.1).
pub(super) fn of_compact_jws(text: &str, context: &Context<'_>) -> Option<Inspection> {
    let parts: Vec<&str> = text.split('.').collect();
    let [protected, payload, signature] = parts.as_slice() else { return None };
    let header = layers::unbase64(protected, &layers::URL_SAFE)?;
    serde_json::from_slice::<serde_json::Map<String, Json>>(&header).ok()?;
    let value = serde_json::json!({ "payload": payload, "signatures": [{ "protected": protected, "signature": signature }] });
    Some(match jws::open(value.to_string().as_bytes(), &value) {
        Ok(mut envelope) => {
            let sentence = "the JWS is in compact serialization, which no reader accepts; general JSON serialization is the only form";
            envelope.findings.push(Finding::new("JWS vouchers, section 3", sentence));
            of_jws(&envelope, context)
        }
        Err(finding) => broken("a JWS", finding),
    })
}

fn of_jws(envelope: &Envelope, context: &Context<'_>) -> Inspection {
    let payload: Option<Json> = serde_json::from_slice(&envelope.payload).ok();
    match (envelope.typ.as_deref(), payload.as_ref().and_then(Root::of_json)) {
        (_, Some(_)) => voucher::inspect(envelope, context),
        (Some("manufacture-report+jws"), None) => report::manufacture(envelope, context),
        (Some("brski-delivery-list+jws"), None) => report::delivery(envelope, context),
        (Some(typ), None) => with_findings(Inspection::unknown(&format!("a JWS of type '{typ}'")), envelope),
        (None, None) => with_findings(Inspection::unknown("a JWS around something else than a voucher or a voucher-request"), envelope),
    }
}

/// A document in CBOR: a COSE_Sign1 message, or something unsigned.
pub(super) fn of_cbor(octets: &[u8], value: &Cbor, context: &Context<'_>) -> Inspection {
    if let Some(message) = Cose::of(value) {
        return of_cose(octets, &message, context);
    }
    match Root::of_cbor(value) {
        Some(_) => voucher::unsigned(Format::Cose, octets, context),
        None => documents::of_cbor(value),
    }
}

fn of_cose(octets: &[u8], message: &Cose, context: &Context<'_>) -> Inspection {
    if message.protected(&coset::Label::Int(VDS)).is_some() {
        return receipt::inspect(message, octets, None, context);
    }
    let envelope = message.to_envelope(octets);
    if let Some(inspection) = envelope.typ.as_deref().and_then(|typ| testimony::inspect(typ, &envelope, context)) {
        return inspection;
    }
    let payload = layers::cbor(&envelope.payload);
    let is_statement = payload.as_ref().is_some_and(statement::is_statement) || envelope.typ.as_deref() == Some("application/eat+cwt");
    match payload.as_ref().and_then(Root::of_cbor) {
        Some(_) => voucher::inspect(&envelope, context),
        None if payload.as_ref().is_some_and(token::is_token) => token::inspect(&envelope, context),
        None if is_statement => statement::inspect(&envelope, message, context),
        // Some senders put the JSON of a voucher into COSE.
        None if serde_json::from_slice(&envelope.payload).ok().as_ref().and_then(Root::of_json).is_some() => {
            with_findings(Inspection::unknown("a COSE_Sign1 message around a voucher in JSON, which belongs in CMS or JWS"), &envelope)
        }
        None => with_findings(Inspection::unknown("a COSE_Sign1 message around none of our artefacts"), &envelope),
    }
}

/// CMS SignedData, with content or as mere carrier of certificates.
pub(super) fn of_cms(octets: &[u8], context: &Context<'_>) -> Inspection {
    let opened = match cms::open(octets) {
        Ok(opened) => opened,
        Err(finding) => return broken("CMS SignedData", finding),
    };
    let Some(envelope) = opened.envelope else {
        let mut bundle = Inspection::new(Kind::Bundle);
        bundle.leaf("form", "certs-only CMS, as EST answers (RFC 7030, section 4.1.3)");
        bundle.leaf("artefacts", opened.certificates.len());
        nest_certificates(&mut bundle, &opened.certificates, context);
        return bundle;
    };
    match serde_json::from_slice(&envelope.payload).ok().as_ref().and_then(Root::of_json) {
        Some(_) => voucher::inspect(&envelope, context),
        None => match signed_profile(&envelope.payload, context) {
            Some(profile) => profile,
            None => with_findings(Inspection::unknown("CMS SignedData around something else than a voucher or a voucher-request"), &envelope),
        },
    }
}

/// A manufacturer's profile in CMS. Who may sign it the profile that was accepted before it says, so that nothing is said of its signature here.
fn signed_profile(payload: &[u8], context: &Context<'_>) -> Option<Inspection> {
    let text = core::str::from_utf8(payload).ok().filter(|text| text.len() <= crate::ProfileText::LARGEST)?;
    let table: toml::Table = text.parse().ok().filter(|table: &toml::Table| table.contains_key("idevid-anchors"))?;
    let mut inspection = super::profile::inspect(text, &table, context);
    inspection.leaf("enclosed-in", "CMS SignedData, whose signature `brski-registrar trust update` and `openssl cms -verify` check");
    Some(inspection)
}

/// The payload of an envelope in the form it has on the wire, for looking at what is nested from outside.
pub(super) fn payload_of(wire: &[u8]) -> Option<(Format, Vec<u8>)> {
    match wire.first()? {
        b'{' => jws::open(wire, &serde_json::from_slice(wire).ok()?).ok().map(|envelope| (Format::Jws, envelope.payload)),
        0x30 => cms::open(wire).ok()?.envelope.map(|envelope| (Format::Cms, envelope.payload)),
        _ => Some((Format::Cose, Cose::of(&layers::cbor(wire)?)?.payload?)),
    }
}

/// The certificates that came along, each nested.
pub(super) fn nest_certificates(inspection: &mut Inspection, certificates: &[Certificate], context: &Context<'_>) {
    for (index, certificate) in certificates.iter().enumerate() {
        if let Some(inside) = context.inside(certificates) {
            inspection.nest(format!("certificate {}", index + 1), super::certificate::certificate(certificate, super::certificate::Role::Any, &inside));
        }
    }
}

fn with_findings(mut inspection: Inspection, envelope: &Envelope) -> Inspection {
    inspection.deviations.extend(envelope.findings.iter().cloned());
    inspection
}

fn broken(looks_like: &str, finding: Finding) -> Inspection {
    let mut inspection = Inspection::unknown(&format!("{looks_like} that cannot be read"));
    inspection.deviations.push(finding);
    inspection
}
