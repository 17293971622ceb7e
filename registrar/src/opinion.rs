//! What the owner's policy says of a device for somebody else to act on, such as another certification authority. It is an answer and no permission: nothing here admits anybody.

use brski_common::appraise::{KeyFinding, TraceStep, Verdict};
use brski_common::time::to_rfc3339;
use brski_common::{Certificate, Csr, Format, ProvenanceStatement, SerialNumber, Signed, SpkiDigest, VoucherRequest};
use serde::Serialize;

use crate::trail::Subject;

/// What is to be judged.
#[derive(Clone, Debug)]
pub enum Exhibit {
    /// A provenance statement.
    Statement(Signed<ProvenanceStatement>),
    /// A pledge's voucher-request, by what it carries.
    Request(Signed<VoucherRequest>),
    /// A PKCS #10 certification request in DER, of a device that was admitted.
    Csr(Vec<u8>),
    /// Whom a certification authority is about to certify.
    Applicant(Applicant),
}

/// Which device an exhibit is about, as far as whoever asks knows. What the exhibit says itself need not be said.
#[derive(Clone, Debug, Default)]
pub struct Hint {
    /// Its IDevID and the path above it.
    pub idevid: Vec<Certificate>,
    /// SHA-256 over its IDevID's SubjectPublicKeyInfo, for a device whose file is here.
    pub key: Option<SpkiDigest>,
    /// What evidence in a certification request has to answer, if whoever asks handed out a nonce.
    pub nonce: Option<Vec<u8>>,
}

/// Somebody who applies for a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applicant {
    /// SHA-256 over the SubjectPublicKeyInfo to be certified.
    pub key: Option<SpkiDigest>,
    /// The device that the authority has verified it to be (ACME device-attest-01).
    pub permanent_identifier: Option<String>,
    /// The serialNumber of the subject that it asks for: its own word.
    pub serial_number: Option<String>,
    /// Whether that word may find a device, because the authority lets nobody ask for another's.
    pub serial_number_counts: bool,
    /// The request itself, if it was shown: the evidence about its key is appraised.
    pub csr: Option<Box<Csr>>,
}

/// What the policy says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Opinion {
    /// Whether the device is acceptable to this owner.
    pub allow: bool,
    /// What the policy decided; none if it was not asked.
    pub verdict: Option<Verdict>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Why, in a sentence.
    pub sentence: String,
    /// Every rule that was tried, in order.
    pub trace: Vec<TraceStep>,
    /// What the manufacturer says of the key; none if there is no statement.
    pub claims: Option<Claims>,
    /// Which device it is about, once that is known.
    pub pledge: Option<Subject>,
    /// What became of each piece of evidence about the key to be certified, if a certification request was shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<KeyFinding>,
    /// What was seen and did not count.
    pub notes: Vec<String>,
}

/// The main facts of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Claims {
    issuer: String,
    serial: SerialNumber,
    key: SpkiDigest,
    seq: u32,
    status: String,
    method: String,
    source: String,
    protection: String,
    basis: String,
    issued_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<String>,
}

impl Claims {
    /// Those of this statement.
    pub fn of(statement: &ProvenanceStatement) -> Self {
        Self {
            issuer: statement.issuer.clone(),
            serial: statement.device.serial.clone(),
            key: statement.spki,
            seq: statement.seq,
            status: statement.status.name().to_owned(),
            method: statement.method.name().to_owned(),
            source: statement.source.name().to_owned(),
            protection: statement.protection.name().to_owned(),
            basis: statement.basis.name().to_owned(),
            issued_at: to_rfc3339(statement.issued_at),
            line: statement.line.as_ref().map(ToString::to_string),
            batch: statement.batch.as_ref().map(ToString::to_string),
        }
    }
}

impl Opinion {
    /// A "no" before the policy was asked.
    pub fn no(sentence: impl Into<String>) -> Self {
        Self {
            allow: false,
            verdict: None,
            rule: None,
            sentence: sentence.into(),
            trace: Vec::new(),
            claims: None,
            pledge: None,
            evidence: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The same about this device.
    #[must_use]
    pub fn about(self, pledge: Subject) -> Self {
        Self { pledge: Some(pledge), ..self }
    }

    /// The same with another note.
    #[must_use]
    pub fn noting(mut self, note: Option<String>) -> Self {
        self.notes.extend(note);
        self
    }
}

impl Exhibit {
    /// A statement in COSE.
    pub fn statement(octets: impl Into<Vec<u8>>) -> Self {
        Self::Statement(Signed::from_wire(Format::Cose, octets))
    }
}
