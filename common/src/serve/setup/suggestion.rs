//! What would be right instead: the nearest known word, or what makes a file that is missing.

use std::path::Path;

use strsim::damerau_levenshtein;

use crate::text::{LONGEST_WORDS, printable};

/// The one of `known` that `word` most likely stands for, unless all are far off.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A program would not care how a person spells it.
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let word = plain(word);
    let distances = known.into_iter().map(|known| (damerau_levenshtein(&word, &plain(known)), known));
    let (distance, known) = distances.min_by_key(|(distance, _)| *distance)?;
    // Every third character may be wrong, or one is missing at an end as in a plural.
    (distance <= 1 || distance * 3 <= word.chars().count().max(known.chars().count())).then_some(known)
}

/// What to add to a TOML parser's message about an unknown or a wrong word.
pub(super) fn for_message(message: &str) -> Option<String> {
    let suggest = |(found, known): (&str, Vec<&str>)| nearest(found, known).map(|nearest| format!("did you mean '{nearest}'?"));
    if message.starts_with("unknown field `") || message.starts_with("unknown variant `") {
        // Words that stand between backticks: the one found, then those known.
        let mut words = message.split('`').skip(1).step_by(2);
        return words.next().map(|found| (found, words.collect())).and_then(suggest);
    }
    if let Some((found, known)) = message.strip_prefix('\'').and_then(|rest| rest.split_once("' is none of ")) {
        // What follows a semicolon says how else it could be written.
        let known = known.split(';').next().unwrap_or_default();
        return suggest((found, known.split(", ").collect()));
    }
    if let Some(field) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return Some(format!("add it as a line {field} = ... or as a table [{field}]"));
    }
    match message.strip_prefix("invalid type: ") {
        Some(rest) if rest.starts_with("string ") && (rest.contains("expected u") || rest.contains("expected i")) => {
            Some("write the number without quotes".to_owned())
        }
        Some(rest) if rest.starts_with("string ") && rest.ends_with("expected a boolean") => Some("write true or false without quotes".to_owned()),
        Some(rest) if rest.starts_with("string ") && rest.ends_with("expected a sequence") => Some("put it into brackets: [\"...\"]".to_owned()),
        Some(rest) if rest.ends_with("expected a string") => Some("put it into quotes".to_owned()),
        _ => None,
    }
}

/// A problem with what to do about it, if that is known.
pub(super) fn and(problem: String, suggestion: Option<String>) -> String {
    match suggestion {
        Some(suggestion) => format!("{problem}; {suggestion}"),
        None => problem,
    }
}

/// What a file that is missing should have been.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    Certificate,
    PrivateKey,
    /// Of a transparency log: an Ed25519 key, without a certificate.
    LogKey,
    PublicKey,
    Other,
}

/// What to do about a file that is missing.
pub(super) fn for_missing(path: &Path, wanted: Wanted) -> String {
    let shown = path.display();
    match (similar(path), wanted) {
        (Some(similar), _) => format!("did you mean '{similar}', which is there?"),
        (None, Wanted::PrivateKey) => format!(
            "restore it from where you keep your keys, or make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {shown}` and a certificate for it"
        ),
        (None, Wanted::LogKey) => format!(
            "restore it from where you keep your keys; for a log that has signed nothing yet, or that `restore --new-log-key` puts under another key, `openssl genpkey -algorithm ed25519 -out {shown}` makes one"
        ),
        (None, Wanted::Certificate) => "`openssl req -new -key KEY.pem -subj /CN=NAME` makes the request with which a CA makes one".to_owned(),
        (None, Wanted::PublicKey) => format!("`openssl pkey -in KEY.pem -pubout -out {shown}` makes it of the private key"),
        (None, Wanted::Other) => "paths are relative to the folder of the configuration".to_owned(),
    }
}

