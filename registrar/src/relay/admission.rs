//! The outcome of journey 2, on which journey 3 rests.

use brski_common::appraise::{Accepted, Facts, TraceStep, Verdict};
use brski_common::sign::Hash;
use brski_common::{Certificate, DeviceId, IDevIdCert, Method, Policy, Signed, SpkiDigest, UnixTime, Verified, Voucher};
use serde::{Deserialize, Serialize};

use super::{Owner, RelayOrder};
use crate::approval::{Approval, Person};
use crate::trail::{Decision, Event, Subject, What};
use crate::trust::issuers;

/// A pledge that this owner took in: its voucher was accepted and the provenance of its key appraised.
///
/// Made by [`RelayOrder::accept`](super::RelayOrder::accept). Whoever reads one back from a store says so with [`Admission::assertion`].
///
/// ```
/// # use brski_registrar::Admission;
/// fn pass_on(admission: Admission) -> Admission {
///     admission
/// }
/// ```
/// Nobody else fills in its fields, be it from those of another one:
///
/// ```compile_fail,E0451
/// # use brski_registrar::Admission;
/// fn pass_on(admission: Admission) -> Admission {
///     Admission { ..admission }
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Admission {
    idevid: IDevIdCert,
    issuers: Vec<Certificate>,
    request: [u8; 32],
    voucher: Signed<Voucher>,
    ground: Ground,
    admitted_at: UnixTime,
}

impl Admission {
    /// What becomes of an order once the owner's policy has accepted.
    pub(super) fn accepted(
        order: RelayOrder,
        voucher: &Verified<Voucher>,
        owner: &Owner<'_>,
        accepted: &Accepted,
        facts: Facts,
        approval: Option<&Approval>,
        admitted_at: UnixTime,
    ) -> Self {
        let appraisal = accepted.appraisal();
        let ground = Ground {
            policy: *owner.policy.digest(),
            rule: appraisal.rule().to_owned(),
            found: appraisal.found(),
            trace: appraisal.trace().to_vec(),
            verdict: appraisal.verdict(),
            warned: appraisal.warned(),
            facts: Some(facts),
            approved_by: approval.map(|approval| approval.persons().to_vec()).unwrap_or_default(),
        };
        let RelayOrder { idevid, chain, digest, .. } = order;
        let issuers = issuers(&chain).to_vec();
        Self { idevid, issuers, request: digest, voucher: voucher.signed().clone(), ground, admitted_at }
    }

    /// Asserts that such an admission was made earlier. For stores alone: nothing is checked here.
    pub fn assertion(
        idevid: IDevIdCert,
        issuers: Vec<Certificate>,
        request: [u8; 32],
        voucher: Signed<Voucher>,
        ground: Ground,
        admitted_at: UnixTime,
    ) -> Self {
        Self { idevid, issuers, request, voucher, ground, admitted_at }
    }

    /// The IDevID that was admitted.
    pub fn idevid(&self) -> &IDevIdCert {
        &self.idevid
    }

    /// The CA certificates between the IDevID and its manufacturer's anchor, as they were verified at the admission.
    pub fn issuers(&self) -> &[Certificate] {
        &self.issuers
    }

    /// Which device.
    pub fn device(&self) -> &DeviceId {
        self.idevid.device()
    }

    /// SHA-256 over the SubjectPublicKeyInfo of the IDevID.
    pub fn spki_digest(&self) -> SpkiDigest {
        self.idevid.spki_digest()
    }

    /// SHA-256 over the pledge's voucher-request, octet for octet: the same request is answered with the same voucher.
    pub fn request_digest(&self) -> &[u8; 32] {
        &self.request
    }

    /// The voucher, octet for octet as the MASA signed it.
    pub fn voucher(&self) -> &Signed<Voucher> {
        &self.voucher
    }

    /// Whether this policy is the one that accepted. Under another one the pledge has to ask again, since that may decide otherwise.
    pub fn stands_under(&self, policy: &Policy) -> bool {
        self.ground.policy == *policy.digest()
    }

    /// The pledge as the trail names it.
    pub fn subject(&self) -> Subject {
        let manufacturer = self.ground.facts.as_ref().map(|facts| facts.manufacturer.clone()).unwrap_or_default();
        Subject { key: self.spki_digest(), serial: self.device().serial.clone(), manufacturer }
    }

    /// What the trail says of it.
    pub fn event(&self) -> Event {
        let Ground { policy, rule, trace, verdict, warned, facts, approved_by, .. } = &self.ground;
        let decision = facts.as_ref().map(|facts| {
            let policy = SpkiDigest(*policy).to_string();
            Box::new(Decision { policy, verdict: *verdict, warned: *warned, rule: rule.clone(), trace: trace.clone(), facts: facts.clone() })
        });
        let what = What::Admitted { request: SpkiDigest(self.request), decision, approved_by: approved_by.clone(), admission: self.digest() };
        Event { at: self.admitted_at, pledge: Some(self.subject()), what }
    }

    /// SHA-256 over all of it, each part preceded by its length in eight octets: IDevID, request digest, voucher's media type, voucher, ground in JSON, time in seconds, issuers.
    /// None if its ground cannot be written down.
    pub fn digest(&self) -> Option<SpkiDigest> {
        let ground = serde_json::to_vec(&self.ground).ok()?;
        let (media_type, at) = (self.voucher.format().voucher_media_type().as_bytes(), self.admitted_at.as_secs().to_be_bytes());
        let parts = [self.idevid.certificate().der(), &self.request, media_type, self.voucher.wire(), &ground, &at];
        let parts = parts.into_iter().chain(self.issuers.iter().map(Certificate::der));
        let octets: Vec<u8> = parts.flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.iter().copied())).collect();
        Hash::Sha256.of(&octets).try_into().ok().map(SpkiDigest)
    }

    /// Why the policy accepted the key's provenance.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// When.
    pub fn admitted_at(&self) -> UnixTime {
        self.admitted_at
    }
}

/// Why a pledge was admitted: what remains of the [`Accepted`] appraisal once it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ground {
    /// Digest of the policy that decided ([`Policy::digest`]).
    pub policy: [u8; 32],
    /// The policy's rule that accepted.
    pub rule: String,
    /// The method that the provenance statement named; none if there was no statement.
    pub found: Option<Method>,
    /// Every rule that was tried, in order.
    pub trace: Vec<TraceStep>,
    /// What the rule says: accept, or hold where persons approved.
    #[serde(default = "accept")]
    pub verdict: Verdict,
    /// What the rules say, if that is no acceptance and the policy only warns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned: Option<Verdict>,
    /// What was judged; none in admissions of stores that did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Facts>,
    /// Who approved, if the policy held it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<Person>,
}

/// What was kept before holds could be approved was accepted.
fn accept() -> Verdict {
    Verdict::Accept
}
