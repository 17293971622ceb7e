//! What can be done, each in a few lines: read what was asked, act, tell.

use brski_common::access::Caller;
use brski_common::appraise::{Facts, TraceStep, Verdict, rehearse};
use brski_common::http::{BoxError, Query as Parameters, QueryError, must_be, read_body, typed};
use brski_common::log::leaf_hash;
use brski_common::text::in_full;
use brski_common::time::{from_rfc3339, rfc3339, to_rfc3339};
use brski_common::{Anchors, Leniency, Policy, SpkiDigest, UnixTime};
use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as object};

use super::refusal::NotDone;
use super::route::{OfRegistrar, OnePledge};
use super::{Clerk, json};
use crate::approval::{Person, QuestionDigest, Rehearsed, Via};
use crate::desk::{self, DeskError, Pick};
use crate::metrics::{MOST_HELD, tell_figures};
use crate::pledges::{Mark, Query};
use crate::revocation::{self, Which};
use crate::trail::{Event, PledgeFile, RevocationReason, State};
use crate::trust::Manufacturer;

type Answer = Result<Response<Full<Bytes>>, NotDone>;

/// What a person says of a pledge.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Said {
    why: String,
    /// The question that they saw.
    question: Option<QuestionDigest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Revocation {
    why: String,
    reason: RevocationReason,
}

/// What a person's word came to. All else is told of a pledge to whoever looks at it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Decided {
    serial: String,
    manufacturer: String,
    key: SpkiDigest,
    decided: &'static str,
    by: Person,
    /// Where the pledge stands now.
    state: State,
    /// How many persons' yes counts now.
    #[serde(skip_serializing_if = "Option::is_none")]
    approvals: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approvals_needed: Option<usize>,
    /// What follows.
    sentence: String,
}

/// Which policy is tried, and on whom.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Trial {
    /// The policy's text; the one in force if absent.
    policy: Option<String>,
    /// One pledge by key or serial number.
    pledge: Option<String>,
    /// The pledges that were seen last.
    last: Option<u32>,
}

/// One pledge under a policy that is tried.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Tried {
    key: SpkiDigest,
    serial: String,
    manufacturer: String,
    then: Option<Outcome>,
    now: Option<Outcome>,
    /// As of when that was judged: when the pledge was last seen.
    #[serde(with = "rfc3339")]
    judged_at: UnixTime,
    /// What becomes of it, with what persons said.
    #[serde(flatten)]
    rehearsed: Option<Rehearsed>,
    changed: bool,
    /// Why there is none now.
    #[serde(skip_serializing_if = "Option::is_none")]
    sentence: Option<String>,
    trace: Vec<TraceStep>,
}

#[derive(PartialEq, Serialize)]
struct Outcome {
    verdict: Verdict,
    rule: String,
}

