//! The audit log of one device, as a MASA discloses it to an owner (RFC 8995, section 5.8): which domains were given vouchers for it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::codec::base64;
use crate::error::DecodeError;
use crate::identity::DomainId;
use crate::json::read_object;
use crate::time::{UnixTime, from_rfc3339, to_rfc3339};
use crate::voucher::{Assertion, Nonce};

/// Which domains were given vouchers for one device, and what the MASA no longer knows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditLog {
    /// In the MASA's order.
    pub events: Vec<Event>,
    /// How many events were dropped.
    pub truncation: Truncation,
}

/// One voucher that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub date: UnixTime,
    /// For which domain.
    pub domain_id: DomainId,
    /// The voucher's nonce, as the pledge provided it; `None` for a nonceless voucher.
    pub nonce: Option<Nonce>,
    /// What the voucher asserts.
    pub assertion: Assertion,
    /// How many events of the same domain were dropped in favour of this one.
    pub truncated: u32,
}

/// How many events were dropped, counted up to [`Truncation::MOST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truncation {
    /// Dropped in favour of a newer one with a nonce, of the same domain.
    pub nonced_duplicates: u32,
    /// Dropped in favour of a newer one without nonce, of the same domain.
    pub nonceless_duplicates: u32,
    /// Dropped for any other reason, so that a domain may be missing from the log.
    pub arbitrary: u32,
}

impl Truncation {
    /// Where the counters stop (RFC 8995, section 5.8.1).
    pub const MOST: u32 = 1024;
}

impl AuditLog {
    /// Longest log that is read, in events.
    pub const MOST_EVENTS: usize = 10_000;

    /// The body of an answer to requestauditlog. Counters beyond [`Truncation::MOST`] are written as that.
    pub fn to_json(&self) -> Vec<u8> {
        let mut log = Map::new();
        log.insert("events".to_owned(), self.events.iter().map(event_to_json).collect());
        if self.truncation != Truncation::default() {
            let Truncation { nonced_duplicates, nonceless_duplicates, arbitrary } = self.truncation;
            let counters = json!({
                NONCED: nonced_duplicates.min(Truncation::MOST),
                NONCELESS: nonceless_duplicates.min(Truncation::MOST),
                ARBITRARY: arbitrary.min(Truncation::MOST),
            });
            log.insert("truncation".to_owned(), counters);
        }
        log.insert("version".to_owned(), 1.into());
        Value::Object(log).to_string().into_bytes()
    }

    /// Reads the body of an answer. Members that are not known are ignored, and so is a version above 1: it removes nothing (RFC 8995, section 5.8.1).
    ///
    /// Version and counters may be numbers, as the CDDL says, or digits in a string, as the RFC's example has them.
    ///
    /// # Errors
    /// [`DecodeError`] naming the member that is missing, doubled, of the wrong kind or too numerous.
    pub fn from_json(octets: &[u8]) -> Result<Self, DecodeError> {
        let log = read_object("audit log", octets, LIMIT)?;
        let version = log.get("version").ok_or(DecodeError::MissingField { field: "version", artefact: "audit log" })?;
        if number("version", version)? == 0 {
            return Err(DecodeError::InvalidField { field: "version", expected: "1 or more" });
        }
        let events = match log.get("events") {
            Some(Value::Array(events)) if events.len() > Self::MOST_EVENTS => {
                return Err(DecodeError::TooLarge { what: "number of events in the audit log", limit: Self::MOST_EVENTS });
            }
            Some(Value::Array(events)) => events.iter().map(event_from_json).collect::<Result<_, _>>()?,
            Some(_) => return Err(DecodeError::InvalidField { field: "events", expected: "an array" }),
            None => return Err(DecodeError::MissingField { field: "events", artefact: "audit log" }),
        };
        let truncation = match log.get("truncation") {
            None => Truncation::default(),
            Some(Value::Object(counters)) => Truncation {
                nonced_duplicates: counter(counters, NONCED)?,
                nonceless_duplicates: counter(counters, NONCELESS)?,
                arbitrary: counter(counters, ARBITRARY)?,
            },
            Some(_) => return Err(DecodeError::InvalidField { field: "truncation", expected: "a JSON object" }),
        };
        Ok(Self { events, truncation })
    }
}

