use brski_common::time::at;

use super::*;
use crate::testing::{Entity, serial};

fn prefix(text: &str) -> Coverage {
    Coverage { serials: Serials::Prefix(text.to_owned()), ..Coverage::default() }
}

fn range(first: &str, last: &str) -> Coverage {
    Coverage { serials: Serials::Range { first: serial(first), last: serial(last) }, ..Coverage::default() }
}

fn made(from: u64, until: u64) -> Coverage {
    Coverage { from: Some(at(from)), until: Some(at(until)), ..Coverage::default() }
}

#[test]
fn device_is_covered_by_serial_number_and_by_time() {
    let inside = |coverage: Coverage, name: &str, secs| coverage.includes(&serial(name), at(secs));
    assert!(inside(Coverage::default(), "JADA1", 5));
    assert!(inside(prefix("JA"), "JADA1", 5) && !inside(prefix("JB"), "JADA1", 5));
    assert!(inside(range("A10", "A19"), "A10", 5) && inside(range("A10", "A19"), "A19", 5));
    assert!(!inside(range("A10", "A19"), "A20", 5) && !inside(range("A10", "A19"), "A1", 5) && !inside(range("A10", "A19"), "A100", 5));
    assert!(inside(made(5, 9), "JADA1", 5) && inside(made(5, 9), "JADA1", 8));
    assert!(!inside(made(5, 9), "JADA1", 4) && !inside(made(5, 9), "JADA1", 9));
}

#[test]
fn coverages_meet_where_some_device_could_be_in_both() {
    for (one, other, meet) in [
        (Coverage::default(), prefix("A"), true),
        (prefix("A"), prefix("AB"), true),
        (prefix("A"), prefix("B"), false),
        (prefix("A1"), range("A10", "A19"), true),
        (prefix("A2"), range("A10", "A19"), false),
        (prefix("A2"), range("A10", "A29"), true),
        (prefix("A2"), range("A10", "A30"), true),
        (prefix("A199"), range("A10", "A19"), false),
        (range("A10", "A19"), range("A19", "A30"), true),
        (range("A10", "A19"), range("A20", "A30"), false),
        (range("A10", "A19"), range("A100", "A190"), false),
        (made(0, 5), made(5, 9), false),
        (made(0, 6), made(5, 9), true),
        (Coverage { from: Some(at(5)), ..Coverage::default() }, made(0, 5), false),
        (Coverage { serials: Serials::Prefix("A".to_owned()), ..made(0, 5) }, Coverage { serials: Serials::Prefix("A".to_owned()), ..made(5, 9) }, false),
    ] {
        assert_eq!((one.meets(&other), other.meets(&one)), (meet, meet), "{one:?} and {other:?}");
    }
}

#[test]
fn key_is_found_by_serial_number() {
    let (a, b) = (Entity::root("A"), Entity::root("B"));
    let keys = [(&a, prefix("A")), (&b, prefix("B"))].map(|(entity, covers)| VoucherKey { covers, party: entity.party(&[]) });
    let signers = VoucherSigners::several(keys.into());
    let signer = |name: &str| signers.of(&serial(name), at(5)).map(|party| party.identity.chain.first().cloned());
    assert_eq!(signer("A1").unwrap(), Some(a.certificate));
    assert_eq!(signer("B1").unwrap(), Some(b.certificate));
    assert!(matches!(signer("C1"), Err(Refusal::NoVoucherKey { .. })));
}
