//! Evidence as a module makes it: for devices, for simulators and for tests of whoever verifies it.

use der::Encode as _;
use der::asn1::GeneralizedTime;

use super::claims::{Claim, Element, ElementKind, PURPOSES, Value};
use super::wire::{CAPABILITIES, CLAIMS, ELEMENTS, below_arc};
use super::{EvidenceError, KeyAttestation};
use crate::asn1::{element, signature_identifier};
use crate::certificate::Certificate;
use crate::error::{DecodeError, SignError};
use crate::evidence::oid::Oid;
use crate::sign::Signer;

impl KeyAttestation {
    /// Evidence that says this, signed with an attestation key, whose certificate and the path above it (without the root) travel along.
    ///
    /// # Errors
    /// [`SignError::Encode`] if the evidence would not be read again, as for two platforms or a claim that no element of this kind has; [`SignError::Key`] if the key does not sign.
    pub async fn make(elements: &[Element], chain: &[Certificate], key: &dyn Signer) -> Result<Self, SignError> {
        let signed = to_be_signed(elements).map_err(encode)?;
        let signature = key.sign(&signed).await?.to_asn1().map_err(encode)?;
        let own = chain.first().map(|own| element(CERTIFICATE, own.der()));
        let signer = own.unwrap_or_else(|| element(PUBLIC_KEY, key.public_key().spki()));
        let algorithm = signature_identifier(key.algorithm()).to_der().map_err(|err| encode(syntax(err)))?;
        let above: Vec<Certificate> = chain.iter().skip(1).filter(|certificate| !certificate.is_self_issued()).cloned().collect();
        Self::from_der(&assembled(&signed, &[block(&signer, &algorithm, &signature)], &above)).map_err(encode)
    }
}

/// TbsEvidence.
pub(super) fn to_be_signed(elements: &[Element]) -> Result<Vec<u8>, DecodeError> {
    let elements = elements.iter().map(element_der).collect::<Result<Vec<_>, _>>()?;
    Ok(element(0x30, &[element(0x02, &[1]), element(0x30, &elements.concat())].concat()))
}

/// SignatureBlock, with the content of its SignerIdentifier.
pub(super) fn block(signer: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    element(0x30, &[&element(0x30, signer), algorithm, &element(0x04, signature)].concat())
}

/// Evidence.
pub(super) fn assembled(signed: &[u8], blocks: &[Vec<u8>], certificates: &[Certificate]) -> Vec<u8> {
    let enclosed = match certificates {
        [] => Vec::new(),
        several => element(0xa0, &element(0x30, &several.iter().map(Certificate::der).collect::<Vec<_>>().concat())),
    };
    element(0x30, &[signed, &element(0x30, &blocks.concat()), &enclosed].concat())
}

fn element_der(said: &Element) -> Result<Vec<u8>, DecodeError> {
    let number = ElementKind::ALL.iter().position(|kind| *kind == said.kind);
    let kind = match &said.kind {
        ElementKind::Other(oid) => dotted(oid)?,
        ElementKind::Transaction | ElementKind::Platform | ElementKind::Key => below_arc(&[ELEMENTS, octet(number)]),
    };
    let claims = said.claims.iter().map(|claim| claim_der(&said.kind, octet(number), claim)).collect::<Result<Vec<_>, _>>()?;
    Ok(element(0x30, &[kind, element(0x30, &claims.concat())].concat()))
}

fn claim_der(of: &ElementKind, element_number: u8, claim: &Claim) -> Result<Vec<u8>, DecodeError> {
    let number = of.claims().iter().position(|known| known.name == claim.name);
    let kind = match number {
        Some(_) => below_arc(&[CLAIMS, element_number, octet(number)]),
        None => dotted(&claim.name)?,
    };
    Ok(element(0x30, &[kind, value_der(&claim.value)?].concat()))
}

fn value_der(value: &Value) -> Result<Vec<u8>, DecodeError> {
    Ok(match value {
        Value::Octets(octets) => element(0x04, octets),
        Value::Text(text) => element(0x0c, text.as_bytes()),
        Value::Integer(number) => number.to_der().map_err(syntax)?,
        Value::Boolean(flag) => element(0x01, &[if *flag { 0xff } else { 0 }]),
        Value::Time(time) => {
            let time = GeneralizedTime::from_unix_duration(core::time::Duration::from_secs(time.as_secs()));
            time.and_then(|time| time.to_der()).map_err(syntax)?
        }
        Value::Purposes(purposes) => element(0x30, &purposes.iter().map(|name| purpose(name)).collect::<Result<Vec<_>, _>>()?.concat()),
        Value::Other(der) => der.clone().unwrap_or_default(),
    })
}

fn purpose(name: &str) -> Result<Vec<u8>, DecodeError> {
    let number = PURPOSES.iter().position(|known| *known == name);
    match number {
        Some(_) => Ok(below_arc(&[CAPABILITIES, octet(number)])),
        None => dotted(name),
    }
}

fn dotted(text: &str) -> Result<Vec<u8>, DecodeError> {
    let wrong = DecodeError::InvalidField { field: "claim or element", expected: "a name that the draft has for it, or a dotted object identifier" };
    Oid::from_dotted(text).map(|oid| element(0x06, oid.as_bytes())).ok_or(wrong)
}

/// A place in one of the draft's lists, all of which are short; nought for what is in none of them and has an identifier of its own.
fn octet(number: Option<usize>) -> u8 {
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or_default()
}

fn syntax(err: der::Error) -> DecodeError {
    DecodeError::syntax(KeyAttestation::NAME, "DER", err)
}

fn encode(source: DecodeError) -> SignError {
    SignError::Encode { artefact: KeyAttestation::NAME, source: Box::new(EvidenceError::Unreadable { format: KeyAttestation::NAME, source }) }
}

// In a SignerIdentifier.
pub(super) const PUBLIC_KEY: u8 = 0xa1;
const CERTIFICATE: u8 = 0xa2;
