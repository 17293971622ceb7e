//! The programs' own configurations: known for what they are, and judged by `config check` alone, which also reads the files that they name.

use toml::{Table, Value};

use super::certificate::shown;
use super::{Inspection, Kind};

/// A configuration, if it is one of a MASA or a registrar.
pub(super) fn inspect(table: &Table) -> Option<Inspection> {
    let has = |field: &str| table.contains_key(field);
    let (kind, program) = match has("listen") {
        true if has("ledger") || has("voucher-signer") => (Kind::MasaConfiguration, "brski-masa"),
        true if has("domain-ca") || has("pledges") => (Kind::RegistrarConfiguration, "brski-registrar"),
        true | false => return None,
    };
    let mut inspection = Inspection::new(kind);
    // Named one by one: whatever else stands there may be a secret.
    for field in SHOWN {
        match table.get(field) {
            Some(Value::String(text)) => inspection.leaf(field, shown(text)),
            Some(Value::Integer(number)) => inspection.leaf(field, *number),
            Some(_) | None => (),
        }
    }
    inspection.note(format!("whether it can be served is what `{program} config check` tells"));
    Some(inspection)
}

const SHOWN: [&str; 9] = ["version", "listen", "authority", "ledger", "disclosure", "policy", "trust", "pledges", "body-limit"];
