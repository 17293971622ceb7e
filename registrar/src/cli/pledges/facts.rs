//! What was judged, in words.

use brski_common::appraise::{Facts, HistoryFindings, ReceiptFinding};
use brski_common::text::{LONGEST_WORDS, printable};
use brski_common::time::to_rfc3339;
use brski_common::{Leniencies, ProvenanceStatement};

/// One fact a line: its name and what it is. What cannot be read says so.
pub(super) fn in_words(facts: &Facts) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    match facts.idevid() {
        Ok(idevid) => lines.push(("IDevID", printable(idevid.certificate().subject(), LONGEST_WORDS))),
        Err(err) => lines.push(("IDevID", format!("cannot be read: {err}"))),
    }
    match facts.statement() {
        Ok(None) => lines.push(("statement", "none".to_owned())),
        Err(err) => lines.push(("statement", format!("cannot be read: {err}"))),
        Ok(Some(statement)) => match statement.peek_unverified(Leniencies::default()) {
            Ok(said) => lines.extend(statement_in_words(&said)),
            Err(err) => lines.push(("statement", format!("cannot be read: {err}"))),
        },
    }
    let receipt = match facts.receipt {
        ReceiptFinding::Missing => "none",
        ReceiptFinding::Unchecked => "present, not checked: no key of the manufacturer's log is known",
        ReceiptFinding::Checked => "checked: the manufacturer's log has the record",
    };
    lines.push(("receipt", receipt.to_owned()));
    match &facts.word {
        None => lines.push(("MASA", "was not asked".to_owned())),
        Some(word) => {
            lines.push(("voucher asserts", word.assertion.as_ref().map_or("nothing".to_owned(), |assertion| assertion.to_string())));
            lines.push(("audit log", word.history.as_ref().map_or("none was disclosed".to_owned(), history_in_words)));
        }
    }
    lines
}

fn statement_in_words(said: &ProvenanceStatement) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("method", said.method.name().to_owned()),
        ("source", said.source.name().to_owned()),
        ("protection", said.protection.to_string()),
        ("basis", said.basis.name().to_owned()),
        ("locus", said.locus.name().to_owned()),
        ("status", said.status.name().to_owned()),
    ];
    lines.extend(said.evidence.map(|result| ("evidence", result.name().to_owned())));
    lines.extend(said.se_generation.map(|generation| ("secure element", generation.name().to_owned())));
    lines.extend(said.lock.map(|lock| ("lock", lock.name().to_owned())));
    lines.extend(said.private_transfer.map(|transfer| ("private transfer", transfer.name().to_owned())));
    lines.extend(said.key_retained.map(|retained| ("key retained", if retained { "yes" } else { "no" }.to_owned())));
    lines
}

fn history_in_words(history: &HistoryFindings) -> String {
    let HistoryFindings { foreign, foreign_nonceless, arbitrarily_truncated, earliest_foreign, names_us } = history;
    let mut parts = vec![match foreign.len() {
        0 => "no foreign domain".to_owned(),
        1 => "1 foreign domain had it".to_owned(),
        several => format!("{several} foreign domains had it"),
    }];
    if !foreign_nonceless.is_empty() {
        parts.push(format!("{} of them without nonce", foreign_nonceless.len()));
    }
    parts.extend(earliest_foreign.map(|first| format!("first at {}", to_rfc3339(first))));
    if *arbitrarily_truncated > 0 {
        parts.push(format!("{arbitrarily_truncated} entries removed without a reason"));
    }
    parts.push(if *names_us { "it names this domain" } else { "it does not name this domain" }.to_owned());
    parts.join(", ")
}
