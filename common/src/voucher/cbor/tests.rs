use ciborium::{Value, cbor};

use crate::codec::unhex;
use crate::envelope::Format;
use crate::error::DecodeError;
use crate::leniency::{Leniencies, Reading};
use crate::provenance::Method;
use crate::signed::Payload as _;
use crate::time::at;
use crate::voucher::testing::{request, request_from, serial, voucher, voucher_from};
use crate::voucher::{Assertion, EXTENSION_NAME, Nonce, ProvenanceExtension, Voucher, VoucherRequest, Wanted};

fn octets(value: &Value) -> Vec<u8> {
    let mut octets = Vec::new();
    ciborium::into_writer(value, &mut octets).unwrap();
    octets
}

fn hex(text: &str) -> Vec<u8> {
    unhex("test", text).unwrap()
}

/// A voucher with these leaves and a serial number.
fn decode(leaves: Vec<(Value, Value)>) -> Result<Voucher, DecodeError> {
    let leaves = leaves.into_iter().chain([(11.into(), "JADA123456789".into())]).collect();
    voucher_from(&octets(&Value::Map(vec![(2451.into(), Value::Map(leaves))])), Format::Cose)
}

fn tagged(sid: u64) -> Value {
    Value::Tag(47, Box::new(sid.into()))
}

fn bytes(octets: &[u8]) -> Value {
    Value::Bytes(octets.to_vec())
}

#[test]
fn bignum_is_neither_key_nor_enumeration() {
    let read = |text: &str| voucher_from(&hex(text), Format::Cose);
    // {2451: {11: "A", 1: 2}}, then with a bignum for the serial number's key, within tag 47, for the enumeration, and for the root's key.
    assert!(read("a1190993a20b61410102").is_ok());
    for bignum in
        ["a1190993a2c2410b61410102", "a1190993a2d82fc242099e61410102", "a1190993a20b614101c24102", "a1c2420993a20b61410102", "a1190993a20b614120c34102"]
    {
        assert!(matches!(read(bignum), Err(DecodeError::Syntax { syntax: "CBOR", .. })), "{bignum}");
    }
}

