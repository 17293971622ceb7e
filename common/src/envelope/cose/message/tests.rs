use super::*;

/// Tag 18 around an array of these four items, each in hexadecimal digits.
fn tagged_array(protected: &str, unprotected: &str, payload: &str, signature: &str) -> Vec<u8> {
    octets(&format!("d284{protected}{unprotected}{payload}{signature}"))
}

fn octets(digits: &str) -> Vec<u8> {
    crate::codec::unhex("test", digits).unwrap()
}

fn refusal(digits: &str) -> DecodeError {
    Message::from_wire(&octets(digits)).map(|_| ()).unwrap_err()
}

#[test]
fn message_is_cut_into_its_items() {
    let wire = tagged_array("41a0", "a10442aabb", "4101", "4102");
    let message = Message::from_wire(&wire).unwrap();
    assert_eq!([message.protected, message.unprotected, message.payload, message.signature], [&wire[2..4], &wire[4..9], &wire[9..11], &wire[11..]]);
}

#[test]
fn indefinite_lengths_are_read() {
    // An array, a map and a payload in two pieces, none of which says its length.
    let wire = octets("d29f41a0bf0442aabbff5f41014102ff4103ff");
    let message = Message::from_wire(&wire).unwrap();
    assert_eq!(message.payload().unwrap(), [1, 2]);
    assert_eq!(entries(message.unprotected).unwrap(), [(&[4][..], &[0x42, 0xaa, 0xbb][..])]);
}

#[test]
fn message_in_the_tag_of_a_cwt_is_read() {
    assert!(Message::from_wire(&octets("d83dd28440a04040")).is_ok());
}

#[test]
fn other_tags_and_shapes_are_refused() {
    assert_eq!(refusal("8440a04040").to_string(), "CBOR tag is absent, expected 18 (COSE_Sign1)");
    assert_eq!(refusal("d83d8440a04040").to_string(), "CBOR tag is absent, expected 18 (COSE_Sign1)");
    assert_eq!(refusal("d8628440a04040").to_string(), "CBOR tag is 98, expected 18 (COSE_Sign1)");
    assert_eq!(refusal("d2d28440a04040"), no_message());
    for shape in ["d28340a040", "d28540a0404040", "d29f40a04040", "d2a240a04040", "d200", "d240"] {
        assert!(Message::from_wire(&octets(shape)).is_err(), "{shape}");
    }
}

#[test]
fn lengths_and_counts_beyond_the_input_are_refused() {
    for cut in
        ["d28440a0404101ff", "d28440a0405bffffffffffffffff", "d28440bbffffffffffffffff", "d29bffffffffffffffff", "d28440a0405b7fffffffffffffff", "d2", "d8", ""]
    {
        assert!(matches!(refusal(cut), DecodeError::Syntax { .. }), "{cut}");
    }
}

#[test]
fn reserved_heads_and_misplaced_ends_are_refused() {
    for bad in ["d28440a0401c", "d284ff", "d28440a04040ff", "d28440bf04ff4040", "d28440a05f00ff40", "d28440a05f5f4100ffff40", "df8440a04040", "1f"] {
        assert!(matches!(refusal(bad), DecodeError::Syntax { .. }), "{bad}");
    }
}

#[test]
fn nesting_deeper_than_the_limit_is_refused() {
    // Tag, array and map stand around the nested arrays, of which the innermost is empty.
    let nested = |depth: usize| [&octets("d28440a100")[..], &[0x81].repeat(depth - 1), &[0x80], &octets("4040")].concat();
    assert!(Message::from_wire(&nested(MAX_DEPTH - 3)).is_ok());
    let too_deep = DecodeError::TooLarge { what: "nesting of CBOR", limit: MAX_DEPTH };
    assert_eq!(Message::from_wire(&nested(MAX_DEPTH - 2)).map(|_| ()), Err(too_deep.clone()));
    assert_eq!(Message::from_wire(&nested(100_000)).map(|_| ()), Err(too_deep));
}

#[test]
fn labels_are_taken_out_and_nothing_else_changes() {
    let labels = [Label::Int(32), Label::Int(33)];
    // 33 in a roundabout form, and a value under -1 that is not in its shortest form.
    let wire = tagged_array("43a10126", "a4182041cc20190001190021820102044142", "1900ff", "4102");
    let message = Message::from_wire(&wire).unwrap();
    let stripped = tagged_array("43a10126", "a220190001044142", "1900ff", "4102");
    assert_eq!(message.without(&labels).unwrap(), Some(stripped.clone()));
    assert_eq!(Message::from_wire(&stripped).unwrap().without(&labels).unwrap(), None);
}

#[test]
fn labels_are_taken_out_of_a_map_without_length() {
    let wire = octets("d29f41a0bf182041cc0442aabbff41014103ff");
    let stripped = octets("d29f41a0a10442aabb41014103ff");
    assert_eq!(Message::from_wire(&wire).unwrap().without(&[Label::Int(32)]).unwrap(), Some(stripped));
}

#[test]
fn head_of_a_long_map_has_its_length() {
    assert_eq!(map_head(23).unwrap(), [0xb7]);
    assert_eq!(map_head(24).unwrap(), [0xb8, 24]);
    assert_eq!(map_head(256).unwrap(), [0xb9, 1, 0]);
}

#[test]
fn no_short_input_panics() {
    for first in 0..=0xff {
        for second in 0..=0xff {
            let wire = [0xd2, 0x84, first, second];
            assert!(Message::from_wire(&wire).is_err());
        }
    }
}
