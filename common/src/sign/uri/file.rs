//! `file:` URIs: RFC 8089, and the relative form that configuration files want.

use std::path::PathBuf;

use super::{KeyUriError, decoded_text};

/// What follows `file:`.
pub(super) fn parse(rest: &str) -> Result<PathBuf, KeyUriError> {
    let wrong = |problem| KeyUriError::File { problem };
    if rest.contains(['?', '#']) {
        return Err(wrong("it has a ? or #, which a path percent-encodes as %3F and %23"));
    }
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(authority) => {
            let (host, path) = authority.split_at(authority.find('/').unwrap_or(authority.len()));
            match host.is_empty() || host.eq_ignore_ascii_case("localhost") {
                true => path,
                false => return Err(wrong("it names another host, where two slashes begin an absolute path only if a third follows")),
            }
        }
    };
    match decoded_text("the path", path)? {
        path if path.is_empty() => Err(wrong("the path is missing")),
        path if path.ends_with('/') => Err(wrong("it ends with a slash, which names a folder")),
        path => Ok(path.into()),
    }
}

/// A path that stands for itself.
pub(super) fn bare(text: &str) -> Result<PathBuf, KeyUriError> {
    match text.contains('\0') {
        true => Err(KeyUriError::Encoding { part: "the path".to_owned() }),
        false => Ok(text.into()),
    }
}
