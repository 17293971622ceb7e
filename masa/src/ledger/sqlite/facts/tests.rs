use super::*;
use crate::ledger::tests::{made as making, recorded as record, vouched};
use crate::testing::{Maker, nonce};

fn entries() -> [Entry; 3] {
    let pledge = Maker::new().pledge("JADA123");
    [making(&pledge), record(&pledge, 0), record(&pledge, 70_000)]
}

fn quickly(kind: &str, octets: &[u8]) -> Option<Facts> {
    if kind == MADE { made(octets) } else { recorded(octets) }
}

#[test]
fn makings_and_records_are_filed_by_what_the_whole_entry_says() {
    for entry in entries() {
        let octets = entry.to_octets().unwrap();
        assert_eq!(quickly(entry.kind(), &octets), Some(Facts::in_full(entry.kind(), &octets).unwrap()));
    }
}

#[test]
fn other_kinds_are_read_in_full() {
    let pledge = Maker::new().pledge("JADA123");
    let entry = vouched(&pledge, Some(nonce(1)));
    let facts = Facts { device: Some(pledge.device()), makes: None, once: Some(nonce(1).octets()) };
    assert_eq!(Facts::of(entry.kind(), &entry.to_octets().unwrap()), Ok(facts));
}

#[test]
fn changed_bit_never_makes_an_entry_say_one_thing_in_short_and_another_in_full() {
    for entry in entries() {
        let octets = entry.to_octets().unwrap();
        for bit in 0..octets.len() * 8 {
            let mut changed = octets.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let (Some(short), Ok(full)) = (quickly(entry.kind(), &changed), Facts::in_full(entry.kind(), &changed)) {
                assert_eq!(short, full, "bit {bit}");
            }
        }
    }
}

#[test]
fn entry_that_is_cut_short_or_prolonged_is_not_read() {
    for entry in entries() {
        let octets = entry.to_octets().unwrap();
        assert!((0..octets.len()).all(|end| quickly(entry.kind(), &octets[..end]).is_none()));
        assert_eq!(quickly(entry.kind(), &[&octets[..], &[0]].concat()), None);
    }
}

#[test]
fn entry_in_another_encoding_is_not_read() {
    let record = |map: &[u8]| recorded(&[&[0x82, 1], map].concat());
    let device = b"\x66device\xa2\x66issuer\x62ab\x66serial\x61A";
    assert!(record(&[b"\xa2\x63seq\x00".as_slice(), device].concat()).is_some());
    let long_number = [b"\xa2\x63seq\x18\x00".as_slice(), device].concat();
    let long_length = [b"\xa2\x78\x03seq\x00".as_slice(), device].concat();
    let unsorted = [b"\xa2".as_slice(), device, b"\x63seq\x00"].concat();
    let twice = [b"\xa3\x63seq\x00\x63seq\x00".as_slice(), device].concat();
    let endless = [b"\xbf\x63seq\x00".as_slice(), device, b"\xff"].concat();
    let capitals = [b"\xa2\x63seq\x00".as_slice(), b"\x66device\xa2\x66issuer\x62AB\x66serial\x61A"].concat();
    for other in [long_number, long_length, unsorted, twice, endless, capitals] {
        assert_eq!(record(&other), None, "{other:x?}");
    }
    let nested = [b"\xa3\x61a".as_slice(), &[0x81; 100], b"\x00\x63seq\x00", device].concat();
    assert_eq!(record(&nested), None);
}
