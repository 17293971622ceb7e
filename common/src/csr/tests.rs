use super::*;
use crate::issuing::Subject;
use crate::sign::{SignatureAlgorithm, SoftwareKey};
use crate::test_pki::{block_on, new_key};

fn subject() -> Subject {
    Subject::serial_number(&SerialNumber::new("JADA123456789").unwrap()).and_common_name("Pledge")
}

/// A request with these attributes (content octets of the SET), properly signed.
fn signed(key: &SoftwareKey, attributes: &[u8]) -> Vec<u8> {
    let parts = [element(0x02, &[0]), subject().to_der(), key.public_key().spki().to_vec(), element(0xa0, attributes)];
    let info = element(0x30, &parts.concat());
    let signature = block_on(key.sign(&info)).unwrap().to_asn1().unwrap();
    let bits = BitString::from_bytes(&signature).unwrap().to_der().unwrap();
    element(0x30, &[info, signature_identifier(key.algorithm()).to_der().unwrap(), bits].concat())
}

/// An extensionRequest attribute that asks for one extension.
fn extension_request(oid: &str, value: &[u8]) -> Vec<u8> {
    let identifier = |oid: &str| element(0x06, der::asn1::ObjectIdentifier::new(oid).unwrap().as_bytes());
    let extension = element(0x30, &[identifier(oid), element(0x04, value)].concat());
    element(0x30, &[identifier("1.2.840.113549.1.9.14"), element(0x31, &element(0x30, &extension))].concat())
}

const CA_TRUE: &[u8] = &[0x30, 3, 1, 1, 0xff];

#[test]
fn request_comes_back_field_for_field() {
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa] {
        let key = new_key(algorithm);
        let der = block_on(request(&subject().to_der(), &key)).unwrap();
        let csr = Csr::from_der(&der).unwrap();
        assert_eq!(csr.der(), der);
        assert_eq!(csr.public_key(), key.public_key());
        assert_eq!(csr.subject_der(), subject().to_der());
        assert_eq!(csr.serial_number().unwrap().as_str(), "JADA123456789");
        assert!(!csr.requests_ca());
    }
}

#[test]
fn request_signed_by_another_key_is_refused() {
    let (mine, other) = (new_key(SignatureAlgorithm::Es256), new_key(SignatureAlgorithm::Es256));
    let theirs = block_on(request(&subject().to_der(), &other)).unwrap();
    let swapped: Vec<u8> = replace(&theirs, other.public_key().raw(), mine.public_key().raw());
    assert!(matches!(Csr::from_der(&swapped), Err(VerifyError::BadSignature { .. })));
}

#[test]
fn request_with_octets_after_its_end_is_refused() {
    let mut der = block_on(request(&subject().to_der(), &new_key(SignatureAlgorithm::Es256))).unwrap();
    der.push(0);
    assert!(matches!(Csr::from_der(&der), Err(VerifyError::Decode { .. })));
}

#[test]
fn every_truncation_and_every_changed_octet_is_refused() {
    let der = block_on(request(&subject().to_der(), &new_key(SignatureAlgorithm::Es256))).unwrap();
    for i in 0..der.len() {
        assert!(Csr::from_der(&der[..i]).is_err());
        let mut changed = der.clone();
        changed[i] ^= 0x01;
        assert!(Csr::from_der(&changed).is_err(), "octet {i}");
    }
}

#[test]
fn request_for_a_ca_certificate_is_recognized() {
    let key = new_key(SignatureAlgorithm::Es256);
    let asks = |attributes: &[u8]| Csr::from_der(&signed(&key, attributes)).unwrap().requests_ca();
    assert!(asks(&extension_request("2.5.29.19", CA_TRUE)));
    assert!(asks(&extension_request("2.5.29.15", &[3, 2, 2, 0b0000_0100])));
    assert!(!asks(&extension_request("2.5.29.19", &[0x30, 0])));
    assert!(!asks(&extension_request("2.5.29.15", &[3, 2, 7, 0b1000_0000])));
}

#[test]
fn wish_to_be_a_ca_cannot_hide_in_a_second_extension_request() {
    let key = new_key(SignatureAlgorithm::Es256);
    let both = [extension_request("2.5.29.15", &[3, 2, 7, 0b1000_0000]), extension_request("2.5.29.19", CA_TRUE)].concat();
    let err = Csr::from_der(&signed(&key, &both)).unwrap_err();
    let source = DecodeError::DuplicateField { field: "extensionRequest".to_owned(), artefact: NAME };
    assert_eq!(err, VerifyError::Decode { artefact: NAME, source });
}

