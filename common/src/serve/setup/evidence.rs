//! `[[evidence]]`: whose modules' word on keys counts, and for what.

use std::path::PathBuf;

use serde::Deserialize;

use super::{ConfigFile, SetupError};
use crate::certificate::Certificate;
use crate::chain::{Anchors, is_signed_by};
use crate::evidence::{Authorities, Authority, WithdrawnSigner};
use crate::identity::KeyIdentifier;
use crate::provenance::{Basis, Locus, Text};
use crate::time::{UnixTime, rfc3339};

/// One authority of a configuration: a table of `[[evidence]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EvidenceValues {
    name: String,
    anchors: Vec<PathBuf>,
    basis: Basis,
    locus: Option<Locus>,
    #[serde(default)]
    unmarked_attestation_keys: bool,
    #[serde(default)]
    withdrawn: Vec<Withdrawn>,
}

/// A key whose word counts no more: one that signs evidence, or a CA's above such keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Withdrawn {
    certificate: PathBuf,
    #[serde(with = "rfc3339")]
    since: UnixTime,
    reason: Option<Text>,
}

impl ConfigFile {
    /// Whose evidence counts, with the anchors read. None of them may have a key of `idevid_anchors`: whoever has an IDevID could sign evidence of any key with it.
    ///
    /// # Errors
    /// [`SetupError`] if a file cannot be read, a name occurs twice, or an authority could not be believed.
    pub fn authorities(&self, values: &[EvidenceValues], idevid_anchors: &[Certificate]) -> Result<Authorities, SetupError> {
        let (mut authorities, mut withdrawn) = (Vec::<Authority>::new(), Vec::new());
        for (index, values) in values.iter().enumerate() {
            let authority = self.authority(index, values, idevid_anchors)?;
            if authorities.iter().any(|other| other.name == authority.name) {
                let problem = format!("'{}' occurs twice, each authority needs a name of its own", authority.name);
                return Err(self.error(&format!("evidence[{index}].name"), problem));
            }
            let shared = authorities.iter().find_map(|other| Some((shared_key(&authority.anchors, other.anchors.certificates())?, &other.name)));
            if let Some((anchor, other)) = shared {
                let problem = format!("{} is an anchor of '{other}' as well, so that nobody could tell whose word it is", anchor.subject());
                return Err(self.error(&format!("evidence[{index}].anchors"), problem));
            }
            authorities.push(authority);
            withdrawn.extend(self.withdrawn_signers(index, values)?);
        }
        Ok(Authorities::new(authorities).withdrawing(withdrawn))
    }

    fn withdrawn_signers(&self, index: usize, values: &EvidenceValues) -> Result<Vec<WithdrawnSigner>, SetupError> {
        let mut withdrawn = Vec::new();
        for (number, Withdrawn { certificate, since, reason }) in values.withdrawn.iter().enumerate() {
            let read = self.anchors(&format!("evidence[{index}].withdrawn[{number}].certificate"), core::slice::from_ref(certificate))?;
            withdrawn.extend(read.certificates().iter().map(|certificate| WithdrawnSigner {
                certificate: certificate.clone(),
                since: *since,
                reason: reason.clone(),
            }));
        }
        Ok(withdrawn)
    }

    fn authority(&self, index: usize, values: &EvidenceValues, idevid_anchors: &[Certificate]) -> Result<Authority, SetupError> {
        let EvidenceValues { name, anchors, basis, locus, unmarked_attestation_keys, .. } = values;
        let field = |name| format!("evidence[{index}].{name}");
        let error = |name: &'static str, problem: String| Err(self.error(&field(name), problem));
        if !(1..=40).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return error("name", "must be 1 to 40 printable characters: what is on record and sentences say it".to_owned());
        }
        // Parties of a ceremony sign for keys, and stations for seeds; no other evidence counts from them.
        let signs = |basis: Basis| basis.is_attested() || basis == Basis::WitnessedCeremony;
        if !signs(*basis) {
            let signed: Vec<&str> = Basis::ALL.iter().filter(|basis| signs(**basis)).map(|basis| basis.name()).collect();
            return error("basis", format!("must be one that evidence can ground: {}; {basis} is the manufacturer's own word", signed.join(", ")));
        }
        if *locus == Some(Locus::Unknown) {
            return error(
                "locus",
                "must be left out where the authority's keys may live anywhere; unknown would contradict every report that names a place".to_owned(),
            );
        }
        let read = self.anchors(&field("anchors"), anchors)?;
        if read.certificates().is_empty() {
            return error("anchors", "is empty; name the PEM files of the CAs that certify this authority's attestation keys".to_owned());
        }
        // Whoever has an IDevID could sign evidence of any key with it.
        if let Some(both) = shared_key(&read, idevid_anchors) {
            let key = both.subject_key_id().map(KeyIdentifier::new).and_then(Result::ok).map(|key| format!(" ({key})")).unwrap_or_default();
            let problem = format!(
                "{}{key} is an anchor of IDevIDs, so that devices could sign evidence themselves; name a CA that certifies attestation keys alone",
                both.subject()
            );
            return error("anchors", problem);
        }
        let above = |idevids: &&Certificate| read.certificates().iter().any(|anchor| is_signed_by(idevids, anchor));
        if let Some(below) = idevid_anchors.iter().find(above) {
            let problem = format!(
                "has a CA above {}, which is an anchor of IDevIDs, so that devices could sign evidence themselves; name a CA that certifies attestation keys alone",
                below.subject()
            );
            return error("anchors", problem);
        }
        Ok(Authority { name: name.clone(), anchors: read, basis: *basis, locus: *locus, unmarked_attestation_keys: *unmarked_attestation_keys })
    }
}

/// An anchor that has the key of one of these.
fn shared_key<'a>(anchors: &'a Anchors, others: &[Certificate]) -> Option<&'a Certificate> {
    anchors.certificates().iter().find(|anchor| others.iter().any(|other| other.public_key() == anchor.public_key()))
}
