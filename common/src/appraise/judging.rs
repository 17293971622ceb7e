//! The walk over the rules.

use super::condition::{LogWord, Outcome};
use super::policy::{Mode, Policy, Rule};
use super::view::{View, Word};
use super::{Appraisal, Objection, TraceStep, Verdict};
use crate::provenance::{ProvenanceStatement, Status};
use crate::refusal::Refusal;
use crate::time::{UnixTime, to_rfc3339};

/// What can be said.
pub(super) enum Judged {
    Decided(Appraisal),
    /// A rule could still accept or hold, as the MASA will answer.
    Open,
}

pub(super) fn judge(policy: &Policy, view: &View<'_>, now: UnixTime) -> Result<Judged, Refusal> {
    if let Some(statement) = view.statement {
        view.idevid.map_or(Ok(()), |idevid| statement.check_binding(idevid))?;
        usable(statement, now)?;
    }

    let mut trace = Vec::new();
    let mut decided = None;
    let mut stopped = None;
    for rule in policy.rules_for(view.manufacturer) {
        let objection = admits(rule.verdict()).then(|| objection(view, Some(rule))).flatten();
        let (matched, because) = match (rule.test(view, now), objection) {
            (Outcome::Fails(why), _) => (false, why),
            (Outcome::Holds(_) | Outcome::Open(_), Some((objection, because))) => {
                stopped = stopped.or(Some(objection));
                (false, because)
            }
            (Outcome::Holds(how), None) => (true, how),
            (Outcome::Open(_), None) if admits(rule.verdict()) => return Ok(Judged::Open),
            (Outcome::Open(why), None) => (false, why),
        };
        trace.push(TraceStep { rule: rule.name().to_owned(), matched, because });
        if matched {
            decided = Some((rule.verdict(), rule.name().to_owned(), rule.beside_the_method(view, now)));
            break;
        }
    }
    let (verdict, rule, because) = decided.unwrap_or_else(|| {
        trace.push(TraceStep { rule: NOTHING_ELSE_MATCHED.to_owned(), matched: true, because: "no rule of the policy matched".to_owned() });
        (Verdict::Refuse, NOTHING_ELSE_MATCHED.to_owned(), String::new())
    });
    let mut appraisal = Appraisal {
        verdict,
        rule,
        found: view.statement.map(|s| s.method),
        because,
        accepted: policy.accepted_from(view.manufacturer),
        trace,
        warned: None,
        objection: None,
    };
    // A mode that only warns suspends what the owner wrote, never what is refused unless the owner writes otherwise.
    match (verdict, policy.mode_for(view.manufacturer)) {
        (Verdict::Accept, Mode::Enforce | Mode::Warn) | (Verdict::Hold, Mode::Enforce) => {}
        (Verdict::Refuse, Mode::Enforce) => stopped.into_iter().for_each(|objection| appraisal.refuse(objection)),
        // A rule that holds has passed every objection already.
        (Verdict::Hold, Mode::Warn) => appraisal.let_pass(),
        (Verdict::Refuse, Mode::Warn) => match stopped.or_else(|| objection(view, None).map(|(objection, _)| objection)) {
            Some(objection) => appraisal.refuse(objection),
            None => appraisal.let_pass(),
        },
    }
    Ok(Judged::Decided(appraisal))
}

impl Appraisal {
    /// Refuses what no rule that was written with it in mind admits.
    fn refuse(&mut self, objection: Objection) {
        (self.verdict, self.rule) = (Verdict::Refuse, objection.rule().to_owned());
        self.trace.push(TraceStep { rule: self.rule.clone(), matched: true, because: objection.sentence().to_owned() });
        self.objection = Some(objection);
    }

    /// Accepts what the rules do not.
    fn let_pass(&mut self) {
        let because = format!("mode is warn, so that the pledge passes; enforced, rule '{}' would {} it", self.rule, self.verdict.name());
        self.trace.push(TraceStep { rule: WARNED.to_owned(), matched: true, because });
        self.warned = Some(self.verdict);
        self.verdict = Verdict::Accept;
    }
}

fn admits(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Accept | Verdict::Hold => true,
        Verdict::Refuse => false,
    }
}

/// What refuses a pledge unless the rule that admits it lists that, and why this rule does not match then.
fn objection(view: &View<'_>, rule: Option<&Rule>) -> Option<(Objection, String)> {
    let would = |field: &str| match rule {
        Some(rule) => format!("rule '{}' would decide if it listed {field}", rule.name()),
        None => format!("a rule that lists {field} would decide"),
    };
    // A rule that was written with keys in mind that their maker stands by admits no other.
    if view.is_disputed() && !rule.is_some_and(Rule::lists_status) {
        let sentence = format!("its manufacturer disputes the record behind it; {}", would("status = [\"valid\", \"disputed\"]"));
        return Some((Objection::Disputed(sentence), "status is disputed, which this rule does not list".to_owned()));
    }
    let history = match view.word {
        Word::NotYet | Word::Said(None) => None,
        Word::Said(Some(said)) => said.history.as_ref(),
    }?;
    let unlisted = |finding: LogWord| !rule.is_some_and(|rule| rule.lists(finding));
    // Such a voucher has no end: its holder could take the device back at any time.
    if let Some(domain) = history.foreign_nonceless.first().filter(|_| unlisted(LogWord::ForeignNonceless)) {
        let sentence = format!(
            "a voucher without nonce for the foreign domain {domain}; accepted-foreign-domains could allow it, or {}",
            would("audit-log = [\"foreign-nonceless\"]")
        );
        return Some((Objection::AuditLog(sentence), "audit-log is foreign-nonceless, which this rule does not list".to_owned()));
    }
    if history.arbitrarily_truncated > 0 && unlisted(LogWord::Truncated) {
        let removed = history.arbitrarily_truncated;
        let sentence = format!("that {removed} entries were removed at will, so that former owners cannot be told; {}", would("audit-log = [\"truncated\"]"));
        return Some((Objection::AuditLog(sentence), "audit-log is truncated, which this rule does not list".to_owned()));
    }
    None
}

fn usable(statement: &ProvenanceStatement, now: UnixTime) -> Result<(), Refusal> {
    if let Some(expiry) = statement.expires_at.filter(|expiry| *expiry <= now) {
        return Err(Refusal::StatementVoid(format!("it expired at {}", to_rfc3339(expiry))));
    }
    match statement.status {
        Status::Valid | Status::Disputed => Ok(()),
        Status::Compromised => Err(Refusal::StatementVoid("its manufacturer has marked the key as compromised".to_owned())),
    }
}

/// Name of the built-in last rule, which refuses.
pub const NOTHING_ELSE_MATCHED: &str = "nothing-else-matched";

/// Name of the last step of a trace whose policy only warns.
pub const WARNED: &str = "mode-warn";
