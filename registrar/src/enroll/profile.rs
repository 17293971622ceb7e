//! What stands in an LDevID beside its key: the owner's certificate profile.

use core::time::Duration;
use std::collections::HashMap;

use brski_common::appraise::Facts;
use brski_common::est::CsrAttributes;
use brski_common::issuing::Subject;
use brski_common::pledge::LONGEST_DEFERRAL;
use brski_common::provenance::Basis;
use brski_common::{Certificate, DecodeError, Leniencies, Method, PolicyOid, SerialNumber};

/// What an owner's LDevIDs look like. The default: the IDevID's subject, TLS clients alone, a year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateProfile {
    /// Where the subject comes from.
    pub subject: SubjectForm,
    /// What subjectAltName says; without names there is none.
    pub names: Vec<NamePattern>,
    /// Extended key usages; without any the certificate is not restricted.
    pub usages: Vec<ExtendedUsage>,
    /// How long an LDevID is valid; never longer than its CA.
    pub lifetime: Duration,
    /// How long before its issuance it begins to be valid; the tolerated clock skew if none, so that a pledge whose clock is a little late can use it at once.
    pub backdating: Option<Duration>,
    /// Which certificate policies tell of how the IDevID's key came to be.
    pub policies: ProvenancePolicies,
    /// Where a CRL tells of revocation.
    pub crl_url: Option<String>,
    /// That nothing tells of revocation, which its short life makes up for: noRevAvail (RFC 9608). Not beside `crl_url`.
    pub no_revocation: bool,
}

impl Default for CertificateProfile {
    fn default() -> Self {
        Self {
            subject: SubjectForm::IDevId,
            names: Vec::new(),
            usages: vec![ExtendedUsage::ClientAuth],
            lifetime: Duration::from_secs(365 * 86_400),
            backdating: None,
            policies: ProvenancePolicies::default(),
            crl_url: None,
            no_revocation: false,
        }
    }
}

impl CertificateProfile {
    /// Certificates that are renewed rather than revoked (the idea of RFC 8739): valid for [`LONGEST_DEFERRAL`], which is how long a pledge bears with its registrar's silence.
    /// Devices renew at half of that, so that a registrar may be away for a long weekend.
    pub fn short_lived() -> Self {
        Self { lifetime: LONGEST_DEFERRAL, no_revocation: true, ..Self::default() }
    }

    /// The subject of this device's LDevID, in DER.
    pub fn subject_der(&self, idevid: &Certificate, serial: &SerialNumber) -> Vec<u8> {
        match self.subject {
            SubjectForm::IDevId => idevid.subject_der().to_vec(),
            SubjectForm::SerialNumber => Subject::serial_number(serial).to_der(),
        }
    }

    /// The names of this device.
    ///
    /// # Errors
    /// A sentence, if its serial number cannot stand where a pattern has it.
    pub fn names_of(&self, serial: &SerialNumber) -> Result<Names, String> {
        let mut names = Names::default();
        for pattern in &self.names {
            match pattern {
                NamePattern::Dns(_) => names.dns.push(pattern.of(serial)?),
                NamePattern::Uri(_) => names.uris.push(pattern.of(serial)?),
            }
        }
        Ok(names)
    }

    /// What a request should ask for: of this device, or of one that is not known; and whether it should hold evidence about its key.
    ///
    /// # Errors
    /// [`DecodeError`] if a name cannot stand in a certificate.
    pub fn attributes(&self, serial: Option<&SerialNumber>, attestation: bool) -> Result<Vec<u8>, DecodeError> {
        let Names { dns, uris } = serial.and_then(|serial| self.names_of(serial).ok()).unwrap_or_default();
        // Clients that read no values are spared those that they could guess.
        let usages = match self.usages.as_slice() {
            [ExtendedUsage::ClientAuth] => Vec::new(),
            usages => usages.iter().map(|usage| usage.oid().to_owned()).collect(),
        };
        CsrAttributes { names: dns, uris, usages, attestation }.to_der()
    }
}

/// The names in one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// DNS names.
    pub dns: Vec<String>,
    /// Uniform resource identifiers.
    pub uris: Vec<String>,
}

