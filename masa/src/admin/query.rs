//! What stands behind the question mark, read strictly: each name is known, and there once.

use brski_common::text::printable;

use super::refusal::NotDone;

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them. A plus sign is a plus sign: this is no web form.
    pub(super) fn read(query: Option<&str>, known: &'static [&'static str]) -> Result<Self, NotDone> {
        let mut found: Vec<(String, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let malformed = || NotDone::Query(format!("'{}' in the query is not percent-encoded UTF-8", printable(pair, 80)));
            let (name, value) = (percent_decoded(name).ok_or_else(malformed)?, percent_decoded(value).ok_or_else(malformed)?);
            let shown = printable(&name, 80);
            if !known.contains(&name.as_str()) {
                let right = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
                return Err(NotDone::Query(format!("the query has '{shown}', which is not known here; it may have {right}")));
            }
            if found.iter().any(|(other, _)| *other == name) {
                return Err(NotDone::Query(format!("the query has '{shown}' twice")));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    /// The value of one, if it is there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same, read as what it should be.
    pub(super) fn read_as<T, E: core::fmt::Display>(&self, name: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<T>, NotDone> {
        self.text(name).map(read).transpose().map_err(|err| NotDone::Query(format!("{name} in the query cannot be read: {err}")))
    }

    /// One that must be there.
    pub(super) fn must<T>(&self, name: &str, found: Option<T>) -> Result<T, NotDone> {
        found.ok_or_else(|| NotDone::Query(format!("the query lacks {name}")))
    }

    /// `true` or `false`, which is also what is meant by nothing.
    pub(super) fn flag(&self, name: &str) -> Result<bool, NotDone> {
        Ok(self.read_as(name, |text| text.parse::<bool>().map_err(|_| "it must be true or false"))?.unwrap_or_default())
    }
}

/// Text of which octets may stand as `%` and two hexadecimal digits (RFC 3986, section 2.1); `None` if it is not that, or not UTF-8.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => hex_digit(*rest.next()?)? << 4 | hex_digit(*rest.next()?)?,
            octet => *octet,
        });
    }
    String::from_utf8(octets).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
