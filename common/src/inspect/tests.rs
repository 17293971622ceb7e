//! What is recognised, what is said of it, and that our own artefacts deviate in nothing.

mod artefacts;
mod broken;
mod documents;
mod encodings;
mod hostile;
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

/// Demands that some deviation contains these words.
fn assert_told(inspection: &Inspection, words: &str) {
    let told = told(inspection);
    assert!(told.iter().any(|sentence| sentence.contains(words)), "{words:?} is not in {told:#?}");
}
