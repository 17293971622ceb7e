//! Limits and exceptions.

use core::time::Duration;

use brski_common::pledge::LONGEST_DEFERRAL;
use brski_common::provenance::Status;
use brski_common::voucher::Wanted;
use brski_common::{Certificate, DomainId};
use serde::Deserialize;

use crate::enroll::CertificateProfile;

/// Limits and exceptions; the default is the safe choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How old a pledge's request may be by its created-on.
    pub oldest_request: Duration,
    /// How far in the future created-on may be.
    pub clock_skew: Duration,
    /// After how long a held pledge should ask again; at most 60 s count (RFC 8995, section 5.6).
    pub hold_retry: Duration,
    /// What vouchers are asked to say of their pledge's key; nothing is asked if absent: a MASA answers at its provenance resource, and a pledge may not bear a long voucher.
    pub statement_in_voucher: Option<Wanted>,
    /// What stands in LDevIDs, and for how long they are valid.
    pub ldevid: CertificateProfile,
    /// CAs that issued LDevIDs before the present one, which those devices may renew. The present one's CRL says nothing of them: [`Registrar::listing_for`](super::Registrar::listing_for) has theirs.
    pub former_cas: Vec<Certificate>,
    /// With which word of its manufacturer about its key a device loses its LDevIDs, as soon as a renewal or a recheck hears it. None by default: such a device is not renewed in
    /// any case, but to take a device out of a running network at once, for good and on somebody else's word, is something its owner has to want.
    pub revoke_on: Vec<Status>,
    /// What becomes of a pledge whose MASA discloses no audit log.
    pub audit_log: Requirement,
    /// How many persons have to approve a held pledge: 1, or 2 where nobody shall decide alone.
    pub approvers: usize,
    /// What becomes of a renewal whose MASA cannot be asked how it judges the device's key today.
    pub statement_at_renewal: Requirement,
    /// Other domains whose presence in a pledge's audit log is expected, such as a former owner or an integrator.
    pub accepted_foreign_domains: Vec<DomainId>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            oldest_request: LONGEST_DEFERRAL,
            clock_skew: Duration::from_secs(300),
            hold_retry: Duration::from_secs(60),
            statement_in_voucher: None,
            ldevid: CertificateProfile::default(),
            former_cas: Vec::new(),
            revoke_on: Vec::new(),
            audit_log: Requirement::Required,
            approvers: 1,
            statement_at_renewal: Requirement::Optional,
            accepted_foreign_domains: Vec::new(),
        }
    }
}

/// Whether something that a MASA may disclose has to be there. What is there is examined either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// Without it no pledge is admitted.
    #[default]
    Required,
    /// Its absence is logged and stops nobody.
    Optional,
}