impl Clerk<'_> {
    pub(super) async fn with_pledge<B>(&self, action: OnePledge, key: &str, caller: &Caller, head: &Parts, body: B) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        Parameters::read(head.uri.query(), &[])?;
        let store = self.registrar.pledges();
        let file = desk::pick(store, key).await?;
        tracing::Span::current().record("serial", file.pledge.serial.as_str());
        let needed = self.registrar.approvers().max(1);
        let decided = match action {
            OnePledge::Show => return Ok(json(&self.shown(&file, &store.history(file.pledge.key, NEWEST).await?))),
            OnePledge::Approve => {
                let (pick, by) = self.said(&file, caller, head, body).await?;
                let approved = desk::approve(store, &pick, by.clone(), needed).await?;
                let sentence = approved.in_words(needed);
                Decided { approvals: Some(approved.persons), approvals_needed: Some(needed), ..Decided::new("approved", approved.file, by, sentence) }
            }
            OnePledge::Refuse => {
                let (pick, by) = self.said(&file, caller, head, body).await?;
                let file = desk::refuse(store, &pick, by.clone()).await?;
                let sentence = desk::refused_in_words(&file);
                Decided::new("refused", file, by, sentence)
            }
            OnePledge::Revoke => {
                let Revocation { why, reason } = read_json(head, body).await?;
                let by = self.person(caller, &why)?;
                let revoked = revocation::revoke(store, file.pledge.key, &Which::Current, reason, &by).await?;
                let told: Vec<String> = revoked.into_iter().map(|certificate| self.registrar.told(certificate).to_string()).collect();
                let file = store.file(file.pledge.key).await?.unwrap_or(file);
                let sentence =
                    format!("LDevIDs of {} revoked: {}; a pledge that shall not come again has to be refused as well", file.pledge.serial, told.join("; "));
                Decided::new("revoked", file, by, sentence)
            }
        };
        tracing::info!(outcome = decided.decided, sentence = decided.sentence, "decided by a person");
        Ok(json(&decided))
    }

    pub(super) async fn with_registrar<B>(&self, action: OfRegistrar, caller: &Caller, head: &Parts, body: B) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let query = |known| Parameters::read(head.uri.query(), known);
        match action {
            OfRegistrar::Metrics => {
                query(&[])?;
                self.metrics().await
            }
            OfRegistrar::Pledges => self.pledges(query(&["before", "before-key", "limit", "serial", "state"])?).await,
            OfRegistrar::Trust => {
                query(&[])?;
                Ok(json(&self.registrar.trust().manufacturers().iter().map(trusted).collect::<Vec<_>>()))
            }
            OfRegistrar::Policy => {
                query(&[])?;
                let policy = self.registrar.policy();
                let digest = SpkiDigest(*policy.digest());
                Ok(json(&object!({ "digest": digest, "accepts": policy.accepted_in_words(), "rules": policy.rules_in_words() })))
            }
            OfRegistrar::PolicyTest => {
                query(&[])?;
                self.try_policy(read_json(head, body).await?).await
            }
            OfRegistrar::AuditHead => {
                query(&[])?;
                let head = self.registrar.pledges().head().await?;
                Ok(json(&object!({ "size": head.size, "root": head.root.to_string() })))
            }
            OfRegistrar::AuditEvents => self.events(query(&["from", "limit"])?).await,
            OfRegistrar::Appraise => self.appraise(caller, head, body).await,
        }
    }

    async fn metrics(&self) -> Answer {
        // Other processes write into the store as well.
        let store = self.registrar.pledges();
        let held = store.files(Query { state: Some(State::Held), limit: MOST_HELD, ..Query::default() }).await?;
        tell_figures(held.len(), store.head().await?.size);
        Ok(typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", (self.service.metrics.0)()))
    }

    async fn pledges(&self, query: Parameters) -> Answer {
        let word = |text: &str| serde_json::from_value::<State>(Value::String(text.to_owned()));
        let before = query.read_as("before", |text| from_rfc3339("before", text))?;
        let before_key = query.read_as("before-key", |text| SpkiDigest::try_from(text.to_owned()))?;
        if before.is_none() && before_key.is_some() {
            return Err(QueryError("before-key in the query goes with before: last-seen and key of the last pledge of the page before".to_owned()).into());
        }
        let wanted = Query {
            state: query.read_as("state", |text| word(text).map_err(|_| "it must be held, deferred, admitted, enrolled, refused or revoked"))?,
            serial: query.text("serial").map(str::to_owned),
            key: None,
            before: before.map(|before| Mark::at(before, before_key)),
            limit: limit(&query)?,
        };
        let files = self.registrar.pledges().files(wanted).await?;
        Ok(json(&files.iter().map(brief).collect::<Vec<_>>()))
    }

    async fn events(&self, query: Parameters) -> Answer {
        let from = query.read_as("from", str::parse::<u64>)?.unwrap_or_default();
        let store = self.registrar.pledges();
        // First: what is written meanwhile is beyond it.
        let size = store.head().await?.size;
        let events = store.events(from, limit(&query)?).await?;
        let numbered = events.iter().zip(from..).take_while(|(_, number)| *number < size).map(|(octets, number)| {
            let event: Value = serde_json::from_slice(octets).unwrap_or_default();
            object!({ "number": number, "leaf-hash": leaf_hash(octets).to_string(), "event": event })
        });
        Ok(json(&object!({ "size": size, "events": numbered.collect::<Vec<_>>() })))
    }

    async fn try_policy(&self, Trial { policy, pledge, last }: Trial) -> Answer {
        let _one = self.service.trial.begin().ok_or(NotDone::Busy)?;
        let policy = match &policy {
            Some(text) => &Policy::from_toml(text).map_err(|err| NotDone::Policy(err.to_string()))?,
            None => self.registrar.policy(),
        };
        let store = self.registrar.pledges();
        let files = match (pledge, last) {
            (Some(_), Some(_)) => return Err(NotDone::Json("pledge and last exclude each other".to_owned())),
            (Some(pledge), None) => vec![desk::pick(store, &pledge).await?],
            (None, last) => {
                let limit = last.unwrap_or(20);
                if !(1..=MOST_ROWS).contains(&limit) {
                    return Err(NotDone::Json(format!("last must be a number from 1 to {MOST_ROWS}")));
                }
                store.files(Query { limit, ..Query::default() }).await?
            }
        };
        let tried: Vec<Tried> = files.iter().map(|file| tried(policy, file, self.registrar.approvers())).collect();
        let changed = tried.iter().filter(|tried| tried.changed).count();
        let digest = SpkiDigest(*policy.digest());
        Ok(json(&object!({ "digest": digest, "accepts": policy.accepted_in_words(), "rules": policy.rules_in_words(), "changed": changed, "pledges": tried })))
    }

    /// A pledge's file as people need it: who has to say what, and what happened.
    fn shown(&self, file: &PledgeFile, history: &[(u64, Event)]) -> Value {
        let mut shown = serde_json::to_value(file).unwrap_or_default();
        if let Value::Object(fields) = &mut shown {
            fields.insert("question".to_owned(), QuestionDigest::of(file).to_string().into());
            if file.state == State::Held {
                fields.insert("approvals-needed".to_owned(), self.registrar.approvers().max(1).into());
            }
            let history = history.iter().map(|(number, event)| object!({ "number": number, "event": event }));
            fields.insert("history".to_owned(), history.collect());
        }
        shown
    }

    /// What somebody says of this pledge, and of which question.
    async fn said<B>(&self, file: &PledgeFile, caller: &Caller, head: &Parts, body: B) -> Result<(Pick, Person), NotDone>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let Said { why, question } = read_json(head, body).await?;
        let missing = || NotDone::Json("question is missing; GET /pledges/{key} tells the one that stands there, for whoever has looked at it".to_owned());
        Ok((Pick::asking(file, question.ok_or_else(missing)?), self.person(caller, &why)?))
    }

    /// Whose decision it is; never whom a body names.
    fn person(&self, caller: &Caller, why: &str) -> Result<Person, NotDone> {
        let via = match caller.certificate() {
            Some(subject) => Via::Certificate { subject: subject.to_owned() },
            None => Via::Token,
        };
        Ok(Person::new(caller.name(), why, self.registrar.now()).via(via).checked().map_err(DeskError::from)?)
    }
}

