//! Which type a body has and which one its answer gets (RFC 9110, sections 8.3 and 12.5.1): any type, and those of vouchers in particular.

use http::StatusCode;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

use crate::envelope::Format;
use crate::leniency::{Leniencies, Leniency};
use crate::text::printable;

/// What came of the headers of a voucher-request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// What its body says it is in.
    pub format: Format,
    /// What to answer in.
    pub answer: Format,
    /// The media type of that answer.
    pub answer_type: &'static str,
}

/// Headers that say no to what is offered, or offer what is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotNegotiable {
    /// The body is of another type: 415.
    #[error("the body is {found}, expected {expected}{}", remedy(.found))]
    UnsupportedMediaType {
        /// Its type, or what to say of it.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The body is compressed, or otherwise not what its type says: 415 (RFC 9110, section 15.5.16).
    #[error("the body has the content encoding {found}, expected none: no encoding is undone here")]
    Encoded {
        /// Its encoding, or what to say of it.
        found: String,
    },
    /// The Accept header has no place for any answer: 406.
    #[error("the Accept header excludes what this resource answers: {offered}")]
    NotAcceptable {
        /// What could be answered.
        offered: &'static str,
    },
}

impl NotNegotiable {
    /// What the peer is told.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnsupportedMediaType { .. } | Self::Encoded { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable { .. } => StatusCode::NOT_ACCEPTABLE,
        }
    }
}

/// The media type of a body in lower case and without parameters; none if the header is absent, doubled or not text.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    let essence = essence(only.to_str().ok()?);
    (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
}

/// Demands that a body is of this media type, parameters aside.
///
/// # Errors
/// [`NotNegotiable::UnsupportedMediaType`].
pub fn must_be(headers: &HeaderMap, expected: &'static str) -> Result<(), NotNegotiable> {
    match media_type(headers) {
        Some(found) if found == expected => Ok(()),
        found => Err(unsupported(found, expected)),
    }
}

/// Demands that a body is sent as it is. A small one that grows without measure when it is unpacked is thereby no concern of ours.
///
/// # Errors
/// [`NotNegotiable::Encoded`] for every Content-Encoding but `identity`, which some clients state.
pub fn must_be_unencoded(headers: &HeaderMap) -> Result<(), NotNegotiable> {
    let lines = headers.get_all(CONTENT_ENCODING).iter().map(|line| line.to_str().unwrap_or(UNREADABLE));
    match lines.flat_map(|line| line.split(',')).map(str::trim).find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity")) {
        None => Ok(()),
        Some(coding) => Err(NotNegotiable::Encoded { found: printable(coding, LONGEST_TYPE) }),
    }
}

/// The format that a body's media type says a voucher or voucher-request is in; the use of an older name is noted.
///
/// # Errors
/// [`NotNegotiable::UnsupportedMediaType`] for any other type.
pub fn voucher_format(headers: &HeaderMap, lenient: Leniencies) -> Result<Format, NotNegotiable> {
    let found = media_type(headers);
    let name = found.as_deref().unwrap_or_default();
    if let Some(format) = older_named(name, lenient) {
        Leniency::VoucherCoseCbor.note_use(&format!("a body is of the older type {name}"));
        return Ok(format);
    }
    Format::from_voucher_media_type(name).ok_or_else(|| unsupported(found, Format::VOUCHER_MEDIA_TYPES))
}

/// What a voucher-request is in, and how to answer it: in the same format if the Accept header admits that or is absent, else in the one of highest weight
/// among those it admits. Of equal weights CMS comes before JWS, and JWS before COSE.
///
/// The answer bears an older name of its type if the request's body does, or if Accept admits no other. `lenient` is asked only if such a name occurs, since it
/// may have to find out who the peer is.
///
/// # Errors
/// [`NotNegotiable`] in either way.
pub fn negotiate(headers: &HeaderMap, lenient: impl FnOnce() -> Leniencies) -> Result<Negotiated, NotNegotiable> {
    let lenient = if names_an_older_type(headers) { lenient() } else { Leniencies::NONE };
    let format = voucher_format(headers, lenient)?;
    let weight = |format: Format| types(format, lenient).filter_map(|name| weight(headers, name)).max().filter(|weight| *weight > 0);
    // The last of the greatest is taken, hence the reversal.
    let heaviest = || Format::ALL.iter().rev().filter_map(|format| Some((weight(*format)?, *format))).max_by_key(|(weight, _)| *weight);
    let answer = match weight(format) {
        Some(_) => format,
        None => heaviest().ok_or(NotNegotiable::NotAcceptable { offered: Format::VOUCHER_MEDIA_TYPES })?.1,
    };

    let today = answer.voucher_media_type();
    let admitted: Vec<&'static str> = types(answer, lenient).filter(|name| accepts(headers, name)).collect();
    if !admitted.contains(&today) {
        Leniency::VoucherCoseCbor.note_use("Accept admits an older type alone");
    }
    let asked = media_type(headers);
    let as_asked = admitted.iter().find(|name| asked.as_deref() == Some(**name));
    Ok(Negotiated { format, answer, answer_type: as_asked.or(admitted.first()).unwrap_or(&today) })
}

