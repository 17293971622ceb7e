//! What stands behind the question mark, read strictly: each name is known, and there once.

use crate::text::printable;

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

/// Parameters that cannot be taken: one sentence with the name and what would be right. 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(pub String);

impl Query {
    /// Reads them. A plus sign is a plus sign: this is no web form.
    ///
    /// # Errors
    /// [`QueryError`] if one is not among the `known`, is there twice, or is not percent-encoded UTF-8.
    pub fn read(query: Option<&str>, known: &[&str]) -> Result<Self, QueryError> {
        let mut found: Vec<(String, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let malformed = || QueryError(format!("'{}' in the query is not percent-encoded UTF-8", printable(pair, 80)));
            let (name, value) = (percent_decoded(name).ok_or_else(malformed)?, percent_decoded(value).ok_or_else(malformed)?);
            let shown = printable(&name, 80);
            if !known.contains(&name.as_str()) {
                let right = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
                return Err(QueryError(format!("the query has '{shown}', which is not known here; it may have {right}")));
            }
            if found.iter().any(|(other, _)| *other == name) {
                return Err(QueryError(format!("the query has '{shown}' twice")));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    /// The value of one, if it is there.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same, read as what it should be.
    ///
    /// # Errors
    /// [`QueryError`] with what `read` says.
    pub fn read_as<T, E: core::fmt::Display>(&self, name: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<T>, QueryError> {
        self.text(name).map(read).transpose().map_err(|err| QueryError(format!("{name} in the query cannot be read: {err}")))
    }

    /// One that must be there.
    ///
    /// # Errors
    /// [`QueryError`] if it is not.
    pub fn must<T>(&self, name: &str, found: Option<T>) -> Result<T, QueryError> {
        found.ok_or_else(|| QueryError(format!("the query lacks {name}")))
    }

    /// `true` or `false`, which is also what is meant by nothing.
    ///
    /// # Errors
    /// [`QueryError`] if it is something else.
    pub fn flag(&self, name: &str) -> Result<bool, QueryError> {
        Ok(self.read_as(name, |text| text.parse::<bool>().map_err(|_| "it must be true or false"))?.unwrap_or_default())
    }
}

/// Text of which octets may stand as `%` and two hexadecimal digits (RFC 3986, section 2.1); `None` if it is not that, or not UTF-8.
pub fn percent_decoded(text: &str) -> Option<String> {
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
