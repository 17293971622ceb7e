//! What a registrar writes down of everything it decides, tries and hears: the audit trail, of which what people see of a pledge is a summary.
//!
//! Events are facts and stay as they are. They are written before what follows from them is done.

mod edition;
mod file;
mod issued;
#[cfg(feature = "sqlite")]
mod notary;
mod words;

use brski_common::appraise::{Appraisal, Facts, TraceStep, Verdict};
use brski_common::provenance::Status;
use brski_common::time::{rfc3339, rfc3339_or_none};
use brski_common::{SerialNumber, SpkiDigest, UnixTime};
use serde::{Deserialize, Serialize};

pub use self::edition::Edition;
pub use self::file::{FiledCertificate, MOST_CERTIFICATES, PledgeFile, State, Stated, Waiting};
pub use self::issued::{Attested, CertificateId, IssuedCertificate, Issuer, KeptRequest, NameDigest};
#[cfg(feature = "sqlite")]
pub use self::notary::{Notary, NotaryError};

use crate::approval::{HeldBy, Person, QuestionDigest};

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
    /// Somebody said yes to a held pledge. It counts only if their question still stood in the pledge's file when it was written down.
    Approved {
        /// To what.
        held: HeldBy,
        /// Who and why.
        by: Person,
        /// How many persons the owner demanded then; one if it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        needed: Option<usize>,
        /// The question that they saw; none if an older version wrote this, whose word counts for whatever stood there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<QuestionDigest>,
    },
    /// Somebody said no to a pledge: whatever the policy says, it is refused until they approve it themselves, or as many persons as the owner demands. As a yes, it counts only
    /// if their question still stood there.
    Disapproved {
        /// Who and why.
        by: Person,
        /// The question that they saw; none if an older version wrote this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<QuestionDigest>,
    },
    /// A key was taken for an LDevID of the pledge, so that no other pledge can have it. It comes before the LDevID, which may not follow.
    Bound {
        /// The key.
        key: SpkiDigest,
    },
    /// Evidence about the key in a certification request was accepted, or is missing where the policy only warns. It comes before the LDevID, which may not follow.
    Attested {
        /// SHA-256 over the request.
        request: RequestDigest,
        /// Its key.
        key: SpkiDigest,
        /// The request as it came.
        kept: Box<KeptRequest>,
        /// What became of each of its statements.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<brski_common::appraise::KeyFinding>,
        /// What is not as the owner demands, if the policy only warns of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warned: Option<String>,
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
        /// The request as it came, if it was refused because of its evidence and has no more than [`KeptRequest::LARGEST_REFUSED`] octets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<Box<KeptRequest>>,
    },
    /// An LDevID was revoked.
    Revoked {
        /// Its serial number in hexadecimal digits.
        certificate: String,
        /// Who issued it; none if that is not on record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issuer: Option<Issuer>,
        /// The reason that the CRL gives (RFC 5280, section 5.3.1).
        reason: RevocationReason,
        /// Who and why.
        by: Person,
        /// Whether the pledge's admission ended with it.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        withdrawn: bool,
    },
    /// The pledge's admission had ended, which the events of an older version do not tell: said when its store was upgraded. Nothing else changes by it.
    Ended {
        /// SHA-256 over the voucher-request that was admitted.
        request: RequestDigest,
        /// [`Admission::digest`](crate::Admission::digest) of what is kept of it beside the trail.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        admission: Option<SpkiDigest>,
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
    /// Somebody else, such as a certification authority, was told what the policy says of a device. The same answer to the same question is told of once an hour.
    Opinion {
        /// Who asked: the name of a credential, or the ID of a webhook.
        by: String,
        /// SHA-256 over what was shown.
        question: RequestDigest,
        /// Whether the device is acceptable.
        allow: bool,
        /// What the policy decided; none if it was not asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verdict: Option<Verdict>,
        /// By which rule.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        /// Which device, once that is known. It is no event of that pledge, which did nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<Subject>,
        /// Why, in a sentence.
        sentence: String,
        /// How many other opinions were not told of before it, because there were too many in an hour.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
    },
    /// The manufacturer said something newer of the pledge's key than before.
    Stated {
        /// The statement in COSE, in base64. It was verified before it was written down.
        statement: String,
        /// Its number among all that the manufacturer said of the key.
        seq: u32,
        /// When the manufacturer issued it; none if an older version wrote this.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "rfc3339_or_none")]
        issued_at: Option<UnixTime>,
        /// Whether the manufacturer still stands by its record.
        status: Status,
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
    /// The manufacturers of enrolled devices were asked what they say of the keys today. Each LDevID that was revoked because of it has an event of its own, before this.
    Rechecked {
        /// Who had them asked, and why.
        by: Person,
        /// How many devices were looked at.
        devices: u64,
        /// How many of them would not be renewed, or not before a person decides.
        declined: u64,
        /// Of how many of them that is not known: their manufacturer could not be asked, or has not answered yet.
        unknown: u64,
        /// How many LDevIDs were revoked because of it.
        revoked: u64,
    },
    /// The store came out of a backup.
    Restored {
        /// Who and why.
        by: Person,
        /// Under which key the trail goes on, if more may have been signed than came back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new_key: Option<NewTrailKey>,
    },
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A trail that broke off and goes on under another key: what the former ones signed beyond this event is of a trail that nobody has any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewTrailKey {
    /// The verifier key from now on.
    pub key: String,
    /// Those that were known before.
    pub former: Vec<String>,
    /// How many events of theirs came back: what stands between those and this event, an upgrade added. None if that is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
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

impl What {
    /// The certificate that was revoked, if that is what happened.
    pub fn revoked(&self) -> Option<CertificateId> {
        match self {
            Self::Revoked { certificate, issuer, .. } => {
                Some(CertificateId { serial: certificate.clone(), issuer: issuer.as_ref().map(|issuer| issuer.sha256) })
            }
            _ => None,
        }
    }
}

impl Decision {
    /// This appraisal of these facts under this policy.
    pub fn new(policy: &[u8; 32], appraisal: &Appraisal, facts: Facts) -> Self {
        let (verdict, warned, rule) = (appraisal.verdict(), appraisal.warned(), appraisal.rule().to_owned());
        Self { policy: SpkiDigest(*policy).to_string(), verdict, warned, rule, trace: appraisal.trace().to_vec(), facts }
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
