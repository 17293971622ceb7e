//! JSON and CBOR say the same, and each says it in one way.

use brski_common::{Format, Payload, Voucher, VoucherRequest};
use ciborium::Value;
use proptest::prelude::*;

use crate::config;
use crate::generators::{own_nonce, request, spelt_nonce, voucher};
use crate::vouchers::strictly;

/// In JSON and in CBOR the same value, and from each the octets of the other.
fn says_the_same<T: Payload + PartialEq + std::fmt::Debug>(value: &T) -> Result<(), TestCaseError> {
    let (json, cbor) = (value.encode(Format::Jws).unwrap(), value.encode(Format::Cose).unwrap());
    prop_assert_eq!(&value.encode(Format::Cms).unwrap(), &json);
    let from_json: T = strictly(&json, Format::Jws).unwrap();
    let from_cbor: T = strictly(&cbor, Format::Cose).unwrap();
    prop_assert_eq!(&from_json, &from_cbor);
    for read in [from_json, from_cbor] {
        prop_assert_eq!(&read.encode(Format::Jws).unwrap(), &json);
        prop_assert_eq!(&read.encode(Format::Cose).unwrap(), &cbor);
    }
    Ok(())
}

/// The rules of RFC 8949, section 4.2.1: shortest forms, definite lengths, and keys in the order of their octets.
fn is_deterministic(octets: &[u8]) -> bool {
    let value: Value = ciborium::from_reader(octets).unwrap();
    written(&value) == octets && has_sorted_keys(&value)
}

fn has_sorted_keys(value: &Value) -> bool {
    match value {
        Value::Map(entries) => entries.iter().map(|(key, _)| written(key)).is_sorted_by(|a, b| a < b) && entries.iter().all(|(_, item)| has_sorted_keys(item)),
        Value::Array(items) => items.iter().all(has_sorted_keys),
        Value::Tag(_, inner) => has_sorted_keys(inner),
        _ => true,
    }
}

/// In the shortest form.
pub(crate) fn written(value: &Value) -> Vec<u8> {
    let mut octets = Vec::new();
    ciborium::into_writer(value, &mut octets).unwrap();
    octets
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn voucher_says_the_same_in_json_and_in_cbor(voucher in voucher(own_nonce())) {
        says_the_same(&voucher)?;
    }

    #[test]
    fn request_says_the_same_in_json_and_in_cbor(request in request(own_nonce())) {
        says_the_same(&request)?;
    }

    #[test]
    fn cbor_is_deterministic(voucher in voucher(spelt_nonce()), request in request(spelt_nonce())) {
        for octets in [voucher.encode(Format::Cose).unwrap(), request.encode(Format::Cose).unwrap()] {
            prop_assert!(is_deterministic(&octets));
        }
    }

    #[test]
    fn nonce_is_the_same_in_cbor_however_json_spells_it(voucher in voucher(spelt_nonce())) {
        let cbor = voucher.encode(Format::Cose).unwrap();
        let read: Voucher = strictly(&voucher.encode(Format::Jws).unwrap(), Format::Jws).unwrap();
        prop_assert_eq!(read.encode(Format::Cose).unwrap(), cbor.clone());
        prop_assert_eq!(&strictly::<Voucher>(&cbor, Format::Cose).unwrap(), &read);
    }

    #[test]
    fn prior_request_is_the_same_octets_in_json_and_in_cbor(prior in prop::collection::vec(any::<u8>(), 0..2000), request in request(own_nonce())) {
        let request = VoucherRequest { prior_signed_voucher_request: Some(prior.clone()), ..request };
        for &format in Format::ALL {
            let read: VoucherRequest = strictly(&request.encode(format).unwrap(), format).unwrap();
            prop_assert_eq!(read.prior_signed_voucher_request.as_deref(), Some(&*prior));
        }
    }
}
