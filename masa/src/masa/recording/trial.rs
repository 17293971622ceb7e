//! What would become of reports next to what is on record, and next to each other.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use brski_common::{DeviceId, Refusal, SpkiDigest};

use super::{Masa, Recorded, Want};
use crate::error::Error;
use crate::ledger::Entry;
use crate::manufacture::{Correction, GenuineReport};

/// What reports of one trial have said so far. It grows by some hundred octets with each device that is not on record as its report says.
#[derive(Debug, Default)]
pub struct Trial(Mutex<Tried>);

#[derive(Debug, Default)]
struct Tried {
    devices: HashMap<DeviceId, Said>,
    keys: HashMap<SpkiDigest, DeviceId>,
}

/// What the newest report of a device would have written.
#[derive(Clone, Debug)]
struct Said {
    key: SpkiDigest,
    certificate: Hash,
    /// `None` if it told none.
    origin: Option<Hash>,
}

/// Half of SHA-256: no two of them are the same by chance.
type Hash = [u8; 16];

impl Masa {
    /// What would become of these reports after those that `trial` remembers; nothing is written. The outcomes are in the order of the reports.
    pub async fn try_all(&self, reports: &[GenuineReport], correction: &Correction, trial: &Trial) -> Vec<Result<Recorded, Error>> {
        let devices: Vec<DeviceId> = reports.iter().map(|report| report.device().clone()).collect();
        // If they cannot be looked up at once, one of them may be to blame.
        let histories = self.0.ledger.histories(&devices).await.ok();
        let mut outcomes = Vec::with_capacity(reports.len());
        let mut histories = histories.map(Vec::into_iter);
        for report in reports {
            let known = histories.as_mut().and_then(Iterator::next);
            outcomes.push(self.try_one(report, known, correction, trial).await);
        }
        outcomes
    }

    async fn try_one(&self, report: &GenuineReport, known: Option<Option<crate::History>>, correction: &Correction, trial: &Trial) -> Result<Recorded, Error> {
        let history = match known {
            Some(history) => history,
            None => self.0.ledger.history(report.device()).await?,
        };
        // Nothing is kept, so that there is nothing to hide by a salt.
        let entries = self.decide(report, history.as_ref(), correction, [0; 16], Want::Trial, self.0.clock.now()).await?;
        let recorded = self.tried(report, history.as_ref(), entries.is_empty()).await?;
        let repeated = trial.add(report, &entries, correction)?;
        Ok(Recorded { repeated: recorded.repeated || repeated, ..recorded })
    }
}

impl Trial {
    /// Remembers a report that would write these entries, and says whether one before it said the same.
    fn add(&self, report: &GenuineReport, entries: &[Entry], correction: &Correction) -> Result<bool, Refusal> {
        if entries.is_empty() {
            return Ok(false);
        }
        let device = report.device();
        let origin = entries.iter().find_map(|entry| match entry {
            Entry::Recorded(record) => Some(serde_json::to_vec(&record.origin).map(|json| hash(&json)).map_err(|err| Refusal::Inconsistent(err.to_string()))),
            Entry::Made(_) | Entry::Stated(_) | Entry::Vouched(_) | Entry::Standing(_) | Entry::Owned(_) | Entry::Marked(_) | Entry::Restored(_) => None,
        });
        let said = Said { key: report.key(), certificate: hash(report.content().idevid.certificate().der()), origin: origin.transpose()? };
        // What is under the lock is replaced as a whole.
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = tried.keys.get(&said.key).filter(|holder| *holder != device) {
            return Err(Refusal::Contradiction { what: "the public key", device: holder.clone() });
        }
        let before = tried.devices.get(device);
        let contradiction = |what| Refusal::Contradiction { what, device: device.clone() };
        let (said, repeated) = match before {
            None => (said, false),
            Some(before) if before.key != said.key => return Err(contradiction("the serial number")),
            Some(before) if before.certificate != said.certificate => return Err(contradiction("the IDevID certificate")),
            Some(before) => match (before.origin, said.origin, correction) {
                (_, None, _) => (before.clone(), true),
                (None, Some(_), _) => (said, false),
                (Some(one), Some(other), _) if one == other => (said, true),
                (Some(_), Some(_), Correction::Supersede { .. }) => (said, false),
                (Some(_), Some(_), Correction::Refuse) => {
                    return Err(contradiction("the origin of the key, by a report before this one,"));
                }
            },
        };
        tried.keys.insert(said.key, device.clone());
        tried.devices.insert(device.clone(), said);
        Ok(repeated)
    }
}

fn hash(octets: &[u8]) -> Hash {
    let mut half = Hash::default();
    half.iter_mut().zip(digest(&SHA256, octets).as_ref()).for_each(|(octet, hashed)| *octet = *hashed);
    half
}
