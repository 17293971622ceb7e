//! Whether the basis that a report claims is more than its station's word.

use brski_common::Refusal;
use brski_common::provenance::{Basis, Finding};

use super::station::Station;

/// Checks that evidence grounds the basis, if it is one that evidence can ground ([`Basis::is_attested`]): one finding at least has to support the key's origin, by an authority whose
/// evidence is this basis. A station that the manufacturer trusts [without evidence](Station::without_evidence) has seen it itself.
///
/// [`evaluate`](super::evaluate) calls it with the findings of a report's own evidence; whoever appraises evidence that comes by another way calls it with those.
///
/// # Errors
/// [`Refusal::BasisNotGrounded`] saying what evidence would do.
pub fn check_grounded(basis: Basis, findings: &[Finding], station: &Station) -> Result<(), Refusal> {
    let grounded = || findings.iter().any(|finding| finding.grounds(basis));
    match !basis.is_attested() || station.without_evidence || grounded() {
        true => Ok(()),
        false => Err(Refusal::BasisNotGrounded { station: station.key.name.clone(), basis }),
    }
}
