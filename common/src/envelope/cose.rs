//! COSE_Sign1 (RFC 9052) around CBOR: algorithm and type protected, nothing external, the signer named by x5chain, x5bag (RFC 9360) or kid, or not at all.

mod headers;
mod message;
mod receipts;

use coset::cbor::Value;
use coset::iana;
use coset::{Algorithm, CoseError, CoseSign1, Header, ProtectedHeader, SignatureContext, TaggedCborSerializable as _, sig_structure_data};

use self::headers::{Headers, MAX_CERTIFICATES, TYP, X5BAG, X5CHAIN};
use self::message::Message;
pub(crate) use self::receipts::{receipts, with_receipt, without_receipts};
use super::{Opened, SignatureBlock, SignerId};
use crate::certificate::Certificate;
use crate::error::{DecodeError, VerifyError};
use crate::leniency::Reading;
use crate::sign::{Signature, SignatureAlgorithm, SignatureScheme, SigningIdentity};
use crate::signed::{CoseCertificates, Typ};

/// Labels of header parameters.
pub(crate) mod label {
    pub(crate) use super::headers::{ALG, TYP, X5BAG, X5CHAIN};
    pub(crate) use super::receipts::RECEIPTS;
}

/// Takes an envelope apart.
pub(crate) fn open(artefact: &'static str, typ: Typ, written: CoseCertificates, wire: &[u8], reading: &Reading) -> Result<Opened, VerifyError> {
    let undecodable = |source| VerifyError::Decode { artefact, source };
    let message = Message::from_wire(wire).map_err(undecodable)?;
    let octets = |item, field| message::bytes(item).and_then(|b| b.ok_or(DecodeError::InvalidField { field, expected: "a byte string" }));
    let protected = octets(message.protected, "protected header").map_err(undecodable)?;
    let headers = || Ok(Headers { protected: headers::Header::from_protected(&protected)?, unprotected: headers::Header::from_map(message.unprotected)? });
    let headers = headers().map_err(undecodable)?;
    headers.check(typ).map_err(undecodable)?;

    let algorithm = headers.algorithm().map_err(|found| VerifyError::UnsupportedAlgorithm { artefact, found })?;
    let payload = message.payload().map_err(undecodable)?;
    // Said here, where the reason can be given, rather than as a signature that does not verify.
    let signature = octets(message.signature, "signature").and_then(|s| Signature::from_fixed(algorithm, s)).map_err(undecodable)?;

    let (chain, bag) = headers.certificates(written, reading).map_err(undecodable)?;
    let signer = match (chain.is_empty(), bag.is_empty(), headers.key_name()) {
        (false, _, _) => SignerId::FirstCertificate,
        (true, false, _) => SignerId::AnyCertificate,
        (true, true, Some(name)) => SignerId::KeyName(name),
        (true, true, None) => SignerId::Unnamed,
    };
    // As they came: another encoder may have written them differently.
    let protected = ProtectedHeader { original_data: Some(protected), header: Header::default() };
    let block = SignatureBlock {
        signed_octets: sig_structure_data(SignatureContext::CoseSign1, protected, None, &[], &payload),
        signature: signature.fixed().to_vec(),
        scheme: SignatureScheme::Fixed(algorithm),
        signer,
        certificates: [chain, bag].concat(),
        certificates_are_hints: match written {
            CoseCertificates::Bag => true,
            CoseCertificates::Chain => false,
        },
    };
    Ok(Opened { payload, signatures: vec![block] })
}

/// An envelope that lacks its signature.
#[derive(Debug)]
pub(crate) struct Draft {
    // Boxed: several times larger than the drafts of other formats.
    message: Box<CoseSign1>,
    to_be_signed: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

/// Prepares an envelope around a payload. An identity without certificate and name is not mentioned in it.
pub(crate) fn draft(typ: Typ, certificates: CoseCertificates, payload: Vec<u8>, identity: &SigningIdentity) -> Result<Draft, DecodeError> {
    let algorithm = match identity.algorithm {
        SignatureAlgorithm::Es256 => iana::Algorithm::ES256,
        SignatureAlgorithm::Es384 => iana::Algorithm::ES384,
        SignatureAlgorithm::EdDsa => iana::Algorithm::EdDSA,
    };
    let mut header = Header { alg: Some(Algorithm::Assigned(algorithm)), ..Header::default() };
    match typ {
        Typ::Required(name) => header.rest.push((TYP, Value::from(name))),
        Typ::Optional(_) => {}
    }
    if let ([], Some(name)) = (identity.chain.as_slice(), &identity.key_name) {
        header.key_id = name.as_bytes().to_vec();
    }
    let (label, carried) = match certificates {
        CoseCertificates::Bag => (X5BAG, bag(identity)),
        CoseCertificates::Chain => (X5CHAIN, chain(identity)),
    };
    if carried.len() > MAX_CERTIFICATES {
        return Err(DecodeError::TooLarge { what: "number of certificates", limit: MAX_CERTIFICATES });
    }
    let mut unprotected = Header::default();
    match carried.as_slice() {
        [] => {}
        [one] => unprotected.rest.push((label, Value::from(one.der()))),
        several => unprotected.rest.push((label, Value::Array(several.iter().map(|c| Value::from(c.der())).collect()))),
    }
    let protected = ProtectedHeader { original_data: None, header };
    let message = CoseSign1 { protected, unprotected, payload: Some(payload), signature: Vec::new() };
    Ok(Draft { to_be_signed: message.tbs_data(&[]), message: Box::new(message), algorithm: identity.algorithm })
}

/// The signer's path with its root, and what the identity brings along, each once.
fn bag(identity: &SigningIdentity) -> Vec<&Certificate> {
    let mut bag: Vec<&Certificate> = Vec::new();
    for certificate in identity.chain.iter().chain(&identity.enclosed) {
        if !bag.contains(&certificate) {
            bag.push(certificate);
        }
    }
    bag
}

/// The signer's path without its root: who verifies has the anchor already, or has no use for one that comes with the message.
fn chain(identity: &SigningIdentity) -> Vec<&Certificate> {
    let own = identity.chain.first();
    own.into_iter().chain(identity.chain.iter().skip(1).filter(|c| !c.is_self_issued())).collect()
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
    Ok(Message::from_wire(wire)?.without(&[X5BAG, X5CHAIN])?.unwrap_or_else(|| wire.to_vec()))
}

fn syntax(err: CoseError) -> DecodeError {
    DecodeError::syntax("COSE_Sign1", "CBOR", err)
}

#[cfg(test)]
mod tests;
