//! Vouchers and voucher-requests: every leaf, what is nested in them, and where they deviate.

mod container;
mod names;

use self::container::value;
pub(super) use self::container::{Container, Raw, Root};
use self::names::Kind as LeafKind;
use super::certificate::{Role, certificate, shown};
use super::deviations::{self, Seen};
use super::envelope::{Envelope, nest_certificates};
use super::signatures::Sections;
use super::{Context, Finding, Inspection, Kind, layers, signatures};
use crate::certificate::{Certificate, IDevIdCert};
use crate::codec::hex;
use crate::envelope::Format;
use crate::envelope::cms::{SignedData, text_to_der};
use crate::leniency::{Leniencies, Reading};
use crate::provenance::ProvenanceStatement;
use crate::signed::{Payload as _, Signed};
use crate::voucher::{Voucher, VoucherRequest};

/// A signed voucher or request.
pub(super) fn inspect(envelope: &Envelope, context: &Context<'_>) -> Inspection {
    let Some(container) = Container::read(envelope.format, &envelope.payload) else {
        return Inspection::unknown("a voucher or request that cannot be read");
    };
    let sections = Sections { envelope: section(envelope.format), content: content_section(&container) };
    let read = match container.is_request() {
        true => signatures::read::<VoucherRequest>(envelope, sections, context, |_| ()),
        false => signatures::read::<Voucher>(envelope, sections, context, |_| ()),
    };
    let kind = kind(&container, read.signer.as_ref());

    let mut inspection = Inspection::new(kind);
    inspection.encodings.push(match envelope.format {
        Format::Cms => "CMS",
        Format::Jws => "JWS",
        Format::Cose => "COSE",
    });
    inspection.signatures = read.signatures;
    inspection.deviations = envelope.findings.clone();
    inspection.deviations.extend(read.findings);
    show_leaves(&mut inspection, &container);
    nest(&mut inspection, &container, envelope, read.signer.as_ref(), context);
    let prior = container.octets("prior-signed-voucher-request").and_then(prior_container);
    let seen = Seen { kind, format: Some(envelope.format), container: &container, certificates: &envelope.certificates, prior: prior.as_ref() };
    inspection.deviations.extend(deviations::of(&seen));
    if kind == Kind::PledgeVoucherRequest {
        inspection.deviations.extend(statement_binding(&container, read.signer.as_ref()));
    }
    inspection
}

/// A payload that nobody has signed.
pub(super) fn unsigned(format: Format, payload: &[u8], context: &Context<'_>) -> Inspection {
    let Some(container) = Container::read(format, payload) else {
        return Inspection::unknown("a voucher or request that cannot be read");
    };
    let kind = kind(&container, None);
    let mut inspection = Inspection::new(kind);
    inspection.deviates("RFC 8366bis, section 7", "it is not signed: only the content of an envelope");
    let reading = Reading::collecting();
    let decoded = match container.is_request() {
        true => VoucherRequest::decode(payload, format, &reading).map(drop),
        false => Voucher::decode(payload, format, &reading).map(drop),
    };
    inspection.deviations.extend(decoded.err().map(|err| Finding::of_decoder(content_section(&container), &err)));
    inspection.deviations.extend(reading.overlooked().into_iter().map(Finding::from));
    show_leaves(&mut inspection, &container);
    nest_artefacts(&mut inspection, &container, &[], context);
    let prior = container.octets("prior-signed-voucher-request").and_then(prior_container);
    let seen = Seen { kind, format: None, container: &container, certificates: &[], prior: prior.as_ref() };
    inspection.deviations.extend(deviations::of(&seen));
    inspection
}

/// A CMS envelope as text: what a peer that is sent it must overlook (RFC 8995, section 6).
pub(super) fn note_text_form(inspection: &mut Inspection, octets: &[u8]) {
    let cms = inspection.encodings.iter().position(|encoding| *encoding == "CMS");
    let text = inspection.encodings.iter().take(cms.unwrap_or(0)).any(|encoding| matches!(*encoding, "PEM" | "base64" | "base64url"));
    if !text {
        return;
    }
    let reading = Reading::collecting();
    match text_to_der(octets, &reading).is_ok_and(|der| SignedData::from_ber(&der).is_ok()) {
        true => inspection.deviations.extend(reading.overlooked().into_iter().map(Finding::from)),
        false => inspection.deviates("RFC 8995, section 6", "the CMS is text in a form that no leniency accepts; on the wire it is DER"),
    }
}

/// Whose it is. What a request holds tells more than what its signer's certificate says.
fn kind(container: &Container, signer: Option<&Certificate>) -> Kind {
    let is_registrar = signer.is_some_and(|signer| signer.usages().iter().any(|usage| usage == crate::chain::ID_KP_CMC_RA));
    let names_registrar = ["proximity-registrar-cert", "proximity-registrar-pubk", "proximity-registrar-pubk-sha256"].iter().any(|leaf| container.has(leaf));
    match container.is_request() {
        false => Kind::Voucher,
        true if container.has("prior-signed-voucher-request") || is_registrar => Kind::RegistrarVoucherRequest,
        true if container.has("idevid-issuer") && !names_registrar => Kind::RegistrarVoucherRequest,
        true => Kind::PledgeVoucherRequest,
    }
}

