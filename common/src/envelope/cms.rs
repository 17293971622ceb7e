//! CMS SignedData (RFC 5652) around a JSON voucher: one signer, signed attributes, content enclosed (RFC 8366bis, section 7.1).

mod signed_data;

use cms::content_info::CmsVersion;
use cms::signed_data::{EncapsulatedContentInfo, SignedAttributes, SignerIdentifier, SignerInfo};
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST};
use const_oid::db::rfc5912::ID_RSASSA_PSS;
use der::asn1::{Any, AnyRef, ObjectIdentifier, OctetString, OctetStringRef, SetOfVec};
use der::{Decode as _, Encode as _};
use x509_cert::attr::Attribute;

use self::signed_data::{CONTEXT_0, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, syntax};
pub(crate) use self::signed_data::{SignedData, certificate_set, content_info};
use super::{Opened, SignatureBlock, SignerId};
use crate::asn1::{digest_identifier, digest_of, element, signature_identifier, signature_scheme};
use crate::certificate::Certificate;
use crate::error::{DecodeError, VerifyError};
use crate::leniency::{Leniency, Reading};
use crate::sign::{Hash, Signature, SignatureAlgorithm, SignatureScheme, SigningIdentity};
use crate::signed::CmsContent;

/// id-ct-animaJSONVoucher (RFC 8366, section 8.3).
pub(crate) const ID_CT_ANIMA_JSON_VOUCHER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.40");

/// Takes an envelope apart. The content's digest is compared here; the signature over the attributes is left to the caller, who knows whose it should be.
pub(crate) fn open(artefact: &'static str, wanted: CmsContent, wire: &[u8], reading: &Reading) -> Result<Opened, VerifyError> {
    let undecodable = |source| VerifyError::Decode { artefact, source };
    let der = text_to_der(wire, reading).map_err(undecodable)?;
    let data = SignedData::from_ber(&der).map_err(undecodable)?;
    accept_content_type(wanted, data.content.econtent_type, reading).map_err(undecodable)?;
    let payload = content(&data.content).map_err(undecodable)?;
    let info = only_signer_info(&data.signer_infos).map_err(undecodable)?;

    let unsupported = |oid: ObjectIdentifier| {
        let found = if oid == ID_RSASSA_PSS { format!("RSASSA-PSS ({oid})") } else { oid.to_string() };
        VerifyError::UnsupportedAlgorithm { artefact, found }
    };
    let hash = digest_of(&info.digest_alg).ok_or_else(|| unsupported(info.digest_alg.oid))?;
    let scheme = signature_scheme(info.signature_algorithm.oid, Some(hash)).ok_or_else(|| unsupported(info.signature_algorithm.oid))?;
    if scheme == SignatureScheme::Ed25519 && hash != Hash::Sha512 {
        return Err(VerifyError::UnsupportedAlgorithm { artefact, found: "Ed25519 with a digest other than SHA-512 (RFC 8419, section 3.1)".to_owned() });
    }

    let attributes = info.signed_attrs.as_ref().filter(|a| !a.is_empty()).ok_or(VerifyError::NoSignedAttributes { artefact })?;
    let stated = StatedContent::read(attributes).map_err(undecodable)?;
    if stated.content_type != data.content.econtent_type {
        let (found, expected) = (stated.content_type.to_string(), "the same as eContentType");
        return Err(undecodable(DecodeError::Unexpected { what: "contentType attribute", found, expected }));
    }
    if stated.message_digest != hash.of(&payload) {
        return Err(VerifyError::BadSignature { artefact, signer: "its signer: the content was changed".to_owned() });
    }

    let certificates = data.certificates.iter().map(|der| reading.certificate(der)).collect::<Result<_, _>>().map_err(undecodable)?;
    let block = SignatureBlock {
        // The attributes are sent under tag [0] but signed under their own tag, in DER (RFC 5652, section 5.4).
        signed_octets: attributes.to_der().map_err(syntax).map_err(undecodable)?,
        signature: info.signature.as_bytes().to_vec(),
        scheme,
        signer: signer_id(&info.sid).map_err(syntax).map_err(undecodable)?,
        certificates,
        certificates_are_hints: false,
    };
    Ok(Opened { payload, signatures: vec![block] })
}

