//! What a registrar writes down of everything it decides, tries and hears: the audit trail, of which what people see of a pledge is a summary.
//!
//! Events are facts and stay as they are. They are written before what follows from them is done.

mod file;
#[cfg(feature = "sqlite")]
mod notary;
mod words;

use brski_common::appraise::{Appraisal, Facts, TraceStep, Verdict};
use brski_common::time::rfc3339;
use brski_common::{Certificate, SerialNumber, SpkiDigest, UnixTime};
use serde::{Deserialize, Serialize};

pub use self::file::{FiledCertificate, MOST_CERTIFICATES, PledgeFile, State, Waiting};
#[cfg(feature = "sqlite")]
pub use self::notary::{Notary, NotaryError};

use crate::approval::{HeldBy, Person};

/// One entry of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Event {
    /// When.
    #[serde(with = "rfc3339")]
    pub at: UnixTime,
    /// Which pledge it is about; none if it is about no pledge whose identity was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pledge: Option<Subject>,
    /// What happened.
    pub what: What,
}

/// A pledge by its verified identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Subject {
    /// SHA-256 over its IDevID's SubjectPublicKeyInfo.
    pub key: SpkiDigest,
    /// What its IDevID calls it.
    pub serial: SerialNumber,
    /// The manufacturer that the owner accepts it from, by the owner's name for it.
    pub manufacturer: String,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum What {
    /// A pledge was taken in.
    Admitted {
        /// SHA-256 over its voucher-request.
        request: RequestDigest,
        /// By which rule; none if an older store did not keep it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<Decision>>,
        /// Who approved, if the policy held it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        approved_by: Vec<Person>,
        /// [`Admission::digest`](crate::Admission::digest) of what is kept of it beside the trail; none if an older version wrote this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        admission: Option<SpkiDigest>,
    },
    /// A person has to decide.
    Held {
        /// SHA-256 over its voucher-request.
        request: RequestDigest,
        /// What that person is asked about; none for a pledge of an unknown manufacturer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<HeldBy>,
        /// Why it is held, in a sentence.
        sentence: String,
        /// What the policy said, if it was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<Decision>>,
    },
    /// The pledge was told to come again, because its MASA or the CA was not ready.
    Deferred {
        /// SHA-256 over its request.
        request: RequestDigest,
        /// What is waited for, in a sentence.
        sentence: String,
    },
    /// A voucher-request was refused.
    Refused {
        /// SHA-256 over it; none if it could not be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<RequestDigest>,
        /// Why, in a sentence.
        sentence: String,
        /// What the policy said, if it was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<Decision>>,
        /// Whether an earlier admission ended with it.
        withdrawn: bool,
    },
    /// Somebody said yes to a held pledge.
    Approved {
        /// To what.
        held: HeldBy,
        /// Who and why.
        by: Person,
        /// How many persons the owner demanded then; one if it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        needed: Option<usize>,
    },
    /// Somebody said no to a pledge: whatever the policy says, it is refused until they approve it themselves, or as many persons as the owner demands.
    Disapproved {
        /// Who and why.
        by: Person,
    },
    /// An LDevID was issued.
    Issued {
        /// The LDevID.
        certificate: IssuedCertificate,
        /// Whether it renews another.
        renewal: bool,
        /// What the policy said at a renewal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<Decision>>,
    },
    /// A certification request was refused.
    NotIssued {
        /// Why, in a sentence.
        sentence: String,
        /// Whether it was for a renewal.
        renewal: bool,
        /// What the policy said at a renewal, if it was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<Decision>>,
    },
    /// An LDevID was revoked.
    Revoked {
        /// Its serial number in hexadecimal digits.
        certificate: String,
        /// The reason that the CRL gives (RFC 5280, section 5.3.1).
        reason: RevocationReason,
        /// Who and why.
        by: Person,
    },
    /// The pledge told how it went (RFC 8995, sections 5.7 and 5.9.4).
    Told {
        /// `voucher_status` or `enrollstatus`.
        resource: String,
        /// Whether it succeeded.
        success: bool,
        /// Its words, made printable and short.
        reason: String,
        /// Whether it said so with the IDevID rather than with an LDevID.
        with_idevid: bool,
    },
    /// Peers whose identity could not be verified were refused.
    Strangers {
        /// Why the last of them was, in a sentence.
        sentence: String,
        /// How many since the last such entry.
        count: u64,
    },
    /// The registrar began to serve under this policy and these manufacturers.
    Configured {
        /// SHA-256 over the policy, in hex.
        policy: String,
        /// The manufacturers by name.
        manufacturers: Vec<String>,
        /// What changed by whom, or that it started.
        why: String,
    },
    /// The store came out of a backup.
    Restored {
        /// Who and why.
        by: Person,
    },
}

/// What a policy said of a pledge, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Decision {
    /// SHA-256 over the policy, in hex.
    pub policy: String,
    /// What it decided.
    pub verdict: Verdict,
    /// What its rules decided, if that was no acceptance and the policy only warns, so that the verdict is accept nevertheless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned: Option<Verdict>,
    /// The rule that decided.
    pub rule: String,
    /// Every rule that was tried, in order.
    pub trace: Vec<TraceStep>,
    /// What was judged.
    pub facts: Facts,
}

impl Decision {
    /// This appraisal of these facts under this policy.
    pub fn new(policy: &[u8; 32], appraisal: &Appraisal, facts: Facts) -> Self {
        let (verdict, warned, rule) = (appraisal.verdict(), appraisal.warned(), appraisal.rule().to_owned());
        Self { policy: SpkiDigest(*policy).to_string(), verdict, warned, rule, trace: appraisal.trace().to_vec(), facts }
    }
}

/// An LDevID as the trail knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IssuedCertificate {
    /// Its serial number in lower-case hexadecimal digits.
    pub serial: String,
    /// Its key.
    pub key: SpkiDigest,
    /// SHA-256 over the certificate in hex.
    pub sha256: String,
    /// Its last second.
    #[serde(with = "rfc3339")]
    pub not_after: UnixTime,
}

impl IssuedCertificate {
    /// What the trail keeps of this certificate.
    pub fn of(certificate: &Certificate) -> Self {
        let serial = certificate.certificate_serial().iter().map(|octet| format!("{octet:02x}")).collect();
        Self { serial, key: certificate.spki_digest(), sha256: certificate.fingerprint(), not_after: certificate.not_after() }
    }
}

/// Why an LDevID was revoked: those reasons of RFC 5280, section 5.3.1, that an owner has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    /// No reason is given.
    Unspecified,
    /// The LDevID's key is known to others.
    KeyCompromise,
    /// The device belongs to somebody else or does something else.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// The device is no longer in use.
    CessationOfOperation,
    /// The owner no longer accepts the device, such as after its manufacturer disputed its record.
    PrivilegeWithdrawn,
}

/// SHA-256 over a pledge's request, octet for octet, in hex.
pub type RequestDigest = SpkiDigest;
