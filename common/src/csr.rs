//! PKCS #10 certification requests (RFC 2986): read, with proof of possession, and made.

use std::collections::BTreeSet;

use der::asn1::{AnyRef, BitString, BitStringRef};
use der::{Decode as _, Encode as _, Sequence};
use spki::AlgorithmIdentifierRef;
use x509_cert::attr::Attributes;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, SubjectAltName};
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
    alternative_names: Option<Vec<u8>>,
    attestation: Option<Vec<u8>>,
}

impl Csr {
    /// Reads a request in DER and checks its self-signature.
    ///
    /// # Errors
    /// [`VerifyError::Decode`] if it is malformed, has two attestations or octets follow it, [`VerifyError::UnsupportedAlgorithm`] or [`VerifyError::BadSignature`] if possession of the key is not proven.
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
        let wishes = wishes(&info.attributes)?;
        let attestation = attestation(&info.attributes)?;
        Ok(Self {
            der: der.to_vec(),
            public_key: PublicKey::from_spki(&info.public_key.to_der().map_err(syntax)?)?,
            subject: crate::certificate::readable(&name),
            serial_numbers: crate::certificate::texts(&name, &x509_parser::oid_registry::OID_X509_SERIALNUMBER)?,
            requests_ca: wishes.ca,
            alternative_names: wishes.alternative_names,
            attestation,
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

    /// The [`AttestationBundle`](crate::evidence::AttestationBundle) that came along, in DER, read no further (draft-ietf-lamps-csr-attestation). It says something of
    /// [`public_key`](Self::public_key) only once [`appraise`](crate::evidence::appraise) has found that.
    pub fn attestation(&self) -> Option<&[u8]> {
        self.attestation.as_deref()
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

    /// Whether it asks for any subjectAltName.
    pub fn requests_names(&self) -> bool {
        self.alternative_names.is_some()
    }

    /// Whether the subjectAltName it asks for has these names and URIs, in whatever order, and no others.
    pub fn requests_names_of(&self, names: &[String], uris: &[String]) -> bool {
        let set = |names: &SubjectAltName| names.0.iter().map(|name| name.to_der().unwrap_or_default()).collect::<BTreeSet<_>>();
        let asked = self.alternative_names.as_deref().and_then(|der| SubjectAltName::from_der(der).ok());
        let granted = crate::issuing::subject_alt_name(names, uris).ok().flatten();
        asked.zip(granted).is_some_and(|(asked, granted)| set(&asked) == set(&granted))
    }
}

/// Makes a request in DER with this subject Name (DER) for the key that `signer` holds.
///
/// # Errors
/// [`SignError::Encode`] if the subject is no Name, [`SignError::Key`] if the key does not sign.
pub async fn request(subject_der: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    request_wishing(subject_der, &Wish::default(), signer).await
}

/// What a request asks for beside key and subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// DNS names and IP addresses for subjectAltName.
    pub names: Vec<String>,
    /// URIs for subjectAltName.
    pub uris: Vec<String>,
    /// An [`AttestationBundle`](crate::evidence::AttestationBundle) in DER about the key.
    pub attestation: Option<Vec<u8>>,
}

/// As [`request`], with an extensionRequest and an attestation for this wish.
///
/// # Errors
/// As there; [`SignError::Encode`] also if a name cannot stand in a certificate.
pub async fn request_wishing(subject_der: &[u8], wish: &Wish, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    let subject = crate::issuing::Subject::from_der(subject_der).map_err(not_encodable)?.to_der();
    let attributes = element(0xa0, &attributes(wish).map_err(not_encodable)?);
    let info = element(0x30, &[element(0x02, &[0]), subject, signer.public_key().spki().to_vec(), attributes].concat());

    let signature = signer.sign(&info).await?;
    let bits = signature.to_asn1().and_then(|asn1| BitString::from_bytes(&asn1).and_then(|b| b.to_der()).map_err(syntax)).map_err(not_encodable)?;
    let algorithm = signature_identifier(signer.algorithm()).to_der().map_err(not_encodable)?;
    Ok(element(0x30, &[info, algorithm, bits].concat()))
}

fn attributes(wish: &Wish) -> der::Result<Vec<u8>> {
    use const_oid::AssociatedOid as _;
    let oid = |oid: const_oid::ObjectIdentifier| element(0x06, oid.as_bytes());
    let attribute = |kind, value: &[u8]| element(0x30, &[oid(kind), element(0x31, value)].concat());
    let mut attributes = Vec::new();
    if let Some(names) = crate::issuing::subject_alt_name(&wish.names, &wish.uris)? {
        let extension = element(0x30, &[oid(SubjectAltName::OID), element(0x04, &names.to_der()?)].concat());
        attributes.push(attribute(ExtensionReq::OID, &element(0x30, &extension)));
    }
    attributes.extend(wish.attestation.as_ref().map(|bundle| attribute(ID_AA_ATTESTATION, bundle)));
    // A SET OF in DER is in the order of its octets.
    attributes.sort();
    Ok(attributes.concat())
}

/// A request in DER as one `CERTIFICATE REQUEST` block.
pub fn to_pem(der: &[u8]) -> String {
    let body = String::from_utf8_lossy(&crate::est::to_body(der)).into_owned();
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n")
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

/// What an extensionRequest asks for, as far as anybody here looks at it.
#[derive(Default)]
struct Wishes {
    ca: bool,
    alternative_names: Option<Vec<u8>>,
}

fn wishes(attributes: &Attributes) -> Result<Wishes, DecodeError> {
    use const_oid::AssociatedOid as _;
    let mut wishes = Wishes::default();
    let mut requests = attributes.iter().filter(|a| a.oid == ExtensionReq::OID).flat_map(|a| a.values.iter());
    let Some(request) = requests.next() else { return Ok(wishes) };
    if requests.next().is_some() {
        return Err(DecodeError::DuplicateField { field: "extensionRequest".to_owned(), artefact: NAME });
    }
    let extensions = request.to_der().and_then(|der| ExtensionReq::from_der(&der)).map_err(syntax)?;
    for extension in &extensions.0 {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            BasicConstraints::OID => wishes.ca |= BasicConstraints::from_der(value).map_err(syntax)?.ca,
            KeyUsage::OID => wishes.ca |= KeyUsage::from_der(value).map_err(syntax)?.key_cert_sign(),
            SubjectAltName::OID => wishes.alternative_names = Some(SubjectAltName::from_der(value).and_then(|names| names.to_der()).map_err(syntax)?),
            _ => {}
        }
    }
    Ok(wishes)
}

/// The one value of the one attribute with an attestation, if there is one.
fn attestation(attributes: &Attributes) -> Result<Option<Vec<u8>>, DecodeError> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == ID_AA_ATTESTATION);
    let Some(attribute) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(DecodeError::DuplicateField { field: "the attribute id-aa-attestation".to_owned(), artefact: NAME });
    }
    match attribute.values.as_slice() {
        [bundle] => bundle.to_der().map(Some).map_err(syntax),
        _ => Err(DecodeError::InvalidField { field: "the attribute id-aa-attestation", expected: "an attribute of exactly one value, an AttestationBundle" }),
    }
}

/// The attribute with an attestation.
const ID_AA_ATTESTATION: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap(crate::evidence::AttestationBundle::KIND);

fn syntax(err: der::Error) -> DecodeError {
    DecodeError::syntax(NAME, "DER", err)
}

fn not_encodable(source: impl std::error::Error + Send + Sync + 'static) -> SignError {
    SignError::Encode { artefact: NAME, source: Box::new(source) }
}

#[cfg(test)]
mod tests;
