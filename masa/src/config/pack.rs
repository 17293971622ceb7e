//! The files that a configuration names, whatever the field: what a backup takes along.

use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use brski_common::serve::setup::read_text;

use super::Configuration;

/// A file that the configuration names.
#[derive(Debug)]
pub(crate) enum Named {
    /// Not secret, and in the configuration's folder. The path is relative to that.
    Public(String, Vec<u8>),
    /// Left out, and why.
    Secret(String, &'static str),
}

/// The configuration file itself, and every file that a field of it names, each once. The ledger and what the log signed last are not among them.
///
/// Only what is recognised as not secret is taken: PEM files without private keys, and tables (TOML, JSON, CSV) that do not name a secret.
pub(crate) fn named_files(configuration: &Configuration) -> anyhow::Result<Vec<Named>> {
    let file = configuration.file.path();
    let text = read_text(file).with_context(|| format!("{}: cannot be read", file.display()))?;
    let table: toml::Table = toml::from_str(&text).with_context(|| format!("{}: cannot be read", file.display()))?;
    let mut paths = Vec::new();
    texts(&toml::Value::Table(table), &mut paths);
    paths.sort();
    paths.dedup();

    let name = file.file_name().and_then(|name| name.to_str()).context("the configuration's name is not text")?;
    let mut named = vec![match holds_secret(&text) {
        false => Named::Public(name.to_owned(), text.as_bytes().to_vec()),
        true => Named::Secret(name.to_owned(), "it holds a PIN or a password"),
    }];
    let links = configuration.audit_links_path();
    let kept_apart = [configuration.ledger().0, configuration.last_signed_path(), links.clone()];
    for path in paths {
        let found = configuration.file.resolve(Path::new(&path));
        if found.is_file() && !kept_apart.contains(&found) {
            named.push(look(path, &found));
        }
    }
    if links.is_file() {
        let name = links.strip_prefix(file.parent().unwrap_or(Path::new(""))).unwrap_or(&links);
        named.push(Named::Secret(name.display().to_string(), "the links to audit logs in it end sooner than a backup; they are made anew"));
    }
    Ok(named)
}

/// Every text in a table, at whatever depth.
fn texts(value: &toml::Value, found: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => found.push(text.strip_prefix("file:").unwrap_or(text).to_owned()),
        toml::Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        toml::Value::Table(table) => table.values().for_each(|value| texts(value, found)),
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) => {}
    }
}

fn look(path: String, found: &Path) -> Named {
    let Ok(text) = read_text(found) else { return Named::Secret(path, "it is no text of at most 1 MiB") };
    let labels: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----")).collect();
    let is_table = matches!(Path::new(&path).extension().and_then(|ending| ending.to_str()), Some("toml" | "csv" | "json"));
    let within = PathBuf::from(&path).components().all(|part| matches!(part, Component::Normal(_)));
    match within {
        _ if labels.iter().any(|label| label.contains("PRIVATE KEY")) => Named::Secret(path, "it holds a private key"),
        _ if labels.is_empty() && !is_table => Named::Secret(path, "it is not known to be free of secrets"),
        _ if holds_secret(&text) => Named::Secret(path, "it holds a PIN or a password"),
        false => Named::Secret(path, "it lies outside the configuration's folder"),
        true => Named::Public(path, text.as_bytes().to_vec()),
    }
}

fn holds_secret(text: &str) -> bool {
    // As PKCS#11 URIs have it (RFC 7512), and a URL of a database; comments tell of them without having one.
    let settings = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    settings.into_iter().any(|line| ["pin-value=", "password"].iter().any(|word| line.to_ascii_lowercase().contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pin_in_a_setting_is_a_secret_and_one_in_a_comment_is_none() {
        assert!(holds_secret("key = \"pkcs11:token=masa?pin-value=1234\""));
        assert!(!holds_secret("# key = \"pkcs11:token=masa?pin-value=1234\""));
    }

    #[test]
    fn every_text_of_a_table_is_found() {
        let table: toml::Table = toml::from_str("a = 'x'\n[b]\nc = ['y', 'file:z']\n[[d]]\ne = 1").unwrap();
        let mut found = Vec::new();
        texts(&toml::Value::Table(table), &mut found);
        assert_eq!(found, ["x", "y", "z"]);
    }
}