/// Demands that the Accept header, if there is one, admits an answer of this media type, parameters aside (RFC 9110, section 12.5.1).
///
/// The most specific range decides. An empty header admits anything, as an absent one does.
///
/// # Errors
/// [`NotNegotiable::NotAcceptable`].
pub fn must_accept(headers: &HeaderMap, offered: &'static str) -> Result<(), NotNegotiable> {
    match accepts(headers, offered) {
        true => Ok(()),
        false => Err(NotNegotiable::NotAcceptable { offered }),
    }
}

fn accepts(headers: &HeaderMap, answer_type: &str) -> bool {
    weight(headers, answer_type).is_some_and(|weight| weight > 0)
}

/// Whether body or Accept header are named by an older type, so that it matters who the peer is.
fn names_an_older_type(headers: &HeaderMap) -> bool {
    let older = |name: &str| older_named(name, Leniencies::ALL).is_some();
    media_type(headers).is_some_and(|found| older(&found)) || ranges(headers).any(|range| older(essence(range)))
}

/// The format whose vouchers older drafts call so.
fn older_named(name: &str, lenient: Leniencies) -> Option<Format> {
    let bears = |format: &Format| format.older_voucher_media_type(lenient).is_some_and(|older| older.eq_ignore_ascii_case(name));
    Format::ALL.iter().copied().find(bears)
}

/// The names under which a voucher in this format may travel: today's first.
fn types(format: Format, lenient: Leniencies) -> impl Iterator<Item = &'static str> {
    core::iter::once(format.voucher_media_type()).chain(format.older_voucher_media_type(lenient))
}

fn unsupported(found: Option<String>, expected: &'static str) -> NotNegotiable {
    let found = found.map_or_else(|| "of no single stated type".to_owned(), |found| printable(&found, LONGEST_TYPE));
    NotNegotiable::UnsupportedMediaType { found, expected }
}

/// Which leniency would accept a body of this type.
fn remedy(found: &str) -> String {
    older_named(found, Leniencies::ALL).map_or_else(String::new, |_| format!("; the leniency {} would accept it", Leniency::VoucherCoseCbor))
}

/// How welcome a type is, in thousandths; none if no range covers it. Of equally precise ranges the least weight counts: what one forbids is forbidden.
fn weight(headers: &HeaderMap, answer_type: &str) -> Option<u16> {
    let answer = essence(answer_type);
    let family = answer.split_once('/').map_or("", |(family, _)| family);
    let precision = |range: &str| match essence(range) {
        exact if exact.eq_ignore_ascii_case(answer) => 3,
        some if some.strip_suffix("/*").is_some_and(|some| some.eq_ignore_ascii_case(family)) => 2,
        "*/*" => 1,
        _ => 0,
    };
    let Some(best) = ranges(headers).map(precision).max() else { return Some(FULL) };
    match best {
        0 => None,
        best => ranges(headers).filter(|range| precision(range) == best).map(weight_of).min(),
    }
}

/// The ranges of all Accept headers; what is not text is no range.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(ACCEPT).iter().map(|line| line.to_str().unwrap_or(UNREADABLE));
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|range| !range.is_empty())
}

/// The weight of one range in thousandths; one that cannot be read counts as if it were not there.
fn weight_of(range: &str) -> u16 {
    let weights = range.split(';').skip(1).filter_map(|parameter| parameter.split_once('=')).filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    weights.filter_map(|(_, weight)| thousandths(weight.trim())).min().unwrap_or(FULL)
}

/// `0` to `1` with at most three decimals (RFC 9110, section 12.4.2).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let decimals = (decimals.len() <= 3 && decimals.bytes().all(|b| b.is_ascii_digit())).then(|| format!("{decimals:0<3}"))?;
    let weight = 1000 * whole.parse::<u16>().ok().filter(|whole| *whole <= 1)? + decimals.parse::<u16>().ok()?;
    (weight <= FULL).then_some(weight)
}

/// A media type or range without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

const FULL: u16 = 1000;

// A header that is there, but is not text, must not count as absent.
const UNREADABLE: &str = "unreadable";

// Characters of somebody else's media type in a sentence.
const LONGEST_TYPE: usize = 100;

#[cfg(test)]
mod tests;
