//! What a device's history with others tells its new owner (RFC 8995, section 5.8).

use brski_common::{AuditLog, Certificate, DomainId, Refusal};

/// What stands out in an audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// Domains that had the device and are neither ours nor expected, each once: worth a person's look.
    pub foreign: Vec<DomainId>,
    /// Whether the log knows the voucher we have just been given.
    pub names_us: bool,
    objection: Option<String>,
}

impl Examined {
    /// The default policy's answer.
    ///
    /// # Errors
    /// [`Refusal::AuditLogUnacceptable`] if somebody else could take the device back, or the log was cut where that cannot be told.
    pub fn into_result(self) -> Result<(), Refusal> {
        match self.objection {
            Some(objection) => Err(Refusal::AuditLogUnacceptable(objection)),
            None => Ok(()),
        }
    }
}

/// Reads an audit log on behalf of the domain with this certificate path. Domains in `accepted` are expected there.
pub fn examine(log: &AuditLog, own: &[Certificate], accepted: &[DomainId]) -> Examined {
    // A voucher that pins the registrar's raw key is on record under the digest of that key, and of no key above it: a CA's is pinned by certificate alone.
    let own_key = own.first().map(|registrar| DomainId::from(registrar.spki_digest()));
    let ours: Vec<DomainId> = own.iter().map(Certificate::domain_id).chain(own_key).collect();
    let mut examined = Examined::default();
    if log.truncation.arbitrary > 0 {
        examined.objection = Some(format!("that {} entries were removed at will, so that former owners cannot be told", log.truncation.arbitrary));
    }
    for event in &log.events {
        if ours.contains(&event.domain_id) {
            examined.names_us = true;
            continue;
        }
        if accepted.contains(&event.domain_id) {
            continue;
        }
        // Such a voucher has no end: its holder could take the device back at any time.
        if event.nonce.is_none() {
            let domain = &event.domain_id;
            examined.objection = Some(format!("a voucher without nonce for the foreign domain {domain}; accepted-foreign-domains could allow it"));
        }
        if !examined.foreign.contains(&event.domain_id) {
            examined.foreign.push(event.domain_id.clone());
        }
    }
    examined
}
