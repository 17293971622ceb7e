//! Certificates and revocation lists made through a [`Signer`], so that an HSM can be the CA.

mod crl;

use std::net::IpAddr;

use const_oid::db::{rfc4519, rfc5280};
use der::asn1::{BitString, GeneralizedTime, Ia5String, Ia5StringRef, Null, ObjectIdentifier, OctetString, UtcTime};
use der::{Decode as _, Encode};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::DistributionPointName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::time::{Time, Validity};
use x509_cert::{TbsCertificate, Version};

pub use self::crl::{ListedReason, Revoked, revocation_list};
use crate::asn1::{element, signature_identifier};
use crate::certificate::{Certificate, ID_PE_MASA_URL, PolicyOid};
use crate::error::{DecodeError, SignError};
use crate::identity::SerialNumber;
use crate::sign::{PublicKey, Signer};
use crate::time::{UnixTime, at};

/// A certificate to be.
///
/// It gets basicConstraints (critical) and both key identifiers in any case. A CA's keyUsage is keyCertSign and cRLSign; an end-entity certificate with extended key usages gets
/// digitalSignature; one without is not restricted at all, as IDevIDs should be (RFC 8995, section 2.3).
#[derive(Clone, Debug)]
pub struct Template {
    subject: Subject,
    key: PublicKey,
    serial: [u8; 16],
    not_before: UnixTime,
    not_after: UnixTime,
    constraints: BasicConstraints,
    usages: Vec<String>,
    names: Vec<String>,
    uris: Vec<String>,
    masa_url: Option<String>,
    crl: Option<String>,
    no_revocation: bool,
    policies: Vec<PolicyOid>,
}

impl Template {
    /// An end-entity certificate for `key`. `serial` is 16 octets from a random source; it is made positive. Both ends of the validity are inclusive.
    pub fn new(subject: Subject, key: &PublicKey, serial: [u8; 16], not_before: UnixTime, not_after: UnixTime) -> Self {
        let constraints = BasicConstraints { ca: false, path_len_constraint: None };
        Self {
            subject,
            key: key.clone(),
            serial,
            not_before,
            not_after,
            constraints,
            usages: Vec::new(),
            names: Vec::new(),
            uris: Vec::new(),
            masa_url: None,
            crl: None,
            no_revocation: false,
            policies: Vec::new(),
        }
    }

    /// Makes it a CA, with at most `path_len` CAs below it.
    pub fn ca(self, path_len: Option<u8>) -> Self {
        Self { constraints: BasicConstraints { ca: true, path_len_constraint: path_len }, ..self }
    }

    /// Extended key usages, as dotted OIDs.
    pub fn usages(self, oids: &[&str]) -> Self {
        Self { usages: oids.iter().map(|oid| (*oid).to_owned()).collect(), ..self }
    }

    /// Names in subjectAltName: what reads as an IP address becomes an iPAddress, anything else a dNSName.
    pub fn alternative_names(self, names: &[String]) -> Self {
        Self { names: names.to_vec(), ..self }
    }

    /// Uniform resource identifiers in subjectAltName, after the names.
    pub fn alternative_uris(self, uris: &[String]) -> Self {
        Self { uris: uris.to_vec(), ..self }
    }

    /// Where the manufacturer's MASA answers: id-pe-masa-url (RFC 8995, section 2.3.2).
    pub fn masa_url(self, url: &str) -> Self {
        Self { masa_url: Some(url.to_owned()), ..self }
    }

    /// Where a CRL tells of its revocation: cRLDistributionPoints with this URI.
    pub fn crl_distribution_point(self, uri: &str) -> Self {
        Self { crl: Some(uri.to_owned()), ..self }
    }

    /// Nobody tells of its revocation, because it expires soon enough: noRevAvail (RFC 9608). Not for CAs, nor beside a CRL distribution point.
    pub fn without_revocation(self) -> Self {
        Self { no_revocation: true, ..self }
    }

    /// Issued under this policy, among others: certificatePolicies.
    pub fn policy(mut self, policy: &PolicyOid) -> Self {
        self.policies.push(policy.clone());
        self
    }

    /// Issues it under its own subject and key.
    ///
    /// # Errors
    /// [`SignError::Encode`] if the template cannot be a certificate, [`SignError::Key`] if `signer` holds another key or does not sign.
    pub async fn self_signed(self, signer: &dyn Signer) -> Result<Certificate, SignError> {
        let issuer = self.subject.clone();
        let key_id = key_identifier(&self.key);
        let key = self.key.clone();
        self.issue(&issuer, key_id, &key, signer).await
    }

    /// Issues it under `ca`, whose key `signer` holds.
    ///
    /// # Errors
    /// [`SignError::Encode`] if the template cannot be a certificate, [`SignError::Key`] if `signer` holds another key or does not sign.
    pub async fn issued_by(self, ca: &Certificate, signer: &dyn Signer) -> Result<Certificate, SignError> {
        let issuer = Subject::from_der(ca.subject_der()).map_err(not_encodable)?;
        let key_id = ca.subject_key_id().map_or_else(|| key_identifier(&ca.public_key()), <[u8]>::to_vec);
        self.issue(&issuer, key_id, &ca.public_key(), signer).await
    }

