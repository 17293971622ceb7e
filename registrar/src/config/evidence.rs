//! `[[evidence]]`: what `config check` says of those whose word on the keys of LDevIDs counts.

use brski_common::evidence::Authorities;
use brski_common::{Policy, UnixTime};

use super::Report;

impl Report {
    /// Adds the authorities, and what of the policy about LDevIDs' keys nobody can meet.
    pub(super) fn add_evidence(&mut self, authorities: &Authorities, policy: &Policy, now: UnixTime) {
        let demands = policy.ldevid_key();
        for name in demands.authorities.iter().filter(|name| !authorities.iter().any(|authority| authority.name == **name)) {
            self.warn(&format!("[ldevid-key] of the policy names the authority '{name}', which no [[evidence]] of this configuration has"));
        }
        if demands.required && authorities.is_empty() {
            self.warn("[ldevid-key] of the policy requires evidence, and no [[evidence]] says whose counts, so that no device gets an LDevID");
        }
        for authority in authorities.iter() {
            self.add_certificates(&format!("evidence of {}", authority.name), authority.anchors.certificates(), now);
        }
    }
}
