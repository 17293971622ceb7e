//! The one table that tells what became of each pledge, and why.

use brski_common::Method;
use brski_common::provenance::Basis;
use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};

/// What became of one pledge.
pub(crate) struct Outcome {
    pub(crate) pledge: String,
    /// Its statement's method and basis, if it has a statement.
    pub(crate) provenance: Option<(Method, Basis)>,
    pub(crate) verdict: &'static str,
    /// The policy's rule that decided; none if it did not come to the policy.
    pub(crate) rule: Option<String>,
    /// Subject of its LDevID.
    pub(crate) ldevid: Option<String>,
    /// Why it has none, in one sentence.
    pub(crate) reason: Option<String>,
}

/// Lays the table out for a terminal of 150 columns.
pub(crate) fn render(outcomes: &[Outcome]) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(150);
    table.set_header(["pledge", "method", "basis", "verdict", "rule", "LDevID, or the reason why not"]);
    for outcome in outcomes {
        let (method, basis) = match outcome.provenance {
            Some((method, basis)) => (describe(method), basis.name().to_owned()),
            None => ("not written down".to_owned(), "none".to_owned()),
        };
        let rule = outcome.rule.clone().unwrap_or_else(|| "none came into play".to_owned());
        let end = outcome.ldevid.clone().or(outcome.reason.clone()).unwrap_or_default();
        table.add_row([outcome.pledge.clone(), method, basis, outcome.verdict.to_owned(), rule, end]);
    }
    table.to_string()
}

fn describe(method: Method) -> String {
    match method.nist_method() {
        Some(nist) => format!("{}: {} (NIST {nist})", method.name(), method.description()),
        None => format!("{}: {}", method.name(), method.description()),
    }
}
