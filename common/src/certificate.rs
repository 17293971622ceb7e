//! Certificates, read once: [`Certificate`] for any, [`IDevIdCert`] for a pledge's manufacturer-installed one.

mod idevid;
mod names;
mod part;
mod policy;

use core::fmt;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use x509_parser::error::X509Error;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

pub use self::idevid::{IDevIdCert, MasaUrl, SerialSource};
use self::part::Part;
pub use self::policy::PolicyOid;
use crate::codec::pem_fault;
use crate::error::DecodeError;
use crate::identity::{DomainId, SerialNumber, SpkiDigest};
use crate::sign::PublicKey;
use crate::time::{UnixTime, at};

/// A parsed X.509 v3 certificate and its exact octets. Nothing in it is trusted until [`Anchors::verify_path`](crate::Anchors::verify_path) says so.
#[derive(Clone)]
pub struct Certificate(Arc<Fields>);

struct Fields {
    der: Vec<u8>,
    /// Written when somebody reads it: most certificates are never shown.
    subject: OnceLock<String>,
    subject_der: Part,
    issuer_der: Part,
    certificate_serial: Part,
    serial_numbers: Vec<String>,
    public_key: PublicKey,
    /// Computed when somebody asks for it, who is seldom the only one.
    spki_digest: OnceLock<SpkiDigest>,
    not_before: UnixTime,
    not_after: UnixTime,
    is_ca: bool,
    path_length: Option<u32>,
    signs_certificates: bool,
    signs_messages: bool,
    has_unknown_critical_extension: bool,
    usages: Vec<String>,
    policies: Vec<String>,
    subject_key_id: Option<Part>,
    authority_key_id: Option<Part>,
    masa_url: Option<String>,
    names_revocation_source: bool,
}

