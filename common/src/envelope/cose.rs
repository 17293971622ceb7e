//! COSE_Sign1 (RFC 9052) around CBOR: algorithm and type protected, nothing external, the signer named by x5chain or kid.

use coset::cbor::Value;
use coset::iana::{self, EnumI64 as _};
use coset::{Algorithm, AsCborValue as _, CborSerializable as _, CoseError, CoseSign1, Header, Label, ProtectedHeader, TaggedCborSerializable as _};

use super::{Opened, SignerId};
use crate::certificate::Certificate;
use crate::error::{DecodeError, VerifyError};
use crate::sign::{Signature, SignatureAlgorithm, SignatureScheme, SigningIdentity};
use crate::signed::{CoseCertificates, Typ};

/// Most certificates that are read from one envelope.
const MAX_CERTIFICATES: usize = 32;

/// Takes an envelope apart.
pub(crate) fn open(artefact: &'static str, typ: Typ, wire: &[u8]) -> Result<Opened, VerifyError> {
    let undecodable = |source| VerifyError::Decode { artefact, source };
    let message = untagged(wire).and_then(|value| CoseSign1::from_cbor_value(value).map_err(syntax)).map_err(undecodable)?;
    let protected = &message.protected.header;
    check_headers(protected, &message.unprotected, typ).map_err(undecodable)?;

    let algorithm = algorithm(protected).map_err(|found| VerifyError::UnsupportedAlgorithm { artefact, found })?;
    let payload = message.payload.clone();
    let payload = payload.ok_or(DecodeError::MissingField { field: "payload", artefact: "COSE_Sign1" }).map_err(undecodable)?;
    // Said here, where the reason can be given, rather than as a signature that does not verify.
    let signature = Signature::from_fixed(algorithm, message.signature.clone()).map_err(undecodable)?;

    let chain = parameter(protected, X5CHAIN).or_else(|| parameter(&message.unprotected, X5CHAIN));
    let certificates = chain.map(x5chain).transpose().map_err(undecodable)?.unwrap_or_default();
    let kid = [protected, &message.unprotected].into_iter().map(|h| &h.key_id).find(|kid| !kid.is_empty());
    let signer = match (certificates.is_empty(), kid.and_then(|kid| String::from_utf8(kid.clone()).ok())) {
        (false, _) => SignerId::FirstCertificate,
        (true, Some(name)) => SignerId::KeyName(name),
        (true, None) => SignerId::Unnamed,
    };
    let signed_octets = message.tbs_data(&[]);
    Ok(Opened { payload, signed_octets, signature: signature.fixed().to_vec(), scheme: SignatureScheme::Fixed(algorithm), signer, certificates })
}

