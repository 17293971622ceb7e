use super::*;

fn item(octets: &[u8]) -> Result<Value, DecodeError> {
    from_cbor("item", octets)
}

#[test]
fn map_keys_are_sorted_by_their_octets_at_every_level() {
    // RFC 8949, section 4.2.1 sorts 10, 100, -1, "z", "aa" like this.
    let entry = |key: Value| (key, Value::Null);
    let inner = Value::Map(vec![entry("aa".into()), entry("z".into()), entry((-1).into()), entry(100.into()), entry(10.into())]);
    let octets = to_deterministic_cbor("item", &Value::Array(vec![Value::Tag(1, Box::new(inner))])).unwrap();
    assert_eq!(hex(&octets), "81c1a50af61864f620f6617af6626161f6");
}

#[test]
fn only_the_shortest_form_of_a_number_is_read() {
    assert_eq!(item(&[0x17]).unwrap(), Value::from(23));
    assert!(item(&[0x18, 0x17]).is_err());
}

#[test]
fn indefinite_lengths_are_refused() {
    assert!(item(&[0x9f, 0xff]).is_err());
    assert!(item(&[0x5f, 0x41, 0x00, 0xff]).is_err());
}

#[test]
fn doubled_keys_are_refused_at_every_level() {
    assert!(item(&[0xa2, 0x01, 0x02, 0x02, 0x02]).is_ok());
    assert!(matches!(item(&[0xa2, 0x01, 0x02, 0x01, 0x02]), Err(DecodeError::DuplicateField { .. })));
    assert!(matches!(item(&[0x81, 0xa2, 0x01, 0x02, 0x01, 0x02]), Err(DecodeError::DuplicateField { .. })));
}

#[test]
fn nesting_is_limited() {
    assert!(item(&[[0x81; 10].as_slice(), &[0]].concat()).is_ok());
    assert!(item(&[[0x81; 100].as_slice(), &[0]].concat()).is_err());
}

#[test]
fn hexadecimal_digits_come_in_pairs() {
    assert_eq!(unhex("field", &hex(&[0, 0x1f, 0xff])).unwrap(), [0, 0x1f, 0xff]);
    assert!(unhex("field", "123").is_err());
    assert!(unhex("field", "1g").is_err());
}

#[test]
fn what_is_written_at_once_is_what_a_tree_of_values_makes_of_it() {
    use crate::provenance::testing::{any_device, full_origin, record};
    let numbers = (u64::MAX, u32::MAX, 0x1_0000_u32, 0xffff_u16, 256_u16, 255_u8, 24_u8, 23_u8, i64::MIN, -25_i8, -24_i32, -1_i16, 5_i64);
    let others = (true, false, (), None::<u8>, Some('\u{e4}'), "x".repeat(300), [[7_u8; 3]; 2]);
    let maps = std::collections::BTreeMap::from([("b".repeat(30), 1), ("b".to_owned(), 2), ("aa".to_owned(), 3), ("a".to_owned(), 4)]);
    let keyed = Value::Map(vec![("a".into(), Value::Bytes(vec![1; 70])), (10.into(), Value::Array(vec![(-1).into()])), ((-1).into(), Value::Null)]);
    let item = (record(&any_device(), full_origin()), numbers, others, maps, keyed);
    assert_eq!(deterministic::written(&item).unwrap(), by_values("item", &item).unwrap());
}

#[test]
fn what_is_not_written_at_once_is_left_to_a_tree_of_values() {
    for item in [Value::Tag(1, Box::new(0.into())), Value::Float(0.5), Value::Integer((-1_i128 << 64).try_into().unwrap())] {
        assert_eq!(deterministic::written(&item), None, "{item:?}");
        assert_eq!(to_deterministic_cbor("item", &item).unwrap(), to_cbor("item", &item).unwrap());
    }
}
