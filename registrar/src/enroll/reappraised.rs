//! The ground of a renewal: an appraisal of today.

use brski_common::appraise::{Accepted, Case, Facts};
use brski_common::{Policy, SpkiDigest};

use crate::trail::Decision;

/// That the owner's policy accepted again how the key of an admitted device came to be. Made of an [`Accepted`] appraisal by [`Reappraised::of`] alone.
///
/// ```
/// # use brski_registrar::enroll::{Enrollee, Reappraised, VerifiedLDevId};
/// fn renews<'a>(member: &'a VerifiedLDevId, reappraised: &'a Reappraised) -> Enrollee<'a> {
///     Enrollee::Member(member, reappraised)
/// }
/// ```
/// Nobody else fills it in, be it from the fields of another one:
///
/// ```compile_fail,E0451
/// # use brski_registrar::enroll::{Enrollee, Reappraised, VerifiedLDevId};
/// fn renews<'a>(reappraised: Reappraised) -> Reappraised {
///     Reappraised { ..reappraised }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Reappraised {
    pledge: SpkiDigest,
    decision: Box<Decision>,
}

impl Reappraised {
    /// That `policy` accepted this case.
    pub fn of(accepted: &Accepted, case: &Case<'_>, policy: &Policy) -> Self {
        let decision = Box::new(Decision::new(policy.digest(), accepted.appraisal(), Facts::of(case)));
        Self { pledge: case.idevid.spki_digest(), decision }
    }

    /// The IDevID key whose provenance was appraised.
    pub fn pledge(&self) -> SpkiDigest {
        self.pledge
    }

    /// What the trail keeps of it.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}
