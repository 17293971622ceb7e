//! What an operator can do next about a pledge, in a sentence.

use std::path::Path;

use brski_common::UnixTime;
use brski_common::appraise::Verdict;
use brski_common::text::{LONGEST_WORDS, printable};
use brski_registrar::approval::QuestionDigest;
use brski_registrar::trail::{Decision, Event, PledgeFile, State, What};

/// The next step; none where there is none to take. `last` are its last events, oldest first, and `needed` persons have to approve it.
pub(super) fn step(file: &PledgeFile, last: &[Event], needed: usize, policy: &Path, now: UnixTime) -> Option<String> {
    let (serial, question) = (&file.pledge.serial, QuestionDigest::of(file));
    let approve = || format!("`brski-registrar pledges approve {serial} --question {question} --why REASON`");
    if file.disapproval.is_some() {
        return Some(format!("{} takes that back", approve()));
    }
    match (file.state, &file.held) {
        (State::Held, None) => Some("`brski-registrar trust pending` shows what it presented; it goes on once its manufacturer is accepted".to_owned()),
        (State::Held | State::Deferred, Some(_)) if file.has_waited_in_vain(now) => {
            Some("have the device ask anew, such as by a restart: it has given up, and can be approved once it comes with a new request".to_owned())
        }
        (State::Held | State::Deferred, Some(_)) if file.approval_at(now).is_some_and(|approval| approval.persons().len() >= needed) => {
            Some("it is approved, and goes on when it asks again".to_owned())
        }
        (State::Held | State::Deferred, Some(_)) => Some(format!("{}, or `pledges refuse` with the same", approve())),
        (State::Refused, _) => refused_by(last).map(|decision| {
            let rule = printable(&decision.rule, LONGEST_WORDS);
            format!("rule '{rule}' of the policy {} decides; the device is judged anew when it asks after that was changed and reloaded", policy.display())
        }),
        (State::Deferred, None) | (State::Admitted | State::Enrolled | State::Revoked, _) => None,
    }
}

/// The policy's decision, if that is why the last request was refused.
fn refused_by(last: &[Event]) -> Option<&Decision> {
    let decision = last.iter().rev().find_map(|event| match &event.what {
        What::Refused { decision, .. } | What::NotIssued { decision, .. } => Some(decision.as_deref()),
        _ => None,
    })??;
    match decision.verdict {
        Verdict::Refuse => Some(decision),
        Verdict::Accept | Verdict::Hold => None,
    }
}
