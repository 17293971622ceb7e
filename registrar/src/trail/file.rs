//! A pledge's file: what people see of it, folded from its events.

use brski_common::UnixTime;
use brski_common::pledge::LONGEST_DEFERRAL;
use brski_common::text::{LONGEST_LINE, printable};
use brski_common::time::{rfc3339, rfc3339_or_none};
use serde::{Deserialize, Serialize};

use super::{CertificateId, Decision, Edition, Event, IssuedCertificate, RequestDigest, RevocationReason, Subject, What};
use crate::approval::{Approval, HeldBy, Person, QuestionDigest};

#[cfg(test)]
mod tests;

/// What people see of one pledge: the sum of its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PledgeFile {
    /// Which pledge.
    pub pledge: Subject,
    /// Where it stands.
    pub state: State,
    /// When it first came.
    #[serde(with = "rfc3339")]
    pub first_seen: UnixTime,
    /// When it last came or somebody last decided about it, as far as that is an event: a request that is repeated is one only an hour later.
    #[serde(with = "rfc3339")]
    pub last_seen: UnixTime,
    /// The request that waits, and since when.
    pub waiting: Option<Waiting>,
    /// Why it stands there, in a sentence; empty once admitted.
    pub sentence: String,
    /// The last decision of the policy.
    pub decision: Option<Box<Decision>>,
    /// What persons are, or were last, asked about.
    pub held: Option<HeldBy>,
    /// Who approved that, or said that it is not to stay refused, each once with their latest word; the first eight.
    pub approvals: Vec<Person>,
    /// Who decided against it, if neither they nor enough others approved since.
    pub disapproval: Option<Person>,
    /// The newest that its manufacturer said of its key since it was admitted first, if it was anything new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
    /// What was attested of the key that it asked an LDevID for last, if it showed evidence or should have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attested: Option<Box<super::Attested>>,
    /// Its LDevIDs, oldest first: all that can be revoked, and of those that are expired or revoked the newest as far as there are no more than a hundred together.
    pub certificates: Vec<FiledCertificate>,
}

/// An LDevID in a pledge's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FiledCertificate {
    /// The LDevID.
    #[serde(flatten)]
    pub certificate: IssuedCertificate,
    /// Why and by whom it was revoked.
    pub revoked: Option<(RevocationReason, Person)>,
}

impl FiledCertificate {
    /// Whether it is neither expired nor revoked.
    pub fn is_current(&self, now: UnixTime) -> bool {
        self.revoked.is_none() && self.certificate.not_after >= now
    }
}

/// A statement that was verified when it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stated {
    /// In COSE, in base64.
    pub statement: String,
    /// Its number among all that the manufacturer said of the key.
    pub seq: u32,
    /// When the manufacturer issued it; none if an older version wrote it down.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "rfc3339_or_none")]
    pub issued_at: Option<UnixTime>,
    /// When it came.
    #[serde(with = "rfc3339")]
    pub at: UnixTime,
}

impl Stated {
    fn edition(&self) -> Edition {
        Edition::new(self.seq, self.issued_at)
    }
}

/// A request of a pledge that was told to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Waiting {
    /// SHA-256 over the request.
    pub request: RequestDigest,
    /// When it first came.
    #[serde(with = "rfc3339")]
    pub since: UnixTime,
}

/// Where a pledge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A person has to decide.
    Held,
    /// Its MASA is waited for.
    Deferred,
    /// It has a voucher and no LDevID.
    Admitted,
    /// It has an LDevID.
    Enrolled,
    /// It was refused.
    Refused,
    /// Its LDevIDs were revoked.
    Revoked,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Held, Self::Deferred, Self::Admitted, Self::Enrolled, Self::Refused, Self::Revoked];

    /// `held`, `deferred`, `admitted`, `enrolled`, `refused` or `revoked`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Deferred => "deferred",
            Self::Admitted => "admitted",
            Self::Enrolled => "enrolled",
            Self::Refused => "refused",
            Self::Revoked => "revoked",
        }
    }
}

impl PledgeFile {
    /// The approval that persons gave, as far as it got, however long ago: what was admitted on it stands on it.
    pub fn approval(&self) -> Option<Approval> {
        let held = self.held.clone().filter(|_| self.disapproval.is_none())?;
        (!self.approvals.is_empty()).then(|| Approval::of(held, self.approvals.iter().cloned()))
    }

