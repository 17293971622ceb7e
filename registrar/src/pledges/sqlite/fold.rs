//! What the events of one pledge amount to, folded anew: for whoever verifies a store, or upgrades it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use brski_common::SpkiDigest;
use rusqlite::Connection;

use super::files::Revoked;
use super::trail::damaged;
use crate::approval::Person;
use crate::pledges::StoreError;
use crate::trail::{CertificateId, Event, PledgeFile, RequestDigest, What};

/// What the events of one pledge amount to.
#[derive(Default)]
pub(super) struct Folded {
    pub(super) file: Option<PledgeFile>,
    pub(super) admitted: Option<Admitted>,
    /// The keys of its LDevIDs.
    pub(super) keys: BTreeSet<[u8; 32]>,
    /// Whether one of its LDevIDs was revoked since it was admitted last.
    revoked_since: bool,
    /// Who decided about it, each way of writing a name once.
    persons: Vec<Person>,
}

/// The last admission of a pledge.
pub(super) struct Admitted {
    pub(super) request: RequestDigest,
    pub(super) digest: Option<SpkiDigest>,
    pub(super) withdrawn: bool,
}

impl Folded {
    /// Of the pledge with this IDevID key. What was revoked goes to `revocations`.
    pub(super) fn of(connection: &Connection, key: SpkiDigest, revocations: &mut Revocations) -> Result<Self, StoreError> {
        let mut folded = Self::default();
        let mut statement = connection.prepare_cached("SELECT number, octets FROM event WHERE spki = ?1 ORDER BY number")?;
        let mut rows = statement.query([key.0])?;
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            let event: Event = serde_json::from_slice(&row.get::<_, Vec<u8>>(1)?).map_err(|err| damaged(&format!("event {number}"), err))?;
            let Some(file) = PledgeFile::after(folded.file.take(), &event) else { continue };
            folded.take(&event.what);
            if let Some(row) = Revoked::by(&event, &file)? {
                revocations.take(number, row);
            }
            folded.file = Some(file);
        }
        Ok(folded)
    }

    fn take(&mut self, what: &What) {
        match what {
            What::Admitted { request, admission, .. } => {
                self.admitted = Some(Admitted { request: *request, digest: *admission, withdrawn: false });
                self.revoked_since = false;
            }
            What::Ended { request, admission } => self.admitted = Some(Admitted { request: *request, digest: *admission, withdrawn: true }),
            What::Refused { withdrawn: true, .. } => self.end(),
            What::Revoked { withdrawn, .. } => {
                self.revoked_since = true;
                if *withdrawn {
                    self.end();
                }
            }
            What::Bound { key } => {
                self.keys.insert(key.0);
            }
            What::Issued { certificate, .. } => {
                self.keys.insert(certificate.key.0);
            }
            What::Approved { by, .. } | What::Disapproved { by, .. } if self.persons.iter().all(|other| other.name != by.name) => self.persons.push(by.clone()),
            // Whatever else ended an admission or took a key would be told as damage, and not be let pass.
            _ => {}
        }
    }

    fn end(&mut self) {
        self.admitted.iter_mut().for_each(|admitted| admitted.withdrawn = true);
    }

    /// Whether the admission may have ended without an event that says so, as it could before version 4: with the last LDevID, or before there was a trail.
    pub(super) fn may_have_ended_unsaid(&self) -> bool {
        self.admitted.as_ref().is_none_or(|admitted| !admitted.withdrawn && self.revoked_since)
    }

    /// Whether a version that compared names octet for octet may have counted persons otherwise.
    pub(super) fn has_names_in_two_ways(&self) -> bool {
        // Each is in the list once as it is written.
        self.persons.iter().any(|person| self.persons.iter().filter(|other| other.is_same_as(person)).count() > 1)
    }
}

/// The list of those that were revoked, each by the first event that tells of it, whichever pledge is looked at first.
#[derive(Default)]
pub(super) struct Revocations(BTreeMap<CertificateId, (i64, Revoked)>);

impl Revocations {
    fn take(&mut self, number: i64, row: Revoked) {
        match self.0.entry(row.certificate.clone()) {
            Entry::Vacant(none) => drop(none.insert((number, row))),
            Entry::Occupied(mut known) if number < known.get().0 => drop(known.insert((number, row))),
            Entry::Occupied(_) => {}
        }
    }

    /// Takes the row of this certificate off the list.
    pub(super) fn remove(&mut self, certificate: &CertificateId) -> Option<Revoked> {
        self.0.remove(certificate).map(|(_, row)| row)
    }

    /// What is on the list.
    pub(super) fn into_rows(self) -> impl Iterator<Item = Revoked> {
        self.0.into_values().map(|(_, row)| row)
    }
}
