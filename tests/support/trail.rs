//! A registrar's trail as lines for people, with names in place of digests, so that one run's lines are the next one's.

use brski_common::SpkiDigest;
use brski_registrar::PledgeStore;
use brski_registrar::trail::{Decision, Event, What};

/// Every event from number `from` on.
pub(crate) async fn events(store: &dyn PledgeStore, from: u64) -> Vec<Event> {
    store.events(from, 10_000).await.unwrap().iter().map(|octets| serde_json::from_slice(octets).unwrap()).collect()
}

/// One event in one line: whom it is about, what happened, and which rules were asked about that.
pub(crate) fn line(event: &Event) -> String {
    let who = event.pledge.as_ref().map_or("nobody", |pledge| pledge.serial.as_str());
    match &event.what {
        What::Admitted { decision, .. } => format!("{who} admitted{}", asked(decision)),
        What::Held { sentence, decision, .. } => format!("{who} held: {sentence}{}", asked(decision)),
        What::Deferred { sentence, .. } => format!("{who} deferred: {sentence}"),
        What::Refused { sentence, decision, withdrawn: false, .. } => format!("{who} refused: {sentence}{}", asked(decision)),
        What::Refused { sentence, decision, withdrawn: true, .. } => format!("{who} refused, its admission withdrawn: {sentence}{}", asked(decision)),
        What::Bound { .. } => format!("{who} has a key for an LDevID"),
        What::Issued { renewal, decision, .. } => format!("{who} issued an LDevID, renewal {renewal}{}", asked(decision)),
        What::NotIssued { sentence, renewal, decision, .. } => format!("{who} not issued, renewal {renewal}: {sentence}{}", asked(decision)),
        What::Told { resource, success, reason, with_idevid } => {
            format!("{who} told {resource}: success {success}, with IDevID {with_idevid}, reason '{reason}'")
        }
        What::Strangers { sentence, count } => format!("{count} stranger(s), the last: {sentence}"),
        other => panic!("no journey in memory is known to note {other:?}"),
    }
}

fn asked(decision: &Option<Box<Decision>>) -> String {
    let Some(decision) = decision else { return String::new() };
    let steps: Vec<_> = decision.trace.iter().map(|step| format!("{} {}: {}", if step.matched { "+" } else { "-" }, step.rule, step.because)).collect();
    format!(" [{} by {}; {}]", decision.verdict.name(), decision.rule, steps.join("; "))
}

/// Puts names in the place of what differs from run to run.
#[derive(Default)]
pub(crate) struct Names(Vec<(String, String)>);

impl Names {
    /// A key's digest, in full or as far as sentences show it.
    pub(crate) fn key(mut self, digest: SpkiDigest, name: &str) -> Self {
        let hex = digest.to_string();
        self.0.push((hex.clone(), format!("<{name}>")));
        self.0.push((hex[..16].to_owned(), format!("<{name}>")));
        self
    }

    /// Any other words.
    pub(crate) fn words(mut self, words: impl Into<String>, name: &str) -> Self {
        self.0.push((words.into(), format!("<{name}>")));
        self
    }

    /// The text with every name in its place.
    pub(crate) fn put_in(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (words, name)| text.replace(words, name))
    }
}