impl Decided {
    fn new(decided: &'static str, file: PledgeFile, by: Person, sentence: String) -> Self {
        let PledgeFile { pledge, state, .. } = file;
        let (serial, manufacturer, key) = (pledge.serial.to_string(), pledge.manufacturer, pledge.key);
        Self { serial, manufacturer, key, decided, by, state, approvals: None, approvals_needed: None, sentence }
    }
}

/// A line of the list.
fn brief(file: &PledgeFile) -> Value {
    let decision = file.decision.as_deref();
    object!({
        "key": file.pledge.key,
        "serial": file.pledge.serial,
        "manufacturer": file.pledge.manufacturer,
        "state": file.state,
        "last-seen": to_rfc3339(file.last_seen),
        "sentence": file.sentence,
        "verdict": decision.map(|decision| decision.verdict),
        "rule": decision.map(|decision| decision.rule.as_str()),
        "approvals": file.approvals.len(),
        "question": QuestionDigest::of(file),
    })
}

/// As of when the pledge was last seen, so that ages are what they were.
fn tried(policy: &Policy, file: &PledgeFile, approvers: usize) -> Tried {
    let decision = file.decision.as_deref();
    let then = decision.map(|decision| Outcome { verdict: decision.verdict, rule: decision.rule.clone() });
    let rehearsed = decision.map(|decision| &decision.facts).map(|facts: &Facts| rehearse(policy, facts, file.last_seen));
    let (now, sentence, trace) = match rehearsed {
        Some(Ok(rehearsal)) => (Some(Outcome { verdict: rehearsal.verdict(), rule: rehearsal.rule().to_owned() }), None, rehearsal.trace().to_vec()),
        Some(Err(err)) => (None, Some(in_full(&err)), Vec::new()),
        None => (None, Some("the policy was never asked about it, so that there is nothing to judge".to_owned()), Vec::new()),
    };
    let pledge = &file.pledge;
    let rehearsed = now.as_ref().map(|now| Rehearsed::new(file, policy, now.verdict, &now.rule, approvers));
    let on_record = then.as_ref().map(|then| Rehearsed::on_record(file, then.verdict, approvers));
    let changed = then != now || on_record != rehearsed.as_ref().map(|rehearsed| rehearsed.outcome);
    let (serial, manufacturer) = (pledge.serial.to_string(), pledge.manufacturer.clone());
    Tried { key: pledge.key, serial, manufacturer, then, now, judged_at: file.last_seen, rehearsed, changed, sentence, trace }
}

