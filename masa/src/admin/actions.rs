//! What can be done, each in a few lines: read what was asked, act, tell.

use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::access::Caller;
use brski_common::http::{BoxError, Query, must_be, read_body, typed};
use brski_common::log::Hash;
use brski_common::provenance::{Disclosure, Status, Text};
use brski_common::time::to_rfc3339;
use brski_common::{DeviceId, KeyIdentifier, SerialNumber, SpkiDigest};
use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json as object;

use super::refusal::NotDone;
use super::route::Action;
use super::{Clerk, json, word_of};
use crate::ledger::{Customer, TreeHead};
use crate::masa::{LONGEST_LINK, Which};

type Answer = Result<Response<Full<Bytes>>, NotDone>;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Reason {
    reason: Text,
}

/// Nothing is needed; so that what somebody says nevertheless is not passed over in silence.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sale {
    customer: Text,
    #[serde(default)]
    keys: Vec<SpkiDigest>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Link {
    days: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Mark {
    status: Status,
    reason: Text,
    device: Option<SerialNumber>,
    idevid_issuer: Option<KeyIdentifier>,
    station: Option<Text>,
    line: Option<Text>,
    batch: Option<Text>,
}

impl Clerk<'_> {
    pub(super) async fn about_device<B>(&self, action: Action, serial: SerialNumber, caller: &Caller, head: &Parts, body: B) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let known: &[&str] = if action == Action::Statement { &["idevid-issuer", "level"] } else { &["idevid-issuer"] };
        let query = Query::read(head.uri.query(), known)?;
        let issuer = query.read_as("idevid-issuer", |text| KeyIdentifier::try_from(text.to_owned()))?;
        let device = self.masa.find(&serial, issuer.as_ref()).await?;
        match action {
            Action::Device => Ok(json(&self.masa.device(&device).await?)),
            Action::Block => self.set_blocked(&device, Some(read_json::<Reason, _>(head, body).await?.reason), caller).await,
            Action::Unblock => {
                let Nothing {} = read_optional(head, body).await?;
                self.set_blocked(&device, None, caller).await
            }
            Action::Sale => {
                let sale: Sale = read_json(head, body).await?;
                let customer = Customer { name: sale.customer.to_string(), keys: sale.keys };
                let news = self.masa.sell(&device, customer, caller.name()).await?;
                self.tell_owner(&device, news).await
            }
            Action::Release => {
                let Nothing {} = read_optional(head, body).await?;
                let news = self.masa.release(&device, caller.name()).await?;
                self.tell_owner(&device, news).await
            }
            Action::Statement => {
                let level = query.read_as("level", |text| Disclosure::ALL.iter().copied().find(|level| level.name() == text).ok_or(NO_LEVEL))?;
                // Whoever says nothing should not get what says most.
                let statement = self.masa.statement_for(&device, query.must("level", level)?).await?;
                let statement = statement.ok_or_else(|| NotDone::NoRecord(device.serial.clone()))?;
                Ok(typed(StatusCode::OK, "application/eat+cwt", statement.wire().to_vec()))
            }
            Action::AuditLog => Ok(typed(StatusCode::OK, "application/json", self.masa.audit_log_of(&device).await?.to_json())),
            Action::AuditLink => {
                let Link { days } = read_optional(head, body).await?;
                let days = days.unwrap_or(DAYS);
                let lifetime = Duration::from_secs(u64::from(days) * 86_400);
                if days == 0 || lifetime > LONGEST_LINK {
                    return Err(NotDone::Json(NO_DAYS.to_owned()));
                }
                let link = self.masa.audit_link(&device, lifetime, &word_of(caller)?).await?;
                Ok(json(&object!({ "url": link.url(), "expires-at": to_rfc3339(link.expires_at()) })))
            }
            Action::Prove => Ok(json(&self.masa.prove(&device).await?.ok_or(NotDone::NoRecord(device.serial))?)),
            _ => Err(NotDone::NoSuchResource),
        }
    }

    pub(super) async fn about_all<B>(&self, action: Action, caller: &Caller, head: &Parts, body: B) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let query = |known| Query::read(head.uri.query(), known);
        match action {
            Action::Metrics => {
                query(&[])?;
                self.metrics().await
            }
            Action::Mark => {
                let count = query(&["count"])?.flag("count")?;
                let Mark { status, reason, device, idevid_issuer, station, line, batch } = read_json(head, body).await?;
                let scope = self.masa.scope(&Which { device, idevid_issuer, batch, station, line }).await?;
                if !count {
                    let entry = self.masa.mark_only(scope, status, reason, word_of(caller)?).await?;
                    return Ok(json(&object!({ "entry": entry })));
                }
                let _one = self.service.surveys.begin().ok_or(NotDone::Counting)?;
                let marking = self.masa.mark(scope, status, reason, word_of(caller)?).await?;
                Ok(json(&object!({ "entry": marking.index, "affected": marking.affected })))
            }
            Action::Affected => {
                let query = query(&["batch", "line", "station"])?;
                let text = |name| query.read_as(name, |text| Text::new(text));
                let which = Which { batch: text("batch")?, station: text("station")?, line: text("line")?, ..Which::default() };
                let scope = self.masa.scope(&which).await?;
                let _one = self.service.surveys.begin().ok_or(NotDone::Counting)?;
                Ok(json(&self.masa.affected(&scope).await?))
            }
            Action::Checkpoint => {
                query(&[])?;
                Ok(typed(StatusCode::OK, "text/plain; charset=utf-8", self.masa.checkpoint().await?.to_string()))
            }
            Action::Consistency => {
                let query = query(&["root", "size"])?;
                let size = query.must("size", query.read_as("size", str::parse::<u64>)?)?;
                let root = query.must("root", query.read_as("root", root)?)?;
                Ok(json(&self.masa.prove_growth(&TreeHead { size, root }).await?.ok_or(NotDone::SameLog)?))
            }
            _ => Err(NotDone::NoSuchResource),
        }
    }

    async fn set_blocked(&self, device: &DeviceId, blocked: Option<Text>, caller: &Caller) -> Answer {
        tracing::info!(outcome = if blocked.is_some() { "blocked" } else { "not blocked any more" });
        self.masa.set_blocked(device, blocked.clone(), word_of(caller)?).await?;
        Ok(json(&object!({ "device": device, "blocked": blocked })))
    }

    async fn tell_owner(&self, device: &DeviceId, news: bool) -> Answer {
        let state = self.masa.ownership(device).await?.state();
        Ok(json(&object!({ "device": device, "state": state.name(), "changed": news })))
    }
}

