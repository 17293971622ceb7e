//! Checkpoints of logs (C2SP tlog-checkpoint): what they say, and which of their signatures are those of keys that are given.

use super::signatures::EXHAUSTED;
use super::{Check, Context, Finding, Inspection, Kind, Options, SignatureFound};
use crate::codec::hex;
use crate::log::{NoteSignature, SignedCheckpoint, VerifierKey};

/// The text of a signed note; none if it does not look like a checkpoint.
pub(super) fn inspect(text: &str, context: &Context<'_>) -> Option<Inspection> {
    if !is_like_one(text) {
        return None;
    }
    let mut inspection = Inspection::new(Kind::Checkpoint);
    inspection.encodings.push("signed note");
    match SignedCheckpoint::parse(text) {
        Ok(note) => show(&mut inspection, &note, context),
        Err(err) => {
            inspection.deviations.push(Finding::of_decoder("C2SP tlog-checkpoint", &err));
            let check = Check::Unchecked { why: "the checkpoint cannot be read".to_owned() };
            inspection.signatures.push(SignatureFound { by: "the log".to_owned(), algorithm: None, check });
        }
    }
    Some(inspection)
}

/// A number in the second line, and signatures somewhere below.
fn is_like_one(text: &str) -> bool {
    let size = text.lines().nth(1).map(str::trim).unwrap_or_default();
    !size.is_empty() && size.bytes().all(|octet| octet.is_ascii_digit()) && text.contains("\n\u{2014} ")
}

fn show(inspection: &mut Inspection, note: &SignedCheckpoint, context: &Context<'_>) {
    let checkpoint = note.peek_unverified();
    inspection.leaf("origin", checkpoint.origin.as_str());
    inspection.leaf("size", checkpoint.size);
    inspection.leaf("root", hex(checkpoint.root.as_bytes()));
    for (index, line) in note.extension_lines().enumerate() {
        inspection.leaf(format!("extension {}", index + 1), line);
    }
    let logs = logs(context.options, note);
    inspection.signatures = note.signatures().iter().map(|line| signature(note, line, &logs, context)).collect();
}

fn signature(note: &SignedCheckpoint, line: &NoteSignature, logs: &[VerifierKey], context: &Context<'_>) -> SignatureFound {
    let mut found = SignatureFound { by: format!("{}, key ID {}", line.name(), hex(&line.key_id())), algorithm: None, check: unchecked(EXHAUSTED) };
    if *line.name() != note.peek_unverified().origin {
        found.check = unchecked("it is a witness's, of which no key can be given");
        return found;
    }
    if !context.may_verify(1) {
        return found;
    }
    let known = logs.iter().find_map(|log| Some((log, note.is_made_by(line, log)?)));
    found.algorithm = known.map(|_| "Ed25519".to_owned());
    found.check = match known {
        Some((log, true)) => Check::Anchored { anchor: format!("public key {}", log.key().digest()) },
        Some((_, false)) => Check::Wrong { why: "the log's key has not signed this text".to_owned() },
        None if context.options.verifies() => Check::Untrusted { why: "none of the keys given is that of this log".to_owned() },
        None => unchecked("the log's key is not given"),
    };
    found
}

/// The keys that may be those of this checkpoint's log: all that are known by its name, and those of the right kind that are known by no name.
pub(super) fn logs(options: &Options, note: &SignedCheckpoint) -> Vec<VerifierKey> {
    let origin = &note.peek_unverified().origin;
    let named = options.logs.iter().filter(|log| log.name() == origin).cloned();
    named.chain(options.keys.iter().filter_map(|key| VerifierKey::new(origin.clone(), key.clone()).ok())).collect()
}

fn unchecked(why: &str) -> Check {
    Check::Unchecked { why: why.to_owned() }
}
