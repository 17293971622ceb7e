//! `[[stations]]`: who may report a manufacture.

use std::path::PathBuf;

use brski_common::provenance::{Basis, Text};
use brski_common::serve::setup::ConfigFile;
use brski_common::time::rfc3339;
use brski_common::{EnrolledKey, UnixTime};
use brski_masa::Station;
use brski_masa::manufacture::Withdrawal;
use serde::{Deserialize, Deserializer};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Values {
    name: String,
    public_key: PathBuf,
    bases: Option<Vec<Basis>>,
    #[serde(default)]
    without_evidence: bool,
    #[serde(default, deserialize_with = "some_time")]
    not_after: Option<UnixTime>,
    withdrawn: Option<Withdrawn>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Withdrawn {
    #[serde(with = "rfc3339")]
    since: UnixTime,
    reason: Option<Text>,
}

/// The stations, each with its public key read.
pub(super) fn read(file: &ConfigFile, values: &[Values]) -> anyhow::Result<Vec<Station>> {
    let mut stations: Vec<Station> = Vec::new();
    for (index, Values { name, public_key, bases, without_evidence, not_after, withdrawn }) in values.iter().enumerate() {
        let field = |name| format!("stations[{index}].{name}");
        if stations.iter().any(|known| known.key.name == *name) {
            return Err(file.error(&field("name"), format!("'{name}' occurs twice, each station needs a name of its own")).into());
        }
        let station = Station::new(EnrolledKey { name: name.clone(), key: file.public_key(&field("public-key"), public_key)? });
        stations.push(Station {
            bases: bases.clone().unwrap_or_else(|| station.bases.clone()),
            without_evidence: *without_evidence,
            not_after: *not_after,
            withdrawn: withdrawn.as_ref().map(|withdrawn| Withdrawal { since: withdrawn.since, reason: withdrawn.reason.clone() }),
            ..station
        });
    }
    Ok(stations)
}

fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnixTime>, D::Error> {
    rfc3339::deserialize(deserializer).map(Some)
}