#[test]
fn voucher_is_written_in_exactly_these_octets() {
    let voucher = Voucher {
        assertion: Some(Assertion::Proximity),
        created_on: Some(at(1_475_868_702)),
        domain_cert_revocation_checks: Some(false),
        nonce: Some(Nonce::from_bytes(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap()),
        provenance: Some(ProvenanceExtension::with_statement(vec![0xd2, 0x84])),
        manufacturer_proprietary: Some(vec![0xf6]),
        ..Voucher::new(serial())
    };
    let expected = [
        "a1190993a8",                                   // {2451: {
        "0102",                                         // 1: 2,
        "0274323031362d31302d30375431393a33313a34325a", // 2: "2016-10-07T19:31:42Z",
        "03f4",                                         // 3: false,
        "07480102030405060708",                         // 7: h'0102030405060708',
        "0b6d4a414441313233343536373839",               // 11: "JADA123456789",
        "0e41f6",                                       // 14: h'f6',
        "0f8119eac4",                                   // 15: [60100],
        "d82f19eac4a10242d284",                         // 47(60100): {2: h'd284'}}}
    ];
    assert_eq!(voucher.encode(Format::Cose).unwrap(), hex(&expected.concat()));
}

#[test]
fn request_is_written_in_exactly_these_octets() {
    let extension = ProvenanceExtension {
        request: Some(Wanted { full: true, summary: false }),
        method: Some(Method::Sapodilla),
        evidence: vec![vec![1]],
        ..ProvenanceExtension::default()
    };
    let request = VoucherRequest {
        assertion: Some(Assertion::AgentProximity),
        prior_signed_voucher_request: Some(vec![0xd2]),
        proximity_registrar_pubk_sha256: Some([6; 32]),
        agent_sign_cert: Some(vec![vec![0x30], vec![0x31]]),
        pinned_domain_pubk_sha256: Some([7; 32]),
        est_domain: Some("https://e".to_owned()),
        manufacturer_proprietary: Some(vec![]),
        provenance: Some(extension),
        ..VoucherRequest::new(serial())
    };
    let expected = [
        "a11909c5aa".to_owned(),                          // {2501: {
        "0103".to_owned(),                                // 1: 3,
        "0941d2".to_owned(),                              // 9: h'd2',
        format!("0b5820{}", "06".repeat(32)),             // 11: h'06..',
        "0d6d4a414441313233343536373839".to_owned(),      // 13: "JADA123456789",
        "0f8241304131".to_owned(),                        // 15: [h'30', h'31'],
        format!("125820{}", "07".repeat(32)),             // 18: h'07..',
        "146968747470733a2f2f65".to_owned(),              // 20: "https://e",
        "158119eac4".to_owned(),                          // 21: [60100],
        "1640".to_owned(),                                // 22: h'',
        "d82f19eac4a30141010605".to_owned() + "0a814101", // 47(60100): {1: h'01', 6: 5, 10: [h'01']}}}
    ];
    assert_eq!(request.encode(Format::Cose).unwrap(), hex(&expected.concat()));
}

#[test]
fn voucher_is_read_under_numbers_absolute_sids_and_names_alike() {
    let voucher = Voucher { assertion: Some(Assertion::Logged), ..Voucher::new(serial()) };
    let leaves = [
        cbor!({ 1 => 1, 11 => "JADA123456789" }).unwrap(),
        cbor!({ "assertion" => 1, "serial-number" => "JADA123456789" }).unwrap(),
        cbor!({ "assertion" => 1, 11 => "JADA123456789" }).unwrap(),
        Value::Map(vec![(tagged(2462), "JADA123456789".into()), (1.into(), 1.into())]),
    ];
    for root in [2451.into(), tagged(2451), Value::from("ietf-voucher:voucher")] {
        for leaves in &leaves {
            let document = Value::Map(vec![(root.clone(), leaves.clone())]);
            assert_eq!(voucher_from(&octets(&document), Format::Cose).unwrap(), voucher, "{document:?}");
        }
    }
}

#[test]
fn request_is_read_under_its_name() {
    let document = cbor!({ "ietf-voucher-request:voucher" => { "serial-number" => "JADA123456789" } }).unwrap();
    assert_eq!(request_from(&octets(&document), Format::Cose).unwrap(), VoucherRequest::new(serial()));
}

#[test]
fn indefinite_lengths_and_any_order_are_read() {
    // {_ 2451: {_ 11: (_ "JADA123", "456789"), 1: 1}}
    let octets = hex("bf190993bf0b7f674a41444131323366343536373839ff0101ffff");
    let expected = Voucher { assertion: Some(Assertion::Logged), ..Voucher::new(serial()) };
    assert_eq!(voucher_from(&octets, Format::Cose).unwrap(), expected);
}

#[test]
fn wrong_root_is_named() {
    let request = VoucherRequest::new(serial()).encode(Format::Cose).unwrap();
    let unexpected = |found: &str, expected| DecodeError::Unexpected { what: "the CBOR root", found: found.to_owned(), expected };
    assert_eq!(voucher_from(&request, Format::Cose).unwrap_err(), unexpected("2501 (ietf-voucher-request:voucher)", "ietf-voucher:voucher"));
    let voucher = Voucher::new(serial()).encode(Format::Cose).unwrap();
    let refused = VoucherRequest::decode(&voucher, Format::Cose, &Reading::new(Leniencies::ALL));
    assert_eq!(refused.unwrap_err(), unexpected("2451 (ietf-voucher:voucher)", "ietf-voucher-request:voucher"));
    // The constrained vouchers of 2019.
    assert_eq!(voucher_from(&hex("a11a000f46c2a0"), Format::Cose).unwrap_err(), unexpected("1001154", "ietf-voucher:voucher"));
    assert_eq!(voucher_from(&hex("a0"), Format::Cose).unwrap_err(), unexpected("empty", "ietf-voucher:voucher"));
}

#[test]
fn root_with_anything_beside_it_is_refused() {
    let both = cbor!({ 2451 => { 11 => "A" }, "ietf-voucher:voucher" => { 11 => "B" } }).unwrap();
    let accompanied = "accompanied by other members".to_owned();
    let expected = DecodeError::Unexpected { what: "the CBOR root", found: accompanied, expected: "ietf-voucher:voucher" };
    assert_eq!(voucher_from(&octets(&both), Format::Cose).unwrap_err(), expected);
}

#[test]
fn what_is_no_map_is_refused() {
    for text in ["80", "f6", "a119099380", "a1f6a0", "d819a0"] {
        assert!(voucher_from(&hex(text), Format::Cose).is_err(), "{text}");
    }
}

#[test]
fn leaf_that_occurs_twice_is_refused_under_whatever_names() {
    let keys = [1.into(), Value::from("assertion"), tagged(2452)];
    for first in &keys {
        for second in &keys {
            let doubled = DecodeError::DuplicateField { field: "assertion".to_owned(), artefact: "voucher" };
            assert_eq!(decode(vec![(first.clone(), 1.into()), (second.clone(), 1.into())]).unwrap_err(), doubled);
        }
    }
}

#[test]
fn stranger_that_occurs_twice_is_refused() {
    assert!(matches!(decode(vec![(17.into(), 1.into()), (tagged(2468), 2.into())]), Err(DecodeError::DuplicateField { .. })));
}

#[test]
fn unknown_leaves_are_ignored() {
    let strangers = vec![(17.into(), Value::Array(vec![60100.into()])), (Value::from(-1), 1.into()), ("new-leaf".into(), cbor!({ "a" => [null] }).unwrap())];
    assert_eq!(decode(strangers).unwrap(), Voucher::new(serial()));
}

#[test]
fn key_that_is_neither_sid_nor_name_is_refused() {
    for key in [Value::Null, bytes(b"1"), Value::Tag(46, Box::new(2452.into())), Value::Tag(47, Box::new("assertion".into()))] {
        assert!(matches!(decode(vec![(key, 1.into())]), Err(DecodeError::InvalidField { field: "ietf-voucher:voucher", .. })));
    }
}

#[test]
fn request_without_serial_number_is_refused() {
    let missing = DecodeError::MissingField { field: "serial-number", artefact: "voucher-request" };
    assert_eq!(request_from(&hex("a11909c5a0"), Format::Cose).unwrap_err(), missing);
    // 11 is the serial number of a voucher, and another leaf of a request.
    assert!(request_from(&hex("a11909c5a10b6141"), Format::Cose).is_err());
}

#[test]
fn word_where_a_number_belongs_is_refused_with_what_would_be_right() {
    let refused = decode(vec![(1.into(), "proximity".into())]).unwrap_err().to_string();
    assert_eq!(refused, "assertion must be an integer in CBOR and no word: 0 verified, 1 logged, 2 proximity, 3 agent-proximity");
    for wrong in [Value::from(4), Value::from(-1), Value::from(1.0), Value::Null] {
        assert!(matches!(decode(vec![(1.into(), wrong)]), Err(DecodeError::InvalidField { field: "assertion", .. })));
    }
}

#[test]
fn base64_text_where_octets_belong_is_refused_with_what_would_be_right() {
    for (delta, leaf) in [(5, "idevid-issuer"), (7, "nonce"), (8, "pinned-domain-cert"), (9, "pinned-domain-pubk"), (14, "manufacturer-proprietary")] {
        let refused = decode(vec![(delta.into(), "AAECAwQFBgc=".into())]).unwrap_err().to_string();
        assert_eq!(refused, format!("{leaf} must be a byte string in CBOR (RFC 9254, section 6.8), and no base64 text"));
    }
}

#[test]
fn time_is_text_without_a_tag() {
    let time = Value::from("2016-10-07T19:31:42Z");
    assert_eq!(decode(vec![(2.into(), time.clone())]).unwrap().created_on, Some(at(1_475_868_702)));
    for wrong in [Value::Tag(0, Box::new(time)), Value::from(1_475_868_702), Value::Tag(1, Box::new(1.into()))] {
        assert!(matches!(decode(vec![(2.into(), wrong)]), Err(DecodeError::InvalidField { field: "created-on", .. })));
    }
}

#[test]
fn nonce_has_8_to_32_octets() {
    for (length, fits) in [(7, false), (8, true), (32, true), (33, false), (65, false)] {
        assert_eq!(decode(vec![(7.into(), bytes(&vec![1; length]))]).is_ok(), fits, "{length}");
    }
    let short = Voucher { nonce: Some(Nonce::from_text("c2hvcnQh").unwrap()), ..Voucher::new(serial()) };
    assert!(matches!(short.encode(Format::Cose), Err(DecodeError::InvalidField { field: "nonce", .. })));
}

#[test]
fn nonce_of_plain_words_is_not_written_because_its_octets_would_be_another_nonce() {
    for words in ["short!", "long enough, but words"] {
        let voucher = Voucher { nonce: Some(Nonce::from_text(words).unwrap()), ..Voucher::new(serial()) };
        assert!(matches!(voucher.encode(Format::Cose), Err(DecodeError::InvalidField { field: "nonce", .. })), "{words}");
    }
}

#[test]
fn agent_sign_cert_may_be_a_single_byte_string() {
    let document = cbor!({ 2501 => { 13 => "A", 15 => (bytes(&[0x30])) } }).unwrap();
    assert_eq!(request_from(&octets(&document), Format::Cose).unwrap().agent_sign_cert, Some(vec![vec![0x30]]));
}

#[test]
fn former_name_of_manufacturer_proprietary_is_known_but_not_beside_the_present_one() {
    let former = || (Value::from("manufacturer-private"), bytes(&[1]));
    assert_eq!(decode(vec![former()]).unwrap().manufacturer_proprietary, Some(vec![1]));
    assert!(matches!(decode(vec![former(), (14.into(), bytes(&[1]))]), Err(DecodeError::DuplicateField { .. })));
}

#[test]
fn octets_after_the_end_are_refused() {
    let mut octets = Voucher::new(serial()).encode(Format::Cose).unwrap();
    octets.push(0xf6);
    assert!(matches!(voucher_from(&octets, Format::Cose), Err(DecodeError::Syntax { .. })));
}

#[test]
fn every_shortened_document_is_refused() {
    for (octets, read) in [
        (voucher().encode(Format::Cose).unwrap(), (|o| voucher_from(o, Format::Cose).is_ok()) as fn(&[u8]) -> bool),
        (request().encode(Format::Cose).unwrap(), |o| request_from(o, Format::Cose).is_ok()),
    ] {
        assert!((0..octets.len()).all(|length| !read(&octets[..length])));
    }
}

#[test]
fn depth_size_and_number_are_bounded() {
    let deep = hex(&format!("a1190993a118ff{}00", "81".repeat(60_000)));
    let many = decode(vec![(17.into(), Value::Array(vec![Value::Null; 5000]))]).unwrap_err();
    assert_eq!(many, DecodeError::TooLarge { what: "number of CBOR items", limit: 4096 });
    assert!(voucher_from(&deep, Format::Cose).is_err());
    let nested = hex(&format!("a1190993a118ff{}00", "81".repeat(100)));
    assert!(matches!(voucher_from(&nested, Format::Cose), Err(DecodeError::Syntax { detail, .. }) if detail.contains("deeper")));
    let large = decode(vec![(17.into(), bytes(&vec![0; 300_000]))]).unwrap_err();
    assert!(matches!(large, DecodeError::TooLarge { what: "voucher", .. }));
    let leaf = decode(vec![(14.into(), bytes(&vec![0; 20_000]))]).unwrap_err();
    assert!(matches!(leaf, DecodeError::TooLarge { what: "manufacturer-proprietary", .. }));
}

#[test]
fn claimed_lengths_beyond_the_end_are_refused() {
    for claim in ["5b7fffffffffffffff", "7b7fffffffffffffff", "9b7fffffffffffffff", "bb7fffffffffffffff", "5bffffffffffffffff", "5a", "1c", "ff"] {
        let document = hex(&format!("a1190993a108{claim}"));
        assert!(matches!(voucher_from(&document, Format::Cose), Err(DecodeError::Syntax { .. })), "{claim}");
    }
}

#[test]
fn extension_is_known_by_sid_and_by_name_but_only_once() {
    let content = || cbor!({ 2 => (bytes(&[0xd2])), "method" => 4 }).unwrap();
    let expected = ProvenanceExtension { statement: Some(vec![0xd2]), method: Some(Method::Salak), ..ProvenanceExtension::default() };
    let listings = [Value::from(60100), Value::from(EXTENSION_NAME)];
    let names = [tagged(60100), Value::from(60100 - 2451), Value::from(EXTENSION_NAME), Value::from("extension:brski-key-provenance")];
    for listing in &listings {
        for name in &names {
            let read = decode(vec![("extensions".into(), Value::Array(vec![listing.clone()])), (name.clone(), content())]).unwrap();
            assert_eq!(read.provenance.as_ref(), Some(&expected));
        }
    }
    let twice = decode(vec![(15.into(), Value::Array(listings.to_vec()))]);
    assert!(matches!(twice, Err(DecodeError::DuplicateField { artefact: "leaf-list extensions", .. })));
    let doubled = decode(vec![(15.into(), cbor!([60100]).unwrap()), (tagged(60100), content()), (EXTENSION_NAME.into(), content())]);
    assert!(matches!(doubled, Err(DecodeError::DuplicateField { .. })));
}

#[test]
fn inner_leaves_are_known_by_absolute_sid() {
    let content = Value::Map(vec![(tagged(60106), 2.into())]);
    let read = decode(vec![(15.into(), cbor!([60100]).unwrap()), (tagged(60100), content)]).unwrap();
    assert_eq!(read.provenance.unwrap().method, Some(Method::Bamboo));
}

#[test]
fn extension_listed_without_content_is_empty_and_content_without_listing_is_refused() {
    let empty = decode(vec![(15.into(), cbor!([60100, "another", 7]).unwrap())]).unwrap();
    assert_eq!(empty.provenance, Some(ProvenanceExtension::default()));
    let hidden = decode(vec![(15.into(), cbor!(["another"]).unwrap()), (tagged(60100), cbor!({ 6 => 1 }).unwrap())]);
    assert!(matches!(hidden, Err(DecodeError::MissingField { field: EXTENSION_NAME, .. })));
}

#[test]
fn extensions_of_others_are_ignored() {
    let others = vec![(15.into(), cbor!([70000, "another"]).unwrap()), (tagged(70000), cbor!({ 6 => "x" }).unwrap())];
    assert_eq!(decode(others).unwrap().provenance, None);
}

#[test]
fn extensions_are_an_array_of_names_and_sids() {
    for wrong in [Value::from(60100), cbor!([null]).unwrap(), cbor!([(-1)]).unwrap(), Value::Array(vec![7.into(), 7.into()]), Value::Array(vec![7.into(); 65])]
    {
        assert!(decode(vec![(15.into(), wrong.clone())]).is_err(), "{wrong:?}");
    }
}

#[test]
fn wrong_value_within_the_extension_is_blamed_on_its_leaf() {
    let wrong = [
        ("request", "full".into()),
        ("request", bytes(&[4])),
        ("request", bytes(&[1, 0])),
        ("request", Value::Array(vec![bytes(&[1]), 1.into(), bytes(&[1])])),
        ("statement", "0oQ=".into()),
        ("statement-type", bytes(b"application/eat+cwt")),
        ("statement-hash", bytes(&[1; 31])),
        ("statement-uri", 1.into()),
        ("method", "salak".into()),
        ("method", 6.into()),
        ("transfer", 5.into()),
        ("source", 7.into()),
        ("protection", 6.into()),
        ("evidence", bytes(&[1])),
        ("evidence", cbor!(["gwE="]).unwrap()),
    ];
    for (leaf, value) in wrong {
        let read = decode(vec![(15.into(), cbor!([60100]).unwrap()), (tagged(60100), Value::Map(vec![(leaf.into(), value)]))]);
        assert!(matches!(read, Err(DecodeError::InvalidField { field, .. }) if field == leaf), "{leaf}: {read:?}");
    }
}

#[test]
fn bits_may_be_an_array_of_one_byte_string() {
    for (value, full, summary) in [(bytes(&[2]), false, true), (Value::Array(vec![bytes(&[3])]), true, true), (bytes(&[]), false, false)] {
        let content = Value::Map(vec![(1.into(), value)]);
        let read = decode(vec![(15.into(), cbor!([60100]).unwrap()), (tagged(60100), content)]).unwrap();
        assert_eq!(read.provenance.unwrap().request, Some(Wanted { full, summary }));
    }
}