/// What to do about a file that is there, but not in the form it should be in.
pub(super) fn for_unreadable(path: &Path, wanted: Wanted) -> Option<String> {
    let shown = path.display();
    match wanted {
        Wanted::Certificate => Some(format!("if it is DER, `openssl x509 -inform DER -in {shown} -out {shown}.pem` makes PEM of it")),
        Wanted::PrivateKey | Wanted::LogKey => Some(format!("if it is DER, `openssl pkey -inform DER -in {shown} -out {shown}.pem` makes PEM of it")),
        Wanted::PublicKey => Some(format!("if it is DER, `openssl pkey -pubin -inform DER -in {shown} -out {shown}.pem` makes PEM of it")),
        Wanted::Other => None,
    }
}

/// What to do about a private key's file that holds something else.
pub(super) fn for_key(path: &Path, text: &str, wanted: Wanted) -> Option<String> {
    let shown = path.display();
    match text {
        text if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("ENCRYPTED\n") => {
            Some(format!("it is encrypted; `openssl pkey -in {shown} -out {shown}.plain` takes the passphrase off, or keep the key in a token (pkcs11:)"))
        }
        text if text.contains("-----BEGIN CERTIFICATE-----") => Some("it holds a certificate; the private key stands in a file of its own".to_owned()),
        text if text.contains("-----BEGIN PUBLIC KEY-----") => Some("it holds a public key; only the private one signs".to_owned()),
        text if text.contains("-----BEGIN RSA PRIVATE KEY-----") => Some(match wanted {
            Wanted::LogKey => "RSA keys do not sign here; take an Ed25519 key".to_owned(),
            Wanted::Certificate | Wanted::PrivateKey | Wanted::PublicKey | Wanted::Other => "RSA keys do not sign here; take one on P-256".to_owned(),
        }),
        _ => None,
    }
}

/// A file in the same folder whose name is nearly the same.
fn similar(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).ok()?.take(MOST_FILES);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    // A folder lists them in any order.
    names.sort();
    let name = path.file_name()?.to_str()?;
    let nearest = nearest(name, names.iter().map(String::as_str))?;
    Some(printable(&path.with_file_name(nearest).display().to_string(), LONGEST_WORDS))
}

/// More than a folder of keys has; a larger one is not searched to its end.
const MOST_FILES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_word_is_near() {
        let known = ["key", "certificate", "without-proximity"];
        for (word, expected) in [
            ("keys", Some("key")),
            ("Key", Some("key")),
            ("certficate", Some("certificate")),
            ("cetrificate", Some("certificate")),
            ("without_proximity", Some("without-proximity")),
            ("nothing-of-these", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
        assert_eq!(nearest("key", []), None);
    }

    #[test]
    fn message_about_a_word_is_completed() {
        for (message, expected) in [
            ("unknown field `keys`, expected `certificate` or `key`", Some("did you mean 'key'?")),
            ("unknown field `zzzzzzz`, expected `certificate` or `key`", None),
            ("unknown variant `log`, expected `refuse` or `logged`", None),
            ("unknown variant `loged`, expected `refuse` or `logged`", Some("did you mean 'logged'?")),
            ("'publik' is none of public, customer", Some("did you mean 'public'?")),
            ("missing field `key`", Some("add it as a line key = ... or as a table [key]")),
            ("invalid type: string \"600\", expected u64", Some("write the number without quotes")),
            ("something else", None),
            ("unknown field `", None),
        ] {
            assert_eq!(for_message(message).as_deref(), expected, "{message}");
        }
    }

    #[test]
    fn missing_log_key_is_made_as_ed25519_key_without_certificate() {
        let advice = for_missing(Path::new("/nowhere/keys/log.pem"), Wanted::LogKey);
        assert!(advice.contains("`openssl genpkey -algorithm ed25519 -out /nowhere/keys/log.pem`"), "{advice}");
        assert!(!advice.contains("P-256") && !advice.contains("certificate"), "{advice}");
    }
}