fn trusted(manufacturer: &Manufacturer) -> Value {
    let anchors = |anchors: &Anchors| {
        let shown = anchors.certificates().iter().map(|anchor| object!({ "subject": anchor.subject(), "sha256": anchor.fingerprint() }));
        shown.collect::<Vec<_>>()
    };
    object!({
        "name": manufacturer.name,
        "masa-url": manufacturer.masa_url.as_ref().map(|url| url.authority()),
        "idevid-anchors": anchors(&manufacturer.idevid_anchors),
        "voucher-anchors": anchors(&manufacturer.voucher_anchors),
        "provenance-anchors": anchors(&manufacturer.provenance_anchors),
        "masa-tls-anchors": anchors(&manufacturer.masa_tls_anchors),
        "log-keys": manufacturer.log_keys.iter().map(|key| key.digest()).collect::<Vec<_>>(),
        "ignore-idevid-expiry": manufacturer.ignore_idevid_expiry,
        "leniencies": manufacturer.lenient.granted().map(Leniency::name).collect::<Vec<_>>(),
    })
}

fn limit(query: &Parameters) -> Result<u32, QueryError> {
    let known = |text: &str| text.parse().ok().filter(|limit| (1..=MOST_ROWS).contains(limit)).ok_or(format!("it must be a number from 1 to {MOST_ROWS}"));
    Ok(query.read_as("limit", known)?.unwrap_or(100))
}

async fn read_json<T, B>(head: &Parts, body: B) -> Result<T, NotDone>
where
    T: DeserializeOwned,
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    must_be(&head.headers, "application/json")?;
    let body = read_body(body, LARGEST_BODY).await?;
    serde_json::from_slice(&body).map_err(|err| NotDone::Json(err.to_string()))
}

/// A policy is longer than a reason.
const LARGEST_BODY: usize = 256 * 1024;

/// Of a pledge that renews every day, the last month or so.
const NEWEST: u32 = 100;

const MOST_ROWS: u32 = 1000;
