//! Which type a body has and which one its answer gets (RFC 9110, sections 8.3 and 12.5.1): any type, and those of vouchers in particular.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};

use crate::envelope::Format;
use crate::leniency::{Leniencies, Leniency};
use crate::text::printable;

/// What vouchers and voucher-requests travel as, in words.
pub const VOUCHER_TYPES: &str = "application/voucher-cms+json, application/voucher-jws+json or application/voucher+cose";

/// What older drafts of constrained BRSKI call `application/voucher+cose`; understood with [`Leniency::VoucherCoseCbor`] alone.
pub const OLDER_COSE_TYPE: &str = "application/voucher-cose+cbor";

/// The media type of a body in lower case and without parameters; none if the header is absent, doubled or not text.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    let essence = essence(only.to_str().ok()?);
    (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
}

/// The format that a body's media type says a voucher or voucher-request is in, and whether it says so with [`OLDER_COSE_TYPE`], whose use is noted; none for any other type (415).
pub fn voucher_format(headers: &HeaderMap, lenient: Leniencies) -> Option<(Format, bool)> {
    let found = media_type(headers)?;
    if found == OLDER_COSE_TYPE && lenient.grant(Leniency::VoucherCoseCbor) {
        Leniency::VoucherCoseCbor.note_use("a body is of the older type application/voucher-cose+cbor");
        return Some((Format::Cose, true));
    }
    Format::from_voucher_media_type(&found).map(|format| (format, false))
}

/// What to tell whoever sent a body for which [`voucher_format`] has none, in one clause: what it is, what would be right, and which leniency would accept it.
pub fn wrong_voucher_type(headers: &HeaderMap) -> String {
    let found = media_type(headers);
    let remedy = match found.as_deref() {
        Some(OLDER_COSE_TYPE) => format!("; the leniency {} would accept it", Leniency::VoucherCoseCbor),
        Some(_) | None => String::new(),
    };
    let found = found.map_or_else(|| "of no single stated type".to_owned(), |found| printable(&found, LONGEST_TYPE));
    format!("the body is {found}, expected {VOUCHER_TYPES}{remedy}")
}

/// Whether body or Accept header are named by [`OLDER_COSE_TYPE`], so that it matters who the peer is.
pub fn names_older_type(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|found| found == OLDER_COSE_TYPE) || ranges(headers).any(|range| essence(range).eq_ignore_ascii_case(OLDER_COSE_TYPE))
}

/// In which format to answer a voucher-request that came in `own`: that one if the Accept header admits it or is absent, else the one of highest weight among those it admits, else none (406).
///
/// Of equal weights CMS comes before JWS, and JWS before COSE. With `lenient` also [`OLDER_COSE_TYPE`] in the header means COSE.
pub fn answer_format(headers: &HeaderMap, own: Format, lenient: Leniencies) -> Option<Format> {
    let weight = |format: Format| types(format, lenient).filter_map(|name| weight(headers, name)).max().filter(|weight| *weight > 0);
    let answer = match weight(own) {
        Some(_) => own,
        // The last of the greatest is taken, hence the reversal.
        None => Format::ALL.into_iter().rev().filter_map(|format| Some((weight(format)?, format))).max_by_key(|(weight, _)| *weight)?.1,
    };
    if !accepts(headers, answer.voucher_media_type()) {
        Leniency::VoucherCoseCbor.note_use("Accept admits the older type application/voucher-cose+cbor and not application/voucher+cose");
    }
    Some(answer)
}

/// The media type of a voucher in this format for whom [`answer_format`] chose it. The older name goes to whoever used it in its own body (`older`) or in Accept alone.
pub fn answer_type(headers: &HeaderMap, format: Format, older: bool, lenient: Leniencies) -> &'static str {
    let mut admitted = types(format, lenient).filter(|name| accepts(headers, name));
    let first = admitted.next().unwrap_or(format.voucher_media_type());
    match older {
        true => admitted.next().unwrap_or(first),
        false => first,
    }
}

/// Whether the Accept header, if there is one, admits an answer of this media type, parameters aside (RFC 9110, section 12.5.1).
///
/// The most specific range decides. An empty header admits anything, as an absent one does.
pub fn accepts(headers: &HeaderMap, answer_type: &str) -> bool {
    weight(headers, answer_type).is_some_and(|weight| weight > 0)
}

/// The names under which a voucher in this format may travel: today's first.
fn types(format: Format, lenient: Leniencies) -> impl Iterator<Item = &'static str> {
    let older = match format {
        Format::Cms | Format::Jws => None,
        Format::Cose => lenient.grant(Leniency::VoucherCoseCbor).then_some(OLDER_COSE_TYPE),
    };
    core::iter::once(format.voucher_media_type()).chain(older)
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