    /// The approval on which the pledge can be admitted at `now`: a word counts for as long as a pledge waits, four days.
    pub fn approval_at(&self, now: UnixTime) -> Option<Approval> {
        let persons: Vec<Person> = self.approvers_at(now).cloned().collect();
        let held = self.held.clone().filter(|_| self.disapproval.is_none() && !persons.is_empty())?;
        Some(Approval::of(held, persons))
    }

    /// Whose yes counts at `now`, be it to what holds the pledge or against its being refused.
    pub fn approvers_at(&self, now: UnixTime) -> impl Iterator<Item = &Person> {
        self.approvals.iter().filter(move |person| !lapsed(person.at, now))
    }

    /// Whether the request that waits came so long ago at `now` that its pledge has given up.
    pub fn has_waited_in_vain(&self, now: UnixTime) -> bool {
        self.waiting.is_some_and(|waiting| lapsed(waiting.since, now))
    }

    /// What one event makes of a pledge's file; of none if it is the first. None if the event is about no pledge.
    pub fn after(file: Option<Self>, event: &Event) -> Option<Self> {
        let pledge = event.pledge.clone()?;
        let mut file = Self { pledge: pledge.clone(), ..file.unwrap_or_else(|| Self::opened(pledge, event.at)) };
        file.last_seen = file.last_seen.max(event.at);
        file.take(event);
        Some(file)
    }

    fn opened(pledge: Subject, at: UnixTime) -> Self {
        Self {
            pledge,
            state: State::Deferred,
            first_seen: at,
            last_seen: at,
            waiting: None,
            sentence: String::new(),
            decision: None,
            held: None,
            approvals: Vec::new(),
            disapproval: None,
            stated: None,
            attested: None,
            certificates: Vec::new(),
        }
    }

    fn wait(&mut self, request: RequestDigest, at: UnixTime) {
        if self.waiting.is_none_or(|waiting| waiting.request != request) {
            self.waiting = Some(Waiting { request, since: at });
        }
    }

    /// Where it stands and why, unless a person refused it: then nothing that was on its way when they did moves it.
    fn stand(&mut self, state: State, sentence: &str) {
        if self.disapproval.is_none() {
            (self.state, self.sentence) = (state, printable(sentence, LONGEST_LINE));
        }
    }

    fn take(&mut self, event: &Event) {
        match &event.what {
            What::Admitted { decision, .. } => {
                self.waiting = None;
                self.stand(State::Admitted, "");
                self.decision.clone_from(decision);
            }
            What::Held { request, held, sentence, decision } => {
                self.wait(*request, event.at);
                if self.held != *held {
                    self.approvals.clear();
                }
                self.held.clone_from(held);
                self.stand(State::Held, sentence);
                self.decide(decision.as_deref());
            }
            What::Deferred { request, sentence } => {
                self.wait(*request, event.at);
                self.stand(State::Deferred, sentence);
            }
            // What it has, it keeps: this request alone was refused.
            What::Refused { sentence, withdrawn: false, decision, .. } if matches!(self.state, State::Admitted | State::Enrolled) => {
                self.remark(sentence);
                self.decide(decision.as_deref());
            }
            What::Refused { sentence, decision, .. } => {
                self.waiting = None;
                self.stand(State::Refused, sentence);
                self.decide(decision.as_deref());
            }
            // Who said yes to another question has said nothing to this one: it stays in the trail, and counts for nothing. A no counts whatever was asked: nobody gets in by it.
            What::Approved { question: Some(question), .. } if *question != QuestionDigest::of(self) => {}
            What::Approved { held, by, needed, .. } => self.approve(held, by, needed.unwrap_or(1)),
            What::Disapproved { by, .. } => {
                self.approvals.clear();
                (self.state, self.sentence) = (State::Refused, format!("{} refused it: {}", by.name, by.why));
                self.disapproval = Some(by.clone());
            }
            What::Issued { certificate, decision, .. } => {
                self.waiting = None;
                self.stand(State::Enrolled, "");
                self.decide(decision.as_deref());
                // What was attested of another key says nothing of this one.
                self.attested.take_if(|attested| attested.key != certificate.key);
                self.certificates.push(FiledCertificate { certificate: certificate.clone(), revoked: None });
                self.forget_certificates(event.at);
            }
            What::Attested { request, key, findings, warned, .. } => {
                let (findings, warned) = (findings.clone(), warned.clone());
                self.attested = Some(Box::new(super::Attested { request: *request, key: *key, findings, warned, at: event.at }));
            }
            What::NotIssued { sentence, decision, .. } => {
                match self.state {
                    // It never got as far as to ask for a voucher.
                    State::Deferred if self.waiting.is_none() => self.stand(State::Refused, sentence),
                    State::Held | State::Deferred | State::Admitted | State::Enrolled | State::Refused | State::Revoked => self.remark(sentence),
                }
                self.decide(decision.as_deref());
            }
            What::Revoked { reason, by, .. } => {
                let Some(meant) = event.what.revoked() else { return };
                let revoked = self.certificates.iter_mut().filter(|filed| filed.certificate.id().may_be(&meant));
                revoked.for_each(|filed| filed.revoked = Some((*reason, by.clone())));
                if self.certificates.iter().all(|filed| filed.revoked.is_some()) {
                    // What somebody took back does not return on an older yes.
                    self.approvals.clear();
                    self.stand(State::Revoked, &format!("{} revoked its LDevIDs: {}", by.name, by.why));
                }
            }
            // What is older counts no longer, whatever order it comes in.
            What::Stated { statement, seq, issued_at, .. } => {
                let stated = Stated { statement: statement.clone(), seq: *seq, issued_at: *issued_at, at: event.at };
                if self.stated.as_ref().is_none_or(|newest| newest.edition() <= stated.edition()) {
                    self.stated = Some(stated);
                }
            }
            What::Bound { .. }
            | What::Told { .. }
            | What::Opinion { .. }
            | What::Ended { .. }
            | What::Strangers { .. }
            | What::Configured { .. }
            | What::Rechecked { .. }
            | What::Restored { .. } => {}
        }
    }