/// Where an LDevID's subject comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubjectForm {
    /// The IDevID's subject, octet for octet.
    #[default]
    IDevId,
    /// The device's serialNumber and nothing else.
    SerialNumber,
}

/// What an LDevID may be used for (RFC 5280, section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedUsage {
    /// TLS clients, which EST needs for renewal.
    ClientAuth,
    /// TLS servers.
    ServerAuth,
}

impl ExtendedUsage {
    /// As a dotted OID.
    pub fn oid(self) -> &'static str {
        match self {
            Self::ClientAuth => "1.3.6.1.5.5.7.3.2",
            Self::ServerAuth => "1.3.6.1.5.5.7.3.1",
        }
    }
}

/// A name with a place for the device's serial number. Serial numbers are unique within one manufacturer only: where several are accepted, so are these names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamePattern {
    /// A DNS name.
    Dns(String),
    /// A URI.
    Uri(String),
}

impl NamePattern {
    /// Reads a pattern: a URI if it has a scheme, a DNS name otherwise, with `{serial}` in it once.
    ///
    /// # Errors
    /// [`DecodeError::InvalidField`] if it is neither, or all devices would have the same name.
    pub fn new(text: &str) -> Result<Self, DecodeError> {
        let scheme = text.split_once(':').map(|(scheme, _)| scheme);
        let is_uri = scheme.is_some_and(|scheme| scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(|b| b.is_ascii_alphanumeric()));
        let pattern = if is_uri { Self::Uri(text.to_owned()) } else { Self::Dns(text.to_owned()) };
        let sample = SerialNumber::new("a1")?;
        match text.matches(PLACE).count() == 1 && pattern.of(&sample).is_ok() {
            true => Ok(pattern),
            false => Err(DecodeError::InvalidField {
                field: "name pattern",
                expected: "a DNS name or a URI with {serial} in it once, such as {serial}.devices.example",
            }),
        }
    }

    /// The name of the device with this serial number.
    fn of(&self, serial: &SerialNumber) -> Result<String, String> {
        match self {
            Self::Dns(pattern) => {
                let name = pattern.replace(PLACE, serial.as_str());
                let fits = name.len() <= 253 && name.split('.').all(is_label) && !serial.as_str().contains('.');
                fits.then_some(name).ok_or_else(|| format!("serialNumber {serial} cannot stand in a DNS name, which this domain's LDevIDs bear: {pattern}"))
            }
            Self::Uri(pattern) => {
                let uri = pattern.replace(PLACE, &percent_encoded(serial.as_str()));
                let fits = uri.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&b));
                fits.then_some(uri).ok_or_else(|| format!("serialNumber {serial} cannot stand in a URI such as this domain's LDevIDs bear: {pattern}"))
            }
        }
    }
}

/// A label of a host name (RFC 1123, section 2.1).
fn is_label(label: &str) -> bool {
    let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    letters && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

/// All but unreserved characters percent-encoded (RFC 3986, section 2.3).
fn percent_encoded(text: &str) -> String {
    let encode = |b: u8| if b.is_ascii_alphanumeric() || b"-._~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(encode).collect()
}

/// Under which of the owner's certificate policies an LDevID is issued, by how the IDevID's key came to be. All OIDs are the owner's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProvenancePolicies {
    /// By the method that the statement names.
    pub by_method: HashMap<Method, PolicyOid>,
    /// By the basis that it stands on.
    pub by_basis: HashMap<Basis, PolicyOid>,
}

impl ProvenancePolicies {
    /// What these facts, which a policy judged, amount to. Without a statement there is nothing to tell.
    pub fn of(&self, facts: Option<&Facts>) -> Vec<PolicyOid> {
        // It was verified before it was judged; what the owner's own store keeps is not verified again.
        let statement = facts.and_then(|facts| facts.statement().ok().flatten()).and_then(|statement| statement.peek_unverified(Leniencies::default()).ok());
        let Some(statement) = statement else { return Vec::new() };
        self.by_method.get(&statement.method).into_iter().chain(self.by_basis.get(&statement.basis)).cloned().collect()
    }
}

const PLACE: &str = "{serial}";
