//! In what a report says otherwise than the record.

use std::collections::BTreeMap;

use brski_common::{KeyOrigin, Refusal};
use serde_json::Value;

/// The names of the facts that differ, as reports have them, with commas between them. What they say is left out: some of it is confidential.
///
/// # Errors
/// [`Refusal::Inconsistent`] if an origin cannot be written as JSON, which does not happen.
pub(super) fn differing(recorded: &KeyOrigin, reported: &KeyOrigin) -> Result<String, Refusal> {
    let facts = |origin: &KeyOrigin| -> Result<BTreeMap<String, Value>, Refusal> {
        let value = serde_json::to_value(origin).and_then(serde_json::from_value);
        value.map_err(|err| Refusal::Inconsistent(err.to_string()))
    };
    let (recorded, reported) = (facts(recorded)?, facts(reported)?);
    let names: std::collections::BTreeSet<&String> = recorded.keys().chain(reported.keys()).filter(|name| recorded.get(*name) != reported.get(*name)).collect();
    Ok(names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", "))
}
