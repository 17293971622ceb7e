//! Time as an argument: rules take a [`UnixTime`], only servers own a [`Clock`].

use core::time::Duration;
use std::sync::Arc;

pub use rustls_pki_types::UnixTime;

use crate::error::DecodeError;

/// Where a server gets "now" from. Clones share the same source.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixTime + Send + Sync>);

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self(Arc::new(UnixTime::now))
    }

    /// Any other source, such as a test's fixed hand.
    pub fn from_fn(now: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The present time, in whole seconds.
    pub fn now(&self) -> UnixTime {
        (self.0)()
    }
}

impl core::fmt::Debug for Clock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Clock")
    }
}

/// `secs` seconds after the epoch.
pub fn at(secs: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(secs))
}

/// RFC 3339 in UTC, whole seconds, as YANG's date-and-time wants it.
pub fn to_rfc3339(time: UnixTime) -> String {
    match i64::try_from(time.as_secs()).ok().and_then(|s| jiff::Timestamp::from_second(s).ok()) {
        Some(timestamp) => timestamp.to_string(),
        None => "9999-12-31T23:59:59Z".to_owned(),
    }
}

/// Reads RFC 3339 with any offset; fractions of a second are dropped.
///
/// # Errors
/// [`DecodeError::InvalidField`] naming `field` if the text is no RFC 3339 date-and-time since 1970.
pub fn from_rfc3339(field: &'static str, text: &str) -> Result<UnixTime, DecodeError> {
    let invalid = DecodeError::InvalidField { field, expected: "an RFC 3339 date-and-time such as 2026-01-31T12:00:00Z" };
    let timestamp: jiff::Timestamp = text.parse().map_err(|_| invalid.clone())?;
    u64::try_from(timestamp.as_second()).map(at).map_err(|_| invalid)
}

/// For `#[serde(with = "rfc3339")]`: a time as RFC 3339 text.
pub mod rfc3339 {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::UnixTime;

    /// Writes UTC in whole seconds.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::to_rfc3339(*time))
    }

    /// Reads any offset; fractions of a second are dropped.
    ///
    /// # Errors
    /// Those of the deserializer, and text that is no RFC 3339 date-and-time since 1970.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::from_rfc3339("date-and-time", &text).map_err(serde::de::Error::custom)
    }
}

/// For `#[serde(with = "rfc3339_or_none")]`, along with `default`: a time as RFC 3339 text, or none.
pub mod rfc3339_or_none {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::UnixTime;

    /// Writes UTC in whole seconds.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &Option<UnixTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::rfc3339::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads any offset; fractions of a second are dropped.
    ///
    /// # Errors
    /// Those of the deserializer, and text that is no RFC 3339 date-and-time since 1970.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnixTime>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::from_rfc3339("date-and-time", &text)).transpose().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_offset_is_converted_to_utc() {
        let time = from_rfc3339("created-on", "2021-04-13T17:43:23.747-04:00").unwrap();
        assert_eq!(to_rfc3339(time), "2021-04-13T21:43:23Z");
    }

    #[test]
    fn local_time_without_offset_is_refused() {
        assert!(from_rfc3339("created-on", "2021-04-13T17:43:23").is_err());
    }
}
