//! The format of an answer is one that the Accept header admits, and the request's own one wherever that is admitted.

use brski_common::http::{NotNegotiable, negotiate};
use brski_common::{Format, Leniencies, Leniency};
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use proptest::prelude::*;
use proptest::sample::select;

use crate::config;

/// One range of an Accept header: what it covers, its weight in thousandths, and how it is written.
#[derive(Clone, Debug)]
struct Range {
    of: &'static str,
    weight: u16,
    text: String,
}

const RANGES: [&str; 8] =
    ["*/*", "application/*", "application/voucher-cms+json", "application/voucher-jws+json", "application/voucher+cose", OLDER, "text/*", "application/json"];

/// Weights as RFC 9110, section 12.4.2 writes them, and what does not count as one.
const WEIGHTS: [(&str, u16); 12] = [
    ("", 1000),
    (";q=0", 0),
    ("; q=0.000", 0),
    (";Q=0.", 0),
    (";q=0.001", 1),
    (" ; q=0.5", 500),
    (";q=0.50", 500),
    (";q=0.999", 999),
    (";q=1.000", 1000),
    (";q=1.001", 1000),
    (";q=no", 1000),
    (";q=", 1000),
];

prop_compose! {
    fn range()(of in select(&RANGES[..]), (weight, value) in select(&WEIGHTS[..]), parameter in select(&["", ";profile=a", "; charset=utf-8"][..]), loud in any::<bool>()) -> Range {
        let name = if loud { of.to_ascii_uppercase() } else { of.to_owned() };
        Range { of, weight: value, text: format!("{name}{parameter}{weight}") }
    }
}

/// The ranges in one header line or several.
fn headers(ranges: &[Range], in_a_line: usize) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in ranges.chunks(in_a_line) {
        let texts: Vec<&str> = line.iter().map(|range| range.text.as_str()).collect();
        headers.append(ACCEPT, texts.join(", ").parse().unwrap());
    }
    headers
}

/// How welcome a media type is, by RFC 9110, section 12.5.1: the most precise range decides, and of several the strictest; without any range everything is.
fn welcome(ranges: &[Range], name: &str) -> u16 {
    let strictest = |of: &str| ranges.iter().filter(|range| range.of == of).map(|range| range.weight).min();
    match ranges {
        [] => 1000,
        _ => strictest(name).or_else(|| strictest("application/*")).or_else(|| strictest("*/*")).unwrap_or(0),
    }
}

/// The names of a format's media type.
fn names(format: Format, older_too: bool) -> Vec<&'static str> {
    let older = (format == Format::Cose && older_too).then_some(OLDER);
    [format.voucher_media_type()].into_iter().chain(older).collect()
}

/// The same headers with a body of this type.
fn of_type(mut headers: HeaderMap, name: &'static str) -> HeaderMap {
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(name));
    headers
}

const OLDER: &str = "application/voucher-cose+cbor";

const NOT_ACCEPTABLE: NotNegotiable = NotNegotiable::NotAcceptable { offered: Format::VOUCHER_MEDIA_TYPES };

proptest! {
    #![proptest_config(config())]

    #[test]
    fn answer_has_a_format_that_accept_admits_and_its_own_where_it_can(
        (ranges, in_a_line) in (prop::collection::vec(range(), 0..6), 1..4_usize),
        (own, older_too, which) in (select(Format::ALL), any::<bool>(), any::<prop::sample::Index>()),
    ) {
        let lenient = if older_too { Leniencies::with([Leniency::VoucherCoseCbor]) } else { Leniencies::NONE };
        let body_types = names(own, older_too);
        let headers = of_type(headers(&ranges, in_a_line), body_types[which.index(body_types.len())]);
        let welcome = |format: Format| names(format, older_too).into_iter().map(|name| welcome(&ranges, name)).max().unwrap_or(0);

        match negotiate(&headers, || lenient) {
            Err(refused) => {
                prop_assert_eq!(refused, NOT_ACCEPTABLE);
                prop_assert!(Format::ALL.iter().all(|format| welcome(*format) == 0));
            }
            Ok(negotiated) => {
                let (answer, name) = (negotiated.answer, negotiated.answer_type);
                prop_assert_eq!(negotiated.format, own);
                prop_assert!(welcome(answer) > 0, "{answer:?} is excluded");
                prop_assert_eq!(answer == own, welcome(own) > 0);
                prop_assert!(answer == own || Format::ALL.iter().all(|format| welcome(*format) <= welcome(answer)));
                prop_assert!(names(answer, older_too).contains(&name) && self::welcome(&ranges, name) > 0, "{name} is excluded");
            }
        }
    }

    #[test]
    fn answer_without_accept_is_of_the_type_of_the_request(own in select(Format::ALL), which in any::<prop::sample::Index>()) {
        let name = *which.get(names(own, true).as_slice());
        let negotiated = negotiate(&of_type(HeaderMap::new(), name), || Leniencies::ALL).unwrap();
        prop_assert_eq!((negotiated.format, negotiated.answer, negotiated.answer_type), (own, own, name));
    }

    #[test]
    fn accept_that_cannot_be_read_admits_nothing(octets in prop::collection::vec(0x80..=0xff_u8, 1..20), own in select(Format::ALL)) {
        let mut headers = of_type(HeaderMap::new(), own.voucher_media_type());
        headers.insert(ACCEPT, http::HeaderValue::from_bytes(&octets).unwrap());
        prop_assert_eq!(negotiate(&headers, || Leniencies::ALL), Err(NOT_ACCEPTABLE));
    }
}
