//! What a pledge reports of its voucher (voucher_status) and of its enrolment (enrollstatus): RFC 8995, sections 5.7 and 5.9.4.

use core::fmt;

use serde_json::{Map, Value};

use crate::error::DecodeError;
use crate::json::read_object;
use crate::text::printable;

/// A status report. Its words are the sender's own and may be hostile: show them through [`fmt::Display`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// 1 in our own reports. A higher one is read as far as it is understood; whoever runs the registrar should be told.
    pub version: u32,
    /// Whether it went well.
    pub status: bool,
    /// Why not, in words for people; at most [`Telemetry::LONGEST_REASON`] octets.
    pub reason: Option<String>,
    /// Anything else the sender found helpful; always a JSON object.
    pub reason_context: Option<Value>,
}

impl Telemetry {
    /// The version that RFC 8995 defines.
    pub const VERSION: u32 = 1;

    /// Longest reason that is read or written, in octets.
    pub const LONGEST_REASON: usize = 1024;

    /// It went well.
    pub fn success() -> Self {
        Self { version: Self::VERSION, status: true, reason: None, reason_context: None }
    }

    /// It did not, for this reason, of which control characters are replaced and what exceeds the limit is cut off. It should not help an attacker.
    pub fn failure(reason: impl Into<String>) -> Self {
        // A quarter, because a character has at most four octets.
        let reason = printable(&reason.into(), Self::LONGEST_REASON / 4 - 1);
        Self { version: Self::VERSION, status: false, reason: Some(reason), reason_context: None }
    }

    /// The body of a POST to voucher_status or enrollstatus.
    pub fn to_json(&self) -> Vec<u8> {
        let mut members = Map::new();
        if let Some(reason) = &self.reason {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
        if let Some(context) = &self.reason_context {
            members.insert("reason-context".to_owned(), context.clone());
        }
        members.insert("status".to_owned(), self.status.into());
        members.insert("version".to_owned(), self.version.into());
        Value::Object(members).to_string().into_bytes()
    }

    /// Reads such a body. Members that are not known are ignored; a higher version is accepted and kept visible.
    ///
    /// # Errors
    /// [`DecodeError`] naming the member that is missing, doubled, of the wrong kind or too long.
    pub fn from_json(octets: &[u8]) -> Result<Self, DecodeError> {
        let members = read_object(ARTEFACT, octets, LIMIT)?;
        let version = members.get("version").ok_or(DecodeError::MissingField { field: "version", artefact: ARTEFACT })?;
        let version = version.as_u64().and_then(|v| u32::try_from(v).ok()).filter(|v| *v > 0);
        let status = members.get("status").ok_or(DecodeError::MissingField { field: "status", artefact: ARTEFACT })?;
        let reason = match members.get("reason") {
            None => None,
            Some(Value::String(reason)) if reason.len() > Self::LONGEST_REASON => {
                return Err(DecodeError::TooLarge { what: "reason", limit: Self::LONGEST_REASON });
            }
            Some(Value::String(reason)) => Some(reason.clone()),
            Some(_) => return Err(DecodeError::InvalidField { field: "reason", expected: "a string" }),
        };
        let reason_context = match members.get("reason-context") {
            None => None,
            Some(context @ Value::Object(_)) => Some(context.clone()),
            Some(_) => return Err(DecodeError::InvalidField { field: "reason-context", expected: "a JSON object" }),
        };
        Ok(Self {
            version: version.ok_or(DecodeError::InvalidField { field: "version", expected: "a number, 1 or more" })?,
            status: status.as_bool().ok_or(DecodeError::InvalidField { field: "status", expected: "true or false" })?,
            reason,
            reason_context,
        })
    }
}

/// One line that is safe to log: `success`, or `failure: ` and the reason with its control characters replaced.
impl fmt::Display for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.status { "success" } else { "failure" })?;
        match &self.reason {
            Some(reason) => write!(f, ": {}", printable(reason, SHOWN)),
            None => Ok(()),
        }
    }
}

const ARTEFACT: &str = "status report";
// Octets of a whole report.
const LIMIT: usize = 16 * 1024;
// Characters of a reason in one line of a log.
const SHOWN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn report_survives_its_encoding() {
        let failed = Telemetry { reason_context: Some(json!({"attempt": 3})), ..Telemetry::failure("nonce differs") };
        for report in [Telemetry::success(), failed] {
            assert_eq!(Telemetry::from_json(&report.to_json()).unwrap(), report);
        }
    }

    #[test]
    fn keys_are_lower_case_and_success_needs_no_reason() {
        assert_eq!(Telemetry::success().to_json(), br#"{"status":true,"version":1}"#);
        let capital = Telemetry::from_json(br#"{"version":1,"Status":true}"#);
        assert_eq!(capital.unwrap_err(), DecodeError::MissingField { field: "status", artefact: ARTEFACT });
    }

    #[test]
    fn higher_version_is_read_and_stays_visible() {
        let report = Telemetry::from_json(br#"{"version":2,"status":false,"new":{"a":[]}}"#).unwrap();
        assert_eq!((report.version, report.status, report.reason), (2, false, None));
    }

    #[test]
    fn status_must_be_a_boolean() {
        let text = Telemetry::from_json(br#"{"version":1,"status":"true"}"#);
        assert_eq!(text.unwrap_err(), DecodeError::InvalidField { field: "status", expected: "true or false" });
    }

    #[test]
    fn hostile_reason_cannot_forge_a_second_line() {
        let report = Telemetry::from_json(br#"{"version":1,"status":false,"reason":"x\nadmitted: jada\u001b[2J"}"#).unwrap();
        assert!(!report.to_string().chars().any(char::is_control));
    }

    #[test]
    fn reason_is_bounded_both_ways() {
        let long = json!({"version": 1, "status": false, "reason": "x".repeat(1025)}).to_string();
        assert_eq!(Telemetry::from_json(long.as_bytes()).unwrap_err(), DecodeError::TooLarge { what: "reason", limit: 1024 });
        let own = Telemetry::failure("\u{10ffff}".repeat(5000));
        assert!(Telemetry::from_json(&own.to_json()).is_ok());
    }
}