/// An envelope that lacks its signature.
#[derive(Debug)]
pub(crate) struct Draft {
    // Boxed: several times larger than the drafts of other formats.
    message: Box<CoseSign1>,
    to_be_signed: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

/// Prepares an envelope around a payload.
pub(crate) fn draft(typ: Typ, _certificates: CoseCertificates, payload: Vec<u8>, identity: &SigningIdentity) -> Result<Draft, DecodeError> {
    let algorithm = match identity.algorithm {
        SignatureAlgorithm::Es256 => iana::Algorithm::ES256,
        SignatureAlgorithm::Es384 => iana::Algorithm::ES384,
        SignatureAlgorithm::EdDsa => iana::Algorithm::EdDSA,
    };
    let mut header = Header { alg: Some(Algorithm::Assigned(algorithm)), rest: vec![(TYP, Value::from(typ.name()))], ..Header::default() };
    let mut unprotected = Header::default();
    match (identity.chain.split_first(), &identity.key_name) {
        (Some((own, above)), _) => {
            // Who verifies has the anchor already, or has no use for one that comes with the message.
            let above = above.iter().filter(|c| !c.is_self_issued());
            let mut ders: Vec<Value> = core::iter::once(own).chain(above).map(|c| Value::from(c.der())).collect();
            let chain = if ders.len() == 1 { ders.remove(0) } else { Value::Array(ders) };
            unprotected.rest.push((X5CHAIN, chain));
        }
        (None, Some(name)) => header.key_id = name.as_bytes().to_vec(),
        (None, None) => return Err(DecodeError::MissingField { field: "certificate or key name", artefact: "COSE signer's identity" }),
    }
    let protected = ProtectedHeader { original_data: None, header };
    let message = CoseSign1 { protected, unprotected, payload: Some(payload), signature: Vec::new() };
    Ok(Draft { to_be_signed: message.tbs_data(&[]), message: Box::new(message), algorithm: identity.algorithm })
}

impl Draft {
    pub(crate) fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    pub(crate) fn attach(self, signature: Signature) -> Result<Vec<u8>, DecodeError> {
        signature.check_algorithm(self.algorithm)?;
        CoseSign1 { signature: signature.fixed().to_vec(), ..*self.message }.to_tagged_vec().map_err(syntax)
    }
}

/// The message without x5bag and x5chain in its unprotected header.
pub(crate) fn without_unprotected_certificates(wire: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut message = CoseSign1::from_cbor_value(untagged(wire)?).map_err(syntax)?;
    message.unprotected.rest.retain(|(label, _)| *label != X5CHAIN);
    message.to_tagged_vec().map_err(syntax)
}

/// The message within tag 18, which may itself stand in tag 61 (CWT; RFC 8392, section 6).
fn untagged(wire: &[u8]) -> Result<Value, DecodeError> {
    let value = match Value::from_slice(wire).map_err(syntax)? {
        Value::Tag(61, inner) => *inner,
        other => other,
    };
    match value {
        Value::Tag(CoseSign1::TAG, message) => Ok(*message),
        Value::Tag(tag, _) => Err(DecodeError::Unexpected { what: "CBOR tag", found: tag.to_string(), expected: "18 (COSE_Sign1)" }),
        _ => Err(DecodeError::Unexpected { what: "CBOR tag", found: "absent".to_owned(), expected: "18 (COSE_Sign1)" }),
    }
}

/// What must be protected is, nothing critical is unknown, and no label is in both headers (RFC 9052, section 3).
fn check_headers(protected: &Header, unprotected: &Header, typ: Typ) -> Result<(), DecodeError> {
    let loose = unprotected.alg.is_some() || !unprotected.crit.is_empty() || parameter(unprotected, TYP).is_some();
    if loose {
        return Err(DecodeError::InvalidField { field: "unprotected header", expected: "without alg, crit and typ, which belong in the protected one" });
    }
    let doubled = protected.rest.iter().any(|(label, _)| unprotected.rest.iter().any(|(other, _)| other == label));
    if doubled || (!protected.key_id.is_empty() && !unprotected.key_id.is_empty()) {
        return Err(DecodeError::DuplicateField { field: "a label".to_owned(), artefact: "COSE headers" });
    }
    let understood = [Label::Int(iana::HeaderParameter::Alg.to_i64()), Label::Int(iana::HeaderParameter::Kid.to_i64()), X5CHAIN, TYP];
    for critical in &protected.crit {
        let label = critical.clone().to_cbor_value().and_then(Label::from_cbor_value).map_err(syntax)?;
        if !understood.contains(&label) {
            return Err(DecodeError::Unexpected { what: "critical header parameter", found: format!("{label:?}"), expected: "alg, kid, x5chain or typ" });
        }
    }
    match parameter(protected, TYP) {
        Some(Value::Text(found)) if found == typ.name() => Ok(()),
        Some(Value::Text(found)) => Err(DecodeError::Unexpected { what: "typ", found: found.chars().take(64).collect(), expected: typ.name() }),
        Some(_) => Err(DecodeError::Unexpected { what: "typ", found: "no text".to_owned(), expected: typ.name() }),
        None if matches!(typ, Typ::Optional(_)) => Ok(()),
        None => Err(DecodeError::MissingField { field: "typ", artefact: "protected header" }),
    }
}

fn algorithm(protected: &Header) -> Result<SignatureAlgorithm, String> {
    match &protected.alg {
        Some(Algorithm::Assigned(assigned)) => {
            SignatureAlgorithm::from_cose(assigned.to_i64()).ok_or_else(|| format!("COSE algorithm {} ({assigned:?})", assigned.to_i64()))
        }
        Some(Algorithm::PrivateUse(number)) => Err(format!("COSE algorithm {number}")),
        Some(Algorithm::Text(_)) => Err("a COSE algorithm with a name of its own".to_owned()),
        None => Err("no COSE algorithm in its protected header".to_owned()),
    }
}

/// One certificate, or several in path order (RFC 9360, section 2).
fn x5chain(value: &Value) -> Result<Vec<Certificate>, DecodeError> {
    let wrong = DecodeError::InvalidField { field: "x5chain", expected: "one certificate as byte string, or an array of 1 to 32 of them" };
    let ders = match value {
        one @ Value::Bytes(_) => core::slice::from_ref(one),
        Value::Array(several) if (1..=MAX_CERTIFICATES).contains(&several.len()) => several,
        _ => return Err(wrong),
    };
    ders.iter().map(|der| Certificate::from_der(der.as_bytes().ok_or_else(|| wrong.clone())?)).collect()
}

fn parameter(header: &Header, label: Label) -> Option<&Value> {
    header.rest.iter().find(|(l, _)| *l == label).map(|(_, value)| value)
}

fn syntax(err: CoseError) -> DecodeError {
    DecodeError::syntax("COSE_Sign1", "CBOR", err)
}

/// RFC 9596.
const TYP: Label = Label::Int(16);
/// RFC 9360.
const X5CHAIN: Label = Label::Int(33);

#[cfg(test)]
mod tests;