    /// The last second of this LDevID, or of the longest-lived that it may be; none if the file has forgotten it.
    pub(crate) fn last_second_of(&self, certificate: &CertificateId) -> Option<UnixTime> {
        let meant = self.certificates.iter().filter(|filed| filed.certificate.id().may_be(certificate));
        meant.map(|filed| filed.certificate.not_after).max()
    }

    /// How many of its LDevIDs are neither expired nor revoked.
    pub fn current_certificates(&self, now: UnixTime) -> usize {
        self.certificates.iter().filter(|filed| filed.is_current(now)).count()
    }

    /// Drops the oldest of those that nobody can revoke any more, but none that somebody may have to.
    fn forget_certificates(&mut self, now: UnixTime) {
        let mut surplus = self.certificates.len().saturating_sub(MOST_CERTIFICATES);
        self.certificates.retain(|filed| {
            let forgotten = surplus > 0 && !filed.is_current(now);
            surplus -= usize::from(forgotten);
            !forgotten
        });
    }

    /// Why something was refused that changes nothing of where it stands.
    fn remark(&mut self, sentence: &str) {
        if self.disapproval.is_none() {
            self.sentence = printable(sentence, LONGEST_LINE);
        }
    }

    fn decide(&mut self, decision: Option<&Decision>) {
        if let Some(decision) = decision {
            self.decision = Some(Box::new(decision.clone()));
        }
    }

    fn approve(&mut self, held: &HeldBy, by: &Person, needed: usize) {
        // What takes a refusal back need not answer a question.
        let counts = self.held.as_ref().map_or(self.disapproval.is_some(), |question| question == held);
        if counts {
            self.approvals.retain(|other| !other.is_same_as(by));
            if self.approvals.len() < MOST_APPROVALS {
                self.approvals.push(by.clone());
            }
        }
        let Some(disapproval) = &self.disapproval else { return };
        if !disapproval.is_same_as(by) && self.approvers_at(by.at).count() < needed {
            return;
        }
        self.disapproval = None;
        let enrolled = self.certificates.iter().any(|filed| filed.revoked.is_none());
        let state = match (enrolled, &self.held) {
            (true, _) => State::Enrolled,
            (false, Some(_)) => State::Held,
            (false, None) => State::Refused,
        };
        if self.held.is_none() {
            self.approvals.clear();
        }
        self.stand(state, &format!("{} took back that it is refused; it is judged anew when it comes again", by.name));
    }
}

fn lapsed(since: UnixTime, now: UnixTime) -> bool {
    now.as_secs().saturating_sub(since.as_secs()) >= LONGEST_DEFERRAL.as_secs()
}

/// So many LDevIDs can be in use of one pledge, and so many are kept in its file. A device that renews every day has had them in three months.
pub const MOST_CERTIFICATES: usize = 100;

/// More than any owner demands.
const MOST_APPROVALS: usize = 8;
