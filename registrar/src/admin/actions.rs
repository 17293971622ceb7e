//! What can be done, each in a few lines: read what was asked, act, tell.

use brski_common::access::Caller;
use brski_common::appraise::{Facts, TraceStep, Verdict, rehearse};
use brski_common::http::{BoxError, Query as Parameters, QueryError, must_be, read_body, typed};
use brski_common::log::leaf_hash;
use brski_common::text::{LONGEST_WORDS, in_full, printable};
use brski_common::time::from_rfc3339;
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
use super::route::Action;
use super::{Clerk, json};
use crate::approval::Person;
use crate::desk::{self, DeskError, Pick};
use crate::metrics::{MOST_HELD, tell_figures};
use crate::pledges::Query;
use crate::revocation::{self, Which};
use crate::trail::{Event, PledgeFile, RevocationReason, State};
use crate::trust::Manufacturer;

type Answer = Result<Response<Full<Bytes>>, NotDone>;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Why {
    why: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Revocation {
    why: String,
    reason: RevocationReason,
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
    pub(super) async fn about_pledge<B>(&self, action: Action, key: &str, caller: &Caller, head: &Parts, body: B) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        Parameters::read(head.uri.query(), &[])?;
        let store = self.registrar.pledges();
        let file = desk::pick(store, key).await?;
        tracing::Span::current().record("serial", file.pledge.serial.as_str());
        let pick = Pick::of(&file);
        let (decided, sentence) = match action {
            Action::Pledge => (file, None),
            Action::Approve => {
                let by = self.person(caller, &read_json::<Why, _>(head, body).await?.why)?;
                let approved = desk::approve(store, &pick, by, self.registrar.approvers()).await?;
                let sentence = approved.in_words(self.registrar.approvers());
                (approved.file, Some(sentence))
            }
            Action::Refuse => {
                let by = self.person(caller, &read_json::<Why, _>(head, body).await?.why)?;
                (desk::refuse(store, &pick, by).await?, None)
            }
            Action::Revoke => {
                let Revocation { why, reason } = read_json(head, body).await?;
                let by = self.person(caller, &why)?;
                let revoked = revocation::revoke(store, file.pledge.key, &Which::Current, reason, &by).await?;
                (store.file(file.pledge.key).await?.unwrap_or(file), Some(format!("revoked: {}", revoked.join(", "))))
            }
            _ => return Err(NotDone::NoSuchResource),
        };
        if action != Action::Pledge {
            tracing::info!(outcome = ?action, sentence, "decided by a person");
        }
        let history = store.history(decided.pledge.key, NEWEST).await?;
        Ok(json(&self.shown(&decided, sentence, &history)))
    }

    pub(super) async fn about_all<B>(&self, action: Action, head: &Parts, body: B) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let query = |known| Parameters::read(head.uri.query(), known);
        match action {
            Action::Metrics => {
                query(&[])?;
                self.metrics().await
            }
            Action::Pledges => self.pledges(query(&["before", "limit", "serial", "state"])?).await,
            Action::Trust => {
                query(&[])?;
                Ok(json(&self.registrar.trust().manufacturers().iter().map(trusted).collect::<Vec<_>>()))
            }
            Action::Policy => {
                query(&[])?;
                let policy = self.registrar.policy();
                let digest = SpkiDigest(*policy.digest());
                Ok(json(&object!({ "digest": digest, "accepts": policy.accepted_in_words(), "rules": policy.rules_in_words() })))
            }
            Action::PolicyTest => {
                query(&[])?;
                self.try_policy(read_json(head, body).await?).await
            }
            Action::AuditHead => {
                query(&[])?;
                let head = self.registrar.pledges().head().await?;
                Ok(json(&object!({ "size": head.size, "root": head.root.to_string() })))
            }
            Action::AuditEvents => self.events(query(&["from", "limit"])?).await,
            Action::Appraise => self.appraise(head, body).await,
            _ => Err(NotDone::NoSuchResource),
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
        let wanted = Query {
            state: query.read_as("state", |text| word(text).map_err(|_| "it must be held, deferred, admitted, enrolled, refused or revoked"))?,
            serial: query.text("serial").map(str::to_owned),
            key: None,
            before: query.read_as("before", |text| from_rfc3339("before", text))?,
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
        let now = self.registrar.now();
        let tried: Vec<Tried> = files.iter().map(|file| tried(policy, file, now)).collect();
        let changed = tried.iter().filter(|tried| tried.then != tried.now).count();
        let digest = SpkiDigest(*policy.digest());
        Ok(json(&object!({ "digest": digest, "accepts": policy.accepted_in_words(), "rules": policy.rules_in_words(), "changed": changed, "pledges": tried })))
    }

    /// A pledge's file as people need it: who has to say what, and what happened.
    fn shown(&self, file: &PledgeFile, sentence: Option<String>, history: &[(u64, Event)]) -> Value {
        let mut shown = serde_json::to_value(file).unwrap_or_default();
        if let Value::Object(fields) = &mut shown {
            if file.state == State::Held {
                fields.insert("approvals-needed".to_owned(), self.registrar.approvers().max(1).into());
            }
            let history = history.iter().map(|(number, event)| object!({ "number": number, "event": event }));
            fields.insert("history".to_owned(), history.collect());
            fields.extend(sentence.map(|sentence| ("done".to_owned(), sentence.into())));
        }
        shown
    }

    /// Whose decision it is; never whom a body names.
    fn person(&self, caller: &Caller, why: &str) -> Result<Person, DeskError> {
        let why = why.trim();
        match (1..=LONGEST_WORDS).contains(&why.chars().count()) {
            true => Ok(Person { name: caller.name().to_owned(), why: printable(why, LONGEST_WORDS), at: self.registrar.now() }),
            false => Err(DeskError::Unsaid("why")),
        }
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
        "last-seen": brski_common::time::to_rfc3339(file.last_seen),
        "sentence": file.sentence,
        "verdict": decision.map(|decision| decision.verdict),
        "rule": decision.map(|decision| decision.rule.as_str()),
        "approvals": file.approvals.len(),
    })
}

fn tried(policy: &Policy, file: &PledgeFile, now: UnixTime) -> Tried {
    let decision = file.decision.as_deref();
    let then = decision.map(|decision| Outcome { verdict: decision.verdict, rule: decision.rule.clone() });
    let rehearsed = decision.map(|decision| &decision.facts).map(|facts: &Facts| rehearse(policy, facts, now));
    let (now, sentence, trace) = match rehearsed {
        Some(Ok(rehearsal)) => (Some(Outcome { verdict: rehearsal.verdict(), rule: rehearsal.rule().to_owned() }), None, rehearsal.trace().to_vec()),
        Some(Err(err)) => (None, Some(in_full(&err)), Vec::new()),
        None => (None, Some("the policy was never asked about it, so that there is nothing to judge".to_owned()), Vec::new()),
    };
    let pledge = &file.pledge;
    Tried { key: pledge.key, serial: pledge.serial.to_string(), manufacturer: pledge.manufacturer.clone(), then, now, sentence, trace }
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
