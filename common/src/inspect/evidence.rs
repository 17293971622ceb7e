//! PKIX key attestation evidence: what it says of which part, and whose it is. For which key it is good only whoever asks for one can say.

use super::der::{SEQUENCE, value};
use super::envelope::nest_certificates;
use super::signatures::{self, EXHAUSTED};
use super::{Check, Context, Finding, Inspection, Kind, SignatureFound};
use crate::certificate::Certificate;
use crate::envelope::{SignatureBlock, SignerId};
use crate::evidence::{Block, KeyAttestation, Value, attestation_key_fault};
use crate::identity::SpkiDigest;
use crate::text::{LONGEST_WORDS, printable};

/// Whether the two outermost elements are evidence: the first part that is reported on has a type under the format's number.
pub(super) fn is_evidence(content: &[u8]) -> bool {
    let first = || {
        let (tbs, _) = value(content)?;
        let (_version, rest) = value(tbs)?;
        let (elements, _) = value(rest)?;
        let (element, _) = value(elements).filter(|_| elements.first() == Some(&SEQUENCE))?;
        Some(value(element)?.0.starts_with(&ARC))
    };
    first().unwrap_or(false)
}

/// Evidence, or what is called so.
pub(super) fn inspect(octets: &[u8], context: &Context<'_>) -> Inspection {
    let mut inspection = Inspection::new(Kind::KeyAttestation);
    match KeyAttestation::from_der(octets) {
        Ok(evidence) => show(&mut inspection, &evidence, context),
        Err(err) => inspection.deviations.push(Finding::undecodable("PKIX key attestation, section 5", &err)),
    }
    inspection
}

fn show(inspection: &mut Inspection, evidence: &KeyAttestation, context: &Context<'_>) {
    inspection.leaf("elements", evidence.elements().len());
    for (index, element) in evidence.elements().iter().enumerate() {
        for claim in &element.claims {
            let name = format!("{} {}/{}", index + 1, element.kind, claim.name);
            match &claim.value {
                // Whole keys are for programs to compare; people compare what certificates and statements are shown with as well.
                Value::Octets(spki) if claim.name.ends_with("spki") => inspection.leaf(name + "-sha256", SpkiDigest::of(spki).to_string()),
                Value::Boolean(flag) => inspection.leaf(name, *flag),
                Value::Octets(_) | Value::Text(_) | Value::Integer(_) | Value::Time(_) | Value::Purposes(_) | Value::Other(_) => {
                    inspection.leaf(name, claim.shown())
                }
            }
        }
    }
    if evidence.blocks().is_empty() {
        inspection.deviates("PKIX key attestation, section 6", "it bears no signature, so that anybody may have made it");
    }
    for block in evidence.blocks() {
        let (found, signer) = signature(evidence, block, context);
        inspection.signatures.push(found);
        if let Some((signer, fault)) = signer.and_then(|signer| Some((signer.subject().to_owned(), attestation_key_fault(&signer)?))) {
            inspection.deviates("PKIX key attestation, section 3.2", format!("it is signed with the key of {}, {fault}", printable(&signer, LONGEST_WORDS)));
        }
    }
    if evidence.unread_certificates() > 0 {
        inspection.note(format!("{} of its certificates are of a key that is not known here", evidence.unread_certificates()));
    }
    let own: Vec<Certificate> = evidence.blocks().iter().filter_map(|block| block.certificate.clone()).chain(evidence.certificates().iter().cloned()).collect();
    nest_certificates(inspection, &own, context);
}

/// One signature, and the certificate of who made it.
fn signature(evidence: &KeyAttestation, block: &Block, context: &Context<'_>) -> (SignatureFound, Option<Certificate>) {
    let by = printable(&block.named(), LONGEST_WORDS);
    let algorithm = const_oid::db::DB.by_oid(&block.algorithm).map_or_else(|| block.algorithm.to_string(), str::to_owned);
    let unchecked = |why: String| (SignatureFound { by: by.clone(), algorithm: Some(algorithm.clone()), check: Check::Unchecked { why } }, None);
    let Some(scheme) = block.scheme() else { return unchecked("its algorithm is not known here".to_owned()) };
    let at_hand: Vec<Certificate> = context.options.anchors.certificates().iter().chain(evidence.certificates()).chain(context.known).cloned().collect();
    let candidates = block.candidates(&at_hand);
    if !context.may_verify(candidates.len()) {
        return unchecked(EXHAUSTED.to_owned());
    }
    let made = |candidate: &&Certificate| candidate.public_key().verifies(scheme, evidence.signed(), &block.signature);
    let signer = candidates.iter().find(made).or(candidates.first());
    let envelope = SignatureBlock {
        signed_octets: evidence.signed().to_vec(),
        signature: block.signature.clone(),
        scheme,
        signer: if signer.is_some() { SignerId::FirstCertificate } else { SignerId::Unnamed },
        certificates: signer.into_iter().chain(evidence.certificates()).cloned().collect(),
        certificates_are_hints: false,
    };
    let (found, signer) = signatures::check(&envelope, Some(algorithm.clone()), context);
    (if signer.is_some() { found } else { SignatureFound { by, ..found } }, signer)
}

/// Content octets of [`KeyAttestation::KIND`].
const ARC: [u8; 7] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x87, 0x67];
