//! Reports as CSV, for stations that would rather write that.

use serde_json::{Map, Value};

use super::table::{Column, IDEVID, TABLE};
use crate::codec;
use crate::provenance::batch::row::RowError;
use crate::provenance::report::ManufactureReport;

/// A CSV of these reports, with the columns that they need.
///
/// # Errors
/// [`RowError`] naming the first fact that has no column: such reports are written as JSON.
pub fn to_csv(reports: &[ManufactureReport]) -> Result<String, RowError> {
    let rows = reports.iter().map(cells).collect::<Result<Vec<_>, _>>()?;
    let used: Vec<(usize, &Column)> =
        TABLE.iter().enumerate().filter(|(i, _)| rows.iter().any(|(_, row)| row.get(*i).is_some_and(|cell| !cell.is_empty()))).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = core::iter::once(IDEVID).chain(used.iter().map(|(_, column)| column.name));
    let unwritable = |_| RowError::whole("it cannot be written as CSV");
    writer.write_record(header).map_err(unwritable)?;
    for (idevid, row) in &rows {
        let cells = used.iter().map(|(i, _)| row.get(*i).map_or("", String::as_str));
        writer.write_record(core::iter::once(idevid.as_str()).chain(cells)).map_err(unwritable)?;
    }
    let octets = writer.into_inner().map_err(|_| RowError::whole("it cannot be written as CSV"))?;
    String::from_utf8(octets).map_err(|_| RowError::whole("it cannot be written as CSV"))
}

/// The certificate, and a cell for each column of the table.
fn cells(report: &ManufactureReport) -> Result<(String, Vec<String>), RowError> {
    let origin = serde_json::to_value(&report.origin).map_err(|err| RowError::whole(err.to_string()))?;
    let mut origin = match origin {
        Value::Object(origin) => origin,
        _ => Map::new(),
    };
    if let Some(member) = hollow(&origin) {
        return Err(RowError::of(member, "has no form in a cell; reports that tell it are written as JSON"));
    }
    let row = TABLE.iter().map(|column| take(&mut origin, column.path)).collect::<Result<_, _>>()?;
    match left(&origin) {
        Some(member) => Err(RowError::of(member, "has no column; reports that tell it are written as JSON")),
        None => Ok((codec::base64(report.idevid.certificate().der()), row)),
    }
}

/// Takes a member out, as the text of a cell; empty if it is not there.
fn take(map: &mut Map<String, Value>, path: &[&str]) -> Result<String, RowError> {
    let cell = match path {
        [member, below @ ..] if !below.is_empty() => match map.get_mut(*member) {
            Some(Value::Object(inner)) => return take(inner, below),
            _ => None,
        },
        [member] => map.remove(*member),
        _ => None,
    };
    match cell {
        None => Ok(String::new()),
        Some(Value::String(text)) if text.trim() == text => Ok(text),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => Ok(value.to_string()),
        Some(_) => Err(RowError::of(path.join("."), "has no form in a cell; reports that tell it are written as JSON")),
    }
}

/// A member that is there and says nothing, which cells cannot tell from one that is not there.
fn hollow(map: &Map<String, Value>) -> Option<String> {
    map.iter().find_map(|(member, value)| match value {
        Value::Object(inner) if inner.is_empty() => Some(member.clone()),
        Value::Object(inner) => hollow(inner).map(|below| format!("{member}.{below}")),
        _ => None,
    })
}

/// A member that no column took.
fn left(map: &Map<String, Value>) -> Option<String> {
    map.iter().find_map(|(member, value)| match value {
        Value::Object(inner) => left(inner).map(|below| format!("{member}.{below}")),
        _ => Some(member.clone()),
    })
}