/// An envelope that lacks its signature.
#[derive(Debug)]
pub(crate) struct Draft {
    content: ObjectIdentifier,
    payload: Vec<u8>,
    identity: SigningIdentity,
    signer: Certificate,
    /// The signed attributes as a DER SET OF.
    attributes: Vec<u8>,
}

/// Prepares an envelope around a payload: issuerAndSerialNumber, attributes contentType and messageDigest, the identity's whole chain.
pub(crate) fn draft(content: CmsContent, payload: Vec<u8>, identity: &SigningIdentity) -> Result<Draft, DecodeError> {
    let nameless = DecodeError::MissingField { field: "the signer's certificate", artefact: "CMS signer's identity" };
    let signer = identity.chain.first().ok_or(nameless)?.clone();
    let content = match content {
        CmsContent::Voucher => ID_CT_ANIMA_JSON_VOUCHER,
        CmsContent::Data => ID_DATA,
    };
    let digest = OctetString::new(digest_for(identity.algorithm).of(&payload)).map_err(syntax)?;
    let attributes = || -> der::Result<Vec<u8>> {
        let attribute = |oid, value: Any| Ok::<_, der::Error>(Attribute { oid, values: SetOfVec::try_from(vec![value])? });
        let content_type = attribute(ID_CONTENT_TYPE, Any::encode_from(&content)?)?;
        let message_digest = attribute(ID_MESSAGE_DIGEST, Any::encode_from(&digest)?)?;
        SignedAttributes::try_from(vec![content_type, message_digest])?.to_der()
    };
    Ok(Draft { content, payload, identity: identity.clone(), signer, attributes: attributes().map_err(syntax)? })
}

impl Draft {
    pub(crate) fn to_be_signed(&self) -> &[u8] {
        &self.attributes
    }

    pub(crate) fn attach(self, signature: Signature) -> Result<Vec<u8>, DecodeError> {
        signature.check_algorithm(self.identity.algorithm)?;
        let digest = digest_identifier(digest_for(self.identity.algorithm)).to_der().map_err(syntax)?;
        let attributes = AnyRef::from_der(&self.attributes).map_err(syntax)?;
        let signer = [self.signer.issuer_der().to_vec(), element(INTEGER, self.signer.certificate_serial())].concat();
        let info = [
            element(INTEGER, &[CmsVersion::V1 as u8]),
            element(SEQUENCE, &signer),
            digest.clone(),
            element(CONTEXT_0, attributes.value()),
            signature_identifier(self.identity.algorithm).to_der().map_err(syntax)?,
            element(OCTET_STRING, &signature.to_asn1()?),
        ];
        let content = [element(OBJECT_IDENTIFIER, self.content.as_bytes()), element(CONTEXT_0, &element(OCTET_STRING, &self.payload))];
        let data = [
            // Version 3 if the content is not id-data (RFC 5652, section 5.1).
            element(INTEGER, &[if self.content == ID_DATA { CmsVersion::V1 } else { CmsVersion::V3 } as u8]),
            element(SET, &digest),
            element(SEQUENCE, &content.concat()),
            certificate_set(&self.identity.chain),
            element(SET, &element(SEQUENCE, &info.concat())),
        ];
        Ok(content_info(&data.concat()))
    }
}

/// What the signed attributes say of the content.
struct StatedContent {
    content_type: ObjectIdentifier,
    message_digest: Vec<u8>,
}

impl StatedContent {
    fn read(attributes: &SignedAttributes) -> Result<Self, DecodeError> {
        let mut seen = Vec::new();
        for attribute in attributes.iter() {
            if seen.contains(&attribute.oid) || attribute.values.len() != 1 {
                return Err(DecodeError::DuplicateField { field: attribute.oid.to_string(), artefact: "SignedAttributes" });
            }
            seen.push(attribute.oid);
        }
        let value = |oid, field| {
            let found = attributes.iter().find(|a| a.oid == oid).and_then(|a| a.values.get(0));
            found.ok_or(DecodeError::MissingField { field, artefact: "SignedAttributes" })
        };
        Ok(Self {
            content_type: value(ID_CONTENT_TYPE, "contentType")?.decode_as().map_err(syntax)?,
            message_digest: value(ID_MESSAGE_DIGEST, "messageDigest")?.decode_as::<OctetStringRef<'_>>().map_err(syntax)?.as_bytes().to_vec(),
        })
    }
}