impl Certificate {
    /// Reads one DER certificate.
    ///
    /// # Errors
    /// [`DecodeError`] if it is malformed, has trailing octets, doubled extensions or a key of an unsupported kind.
    pub fn from_der(der: &[u8]) -> Result<Self, DecodeError> {
        let (rest, cert) = X509Certificate::from_der(der).map_err(|err| DecodeError::syntax("certificate", "DER", err))?;
        if !rest.is_empty() {
            return Err(DecodeError::syntax("certificate", "DER", "octets follow its end"));
        }
        let mut met = BTreeSet::new();
        if !cert.extensions().iter().all(|extension| met.insert(extension.oid.as_bytes())) {
            return Err(DecodeError::syntax("certificate", "X.509", X509Error::DuplicateExtensions));
        }

        let mut fields = Fields {
            der: der.to_vec(),
            subject: OnceLock::new(),
            subject_der: Part::of(der, cert.subject().as_raw())?,
            issuer_der: Part::of(der, cert.issuer().as_raw())?,
            certificate_serial: Part::of(der, cert.raw_serial())?,
            serial_numbers: texts(cert.subject(), &x509_parser::oid_registry::OID_X509_SERIALNUMBER)?,
            public_key: PublicKey::from_spki(cert.public_key().raw)?,
            spki_digest: OnceLock::new(),
            not_before: instant(cert.validity().not_before.timestamp()),
            not_after: instant(cert.validity().not_after.timestamp()),
            is_ca: false,
            path_length: None,
            signs_certificates: true,
            signs_messages: true,
            has_unknown_critical_extension: false,
            usages: Vec::new(),
            policies: Vec::new(),
            subject_key_id: None,
            authority_key_id: None,
            masa_url: None,
            names_revocation_source: false,
        };
        for extension in cert.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(constraints) => (fields.is_ca, fields.path_length) = (constraints.ca, constraints.path_len_constraint),
                ParsedExtension::KeyUsage(usage) => {
                    fields.signs_certificates = usage.key_cert_sign();
                    fields.signs_messages = usage.digital_signature() || usage.non_repudiation();
                }
                ParsedExtension::SubjectKeyIdentifier(id) => fields.subject_key_id = Some(Part::of(der, id.0)?),
                ParsedExtension::AuthorityKeyIdentifier(aki) => {
                    fields.authority_key_id = aki.key_identifier.as_ref().map(|id| Part::of(der, id.0)).transpose()?;
                }
                ParsedExtension::CRLDistributionPoints(_) => fields.names_revocation_source = true,
                ParsedExtension::AuthorityInfoAccess(access) => fields.names_revocation_source |= names_ocsp(access),
                ParsedExtension::CertificatePolicies(policies) => fields.policies = policies.iter().map(|policy| policy.policy_id.to_id_string()).collect(),
                ParsedExtension::ExtendedKeyUsage(eku) => fields.usages = usages(eku),
                ParsedExtension::ParseError { error } => return Err(DecodeError::syntax("certificate's extension", "X.509", error)),
                _ if extension.oid.as_bytes() == MASA_URL_OCTETS => fields.masa_url = Some(ia5_string(extension.value)?),
                ParsedExtension::UnsupportedExtension { .. } => fields.has_unknown_critical_extension |= extension.critical,
                _ => {}
            }
        }
        Ok(Self(Arc::new(fields)))
    }

    /// Reads every `CERTIFICATE` block of a PEM text, in order; at least one.
    ///
    /// # Errors
    /// [`DecodeError`] if there is none or one is malformed.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, DecodeError> {
        use rustls_pki_types::CertificateDer;
        use rustls_pki_types::pem::PemObject as _;
        let certs: Result<Vec<Self>, DecodeError> = CertificateDer::pem_slice_iter(text.as_bytes())
            .map(|der| Self::from_der(&der.map_err(|err| DecodeError::syntax("certificate", "PEM", pem_fault(&err)))?))
            .collect();
        match certs? {
            none if none.is_empty() => Err(DecodeError::syntax("certificate", "PEM", "no CERTIFICATE block")),
            certs => Ok(certs),
        }
    }

    /// The exact octets.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// One `CERTIFICATE` block.
    pub fn to_pem(&self) -> String {
        let text = crate::codec::base64(&self.0.der);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem + "-----END CERTIFICATE-----\n"
    }

    /// The subject for people, as RFC 4514 would roughly write it.
    pub fn subject(&self) -> &str {
        // The octets were read as a Name before, so that there is one.
        let written = || X509Name::from_der(self.subject_der()).map_or_else(|_| String::new(), |(_, name)| readable(&name));
        self.0.subject.get_or_init(written)
    }

    /// The issuer for people, as RFC 4514 would roughly write it.
    pub fn issuer(&self) -> String {
        X509Name::from_der(self.issuer_der()).map_or_else(|_| String::new(), |(_, name)| readable(&name))
    }

    /// The subject Name in DER.
    pub fn subject_der(&self) -> &[u8] {
        self.0.subject_der.octets(&self.0.der)
    }

    /// The issuer Name in DER.
    pub fn issuer_der(&self) -> &[u8] {
        self.0.issuer_der.octets(&self.0.der)
    }

    /// The certificate's own serial number: the content octets of its INTEGER. Not the device's.
    pub fn certificate_serial(&self) -> &[u8] {
        self.0.certificate_serial.octets(&self.0.der)
    }

    /// Its public key.
    pub fn public_key(&self) -> PublicKey {
        self.0.public_key.clone()
    }

    /// SHA-256 over its SubjectPublicKeyInfo.
    pub fn spki_digest(&self) -> SpkiDigest {
        *self.0.spki_digest.get_or_init(|| self.0.public_key.digest())
    }

    /// SHA-256 over the whole certificate, in hex: what a person compares.
    pub fn fingerprint(&self) -> String {
        SpkiDigest(crate::codec::sha256(&self.0.der)).to_string()
    }

    /// First second of its validity.
    pub fn not_before(&self) -> UnixTime {
        self.0.not_before
    }

    /// Last second of its validity.
    pub fn not_after(&self) -> UnixTime {
        self.0.not_after
    }

    /// Whether basicConstraints says CA.
    pub fn is_ca(&self) -> bool {
        self.0.is_ca
    }

    /// Whether it is a CA's that may sign certificates: basicConstraints says CA, keyUsage says keyCertSign if it is there, the subject has a name, and no critical extension is unknown
    /// (RFC 5280, sections 4.1.2.6, 4.2, 4.2.1.3 and 4.2.1.9).
    pub(crate) fn may_issue(&self) -> bool {
        self.0.is_ca && self.0.signs_certificates && self.subject_der() != EMPTY_NAME && !self.0.has_unknown_critical_extension
    }

    /// Whether its key may sign anything else than certificates: keyUsage, if it is there, says digitalSignature or nonRepudiation (RFC 5280, section 4.2.1.3), of which either will
    /// do for messages (RFC 8550, section 4.4.2). A CA may in any case: small manufacturers have theirs sign vouchers.
    pub fn may_sign_messages(&self) -> bool {
        self.0.is_ca || self.0.signs_messages
    }

    /// How many CAs may follow below this one, those not counted that issued to themselves (pathLenConstraint); `None` if as many as they like.
    pub(crate) fn path_length(&self) -> Option<u32> {
        self.0.path_length
    }

    /// Whether a critical extension is none that anything here knows, so that nobody may rely on the certificate (RFC 5280, section 4.2).
    pub(crate) fn has_unknown_critical_extension(&self) -> bool {
        self.0.has_unknown_critical_extension
    }

    /// Whether this is the issuer whose name it bears, and whose key has signed it. Says nothing of validity, nor of whether that one may issue.
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        self.issuer_der() == issuer.subject_der() && crate::chain::is_signed_by(self, issuer)
    }

    /// Whether subject and issuer are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.subject_der() == self.issuer_der()
    }

    /// Extended key usages as dotted OIDs; empty if the extension is absent.
    pub fn usages(&self) -> &[String] {
        &self.0.usages
    }

    /// subjectKeyIdentifier, if present.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.subject_key_id.map(|id| id.octets(&self.0.der))
    }

    /// Content of the extension id-pe-masa-url, as it was written.
    pub(crate) fn masa_url_text(&self) -> Option<&str> {
        self.0.masa_url.as_deref()
    }

    /// keyIdentifier of the authorityKeyIdentifier, if present.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.authority_key_id.map(|id| id.octets(&self.0.der))
    }

    /// Whether it names CRL distribution points or an OCSP responder, so that its revocation could be looked up.
    pub fn names_revocation_source(&self) -> bool {
        self.0.names_revocation_source
    }

    /// X.520 serialNumber of the subject, if there is exactly one and it is well-formed.
    pub fn serial_number(&self) -> Option<SerialNumber> {
        match self.0.serial_numbers.as_slice() {
            [one] => SerialNumber::new(one.clone()).ok(),
            _ => None,
        }
    }

    /// Whether its subject has an X.520 serialNumber at all, as an IDevID's has (RFC 8995, section 2.3.1), be it well-formed or not.
    pub fn names_device(&self) -> bool {
        !self.0.serial_numbers.is_empty()
    }

    /// The domain that pinning this certificate gives a pledge to: its subjectKeyIdentifier, else the SHA-256 of its SubjectPublicKeyInfo (RFC 8995, section 5.8.2).
    ///
    /// An identifier that is too long for a [`DomainId`] counts as absent: whoever founds a domain chose its octets.
    pub fn domain_id(&self) -> DomainId {
        let named = self.subject_key_id().and_then(|id| DomainId::new(id).ok());
        named.unwrap_or_else(|| self.spki_digest().into())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.subject())
    }
}

