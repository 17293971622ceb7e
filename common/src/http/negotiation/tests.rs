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

#[test]
fn request_without_accept_is_answered_in_its_own_format() {
    for own in Format::ALL {
        assert_eq!(answer_format(&HeaderMap::new(), own, Leniencies::default()), Some(own));
        assert_eq!(answer_format(&accepting(""), own, Leniencies::default()), Some(own));
        assert_eq!(answer_format(&accepting("*/*;q=0.1"), own, Leniencies::default()), Some(own));
    }
}

#[test]
fn own_format_comes_before_one_of_higher_weight() {
    let ranges = accepting("application/voucher-cms+json;q=0.1, application/voucher+cose");
    assert_eq!(answer_format(&ranges, Format::Cms, Leniencies::default()), Some(Format::Cms));
}

#[test]
fn heaviest_format_answers_where_the_own_one_is_not_admitted() {
    let answer = |ranges| answer_format(&accepting(ranges), Format::Cms, Leniencies::default());
    assert_eq!(answer("application/voucher-jws+json;q=0.5, application/voucher+cose;q=0.501"), Some(Format::Cose));
    assert_eq!(answer("application/voucher+cose;q=0.5, application/voucher-jws+json;q=0.6"), Some(Format::Jws));
    assert_eq!(answer("application/voucher-cms+json;q=0, application/*;q=0.2, application/voucher+cose;q=0.1"), Some(Format::Jws));
}

#[test]
fn of_equal_weights_cms_comes_first_and_cose_last() {
    let answer = |ranges, own| answer_format(&accepting(ranges), own, Leniencies::default());
    assert_eq!(answer("application/voucher+cose, application/voucher-jws+json", Format::Cms), Some(Format::Jws));
    assert_eq!(answer("application/voucher-jws+json, application/voucher-cms+json", Format::Cose), Some(Format::Cms));
    assert_eq!(answer("application/voucher+cose;q=0, */*", Format::Cose), Some(Format::Cms));
}

#[test]
fn accept_without_a_voucher_type_gets_no_answer() {
    for ranges in ["text/html", "application/json, text/*", "*/*;q=0", "application/voucher+cose;q=0", "application/voucher-cose+cbor"] {
        assert_eq!(answer_format(&accepting(ranges), Format::Cose, Leniencies::default()), None, "{ranges}");
    }
}

#[test]
fn older_type_in_accept_means_cose_where_it_is_tolerated() {
    let before = Leniency::VoucherCoseCbor.times_used();
    assert_eq!(answer_format(&accepting("application/voucher-cose+cbor"), Format::Cms, older()), Some(Format::Cose));
    assert!(Leniency::VoucherCoseCbor.times_used() > before);
}

#[test]
fn body_of_each_voucher_type_has_its_format() {
    for format in Format::ALL {
        let named = headers(CONTENT_TYPE, &[format.voucher_media_type()]);
        assert_eq!(voucher_format(&named, Leniencies::NONE), Some((format, false)));
    }
    assert_eq!(voucher_format(&headers(CONTENT_TYPE, &["application/cose"]), Leniencies::ALL), None);
    assert_eq!(voucher_format(&HeaderMap::new(), Leniencies::ALL), None);
}

#[test]
fn body_of_the_older_type_is_cose_where_it_is_tolerated() {
    let named = headers(CONTENT_TYPE, &["Application/Voucher-COSE+CBOR; x=y"]);
    assert_eq!(voucher_format(&named, Leniencies::default()), None);
    assert_eq!(voucher_format(&named, older()), Some((Format::Cose, true)));
    assert!(names_older_type(&named));
}

#[test]
fn older_type_is_noticed_in_accept_alone() {
    assert!(names_older_type(&accepting("text/html, application/voucher-cose+cbor;q=0.5")));
    assert!(!names_older_type(&accepting("application/voucher+cose, */*")));
}

#[test]
fn answer_bears_the_older_name_for_whoever_used_it() {
    let answer = |ranges, used| answer_type(&accepting(ranges), Format::Cose, used, older());
    let (new, old) = ("application/voucher+cose", OLDER_COSE_TYPE);
    assert_eq!((answer("*/*", true), answer("*/*", false)), (old, new));
    assert_eq!((answer(new, true), answer(old, false)), (new, old));
    assert_eq!(answer_type(&HeaderMap::new(), Format::Jws, true, older()), "application/voucher-jws+json");
    assert_eq!(answer_type(&HeaderMap::new(), Format::Cose, false, Leniencies::default()), new);
}

#[test]
fn older_cose_type_is_told_the_leniency_that_would_accept_it() {
    let sentence = |found| wrong_voucher_type(&headers(CONTENT_TYPE, &[found]));
    let expected = "application/voucher-cms+json, application/voucher-jws+json or application/voucher+cose";
    assert_eq!(sentence("text/plain"), format!("the body is text/plain, expected {expected}"));
    let older = format!("the body is application/voucher-cose+cbor, expected {expected}; the leniency voucher-cose-cbor would accept it");
    assert_eq!(sentence("Application/Voucher-COSE+cbor"), older);
}
