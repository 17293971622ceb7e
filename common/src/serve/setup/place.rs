//! On which line of a configuration a field stands.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// Every field with its line. Names are joined by dots. An element of an array has its place in brackets, may be named by its field `name` instead, and without either if there
/// is but one.
pub(super) fn lines(text: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    if let Ok(document) = DeTable::parse(text) {
        let begins: Vec<usize> = text.match_indices('\n').map(|(index, _)| index).collect();
        let line = |span: Range<usize>| begins.partition_point(|&begin| begin < span.start) + 1;
        add_table("", document.get_ref(), &line, &mut lines);
    }
    lines
}

fn add_table(path: &str, table: &DeTable<'_>, line: &dyn Fn(Range<usize>) -> usize, lines: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        // A table may be opened again further down; the first time counts.
        lines.entry(path.clone()).or_insert_with(|| line(key.span()));
        match value.get_ref() {
            DeValue::Table(table) => add_table(&path, table, line, lines),
            DeValue::Array(array) => {
                for (index, element) in array.iter().enumerate() {
                    let DeValue::Table(table) = element.get_ref() else { continue };
                    let indexed = format!("{path}[{index}]");
                    lines.insert(indexed.clone(), line(element.span()));
                    add_table(&indexed, table, line, lines);
                    if array.len() == 1 {
                        add_table(&path, table, line, lines);
                    }
                    if let Some(DeValue::String(name)) = table.get("name").map(|name| name.get_ref()) {
                        let named = format!("{path}.{name}");
                        lines.entry(named.clone()).or_insert_with(|| line(element.span()));
                        add_table(&named, table, line, lines);
                    }
                }
            }
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_line() {
        let text =
            "version = 1\n\n[tls]\nkey = 'a'\nsigner = { certificate = 'b' }\n\n[[stations]]\nname = 'x'\n[[stations]]\nname = 'y'\n[[lines]]\nname = 'z'\n";
        let lines = lines(text);
        for (field, line) in [
            ("version", Some(1)),
            ("tls", Some(3)),
            ("tls.key", Some(4)),
            ("tls.signer.certificate", Some(5)),
            ("stations[0].name", Some(8)),
            ("stations[1].name", Some(10)),
            ("stations.name", None),
            ("stations.y.name", Some(10)),
            ("lines.name", Some(12)),
            ("nothing", None),
        ] {
            assert_eq!(lines.get(field).copied(), line, "{field}");
        }
    }

    #[test]
    fn text_that_is_no_toml_has_no_fields() {
        assert!(lines("a = = b").is_empty());
    }
}
