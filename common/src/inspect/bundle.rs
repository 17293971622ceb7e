//! Attestation bundles: each statement as what it is, under the certificates that came along.

use super::der::{SEQUENCE, value};
use super::envelope::nest_certificates;
use super::{Context, Finding, Inspection, Kind, der, evidence, layers, manifest};
use crate::evidence::{AttestationBundle, ID_PE_CMW, KeyAttestation, ManifestElement, Wrapped};
use crate::provenance::Evidence;

/// Whether the outermost element holds a list whose first entry begins with an object identifier and has something after it.
pub(super) fn is_bundle(content: &[u8]) -> bool {
    let first = || {
        let (statements, _) = value(content)?;
        let (statement, _) = value(statements).filter(|_| statements.first() == Some(&SEQUENCE))?;
        let (_, rest) = value(statement).filter(|_| statement.first() == Some(&OBJECT_IDENTIFIER))?;
        value(rest)
    };
    first().is_some()
}

/// A bundle, or what is called so.
pub(super) fn inspect(octets: &[u8], context: &Context<'_>) -> Inspection {
    let mut inspection = Inspection::new(Kind::AttestationBundle);
    let bundle = match AttestationBundle::from_der(octets) {
        Ok(bundle) => bundle,
        Err(err) => {
            inspection.deviations.push(Finding::undecodable(SECTION, &err));
            return inspection;
        }
    };
    inspection.leaf("statements", bundle.statements().len());
    inspection.leaf("certificates", bundle.certificates().len() + bundle.unread_certificates());
    if bundle.unread_certificates() > 0 {
        inspection.note(format!("{} of its certificates are of a format or a key that is not known here", bundle.unread_certificates()));
    }
    for (index, statement) in bundle.statements().iter().enumerate() {
        let known = [bundle.certificates(), context.known].concat();
        if let Some(inside) = context.inside(&known) {
            inspection.nest(format!("statement {}", index + 1), statement_of(statement.kind.as_str(), &statement.der, &inside));
        }
    }
    nest_certificates(&mut inspection, bundle.certificates(), context);
    inspection
}

/// One item of a report's or a record's evidence: a bundle, a statement, or something signed in an envelope of its own.
pub(super) fn evidence_of(item: &Evidence, context: &Context<'_>) -> Inspection {
    match item.kind.as_str() {
        AttestationBundle::KIND => inspect(&item.data, context),
        ManifestElement::KIND => manifest::of_one(&item.data, context),
        media_type if media_type.contains('/') => layers::inspect(&item.data, context),
        statement => statement_of(statement, &item.data, context),
    }
}

/// One statement of this type.
fn statement_of(kind: &str, octets: &[u8], context: &Context<'_>) -> Inspection {
    match kind {
        KeyAttestation::KIND => evidence::inspect(octets, context),
        ID_PE_CMW => match Wrapped::from_der(octets) {
            Ok(Wrapped::Token(message)) => layers::inspect(&message, context),
            Ok(Wrapped::Other(what)) => Inspection::unknown(&format!("a conceptual message wrapper around {what}")),
            Err(err) => {
                let mut broken = Inspection::unknown("a conceptual message wrapper that cannot be read");
                broken.deviations.push(Finding::undecodable("conceptual message wrappers, section 3", &err));
                broken
            }
        },
        // Some are known by their shape. What is nothing but a key or a certificate states nothing.
        other => match der::inspect(octets, context) {
            found if found.kind.must_be_signed() && found.kind != Kind::Certificate => found,
            _ => Inspection::unknown(&format!("a statement of type {other}, {} octets", octets.len())),
        },
    }
}

const OBJECT_IDENTIFIER: u8 = 0x06;
const SECTION: &str = "CSR attestation, section 4";
