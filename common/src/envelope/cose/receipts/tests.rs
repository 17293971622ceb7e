use super::*;

fn octets(digits: &str) -> Vec<u8> {
    crate::codec::unhex("test", digits).unwrap()
}

#[test]
fn receipts_are_added_in_their_order_and_nothing_else_changes() {
    // Another encoder's way: a number in a roundabout form, a payload in pieces, an array without count.
    let bare = octets("d29f43a10126a10442aabb5f4101ff4102ff");
    let one = octets("d29f43a10126a20442aabb19018a8142d2845f4101ff4102ff");
    let two = octets("d29f43a10126a20442aabb19018a8242d28441055f4101ff4102ff");
    assert_eq!(receipts(&bare).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(with_receipt(&bare, &[0xd2, 0x84]).unwrap(), one);
    assert_eq!(with_receipt(&one, &[5]).unwrap(), two);
    assert_eq!(receipts(&two).unwrap(), [vec![0xd2, 0x84], vec![5]]);
    assert_eq!(without_receipts(&two).unwrap(), bare);
    assert_eq!(without_receipts(&bare).unwrap(), bare);
}

#[test]
fn receipts_keep_their_place_among_the_parameters() {
    let one = octets("d28440a319018a8141010442aabb18200541014102");
    assert_eq!(with_receipt(&one, &[2]).unwrap(), octets("d28440a319018a82410141020442aabb18200541014102"));
}

#[test]
fn anything_but_an_array_of_octets_is_refused() {
    for value in ["80", "4101", "8101", "8241010a", "a0", "f6"] {
        let wire = octets(&format!("d28440a119018a{value}41014102"));
        assert!(receipts(&wire).is_err() && with_receipt(&wire, &[1]).is_err(), "{value}");
    }
    let twice = octets("d28440a219018a81410119018a81410141014102");
    assert!(receipts(&twice).is_err() && with_receipt(&twice, &[1]).is_err());
}

#[test]
fn no_receipt_joins_protected_ones() {
    let wire = octets("d28447a119018a814101a041014102");
    assert_eq!(receipts(&wire).unwrap(), Vec::<Vec<u8>>::new());
    assert!(with_receipt(&wire, &[1]).is_err());
}

#[test]
fn number_of_receipts_is_bounded() {
    let mut wire = octets("d28440a041014102");
    for i in 0..16 {
        wire = with_receipt(&wire, &[i]).unwrap();
    }
    let limit = DecodeError::TooLarge { what: "number of receipts", limit: 16 };
    assert_eq!((receipts(&wire).unwrap().len(), with_receipt(&wire, &[16])), (16, Err(limit.clone())));
    let more = octets(&format!("d28440a119018a91{}41014102", "4101".repeat(17)));
    assert_eq!(receipts(&more), Err(limit));
}
