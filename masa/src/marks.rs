//! Marks: the manufacturer's later word on the keys of some devices, and what follows from it for the record of each.
//!
//! Nothing is rewritten: a mark is an entry of its own. A device's next record says the same as the last but for its status, so that log, receipt and statement agree.

#[cfg(test)]
mod tests;

use brski_common::provenance::{ProvenanceRecord, Supersession, Text};
use brski_common::{Refusal, UnixTime};

use crate::history::History;
use crate::ledger::{Entry, Made, Marked, Scope};

/// Permission to write a mark into the ledger. Made by [`evaluate`] alone, spent by value.
///
/// ```
/// use brski_masa::marks::MarkOrder;
/// fn made(order: MarkOrder) -> MarkOrder { order }
/// fn spent(order: MarkOrder) { order.into_entries(); }
/// ```
/// It cannot be put together, nor be spent twice:
/// ```compile_fail,E0451
/// use brski_masa::marks::MarkOrder;
/// fn made(order: MarkOrder) -> MarkOrder { MarkOrder { ..order } }
/// fn spent(order: MarkOrder) { order.into_entries(); }
/// ```
/// ```compile_fail,E0599
/// use brski_masa::marks::MarkOrder;
/// fn made(order: MarkOrder) -> MarkOrder { order }
/// fn spent(order: MarkOrder) { order.clone().into_entries(); }
/// ```
#[derive(Debug, PartialEq)]
pub struct MarkOrder {
    entries: Vec<Entry>,
}

impl MarkOrder {
    /// What to append, side by side: the mark, and for a single device the record that follows from it.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// Decides what a mark writes down. `history` is the device's, for a mark of one device; a mark of many devices is written alone, since a million records are not
/// rewritten at once: each follows when its statement is next asked for ([`restated`]).
///
/// # Errors
/// [`Refusal::UnknownDevice`] if it is a mark of one device and that was never made here; as [`restated`].
pub fn evaluate(marked: Marked, history: Option<History>, salt: [u8; 16], now: UnixTime) -> Result<MarkOrder, Refusal> {
    let following = match &marked.scope {
        Scope::Device(device) => {
            let history = history.filter(|history| history.device() == device).ok_or_else(|| Refusal::UnknownDevice(device.clone()))?;
            restated(&history.marked(marked.clone()), salt, now)?
        }
        Scope::Batch(_) | Scope::Station(_) | Scope::Line(_) => None,
    };
    let following = following.map(|record| Entry::Recorded(Box::new(record)));
    Ok(MarkOrder { entries: core::iter::once(Entry::Marked(marked)).chain(following).collect() })
}

/// The record that has to follow the newest one before anything is signed about the device: the same but for its status, which is what the marks make of it. It tells the mark's
/// reason. `None` if the newest says so already, or if there is none.
///
/// # Errors
/// [`Refusal::Inconsistent`] if the record cannot be followed by another.
pub fn restated(history: &History, salt: [u8; 16], now: UnixTime) -> Result<Option<ProvenanceRecord>, Refusal> {
    let status = history.status();
    let Some(record) = history.record().filter(|record| record.status != status) else { return Ok(None) };
    let replaced = record.digest().map_err(|err| Refusal::Inconsistent(err.to_string()))?;
    let seq = record.seq.checked_add(1).ok_or_else(|| Refusal::Inconsistent("it was corrected too often".to_owned()))?;
    // Of marks that say the same, the newest; none where a correction led the device out of the scope that was marked.
    let because = history.marks().filter(|marked| marked.status == status).max_by_key(|marked| marked.at);
    let (reason, by) = because.map_or(("no mark is left", "the ledger"), |marked| (marked.reason.as_str(), marked.by.as_str()));
    let short = |reason: &str| Text::new(reason.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect::<String>());
    let reason = short(reason).or_else(|_| short(status.name())).map_err(|err| Refusal::Inconsistent(err.to_string()))?;
    let supersedes = Some(Supersession { record: replaced, reason, by: by.to_owned() });
    Ok(Some(ProvenanceRecord { seq, salt, status, supersedes, recorded_at: now, ..record.clone() }))
}

/// As long as a [`Text`] may be; marks of other programs may have a longer one.
const LONGEST_REASON: usize = 200;

impl Scope {
    /// Whether a device is one of these, as its making and its newest record tell. Who made it known never changes: no later report of another station leads it out of a mark.
    pub fn includes(&self, made: &Made, record: Option<&ProvenanceRecord>) -> bool {
        self.includes_made(made) || record.is_some_and(|record| self.includes_record(record))
    }

    /// Every batch, station and line that such a device is of: those that [`include`](Self::includes) it.
    pub(crate) fn of_many_around(made: &Made, record: Option<&ProvenanceRecord>) -> Vec<Self> {
        let named = |name: &Option<Text>, scope: fn(String) -> Self| name.as_ref().map(|name| scope(name.to_string()));
        let origin = record.map(|record| &record.origin);
        let recorded = origin.into_iter().flat_map(|origin| {
            [named(&origin.batch, Self::Batch), named(&origin.line, Self::Line), named(&origin.station, Self::Station)].into_iter().flatten()
        });
        let by = [Some(&made.reported_by), record.map(|record| &record.reported_by)];
        by.into_iter().flatten().cloned().map(Self::Station).chain(recorded).collect()
    }

    /// Whether it is one of these by its making alone, whatever is on record.
    pub(crate) fn includes_made(&self, made: &Made) -> bool {
        match self {
            Self::Device(device) => device == made.idevid.device(),
            Self::Station(name) => made.reported_by == *name,
            Self::Batch(_) | Self::Line(_) => false,
        }
    }

    pub(crate) fn includes_record(&self, record: &ProvenanceRecord) -> bool {
        let origin = &record.origin;
        let is = |recorded: Option<&Text>, name: &str| recorded.is_some_and(|recorded| recorded.as_str() == name);
        match self {
            Self::Device(device) => *device == record.device,
            Self::Batch(name) => is(origin.batch.as_ref(), name),
            Self::Line(name) => is(origin.line.as_ref(), name),
            Self::Station(name) => record.reported_by == *name || is(origin.station.as_ref(), name),
        }
    }
}

impl core::fmt::Display for Scope {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Device(device) => write!(f, "device {}", device.serial),
            Self::Batch(name) => write!(f, "batch '{name}'"),
            Self::Station(name) => write!(f, "station '{name}'"),
            Self::Line(name) => write!(f, "line '{name}'"),
        }
    }
}
