//! Limits and exceptions.

use core::time::Duration;

use brski_common::DomainId;
use brski_common::voucher::Wanted;
use serde::Deserialize;

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
    /// How long an LDevID is valid; never longer than its CA.
    pub ldevid_lifetime: Duration,
    /// What becomes of a pledge whose MASA discloses no audit log.
    pub audit_log: Requirement,
    /// Other domains whose presence in a pledge's audit log is expected, such as a former owner or an integrator.
    pub accepted_foreign_domains: Vec<DomainId>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            oldest_request: Duration::from_secs(4 * 86_400),
            clock_skew: Duration::from_secs(300),
            hold_retry: Duration::from_secs(60),
            statement_in_voucher: None,
            ldevid_lifetime: Duration::from_secs(365 * 86_400),
            audit_log: Requirement::Required,
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