/// Path of the links that lead to audit logs without further credential, before the random part (RFC 8995, section 5.8).
pub const AUDIT_LINKS: &str = "/.well-known/brski-audit/";

/// A request's path, fit for a log: of a link to an audit log only by what it can be recognised, since whoever has its random part may read.
pub fn path_for_logs(path: &str) -> String {
    let Some(random) = path.strip_prefix(AUDIT_LINKS) else { return path.to_owned() };
    format!("{AUDIT_LINKS}({})", link_for_logs(random))
}

/// By what a link can be recognised in a log: the beginning of the SHA-256 over its random bits, in hex, which tells nothing of them. Of what is no base64url, over the text.
pub fn link_for_logs(random: &str) -> String {
    let octets = URL_SAFE_NO_PAD.decode(random).unwrap_or_else(|_| random.as_bytes().to_vec());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &octets);
    digest.as_ref().iter().take(RECOGNISABLE).map(|octet| format!("{octet:02x}")).collect()
}

fn event_to_json(event: &Event) -> Value {
    let mut members = Map::new();
    members.insert("assertion".to_owned(), event.assertion.name().into());
    members.insert("date".to_owned(), to_rfc3339(event.date).into());
    members.insert("domainID".to_owned(), base64(event.domain_id.as_bytes()).into());
    // Null and not absent: an event without nonce is the one that an owner must not overlook.
    members.insert("nonce".to_owned(), event.nonce.as_ref().map(Nonce::as_text).into());
    if event.truncated > 0 {
        members.insert(TRUNCATED.to_owned(), event.truncated.min(Truncation::MOST).into());
    }
    Value::Object(members)
}

fn event_from_json(event: &Value) -> Result<Event, DecodeError> {
    let members = event.as_object().ok_or(DecodeError::InvalidField { field: "events", expected: "an array of objects" })?;
    let nonce = match members.get("nonce") {
        Some(Value::Null) => None,
        Some(Value::String(text)) => Some(Nonce::from_text(text.as_str())?),
        Some(_) => return Err(DecodeError::InvalidField { field: "nonce", expected: "a string, or null for a voucher without nonce" }),
        None => return Err(DecodeError::MissingField { field: "nonce", artefact: EVENT }),
    };
    let assertion = Assertion::from_name(text(members, "assertion")?);
    Ok(Event {
        date: from_rfc3339("date", text(members, "date")?)?,
        domain_id: DomainId::try_from(text(members, "domainID")?.to_owned())?,
        nonce,
        assertion: assertion.ok_or(DecodeError::InvalidField { field: "assertion", expected: "verified, logged, proximity or agent-proximity" })?,
        truncated: counter(members, TRUNCATED)?,
    })
}

fn text<'a>(members: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, DecodeError> {
    match members.get(field) {
        Some(Value::String(text)) if text.len() <= LONGEST_TEXT => Ok(text),
        Some(Value::String(_)) => Err(DecodeError::TooLarge { what: field, limit: LONGEST_TEXT }),
        Some(_) => Err(DecodeError::InvalidField { field, expected: "a string" }),
        None => Err(DecodeError::MissingField { field, artefact: EVENT }),
    }
}

fn counter(members: &Map<String, Value>, field: &'static str) -> Result<u32, DecodeError> {
    members.get(field).map_or(Ok(0), |value| number(field, value)).map(|n| n.min(Truncation::MOST))
}

