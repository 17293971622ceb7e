use crate::envelope::Format;
use crate::error::DecodeError;
use crate::signed::Payload as _;
use crate::test_pki::Entity;
use crate::time::at;
use crate::voucher::testing::{request, request_from, serial, voucher, voucher_from};
use crate::voucher::{Assertion, Nonce, ProvenanceExtension, Voucher, VoucherRequest, Wanted};

#[test]
fn every_leaf_of_a_voucher_survives_in_every_format() {
    for &format in Format::ALL {
        for voucher in [voucher(), Voucher::new(serial())] {
            assert_eq!(voucher_from(&voucher.encode(format).unwrap(), format).unwrap(), voucher);
        }
    }
}

#[test]
fn every_leaf_of_a_request_survives_in_every_format() {
    for &format in Format::ALL {
        for request in [request(), VoucherRequest::new(serial())] {
            assert_eq!(request_from(&request.encode(format).unwrap(), format).unwrap(), request);
        }
    }
}

#[test]
fn certificates_keep_their_octets_in_every_format() {
    let voucher = voucher();
    let written = voucher.pinned_domain_cert.as_ref().unwrap().der();
    for &format in Format::ALL {
        let read = voucher_from(&voucher.encode(format).unwrap(), format).unwrap();
        assert_eq!(read.pinned_domain_cert.unwrap().der(), written);
    }
}

#[test]
fn every_combination_of_wanted_bits_survives_in_every_format() {
    for &format in Format::ALL {
        for (full, summary) in [(false, false), (false, true), (true, false), (true, true)] {
            let provenance = Some(ProvenanceExtension { request: Some(Wanted { full, summary }), ..ProvenanceExtension::default() });
            let request = VoucherRequest { provenance, ..VoucherRequest::new(serial()) };
            assert_eq!(request_from(&request.encode(format).unwrap(), format).unwrap(), request);
        }
    }
}

#[test]
fn extension_without_content_survives_in_every_format() {
    for &format in Format::ALL {
        let voucher = Voucher { provenance: Some(ProvenanceExtension::default()), ..Voucher::new(serial()) };
        assert_eq!(voucher_from(&voucher.encode(format).unwrap(), format).unwrap(), voucher);
    }
}

#[test]
fn nonce_is_the_same_octets_in_json_and_in_cbor() {
    // Base64url without padding, as in published requests.
    let nonce = Nonce::from_text("--__AQIDBAU").unwrap();
    let request = VoucherRequest { nonce: Some(nonce.clone()), ..VoucherRequest::new(serial()) };
    let in_cbor = request.encode(Format::Cose).unwrap();
    let read = request_from(&in_cbor, Format::Cose).unwrap();
    assert_eq!(read.nonce, Some(nonce));
    assert_eq!(read.encode(Format::Cose).unwrap(), in_cbor);
}

#[test]
fn last_renewal_date_without_expiry_is_not_written_in_any_format() {
    let voucher = Voucher { last_renewal_date: Some(at(1)), ..Voucher::new(serial()) };
    for &format in Format::ALL {
        assert!(matches!(voucher.encode(format), Err(DecodeError::InvalidField { field: "last-renewal-date", .. })));
    }
}

#[test]
fn assertions_have_the_numbers_of_the_yang_module() {
    let numbered = ["verified", "logged", "proximity", "agent-proximity"].map(|name| Assertion::from_name(name).unwrap().number());
    assert_eq!(numbered, [0, 1, 2, 3]);
    assert_eq!(numbered.map(|number| Assertion::from_number(number.into()).unwrap().number()), numbered);
    assert_eq!(Assertion::from_number(4), None);
}

#[test]
fn proximity_is_named_by_hash_before_key_before_certificate() {
    let [near, far] = ["Near", "Far"].map(|name| Entity::root(name).certificate);
    let by_certificate = VoucherRequest { proximity_registrar_cert: Some(near.clone()), ..VoucherRequest::new(serial()) };
    assert!(by_certificate.proximity().unwrap().names(&near));
    let by_key = VoucherRequest { proximity_registrar_pubk: Some(far.public_key().spki().to_vec()), ..by_certificate };
    assert!(by_key.proximity().unwrap().names(&far) && !by_key.proximity().unwrap().names(&near));
    let by_hash = VoucherRequest { proximity_registrar_pubk_sha256: Some(near.spki_digest().0), ..by_key };
    assert_eq!(by_hash.proximity().unwrap().spki_digest(), near.spki_digest());
    assert_eq!(VoucherRequest::new(serial()).proximity(), None);
}