#[test]
fn request_of_sha1_is_refused() {
    let der = block_on(request(&subject().to_der(), &new_key(SignatureAlgorithm::Es256))).unwrap();
    let (sha256, sha1) = ("1.2.840.10045.4.3.2", "1.2.840.10045.4.1");
    let algorithm = |oid: &str| element(0x30, &element(0x06, der::asn1::ObjectIdentifier::new(oid).unwrap().as_bytes()));
    let Request { info, signature, .. } = Request::from_der(&der).unwrap();
    assert_eq!(element(0x30, &[info.to_der().unwrap(), algorithm(sha256), signature.to_der().unwrap()].concat()), der);
    let weak = element(0x30, &[info.to_der().unwrap(), algorithm(sha1), signature.to_der().unwrap()].concat());
    assert_eq!(Csr::from_der(&weak), Err(VerifyError::UnsupportedAlgorithm { artefact: NAME, found: sha1.to_owned() }));
}

fn replace(haystack: &[u8], needle: &[u8], with: &[u8]) -> Vec<u8> {
    let at = haystack.windows(needle.len()).position(|w| w == needle).unwrap();
    [&haystack[..at], with, &haystack[at + needle.len()..]].concat()
}

/// A request that asks for these names.
fn wishing(names: &[&str], uris: &[&str]) -> Csr {
    let all = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let wish = Wish { names: all(names), uris: all(uris), attestation: None };
    Csr::from_der(&block_on(request_wishing(&subject().to_der(), &wish, &new_key(SignatureAlgorithm::Es256))).unwrap()).unwrap()
}

#[test]
fn names_that_are_asked_for_come_back_in_whatever_order() {
    let csr = wishing(&["b.example", "a.example"], &["urn:a"]);
    assert!(csr.requests_names_of(&["a.example".to_owned(), "b.example".to_owned()], &["urn:a".to_owned()]));
    assert!(!csr.requests_names_of(&["a.example".to_owned()], &["urn:a".to_owned()]));
    assert!(!csr.requests_names_of(&[], &[]));
}

#[test]
fn request_without_a_wish_asks_for_no_names() {
    let csr = wishing(&[], &[]);
    assert!(!csr.requests_names() && !csr.requests_names_of(&[], &[]));
}

#[test]
fn names_that_are_no_names_are_refused() {
    let key = new_key(SignatureAlgorithm::Es256);
    let request = signed(&key, &extension_request("2.5.29.17", &[0x30, 0x03, 0x82, 0x05, b'a']));
    assert!(matches!(Csr::from_der(&request), Err(VerifyError::Decode { .. })));
}

#[test]
fn request_in_pem_is_one_block_of_short_lines() {
    let der = block_on(request(&subject().to_der(), &new_key(SignatureAlgorithm::Es256))).unwrap();
    let pem = to_pem(&der);
    assert!(pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n") && pem.lines().all(|line| line.len() <= 64));
    let inner: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(crate::est::from_body("request", inner.as_bytes()).unwrap(), der);
}

/// The attribute with an attestation that has these values.
fn attestation_of(values: &[&[u8]]) -> Vec<u8> {
    element(0x30, &[element(0x06, ID_AA_ATTESTATION.as_bytes()), element(0x31, &values.concat())].concat())
}

#[test]
fn attestation_comes_back_octet_for_octet_beside_names() {
    let bundle = element(0x30, &element(0x30, &element(0x30, &[element(0x06, &[0x2a, 3]), element(0x04, &[7; 200])].concat())));
    for names in [vec![], vec!["a.example".to_owned()]] {
        let wish = Wish { names: names.clone(), attestation: Some(bundle.clone()), ..Wish::default() };
        let csr = Csr::from_der(&block_on(request_wishing(&subject().to_der(), &wish, &new_key(SignatureAlgorithm::Es256))).unwrap()).unwrap();
        assert_eq!((csr.attestation(), csr.requests_names()), (Some(&bundle[..]), !names.is_empty()));
    }
    assert_eq!(wishing(&[], &[]).attestation(), None);
}

#[test]
fn request_has_one_attestation_of_one_value() {
    let key = new_key(SignatureAlgorithm::Es256);
    let fault = |attributes: &[u8]| crate::text::in_full(&Csr::from_der(&signed(&key, attributes)).unwrap_err());
    let two = [attestation_of(&[&[0x30, 0]]), attestation_of(&[&[0x31, 0]])].concat();
    assert!(fault(&two).ends_with("the attribute id-aa-attestation occurs twice in the certification request"), "{}", fault(&two));
    for values in [&[][..], &[&[0x30, 0][..], &[0x31, 0]]] {
        let told = fault(&attestation_of(values));
        assert!(told.ends_with("must be an attribute of exactly one value, an AttestationBundle"), "{told}");
    }
}