fn accept_content_type(wanted: CmsContent, found: ObjectIdentifier, reading: &Reading) -> Result<(), DecodeError> {
    match (wanted, found) {
        (CmsContent::Voucher, ID_CT_ANIMA_JSON_VOUCHER) | (CmsContent::Data, ID_DATA) => Ok(()),
        (CmsContent::Voucher, ID_DATA) => {
            reading.tolerate(Leniency::CmsIdData, SECTION, "eContentType is id-data instead of id-ct-animaJSONVoucher (1.2.840.113549.1.9.16.1.40)")
        }
        (CmsContent::Data, other) => {
            Err(DecodeError::Unexpected { what: "eContentType", found: other.to_string(), expected: "id-data (1.2.840.113549.1.7.1)" })
        }
        (CmsContent::Voucher, other) => {
            let expected = "id-ct-animaJSONVoucher (1.2.840.113549.1.9.16.1.40)";
            Err(DecodeError::Unexpected { what: "eContentType", found: other.to_string(), expected })
        }
    }
}

fn content(encapsulated: &EncapsulatedContentInfo) -> Result<Vec<u8>, DecodeError> {
    let enclosed = encapsulated.econtent.as_ref().ok_or(DecodeError::MissingField { field: "eContent", artefact: "CMS SignedData" })?;
    Ok(enclosed.decode_as::<OctetStringRef<'_>>().map_err(syntax)?.as_bytes().to_vec())
}

fn only_signer_info(infos: &[Vec<u8>]) -> Result<SignerInfo, DecodeError> {
    match infos {
        [one] => SignerInfo::from_der(one).map_err(syntax),
        other => Err(DecodeError::Unexpected { what: "number of SignerInfos", found: other.len().to_string(), expected: "exactly one" }),
    }
}

fn signer_id(sid: &SignerIdentifier) -> der::Result<SignerId> {
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            let serial = id.serial_number.to_der()?;
            Ok(SignerId::IssuerAndSerial { issuer: id.issuer.to_der()?, serial: AnyRef::from_der(&serial)?.value().to_vec() })
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => Ok(SignerId::SubjectKeyId(id.0.as_bytes().to_vec())),
    }
}

/// What leniency base64-body makes of text: PEM or bare base64, wrapped or not. DER begins with an octet that begins no base64 of it.
pub(crate) fn text_to_der<'a>(wire: &'a [u8], reading: &Reading) -> Result<std::borrow::Cow<'a, [u8]>, DecodeError> {
    if wire.first() == Some(&SEQUENCE) {
        return Ok(wire.into());
    }
    if !wire.is_ascii() {
        return Err(DecodeError::syntax("CMS", "DER", "it does not begin with a SEQUENCE"));
    }
    reading.tolerate(Leniency::Base64Body, "RFC 8995, section 6", "the CMS is not DER but, it seems, base64 or PEM text")?;
    let text = core::str::from_utf8(wire).map_err(|err| DecodeError::syntax("CMS", "base64", err))?.trim();
    let armoured = ["CMS", "PKCS7"].into_iter().find_map(|label| {
        let inner = text.strip_prefix(&format!("-----BEGIN {label}-----"))?;
        inner.strip_suffix(&format!("-----END {label}-----"))
    });
    let base64: String = armoured.unwrap_or(text).split_ascii_whitespace().collect();
    crate::codec::unbase64("CMS", &base64).map(Into::into)
}

const SECTION: &str = "RFC 8366bis, section 7.1";

fn digest_for(algorithm: SignatureAlgorithm) -> Hash {
    match algorithm {
        SignatureAlgorithm::Es256 => Hash::Sha256,
        SignatureAlgorithm::Es384 => Hash::Sha384,
        // RFC 8419, section 3.1.
        SignatureAlgorithm::EdDsa => Hash::Sha512,
    }
}

#[cfg(test)]
mod tests;
