//! PKCS #10 certification requests (RFC 2986): read, with proof of possession, and made.

use der::asn1::{AnyRef, BitString, BitStringRef};
use der::{Decode as _, Encode as _, Sequence};
use spki::AlgorithmIdentifierRef;
use x509_cert::attr::Attributes;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::request::{ExtensionReq, Version};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use crate::asn1::{element, signature_identifier, signature_scheme};
use crate::error::{DecodeError, SignError, VerifyError};
use crate::identity::SerialNumber;
use crate::sign::{PublicKey, Signer};

/// A certification request whose sender holds the private key: its self-signature verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    der: Vec<u8>,
    public_key: PublicKey,
    subject_der: Vec<u8>,
    subject: String,
    serial_numbers: Vec<String>,
    requests_ca: bool,
}

impl Csr {
    /// Reads a request in DER and checks its self-signature.
    ///
    /// # Errors
    /// [`VerifyError::Decode`] if it is malformed or octets follow it, [`VerifyError::UnsupportedAlgorithm`] or [`VerifyError::BadSignature`] if possession of the key is not proven.
    pub fn from_der(der: &[u8]) -> Result<Self, VerifyError> {
        let undecodable = |source| VerifyError::Decode { artefact: NAME, source };
        let request = Request::from_der(der).map_err(syntax).map_err(undecodable)?;
        // Canonical DER is the only form that got here, so that encoding anew gives the octets that were signed.
        let signed = request.info.to_der().map_err(syntax).map_err(undecodable)?;
        let info = Info::from_der(&signed).map_err(syntax).map_err(undecodable)?;

        let csr = Self::read(der, &info).map_err(undecodable)?;
        let oid = request.algorithm.oid;
        let scheme = signature_scheme(oid, None).ok_or_else(|| VerifyError::UnsupportedAlgorithm { artefact: NAME, found: oid.to_string() })?;
        // A signature is whole octets: unused bits are somebody's play with it.
        match request.signature.as_bytes().is_some_and(|signature| csr.public_key.verifies(scheme, &signed, signature)) {
            true => Ok(csr),
            false => Err(VerifyError::BadSignature { artefact: NAME, signer: csr.subject }),
        }
    }

    fn read(der: &[u8], info: &Info<'_>) -> Result<Self, DecodeError> {
        let subject_der = info.subject.to_der().map_err(syntax)?;
        let (rest, name) = X509Name::from_der(&subject_der).map_err(|err| DecodeError::syntax("subject", "X.509", err))?;
        if !rest.is_empty() {
            return Err(DecodeError::syntax("subject", "DER", "octets follow its end"));
        }
        Ok(Self {
            der: der.to_vec(),
            public_key: PublicKey::from_spki(&info.public_key.to_der().map_err(syntax)?)?,
            subject: crate::certificate::readable(&name),
            serial_numbers: crate::certificate::texts(&name, &x509_parser::oid_registry::OID_X509_SERIALNUMBER)?,
            requests_ca: requests_ca(&info.attributes)?,
            subject_der,
        })
    }

    /// The exact octets.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key to be certified.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The subject for people.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The subject Name in DER.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// X.520 serialNumber of the subject, if there is exactly one and it is well-formed.
    pub fn serial_number(&self) -> Option<SerialNumber> {
        match self.serial_numbers.as_slice() {
            [one] => SerialNumber::new(one.clone()).ok(),
            _ => None,
        }
    }

    /// Whether it asks to become a CA: extensionRequest with basicConstraints cA or keyUsage keyCertSign.
    pub fn requests_ca(&self) -> bool {
        self.requests_ca
    }
}

/// Makes a request in DER with this subject Name (DER) for the key that `signer` holds.
///
/// # Errors
/// [`SignError::Encode`] if the subject is no Name, [`SignError::Key`] if the key does not sign.
pub async fn request(subject_der: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    let subject = crate::issuing::Subject::from_der(subject_der).map_err(not_encodable)?.to_der();
    let no_attributes = element(0xa0, &[]);
    let info = element(0x30, &[element(0x02, &[0]), subject, signer.public_key().spki().to_vec(), no_attributes].concat());

    let signature = signer.sign(&info).await?;
    let bits = signature.to_asn1().and_then(|asn1| BitString::from_bytes(&asn1).and_then(|b| b.to_der()).map_err(syntax)).map_err(not_encodable)?;
    let algorithm = signature_identifier(signer.algorithm()).to_der().map_err(not_encodable)?;
    Ok(element(0x30, &[info, algorithm, bits].concat()))
}

const NAME: &str = "certification request";

/// CertificationRequest, the signed part still closed.
#[derive(Sequence)]
struct Request<'a> {
    info: AnyRef<'a>,
    algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitStringRef<'a>,
}

/// CertificationRequestInfo, names and key in their own octets.
#[derive(Sequence)]
struct Info<'a> {
    #[allow(dead_code, reason = "reading it checks that it is v1, the only one there is")]
    version: Version,
    subject: AnyRef<'a>,
    public_key: AnyRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    attributes: Attributes,
}

fn requests_ca(attributes: &Attributes) -> Result<bool, DecodeError> {
    use const_oid::AssociatedOid as _;
    let mut requests = attributes.iter().filter(|a| a.oid == ExtensionReq::OID).flat_map(|a| a.values.iter());
    let Some(request) = requests.next() else { return Ok(false) };
    if requests.next().is_some() {
        return Err(DecodeError::DuplicateField { field: "extensionRequest".to_owned(), artefact: NAME });
    }
    let extensions = request.to_der().and_then(|der| ExtensionReq::from_der(&der)).map_err(syntax)?;
    let mut asks = false;
    for extension in &extensions.0 {
        let value = extension.extn_value.as_bytes();
        asks |= match extension.extn_id {
            BasicConstraints::OID => BasicConstraints::from_der(value).map_err(syntax)?.ca,
            KeyUsage::OID => KeyUsage::from_der(value).map_err(syntax)?.key_cert_sign(),
            _ => false,
        };
    }
    Ok(asks)
}

fn syntax(err: der::Error) -> DecodeError {
    DecodeError::syntax(NAME, "DER", err)
}

fn not_encodable(source: impl std::error::Error + Send + Sync + 'static) -> SignError {
    SignError::Encode { artefact: NAME, source: Box::new(source) }
}

#[cfg(test)]
mod tests;