/// id-pe-masa-url (RFC 8995, section 2.3.2).
pub const ID_PE_MASA_URL: &str = "1.3.6.1.5.5.7.1.32";

/// The content octets of the same in DER.
const MASA_URL_OCTETS: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 1, 32];

/// A Name without attributes, in DER.
const EMPTY_NAME: [u8; 2] = [0x30, 0];

const ID_AD_OCSP: &str = "1.3.6.1.5.5.7.48.1";

/// keyIdentifier by RFC 5280, section 4.2.1.2, method 1: SHA-1 over the key's bits. A name, not a protection.
pub(crate) fn sha1(key_bits: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, key_bits).as_ref().to_vec()
}

pub(crate) fn texts(name: &x509_parser::x509::X509Name<'_>, oid: &x509_parser::der_parser::Oid<'_>) -> Result<Vec<String>, DecodeError> {
    let text = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| attribute.as_str().map(str::to_owned);
    let texts: Result<_, _> = name.iter_by_oid(oid).map(text).collect();
    texts.map_err(|err| DecodeError::syntax("serialNumber", "X.520", err))
}

/// A Name for people. Whoever made it up chose its characters, so that those which steer a terminal or break a log's line are shown as a box.
pub(crate) fn readable(name: &x509_parser::x509::X509Name<'_>) -> String {
    name.to_string().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn usages(eku: &x509_parser::extensions::ExtendedKeyUsage<'_>) -> Vec<String> {
    let named = [
        (eku.any, "2.5.29.37.0"),
        (eku.server_auth, "1.3.6.1.5.5.7.3.1"),
        (eku.client_auth, "1.3.6.1.5.5.7.3.2"),
        (eku.code_signing, "1.3.6.1.5.5.7.3.3"),
        (eku.email_protection, "1.3.6.1.5.5.7.3.4"),
        (eku.time_stamping, "1.3.6.1.5.5.7.3.8"),
        (eku.ocsp_signing, "1.3.6.1.5.5.7.3.9"),
    ];
    let named = named.into_iter().filter(|(set, _)| *set).map(|(_, oid)| oid.to_owned());
    named.chain(eku.other.iter().map(|oid| oid.to_id_string())).collect()
}

/// Authority information access may as well say only where the issuer's certificate lies (RFC 5280, section 4.2.2.1).
fn names_ocsp(access: &x509_parser::extensions::AuthorityInfoAccess<'_>) -> bool {
    access.accessdescs.iter().any(|description| description.access_method.to_id_string() == ID_AD_OCSP)
}

fn ia5_string(value: &[u8]) -> Result<String, DecodeError> {
    use der::Decode as _;
    let text = der::asn1::Ia5StringRef::from_der(value).map_err(|err| DecodeError::syntax("masa-url", "DER", err))?;
    Ok(text.as_str().to_owned())
}

fn instant(timestamp: i64) -> UnixTime {
    // A validity before 1970 is as good as 1970.
    at(u64::try_from(timestamp).unwrap_or(0))
}

#[cfg(test)]
mod tests;
