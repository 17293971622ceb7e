//! PKIX key attestation evidence: recognised and counted, not appraised.

use const_oid::ObjectIdentifier;

use super::certificate::shown;
use super::der::{CONTEXT_0, INTEGER, OCTET_STRING, SEQUENCE, value};
use super::{Check, Context, Inspection, Kind, SignatureFound};
use crate::certificate::Certificate;
use crate::codec::hex;

/// Whether the two outermost elements are evidence: the first entity's type lies under the module's number.
pub(super) fn is_evidence(content: &[u8]) -> bool {
    let first = || {
        let (tbs, _) = value(content)?;
        let entities = entities(tbs)?;
        Some(entities.first()?.kind.as_bytes().starts_with(&ARC))
    };
    first().unwrap_or(false)
}

/// Evidence, or what is called so.
pub(super) fn inspect(octets: &[u8], context: &Context<'_>) -> Inspection {
    let mut inspection = Inspection::new(Kind::KeyAttestation);
    if show(&mut inspection, octets, context).is_none() {
        inspection.deviates(SECTION, "its entities or signatures cannot be read");
    }
    inspection.note("it is recognised only: what it says of the key is not appraised yet, and its signatures are not checked");
    inspection
}

fn show(inspection: &mut Inspection, octets: &[u8], context: &Context<'_>) -> Option<()> {
    let (content, []) = value(octets)? else { return None };
    let parts = elements(content)?;
    let [(SEQUENCE, tbs), (SEQUENCE, signatures), rest @ ..] = parts.as_slice() else { return None };
    let entities = entities(tbs)?;
    inspection.leaf("entities", entities.len());
    for (index, entity) in entities.iter().enumerate() {
        inspection.leaf(
            format!("entity {}", index + 1),
            format!("{}, {} attribute{}", entity.named(), entity.attributes, if entity.attributes == 1 { "" } else { "s" }),
        );
    }
    let signatures = elements(signatures)?;
    inspection.leaf("signatures", signatures.len());
    for (_, block) in signatures {
        let found = signature(inspection, block, context)?;
        inspection.signatures.push(found);
    }
    match rest {
        [] => Some(()),
        [(CONTEXT_0, certificates)] => {
            inspection.leaf("certificates", elements(certificates)?.len());
            Some(())
        }
        _ => None,
    }
}

/// One signature: who made it is named by key identifier, by key or by certificate.
fn signature(inspection: &mut Inspection, block: &[u8], context: &Context<'_>) -> Option<SignatureFound> {
    let parts = elements(block)?;
    let [(SEQUENCE, signer), (SEQUENCE, algorithm), (OCTET_STRING, _)] = parts.as_slice() else { return None };
    let mut by = "unknown".to_owned();
    for (tag, content) in elements(signer)? {
        match tag {
            KEY_ID => by = format!("key {}", hex(value(content)?.0)),
            CERTIFICATE => {
                let certificate = Certificate::from_der(content).ok()?;
                by = shown(certificate.subject());
                if let Some(inside) = context.inside(&[]) {
                    let place = format!("certificate of signature {}", inspection.signatures.len() + 1);
                    inspection.nest(place, super::certificate::certificate(&certificate, super::certificate::Role::Any, &inside));
                }
            }
            _ => (),
        }
    }
    let algorithm = ObjectIdentifier::from_bytes(value(algorithm)?.0).ok()?;
    let algorithm = const_oid::db::DB.by_oid(&algorithm).map_or_else(|| algorithm.to_string(), str::to_owned);
    let check = Check::Unchecked { why: "evidence of this kind is not verified yet".to_owned() };
    Some(SignatureFound { by, algorithm: Some(algorithm), check })
}

/// What is attested: a transaction, a platform or a key.
struct Entity {
    kind: ObjectIdentifier,
    attributes: usize,
}

impl Entity {
    fn named(&self) -> String {
        let name = match self.kind.as_bytes().strip_prefix(&ARC) {
            Some([0, 0]) => "transaction",
            Some([0, 1]) => "platform",
            Some([0, 2]) => "key",
            Some(_) | None => return self.kind.to_string(),
        };
        format!("{name} ({})", self.kind)
    }
}

/// The entities of what is signed: a version, then a list.
fn entities(tbs: &[u8]) -> Option<Vec<Entity>> {
    let parts = elements(tbs)?;
    let [(INTEGER, _), (SEQUENCE, entities)] = parts.as_slice() else { return None };
    let entity = |(tag, content): (u8, &[u8])| {
        let parts = elements(content).filter(|_| tag == SEQUENCE)?;
        let [(OBJECT_IDENTIFIER, kind), (SEQUENCE, attributes)] = parts.as_slice() else { return None };
        Some(Entity { kind: ObjectIdentifier::from_bytes(kind).ok()?, attributes: elements(attributes)?.len() })
    };
    elements(entities)?.into_iter().map(entity).collect()
}

/// Tag and content of each element; none if something else is between them, or they are too many.
fn elements(mut octets: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut found = Vec::new();
    while let Some(tag) = octets.first() {
        let (content, rest) = value(octets).filter(|_| found.len() < MOST_ELEMENTS)?;
        found.push((*tag, content));
        octets = rest;
    }
    Some(found)
}

/// 1.3.6.1.5.5.999, which the draft's samples use until numbers are assigned.
const ARC: [u8; 7] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x87, 0x67];
const OBJECT_IDENTIFIER: u8 = 0x06;
/// In a signer identifier.
const KEY_ID: u8 = 0xa0;
const CERTIFICATE: u8 = 0xa2;
const MOST_ELEMENTS: usize = 256;
const SECTION: &str = "PKIX key attestation, section 3";