/// A number that may stand in a string; too large a one becomes the largest.
fn number(field: &'static str, value: &Value) -> Result<u32, DecodeError> {
    let digits = |text: &str| match (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
        true => Some(text.parse().unwrap_or(u64::MAX)),
        false => None,
    };
    let number = value.as_u64().or_else(|| value.as_str().and_then(digits));
    let number = number.ok_or(DecodeError::InvalidField { field, expected: "a number, not negative" })?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

// Octets of a digest.
const RECOGNISABLE: usize = 8;

const EVENT: &str = "audit log's event";
const NONCED: &str = "nonced duplicates";
const NONCELESS: &str = "nonceless duplicates";
const ARBITRARY: &str = "arbitrary";
const TRUNCATED: &str = "truncated";

// Octets: a domainID is a keyIdentifier or a hash, everything else is shorter.
const LONGEST_TEXT: usize = 256;
const LIMIT: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::at;

    fn log() -> AuditLog {
        let nonced = Event {
            date: at(1_500_000_000),
            domain_id: DomainId::new([7; 20]).unwrap(),
            nonce: Some(Nonce::from_text("any text").unwrap()),
            assertion: Assertion::AgentProximity,
            truncated: 0,
        };
        let nonceless = Event { nonce: None, assertion: Assertion::Logged, truncated: 2, ..nonced.clone() };
        AuditLog { events: vec![nonced, nonceless], truncation: Truncation::default() }
    }

    #[test]
    fn log_survives_its_encoding() {
        let log = AuditLog { truncation: Truncation { nonced_duplicates: 0, nonceless_duplicates: 1, arbitrary: 2 }, ..log() };
        assert_eq!(AuditLog::from_json(&log.to_json()).unwrap(), log);
    }

    #[test]
    fn encoding_follows_the_cddl() {
        let date = "2017-07-14T02:40:00Z";
        let domain = "BwcHBwcHBwcHBwcHBwcHBwcHBwc=";
        let expected = json!({"version": 1, "events": [
            {"date": date, "domainID": domain, "nonce": "any text", "assertion": "agent-proximity"},
            {"date": date, "domainID": domain, "nonce": null, "assertion": "logged", "truncated": 2},
        ]});
        assert_eq!(serde_json::from_slice::<Value>(&log().to_json()).unwrap(), expected);
    }

    #[test]
    fn version_and_counters_may_be_strings() {
        let text = br#"{"version": "1", "events": [], "truncation": {"nonced duplicates": "0", "arbitrary": "2", "new": []}, "new": 1}"#;
        let truncation = Truncation { arbitrary: 2, ..Truncation::default() };
        assert_eq!(AuditLog::from_json(text).unwrap(), AuditLog { events: vec![], truncation });
    }

    #[test]
    fn counters_stop_at_1024() {
        let truncation = Truncation { arbitrary: 4000, ..Truncation::default() };
        let read = AuditLog::from_json(&AuditLog { events: vec![], truncation }.to_json()).unwrap();
        assert_eq!(read.truncation.arbitrary, 1024);
        let huge = br#"{"version":1,"events":[],"truncation":{"arbitrary":"99999999999999999999"}}"#;
        assert_eq!(AuditLog::from_json(huge).unwrap().truncation.arbitrary, 1024);
    }

    #[test]
    fn event_that_hides_whether_it_had_a_nonce_is_refused() {
        let text = br#"{"version":1,"events":[{"date":"2017-07-14T02:40:00Z","domainID":"BwcH","assertion":"logged"}]}"#;
        assert_eq!(AuditLog::from_json(text).unwrap_err(), DecodeError::MissingField { field: "nonce", artefact: EVENT });
    }

    #[test]
    fn number_of_events_is_bounded() {
        let log = AuditLog { events: vec![log().events[0].clone(); AuditLog::MOST_EVENTS + 1], truncation: Truncation::default() };
        assert!(matches!(AuditLog::from_json(&log.to_json()), Err(DecodeError::TooLarge { .. })));
    }

    #[test]
    fn link_is_not_logged_in_full() {
        // SHA-256 over the 16 octets 0, and over the text.
        assert_eq!(path_for_logs("/.well-known/brski-audit/AAAAAAAAAAAAAAAAAAAAAA"), "/.well-known/brski-audit/(374708fff7719dd5)");
        assert_eq!(path_for_logs("/.well-known/brski-audit/?"), "/.well-known/brski-audit/(8a8de823d5ed3e12)");
        assert_eq!(path_for_logs("/.well-known/brski/requestvoucher"), "/.well-known/brski/requestvoucher");
    }

    #[test]
    fn negative_counter_is_refused() {
        let text = br#"{"version":1,"events":[],"truncation":{"arbitrary":-1}}"#;
        assert_eq!(AuditLog::from_json(text).unwrap_err(), DecodeError::InvalidField { field: ARBITRARY, expected: "a number, not negative" });
    }
}