    async fn issue(self, issuer: &Subject, issuer_key_id: Vec<u8>, issuer_key: &PublicKey, signer: &dyn Signer) -> Result<Certificate, SignError> {
        if signer.public_key() != issuer_key {
            return Err(SignError::Key("the signer holds another key than its CA certificate".into()));
        }
        let algorithm = signature_identifier(signer.algorithm());
        let tbs = self.to_be_signed(issuer, &issuer_key_id, &algorithm).map_err(not_encodable)?;

        let signature = signer.sign(&tbs).await?;
        let assemble = || -> der::Result<Vec<u8>> {
            let bits = BitString::from_bytes(&signature.to_asn1().map_err(|_| der::Tag::BitString.value_error())?)?;
            Ok(element(0x30, &[tbs.clone(), algorithm.to_der()?, bits.to_der()?].concat()))
        };
        Certificate::from_der(&assemble().map_err(not_encodable)?).map_err(not_encodable)
    }

    fn to_be_signed(&self, issuer: &Subject, issuer_key_id: &[u8], algorithm: &spki::AlgorithmIdentifierOwned) -> der::Result<Vec<u8>> {
        let tbs = TbsCertificate {
            version: Version::V3,
            serial_number: x509_cert::serial_number::SerialNumber::new(&positive(self.serial))?,
            signature: algorithm.clone(),
            issuer: Name::from_der(&issuer.to_der())?,
            validity: Validity { not_before: time(self.not_before)?, not_after: time(self.not_after)? },
            subject: Name::from_der(&self.subject.to_der())?,
            subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(self.key.spki())?,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(self.extensions(issuer_key_id)?),
        };
        tbs.to_der()
    }

    fn extensions(&self, issuer_key_id: &[u8]) -> der::Result<Vec<Extension>> {
        let authority = AuthorityKeyIdentifier { key_identifier: Some(OctetString::new(issuer_key_id)?), ..AuthorityKeyIdentifier::default() };
        let mut extensions = vec![
            extension(rfc5280::ID_CE_BASIC_CONSTRAINTS, true, &self.constraints)?,
            extension(rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER, false, &SubjectKeyIdentifier(OctetString::new(key_identifier(&self.key))?))?,
            extension(rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &authority)?,
        ];
        if self.constraints.ca {
            extensions.push(extension(rfc5280::ID_CE_KEY_USAGE, true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))?);
        } else if !self.usages.is_empty() {
            extensions.push(extension(rfc5280::ID_CE_KEY_USAGE, true, &KeyUsage(KeyUsages::DigitalSignature.into()))?);
        }
        if !self.usages.is_empty() {
            let oids: Result<Vec<ObjectIdentifier>, _> = self.usages.iter().map(|oid| ObjectIdentifier::new(oid)).collect();
            extensions.push(extension(rfc5280::ID_CE_EXT_KEY_USAGE, false, &ExtendedKeyUsage(oids?))?);
        }
        if let Some(names) = subject_alt_name(&self.names, &self.uris)? {
            extensions.push(extension(rfc5280::ID_CE_SUBJECT_ALT_NAME, false, &names)?);
        }
        if let Some(url) = &self.masa_url {
            extensions.push(extension(ObjectIdentifier::new(ID_PE_MASA_URL)?, false, &Ia5StringRef::new(url)?)?);
        }
        if let Some(uri) = &self.crl {
            let name = DistributionPointName::FullName(vec![GeneralName::UniformResourceIdentifier(Ia5String::new(uri)?)]);
            let point = DistributionPoint { distribution_point: Some(name), reasons: None, crl_issuer: None };
            extensions.push(extension(rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS, false, &CrlDistributionPoints(vec![point]))?);
        }
        if self.no_revocation {
            extensions.push(extension(ID_CE_NO_REV_AVAIL, false, &Null)?);
        }
        if !self.policies.is_empty() {
            let policies = self.policies.iter().map(|policy| PolicyInformation { policy_identifier: policy.oid(), policy_qualifiers: None }).collect();
            extensions.push(extension(rfc5280::ID_CE_CERTIFICATE_POLICIES, false, &CertificatePolicies(policies))?);
        }
        Ok(extensions)
    }
}

/// A subject Name: one attribute an RDN, in the order of the calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Content octets of the RDNSequence.
    rdns: Vec<u8>,
}

impl Subject {
    /// A Name that begins with this commonName.
    pub fn common_name(text: &str) -> Self {
        Self::default().and_common_name(text)
    }

    /// A Name that begins with this device's serialNumber.
    pub fn serial_number(serial: &SerialNumber) -> Self {
        Self::default().and(rfc4519::SERIAL_NUMBER, serial.as_str())
    }

    /// Adds a commonName.
    pub fn and_common_name(self, text: &str) -> Self {
        self.and(rfc4519::COMMON_NAME, text)
    }

    /// Adds an organizationName.
    pub fn and_organization(self, text: &str) -> Self {
        self.and(rfc4519::ORGANIZATION_NAME, text)
    }

