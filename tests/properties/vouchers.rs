//! Vouchers and voucher-requests survive their encoding and their envelope in every format, whatever their leaves.

use brski_common::time::at;
use brski_common::{Format, KeyIdentifier, Leniencies, Nonce, Payload, Reading, SignedBy, SigningParty, Verifier, Voucher, VoucherRequest};
use proptest::prelude::*;

use crate::artefacts::any_party;
use crate::config;
use crate::generators::{any_nonce, key_identifier, nonce_for_json_alone, own_nonce, request, spelt_nonce, voucher};
use crate::support::{NOW, block_on};

/// The formats whose payload is JSON.
const IN_JSON: [Format; 2] = [Format::Cms, Format::Jws];

/// Reads with no leniency at all.
pub(crate) fn strictly<T: Payload>(octets: &[u8], format: Format) -> Result<T, brski_common::DecodeError> {
    T::decode(octets, format, &Reading::new(Leniencies::NONE))
}

fn through_encoding<T: Payload>(value: &T, format: Format) -> T {
    strictly(&value.encode(format).unwrap(), format).unwrap()
}

/// The value that comes out of an envelope with this value in it, its signature verified.
fn through_envelope<T: Payload + Clone>(value: &T, format: Format, party: &SigningParty) -> T {
    let signed = block_on(party.seal(value, format)).unwrap();
    let verifier = Verifier { by: SignedBy::Holder(&party.identity.chain[0]), lenient: Leniencies::NONE };
    signed.verify(&verifier, at(NOW)).unwrap().get().clone()
}

/// A nonce's spelling, which counts although equality does not look at it.
fn spelling(nonce: &Option<Nonce>) -> Option<&str> {
    nonce.as_ref().map(Nonce::as_text)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn voucher_survives_json(voucher in voucher(any_nonce())) {
        for format in IN_JSON {
            let read = through_encoding(&voucher, format);
            prop_assert_eq!(spelling(&read.nonce), spelling(&voucher.nonce));
            prop_assert_eq!(&read, &voucher);
        }
    }

    #[test]
    fn request_survives_json(request in request(any_nonce())) {
        for format in IN_JSON {
            let read = through_encoding(&request, format);
            prop_assert_eq!(spelling(&read.nonce), spelling(&request.nonce));
            prop_assert_eq!(&read, &request);
        }
    }

    #[test]
    fn voucher_survives_cbor(voucher in voucher(spelt_nonce())) {
        prop_assert_eq!(through_encoding(&voucher, Format::Cose), voucher);
    }

    #[test]
    fn request_survives_cbor(request in request(spelt_nonce())) {
        prop_assert_eq!(through_encoding(&request, Format::Cose), request);
    }

    #[test]
    fn voucher_survives_every_envelope(voucher in voucher(own_nonce()), party in any_party()) {
        for &format in Format::ALL {
            prop_assert_eq!(&through_envelope(&voucher, format, &party), &voucher);
        }
    }

    #[test]
    fn request_survives_every_envelope(request in request(own_nonce()), party in any_party()) {
        for &format in Format::ALL {
            prop_assert_eq!(&through_envelope(&request, format, &party), &request);
        }
    }

    #[test]
    fn nonce_that_is_not_8_to_32_octets_is_not_written_in_cbor(nonce in nonce_for_json_alone(), voucher in voucher(own_nonce()), request in request(own_nonce())) {
        let voucher = Voucher { nonce: Some(nonce.clone()), ..voucher };
        let request = VoucherRequest { nonce: Some(nonce), ..request };
        for refused in [voucher.encode(Format::Cose).unwrap_err(), request.encode(Format::Cose).unwrap_err()] {
            prop_assert_eq!(refused.to_string(), "nonce must be base64 of 8 to 32 octets, which are what CBOR carries");
        }
        prop_assert_eq!(through_encoding(&voucher, Format::Jws), voucher);
        prop_assert_eq!(through_encoding(&request, Format::Jws), request);
    }

    #[test]
    fn voucher_is_never_read_as_a_request_nor_the_reverse(voucher in voucher(own_nonce()), request in request(own_nonce())) {
        for &format in Format::ALL {
            prop_assert!(VoucherRequest::decode(&voucher.encode(format).unwrap(), format, &Reading::default()).is_err());
            prop_assert!(Voucher::decode(&request.encode(format).unwrap(), format, &Reading::new(Leniencies::ALL)).is_err());
        }
    }

    #[test]
    fn idevid_issuer_survives_its_wrapping(issuer in key_identifier()) {
        let wrapped = issuer.to_idevid_issuer();
        prop_assert_eq!(KeyIdentifier::from_idevid_issuer(&wrapped).unwrap(), issuer);
    }
}
