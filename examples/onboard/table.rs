//! The one table that tells what became of each pledge, and why.

use std::collections::BTreeMap;

use brski_common::Method;
use brski_common::pledge::ProximityLeaf;
use brski_common::provenance::Basis;
use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};

use crate::speech::Speech;

/// What became of one pledge.
pub(crate) struct Outcome {
    pub(crate) pledge: String,
    /// Its statement's method and basis, if it has a statement.
    pub(crate) provenance: Option<(Method, Basis)>,
    pub(crate) speech: Speech,
    /// What its voucher pins, if it got one.
    pub(crate) pin: Option<&'static str>,
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
    table.set_header(["pledge", "format", "method", "basis", "verdict", "rule", "LDevID, or the reason why not"]);
    for outcome in outcomes {
        let (method, basis) = match outcome.provenance {
            Some((method, basis)) => (describe(method), basis.name().to_owned()),
            None => ("not written down".to_owned(), "none".to_owned()),
        };
        let rule = outcome.rule.clone().unwrap_or_else(|| "none came into play".to_owned());
        let end = outcome.ldevid.clone().or(outcome.reason.clone()).unwrap_or_default();
        table.add_row([outcome.pledge.clone(), outcome.speech.to_string().replace(", ", "\n"), method, basis, outcome.verdict.to_owned(), rule, end]);
    }
    table.to_string()
}

/// What the vouchers pin, if any pledge names the registrar otherwise than by its certificate.
pub(crate) fn legend(outcomes: &[Outcome]) -> Option<String> {
    let unusual = outcomes.iter().any(|outcome| outcome.speech.proximity != ProximityLeaf::Certificate);
    let mut pins = BTreeMap::<&str, Vec<&str>>::new();
    for (pin, pledge) in outcomes.iter().filter_map(|outcome| Some((outcome.pin?, &outcome.pledge))) {
        pins.entry(pin).or_default().push(pledge);
    }
    let lines = pins.iter().map(|(pin, pledges)| format!("\n    {pin} ({})", pledges.join(", ")));
    let lines: String = lines.collect();
    unusual.then(|| format!("'by key' and 'by key hash' pledges name the registrar by these instead of its certificate. The vouchers handed over pin{lines}"))
}

fn describe(method: Method) -> String {
    match method.nist_method() {
        Some(nist) => format!("{}: {} (NIST {nist})", method.name(), method.description()),
        None => format!("{}: {}", method.name(), method.description()),
    }
}