    /// Takes a Name as it is.
    ///
    /// # Errors
    /// [`DecodeError`] unless it is one Name in DER.
    pub fn from_der(name: &[u8]) -> Result<Self, DecodeError> {
        let syntax = |err: der::Error| DecodeError::syntax("subject", "DER", err);
        let rdns = der::asn1::AnyRef::from_der(name).map_err(syntax)?.value().to_vec();
        let parsed = Name::from_der(name).map_err(syntax)?;
        // A Name is compared octet for octet, so that one whose sets are out of order would never match itself once it is written anew.
        match parsed.to_der() {
            Ok(again) if again == name => Ok(Self { rdns }),
            Ok(_) | Err(_) => Err(DecodeError::InvalidField { field: "subject", expected: "a Name in DER, its sets in ascending order" }),
        }
    }

    /// The Name in DER.
    pub fn to_der(&self) -> Vec<u8> {
        element(0x30, &self.rdns)
    }

    fn and(mut self, oid: ObjectIdentifier, text: &str) -> Self {
        // X.520 wants serialNumber in a PrintableString; what does not fit its alphabet is UTF-8.
        let printable = oid == rfc4519::SERIAL_NUMBER && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b));
        let value = element(if printable { 0x13 } else { 0x0c }, text.as_bytes());
        let attribute = element(0x30, &[element(0x06, oid.as_bytes()), value].concat());
        self.rdns.extend(element(0x31, &attribute));
        self
    }
}

/// 99991231235959Z, "no well-defined expiration date" (RFC 5280, section 4.1.2.5), as IDevIDs should have it.
pub fn never() -> UnixTime {
    at(253_402_300_799)
}

/// The DNS names and IP addresses in a certificate's subjectAltName, as [`Template::alternative_names`] takes them. Names of other kinds are left out.
///
/// # Errors
/// [`DecodeError`] if the extension is malformed.
pub fn hosts_in(certificate: &Certificate) -> Result<Vec<String>, DecodeError> {
    let syntax = |err: der::Error| DecodeError::syntax("subjectAltName", "DER", err);
    let parsed = x509_cert::Certificate::from_der(certificate.der()).map_err(syntax)?;
    let Some((_, SubjectAltName(names))) = parsed.tbs_certificate.get::<SubjectAltName>().map_err(syntax)? else { return Ok(Vec::new()) };
    let host = |name: &GeneralName| match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(octets) => {
            let v4 = || <[u8; 4]>::try_from(octets.as_bytes()).ok().map(IpAddr::from);
            let v6 = || <[u8; 16]>::try_from(octets.as_bytes()).ok().map(IpAddr::from);
            v4().or_else(v6).map(|address| address.to_string())
        }
        _ => None,
    };
    Ok(names.iter().filter_map(host).collect())
}

/// keyIdentifier by RFC 7093, section 2, method 1: the first 160 bits of the SHA-256 over the key's bits. Unlike method 1 of RFC 5280 it withstands collisions, which matters where it becomes a domainID.
fn key_identifier(key: &PublicKey) -> Vec<u8> {
    crate::codec::sha256(key.raw())[..20].to_vec()
}

fn positive(mut serial: [u8; 16]) -> [u8; 16] {
    // The first octet neither sets the sign nor vanishes, so that the number is positive, not zero and always 16 octets long.
    serial[0] = serial[0] & 0x7f | 0x40;
    serial
}

fn time(time: UnixTime) -> der::Result<Time> {
    let since_epoch = core::time::Duration::from_secs(time.as_secs());
    let general = GeneralizedTime::from_unix_duration(since_epoch)?;
    match general.to_date_time().year() <= UtcTime::MAX_YEAR {
        true => Ok(Time::UtcTime(UtcTime::from_unix_duration(since_epoch)?)),
        false => Ok(Time::GeneralTime(general)),
    }
}

/// What stands in subjectAltName; none if there is nothing.
pub(crate) fn subject_alt_name(names: &[String], uris: &[String]) -> der::Result<Option<SubjectAltName>> {
    let uri = |uri: &String| Ia5String::new(uri).map(GeneralName::UniformResourceIdentifier);
    let names: der::Result<Vec<GeneralName>> = names.iter().map(|name| general_name(name)).chain(uris.iter().map(uri)).collect();
    names.map(|names| (!names.is_empty()).then_some(SubjectAltName(names)))
}

fn general_name(name: &str) -> der::Result<GeneralName> {
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(GeneralName::from(address)),
        Err(_) => Ia5String::new(name).map(GeneralName::DnsName),
    }
}

fn extension(oid: ObjectIdentifier, critical: bool, value: &impl Encode) -> der::Result<Extension> {
    Ok(Extension { extn_id: oid, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// id-ce-noRevAvail (RFC 9608, section 2).
const ID_CE_NO_REV_AVAIL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.56");

fn not_encodable(source: impl std::error::Error + Send + Sync + 'static) -> SignError {
    SignError::Encode { artefact: "certificate", source: Box::new(source) }
}

#[cfg(test)]
mod tests;