fn show_leaves(inspection: &mut Inspection, container: &Container) {
    match container.root {
        Root::OldVoucher | Root::OldRequest => inspection.note("its root is that of the constrained voucher of 2019, whose leaves have other numbers"),
        Root::Voucher | Root::Request | Root::PrmRequest => (),
    }
    for (name, raw) in &container.leaves {
        match (names::kind(name), raw) {
            // The same in each format; only JSON has a text beside.
            (_, raw) if name == "nonce" => {
                inspection.leaf_if("nonce", container.nonce().map(|octets| hex(&octets)));
                if let Raw::Text(text) = raw {
                    inspection.leaf("nonce-text", shown(text));
                }
            }
            (LeafKind::Envelope, Raw::Octets(octets)) => inspection.leaf(name.as_str(), format!("{} octets", octets.len())),
            (_, Raw::Container(leaves)) => {
                for (inner, raw) in leaves {
                    match (inner.as_str(), raw) {
                        ("statement", Raw::Octets(octets)) => inspection.leaf(format!("{name}/{inner}"), format!("{} octets", octets.len())),
                        _ => inspection.leaf(format!("{name}/{inner}"), value(inner, raw)),
                    }
                }
            }
            _ => inspection.leaf(name.as_str(), value(name, raw)),
        }
    }
}

/// What stands in the leaves, then the certificates of the envelope.
fn nest(inspection: &mut Inspection, container: &Container, envelope: &Envelope, signer: Option<&Certificate>, context: &Context<'_>) {
    nest_artefacts(inspection, container, &envelope.certificates, context);
    nest_certificates(inspection, &envelope.certificates, context);
    let role = match inspection.kind {
        Kind::PledgeVoucherRequest => Role::Idevid,
        Kind::RegistrarVoucherRequest => Role::Registrar,
        _ => Role::Any,
    };
    if let (Some(signer), Some(inside)) = (signer, context.inside(&envelope.certificates)) {
        let judged = certificate(signer, role, &inside);
        match envelope.certificates.iter().position(|known| known == signer).map(|index| format!("certificate {}", index + 1)) {
            Some(place) => {
                inspection.nested.iter_mut().filter(|nested| nested.name == place).for_each(|nested| nested.inspection.deviations = judged.deviations.clone())
            }
            None => inspection.nest("signer's certificate", judged),
        }
    }
}

fn nest_artefacts(inspection: &mut Inspection, container: &Container, known: &[Certificate], context: &Context<'_>) {
    let Some(inside) = context.inside(known) else { return };
    if let Some(prior) = container.octets("prior-signed-voucher-request") {
        inspection.nest("prior-signed-voucher-request", layers::inspect(prior, &inside));
    }
    for (leaf, role) in [("pinned-domain-cert", Role::Any), ("proximity-registrar-cert", Role::Registrar)] {
        if let Some(Ok(found)) = container.octets(leaf).map(Certificate::from_der) {
            inspection.nest(leaf, certificate(&found, role, &inside));
        }
    }
    let content = container.extension().unwrap_or_default();
    if let Some((_, Raw::Octets(statement))) = content.iter().find(|(name, _)| name == "statement") {
        inspection.nest("statement", layers::inspect(statement, &inside));
    }
}

/// The content of the request within a request, read as far as it can be.
fn prior_container(octets: &[u8]) -> Option<Container> {
    super::envelope::payload_of(octets).and_then(|(format, payload)| Container::read(format, &payload))
}

/// Whether the statement that a pledge shows speaks of the device and the key that signed the request.
fn statement_binding(container: &Container, signer: Option<&Certificate>) -> Option<Finding> {
    let statement = container.extension()?.iter().find(|(name, _)| name == "statement")?;
    let (_, Raw::Octets(octets)) = statement else { return None };
    let idevid = IDevIdCert::new(signer?.clone()).ok()?;
    let statement = Signed::<ProvenanceStatement>::from_wire(Format::Cose, octets.clone()).peek_unverified(Leniencies::default()).ok()?;
    statement.check_binding(&idevid).err().map(|refusal| Finding::new("RFC 8747, section 3.1", refusal.to_string()))
}

/// Where the leaves are specified.
fn content_section(container: &Container) -> &'static str {
    match container.is_request() {
        true => "RFC 8366bis, section 9",
        false => "RFC 8366bis, section 8",
    }
}

/// Where the envelope is specified.
fn section(format: Format) -> &'static str {
    match format {
        Format::Cms => "RFC 8366bis, section 7.1",
        Format::Jws => "JWS vouchers, section 3",
        Format::Cose => "constrained BRSKI, section 9",
    }
}
