use http::header::HeaderValue;

use super::*;

fn headers(name: http::header::HeaderName, values: &[&'static str]) -> HeaderMap {
    values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
}

fn accepting(ranges: &'static str) -> HeaderMap {
    headers(ACCEPT, &[ranges])
}

fn older() -> Leniencies {
    Leniencies::with([Leniency::VoucherCoseCbor])
}

#[test]
fn media_type_is_told_without_case_and_parameters() {
    let found = media_type(&headers(CONTENT_TYPE, &["Application/PKCS7-mime; smime-type=certs-only"]));
    assert_eq!(found.as_deref(), Some("application/pkcs7-mime"));
}

#[test]
fn doubled_media_type_is_none() {
    assert_eq!(media_type(&headers(CONTENT_TYPE, &["application/pkcs10", "application/json"])), None);
}

fn admits(ranges: &[&'static str]) -> bool {
    accepts(&headers(ACCEPT, ranges), "application/pkcs7-mime; smime-type=certs-only")
}

#[test]
fn accept_header_admits_by_type_family_or_wildcard() {
    for ranges in ["Application/PKCS7-mime", "application/pkcs7-mime; smime-type=certs-only", "application/*", "*/*", "text/html, */*;q=0.1"] {
        assert!(admits(&[ranges]), "{ranges}");
    }
    assert!(admits(&["text/html", "application/pkcs7-mime"]));
}

#[test]
fn accept_header_without_a_range_admits_anything() {
    for nothing in [&[][..], &[""], &[" , "]] {
        assert!(admits(nothing), "{nothing:?}");
    }
}

#[test]
fn accept_header_of_other_types_admits_nothing() {
    for ranges in ["application/json", "text/*", "application", "*"] {
        assert!(!admits(&[ranges]), "{ranges}");
    }
}

#[test]
fn zero_weight_of_the_most_specific_range_forbids() {
    for ranges in ["application/pkcs7-mime;q=0", "application/pkcs7-mime; Q = 0.000, */*", "application/*;q=0.0, */*;q=1", "*/*;q=0"] {
        assert!(!admits(&[ranges]), "{ranges}");
    }
    assert!(admits(&["*/*;q=0, application/pkcs7-mime;q=0.001"]));
}

#[test]
fn weight_that_is_none_is_ignored() {
    for ranges in ["application/pkcs7-mime;q=nan", "application/pkcs7-mime;q=-1", "application/pkcs7-mime;q=0.0000", "application/pkcs7-mime;q=", "*/*;q=2"] {
        assert!(admits(&[ranges]), "{ranges}");
    }
}

#[test]
fn accept_header_that_is_not_text_admits_nothing() {
    let unreadable = [(ACCEPT, HeaderValue::from_bytes(&[0xff]).unwrap())].into_iter().collect();
    assert!(!accepts(&unreadable, "application/voucher+cose"));
}

/// The headers of a body of this type with these ranges in Accept.
fn both(body: &'static str, ranges: &'static str) -> HeaderMap {
    [(CONTENT_TYPE, HeaderValue::from_static(body)), (ACCEPT, HeaderValue::from_static(ranges))].into_iter().collect()
}

/// The format of the answer to a body in `own`, and its type.
fn answer(own: Format, ranges: &'static str, lenient: Leniencies) -> Option<(Format, &'static str)> {
    let negotiated = negotiate(&both(own.voucher_media_type(), ranges), || lenient);
    match negotiated {
        Ok(Negotiated { format, answer, answer_type }) => {
            assert_eq!(format, own);
            Some((answer, answer_type))
        }
        Err(refused) => {
            assert_eq!(refused, NotNegotiable::NotAcceptable { offered: Format::VOUCHER_MEDIA_TYPES });
            None
        }
    }
}

fn answer_format(own: Format, ranges: &'static str) -> Option<Format> {
    answer(own, ranges, Leniencies::default()).map(|(format, media_type)| {
        assert_eq!(media_type, format.voucher_media_type());
        format
    })
}

#[test]
fn request_without_accept_is_answered_in_its_own_format() {
    for own in Format::ALL {
        let named = headers(CONTENT_TYPE, &[own.voucher_media_type()]);
        let expected = Negotiated { format: *own, answer: *own, answer_type: own.voucher_media_type() };
        assert_eq!(negotiate(&named, Leniencies::default), Ok(expected));
        assert_eq!(answer_format(*own, ""), Some(*own));
        assert_eq!(answer_format(*own, "*/*;q=0.1"), Some(*own));
    }
}

#[test]
fn own_format_comes_before_one_of_higher_weight() {
    assert_eq!(answer_format(Format::Cms, "application/voucher-cms+json;q=0.1, application/voucher+cose"), Some(Format::Cms));
}

#[test]
fn heaviest_format_answers_where_the_own_one_is_not_admitted() {
    let answer = |ranges| answer_format(Format::Cms, ranges);
    assert_eq!(answer("application/voucher-jws+json;q=0.5, application/voucher+cose;q=0.501"), Some(Format::Cose));
    assert_eq!(answer("application/voucher+cose;q=0.5, application/voucher-jws+json;q=0.6"), Some(Format::Jws));
    assert_eq!(answer("application/voucher-cms+json;q=0, application/*;q=0.2, application/voucher+cose;q=0.1"), Some(Format::Jws));
}

#[test]
fn of_equal_weights_cms_comes_first_and_cose_last() {
    assert_eq!(answer_format(Format::Cms, "application/voucher+cose, application/voucher-jws+json"), Some(Format::Jws));
    assert_eq!(answer_format(Format::Cose, "application/voucher-jws+json, application/voucher-cms+json"), Some(Format::Cms));
    assert_eq!(answer_format(Format::Cose, "application/voucher+cose;q=0, */*"), Some(Format::Cms));
}

#[test]
fn accept_without_a_voucher_type_gets_no_answer() {
    for ranges in ["text/html", "application/json, text/*", "*/*;q=0", "application/voucher+cose;q=0", OLDER] {
        assert_eq!(answer_format(Format::Cose, ranges), None, "{ranges}");
    }
}

#[test]
fn older_type_in_accept_means_cose_where_it_is_tolerated() {
    assert_eq!(answer(Format::Cms, OLDER, older()), Some((Format::Cose, OLDER)));
    assert_eq!(answer(Format::Cms, OLDER, Leniencies::default()), None);
}

#[test]
fn body_of_each_voucher_type_has_its_format() {
    for format in Format::ALL {
        assert_eq!(voucher_format(&headers(CONTENT_TYPE, &[format.voucher_media_type()]), Leniencies::NONE), Ok(*format));
    }
    for other in [headers(CONTENT_TYPE, &["application/cose"]), HeaderMap::new()] {
        assert_eq!(voucher_format(&other, Leniencies::ALL).unwrap_err().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}

#[test]
fn body_of_the_older_type_is_cose_where_it_is_tolerated() {
    let named = headers(CONTENT_TYPE, &["Application/Voucher-COSE+CBOR; x=y"]);
    assert!(voucher_format(&named, Leniencies::default()).is_err());
    assert_eq!(voucher_format(&named, older()), Ok(Format::Cose));
}

#[test]
fn who_the_peer_is_matters_only_if_an_older_type_is_named() {
    let asks = |headers: &HeaderMap| {
        let mut asked = false;
        let _ = negotiate(headers, || {
            asked = true;
            Leniencies::NONE
        });
        asked
    };
    assert!(asks(&both(OLDER, "*/*")));
    assert!(asks(&both("text/plain", "text/html, Application/Voucher-COSE+cbor;q=0.5")));
    assert!(!asks(&both("application/voucher+cose", "application/voucher+cose, */*")));
}

#[test]
fn answer_bears_the_older_name_for_whoever_used_it() {
    let answer_type = |body, ranges| negotiate(&both(body, ranges), older).map(|negotiated| negotiated.answer_type).unwrap();
    let new = "application/voucher+cose";
    assert_eq!((answer_type(OLDER, "*/*"), answer_type(new, "*/*")), (OLDER, new));
    assert_eq!((answer_type(OLDER, new), answer_type(new, OLDER)), (new, OLDER));
    assert_eq!(answer_type(OLDER, "application/voucher-jws+json"), "application/voucher-jws+json");
}

#[test]
fn older_cose_type_is_told_the_leniency_that_would_accept_it() {
    let sentence = |found| voucher_format(&headers(CONTENT_TYPE, &[found]), Leniencies::default()).unwrap_err().to_string();
    let expected = Format::VOUCHER_MEDIA_TYPES;
    assert_eq!(sentence("text/plain"), format!("the body is text/plain, expected {expected}"));
    let older = format!("the body is application/voucher-cose+cbor, expected {expected}; the leniency voucher-cose-cbor would accept it");
    assert_eq!(sentence("Application/Voucher-COSE+cbor"), older);
}

#[test]
fn voucher_types_in_words_are_those_of_all_formats() {
    let [first, second, third] = Format::ALL else { panic!("{:?}", Format::ALL) };
    let [first, second, third] = [first, second, third].map(|format| format.voucher_media_type());
    assert_eq!(Format::VOUCHER_MEDIA_TYPES, format!("{first}, {second} or {third}"));
}

#[test]
fn body_must_be_of_the_one_type_that_is_taken() {
    assert_eq!(must_be(&headers(CONTENT_TYPE, &["Application/JSON; charset=utf-8"]), "application/json"), Ok(()));
    let refused = must_be(&HeaderMap::new(), "application/json").unwrap_err();
    assert_eq!(refused.to_string(), "the body is of no single stated type, expected application/json");
}

#[test]
fn body_must_be_sent_as_it_is() {
    for plain in [&[][..], &["identity"], &["", "Identity"], &["identity, identity"]] {
        assert_eq!(must_be_unencoded(&headers(http::header::CONTENT_ENCODING, plain)), Ok(()));
    }
}

#[test]
fn encoded_body_is_unsupported_wherever_its_encoding_stands() {
    for lines in [&["gzip"][..], &["identity, gzip"], &["identity", "gzip, br"]] {
        let refused = must_be_unencoded(&headers(http::header::CONTENT_ENCODING, lines)).unwrap_err();
        assert_eq!((refused.status(), refused), (StatusCode::UNSUPPORTED_MEDIA_TYPE, NotNegotiable::Encoded { found: "gzip".to_owned() }));
    }
}

#[test]
fn answer_of_one_type_must_be_accepted() {
    assert_eq!(must_accept(&accepting("*/*"), "application/json"), Ok(()));
    let refused = must_accept(&accepting("text/html"), "application/json").unwrap_err();
    assert_eq!((refused.status(), refused), (StatusCode::NOT_ACCEPTABLE, NotNegotiable::NotAcceptable { offered: "application/json" }));
}

const OLDER: &str = "application/voucher-cose+cbor";
