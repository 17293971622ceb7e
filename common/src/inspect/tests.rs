//! What is recognised, what is said of it, and that our own artefacts deviate in nothing.

mod artefacts;
mod attested;
mod broken;
mod changed;
mod documents;
mod encodings;
mod hostile;
mod logs;
mod others;
mod signed;
mod unsigned;

use super::*;
use crate::test_pki::now;

/// Without anchors.
fn plain() -> Options {
    Options::at(now())
}

/// With these certificates as anchors.
fn anchored(certificates: impl IntoIterator<Item = Certificate>) -> Options {
    Options { anchors: Anchors::new(certificates).unwrap(), ..plain() }
}

/// Every deviation's sentence and section, nested ones included.
fn told(inspection: &Inspection) -> Vec<String> {
    inspection.all_deviations().into_iter().map(ToString::to_string).collect()
}

/// Demands that these deviations are told and no others, in this order; of each a few words.
#[track_caller]
fn assert_told(inspection: &Inspection, words: &[&str]) {
    let told = told(inspection);
    let fits = told.len() == words.len() && told.iter().zip(words).all(|(sentence, words)| sentence.contains(words));
    assert!(fits, "{words:#?} is not what is told: {told:#?}");
}
