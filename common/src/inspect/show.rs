//! An inspection as people read it: one fact a line, names in one column, what is nested indented below.

use core::fmt;

use serde_json::Value;

use super::{Check, Finding, Inspection, Kind, SignatureFound};
use crate::text::printable;

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_in(f, self, "", 0)
    }
}

fn write_in(f: &mut fmt::Formatter<'_>, found: &Inspection, name: &str, level: usize) -> fmt::Result {
    let indent = "  ".repeat(level);
    let encodings = if found.encodings.is_empty() { String::new() } else { format!(" ({})", found.encodings.join(", ")) };
    let colon = if name.is_empty() { String::new() } else { format!("{}: ", printable(name, 120)) };
    // Certificates come in dozens: within something else a line is enough.
    if found.kind == Kind::Certificate && level > 0 {
        write!(f, "{indent}{colon}{}", in_a_line(found))?;
    } else {
        write!(f, "{indent}{colon}{}{encodings}", found.kind.in_words())?;
        // What is nested is shown where it is nested.
        let leaves: Vec<_> = found.leaves.iter().filter(|leaf| !found.nested.iter().any(|nested| nested.name == leaf.name)).collect();
        let width = leaves.iter().map(|leaf| leaf.name.chars().count()).max().unwrap_or(0);
        for leaf in leaves {
            write!(f, "\n{indent}  {:width$}  {}", leaf.name, text(&leaf.value))?;
        }
        for signature in &found.signatures {
            write!(f, "\n{indent}  signature: {signature}")?;
        }
    }
    for deviation in &found.deviations {
        write!(f, "\n{indent}  deviates: {deviation}")?;
    }
    for nested in &found.nested {
        writeln!(f)?;
        write_in(f, &nested.inspection, &nested.name, level + 1)?;
    }
    Ok(())
}

fn in_a_line(certificate: &Inspection) -> String {
    let value = |name: &str| certificate.value(name).map(text).unwrap_or_default();
    format!("{}, valid {} to {}, SPKI {}", value("subject"), value("not-before"), value("not-after"), value("spki-sha256"))
}

/// A value in one line, freed of what steers a terminal.
fn text(value: &Value) -> String {
    let words = match value {
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(members) => members.iter().map(|(name, value)| format!("{name} {}", text(value))).collect::<Vec<_>>().join(", "),
    };
    printable(&words, LONGEST_VALUE)
}

impl fmt::Display for SignatureFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by {}", printable(&self.by, LONGEST_VALUE))?;
        self.algorithm.iter().try_for_each(|algorithm| write!(f, " ({algorithm})"))?;
        match &self.check {
            Check::Anchored { anchor } => write!(f, ", verified under {anchor}"),
            Check::OwnCertificate { why } => write!(f, ", right in itself: {why}"),
            Check::Untrusted { why } => write!(f, ", NOT TRUSTED: {}", printable(why, LONGEST_VALUE)),
            Check::Wrong { why } => write!(f, ", WRONG: {why}"),
            Check::Unchecked { why } => write!(f, ", not checked: {why}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)?;
        if !self.section.is_empty() {
            write!(f, " ({})", self.section)?;
        }
        self.leniency.iter().try_for_each(|leniency| write!(f, "; the leniency {leniency} would accept it"))
    }
}

const LONGEST_VALUE: usize = 400;