/// A root in hexadecimal digits, as it is told here, or in base64, as it stands in checkpoints.
fn root(text: &str) -> Result<Hash, &'static str> {
    let digits = || text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()).collect::<Option<Vec<u8>>>();
    let is_hex = text.len() == 64 && text.bytes().all(|octet| octet.is_ascii_hexdigit());
    let octets = if is_hex { digits() } else { STANDARD.decode(text).ok() };
    octets.and_then(|octets| Hash::try_from(octets.as_slice()).ok()).ok_or("it must be 64 hexadecimal digits, or base64 as in a checkpoint")
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

/// The same where nothing need be said.
async fn read_optional<T, B>(head: &Parts, body: B) -> Result<T, NotDone>
where
    T: DeserializeOwned + Default,
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let body = read_body(body, LARGEST_BODY).await?;
    if body.is_empty() {
        return Ok(T::default());
    }
    must_be(&head.headers, "application/json")?;
    serde_json::from_slice(&body).map_err(|err| NotDone::Json(err.to_string()))
}

const LARGEST_BODY: usize = 16 * 1024;

/// How long a link works unless somebody says so.
const DAYS: u16 = 30;

const NO_LEVEL: &str = "it must be public, customer or auditor";
const NO_DAYS: &str = "days must be a number from 1, a year at most";
