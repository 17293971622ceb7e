//! An inspection as people read it: one fact a line, names in one column, what is nested indented below.

use core::fmt;

use serde_json::Value;

use super::{Check, Finding, Inspection, Kind, SignatureFound};
use crate::text::printable;

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As many lines as people may read; there may be as many as the file has octets.
        let text = Whole(self).to_string();
        let mut lines = text.split('\n');
        for (index, line) in lines.by_ref().take(MOST_LINES).enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{line}")?;
        }
        match lines.count() {
            0 => Ok(()),
            more => write!(f, "\n({more} lines more are not shown)"),
        }
    }
}

/// All of it.
struct Whole<'a>(&'a Inspection);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_in(f, self.0, "", 0, Place::Elsewhere)
    }
}

/// Where a certificate stands, which decides what is told of its path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// First of its kind among several artefacts: whether its path leads to an anchor is what people ask.
    Head,
    /// Below it: only what fails is told.
    Bundle,
    /// Within a voucher or the like, whose own signature is told.
    Elsewhere,
}

fn write_in(f: &mut fmt::Formatter<'_>, found: &Inspection, name: &str, level: usize, place: Place) -> fmt::Result {
    let indent = "  ".repeat(level);
    let encodings = if found.encodings.is_empty() { String::new() } else { format!(" ({})", found.encodings.join(", ")) };
    let colon = if name.is_empty() { String::new() } else { format!("{}: ", printable(name, 120)) };
    // Certificates come in dozens: within something else a line is enough.
    if found.kind == Kind::Certificate && level > 0 {
        write!(f, "{indent}{colon}{}", in_a_line(found))?;
        for signature in found.signatures.iter().filter(|signature| is_told(place, &signature.check)) {
            write!(f, "\n{indent}  signature: {signature}")?;
        }
    } else {
        write!(f, "{indent}{colon}{}{encodings}", found.kind.in_words())?;
        // What is nested is shown where it is nested.
        let leaves: Vec<_> = found.leaves.iter().filter(|leaf| !found.nested.iter().any(|nested| nested.name == leaf.name)).collect();
        let width = leaves.iter().map(|leaf| leaf.name.chars().count()).max().unwrap_or(0);
        for leaf in leaves {
            write!(f, "\n{indent}  {:width$}  {}", leaf.name, text(&leaf.value))?;
        }
        if found.left_out > 0 {
            write!(f, "\n{indent}  and {} more", found.left_out)?;
        }
        for signature in &found.signatures {
            write!(f, "\n{indent}  signature: {signature}")?;
        }
    }
    for deviation in &found.deviations {
        write!(f, "\n{indent}  deviates: {deviation}")?;
    }
    for note in &found.notes {
        write!(f, "\n{indent}  note: {note}")?;
    }
    let head = found.nested.iter().position(|nested| nested.inspection.kind == Kind::Certificate);
    for (index, nested) in found.nested.iter().enumerate() {
        let place = match found.kind == Kind::Bundle {
            true if head == Some(index) => Place::Head,
            true => Place::Bundle,
            false => Place::Elsewhere,
        };
        writeln!(f)?;
        write_in(f, &nested.inspection, &nested.name, level + 1, place)?;
    }
    Ok(())
}

fn is_told(place: Place, check: &Check) -> bool {
    match (place, check) {
        (Place::Head, _) | (Place::Bundle, Check::Untrusted { .. } | Check::Wrong { .. } | Check::Unmatched { .. }) => true,
        (Place::Bundle, Check::Anchored { .. } | Check::OwnCertificate { .. } | Check::Unchecked { .. }) | (Place::Elsewhere, _) => false,
    }
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
            Check::Unmatched { why } => write!(f, ", MADE BY NOBODY KNOWN: {why}"),
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

const MOST_LINES: usize = 4000;
