use super::*;
use crate::asn1::element;
use crate::identity::{DeviceId, KeyIdentifier};
use crate::issuing::Subject;
use crate::sign::SignatureAlgorithm;
use crate::test_pki::{Entity, block_on, new_key, template};

fn named(subject: Subject) -> Certificate {
    let key = new_key(SignatureAlgorithm::Es256);
    block_on(template(subject, &key).self_signed(&key)).unwrap()
}

fn serial(text: &str) -> SerialNumber {
    SerialNumber::new(text).unwrap()
}

/// A Name with these attributes, one an RDN.
fn name(attributes: &[(&[u8], &[u8])]) -> Subject {
    let attribute = |(oid, text): &(&[u8], &[u8])| element(0x31, &element(0x30, &[element(0x06, oid), element(0x0c, text)].concat()));
    Subject::from_der(&element(0x30, &attributes.iter().flat_map(attribute).collect::<Vec<u8>>())).unwrap()
}

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SERIAL_NUMBER: &[u8] = &[0x55, 4, 5];

#[test]
fn certificate_survives_its_pem_form() {
    let root = Entity::root("Root");
    let leaf = root.issue("Leaf", SignatureAlgorithm::Es256, |t| t);
    let pem = leaf.certificate.to_pem() + "some words\n" + &root.certificate.to_pem();
    assert_eq!(Certificate::all_from_pem(&pem).unwrap(), [leaf.certificate, root.certificate]);
}

#[test]
fn text_without_certificate_is_refused() {
    assert!(Certificate::all_from_pem("").is_err());
    assert!(Certificate::all_from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").is_err());
}

#[test]
fn block_that_is_cut_off_is_refused_without_its_octets() {
    let pem = Entity::root("Root").certificate.to_pem();
    let cut = pem.split_once("-----END").unwrap().0;
    let refused = Certificate::all_from_pem(cut).unwrap_err();
    assert_eq!(crate::text::in_full(&refused).matches('[').count(), 0, "{refused}");
}

#[test]
fn octets_after_the_end_are_refused() {
    let mut der = Entity::root("Root").certificate.der().to_vec();
    der.push(0);
    assert!(Certificate::from_der(&der).is_err());
}

#[test]
fn no_truncation_is_a_certificate() {
    let der = Entity::root("Root").certificate.der().to_vec();
    assert!((0..der.len()).all(|len| Certificate::from_der(&der[..len]).is_err()));
}

#[test]
fn extension_that_cannot_be_read_is_refused() {
    // basicConstraints whose cA is an INTEGER must not pass for an end-entity certificate.
    let der = Entity::root("Root").certificate.der().to_vec();
    let constraints = [0x04, 0x05, 0x30, 0x03, 0x01, 0x01, 0xff];
    let at = der.windows(constraints.len()).position(|w| w == constraints).unwrap();
    let mut changed = der;
    changed[at + 4] = 0x02;
    assert!(matches!(Certificate::from_der(&changed), Err(DecodeError::Syntax { what: "certificate's extension", .. })));
}

#[test]
fn control_characters_of_a_name_are_not_shown() {
    let certificate = named(name(&[(COMMON_NAME, b"good\n2026 FORGED \x1b[2J")]));
    assert_eq!(certificate.subject(), "CN=good\u{fffd}2026 FORGED \u{fffd}[2J");
}

#[test]
fn idevid_names_its_device() {
    let root = Entity::root("Root");
    let key = new_key(SignatureAlgorithm::Es256);
    let certificate = block_on(template(Subject::serial_number(&serial("JADA")), &key).issued_by(&root.certificate, &root.key)).unwrap();
    let idevid = IDevIdCert::new(certificate.clone()).unwrap();
    let issuer = KeyIdentifier::new(root.certificate.subject_key_id().unwrap()).unwrap();
    assert_eq!(idevid.device(), &DeviceId { issuer, serial: serial("JADA") });
    assert_eq!(idevid.masa_url(), Ok(None));
    assert_eq!(idevid.spki_digest(), certificate.spki_digest());
}

#[test]
fn subject_without_one_good_serial_number_is_no_idevid() {
    let missing = DecodeError::MissingField { field: "serialNumber", artefact: "IDevID's subject" };
    assert_eq!(IDevIdCert::new(named(Subject::common_name("JADA"))), Err(missing));

    let two = named(name(&[(SERIAL_NUMBER, b"JADA"), (SERIAL_NUMBER, b"OTHER")]));
    assert_eq!(two.serial_number(), None);
    let doubled = DecodeError::DuplicateField { field: "serialNumber".to_owned(), artefact: "IDevID's subject" };
    assert_eq!(IDevIdCert::new(two), Err(doubled));

    let unprintable = named(name(&[(SERIAL_NUMBER, b"JA\x07DA")]));
    assert_eq!(unprintable.serial_number(), None);
    assert!(matches!(IDevIdCert::new(unprintable), Err(DecodeError::InvalidField { field: "serial-number", .. })));
}

#[test]
fn masa_url_is_https_on_the_well_known_path_unless_it_says_otherwise() {
    let read = |text| MasaUrl::new(text).unwrap().to_string();
    assert_eq!(read("masa.example"), "https://masa.example/.well-known/brski");
    assert_eq!(read("masa.example:9443"), "https://masa.example:9443/.well-known/brski");
    assert_eq!(read("http://masa.example/"), "https://masa.example/.well-known/brski");
    assert_eq!(read("https://masa.example/one/two/"), "https://masa.example/one/two");
}

#[test]
fn masa_url_with_foreign_characters_is_refused() {
    for text in ["", "/", "https:///path", "user@masa.example", "masa.example?x", "masa.example\r\nHost: other", "masa example", "mäsa"] {
        assert!(MasaUrl::new(text).is_err(), "{text:?}");
    }
    assert!(MasaUrl::new(&"x".repeat(256)).is_err());
}

#[test]
fn domain_id_is_the_subject_key_identifier_where_there_is_one() {
    let with = Entity::root("Root").certificate;
    assert_eq!(with.domain_id().as_bytes(), with.subject_key_id().unwrap());
}

#[test]
fn domain_cannot_be_named_by_an_overlong_key_identifier() {
    let root = Entity::root("Root");
    let with_key_id = |octets| with_extension(&root, "2.5.29.14", &element(0x04, &vec![7; octets]));
    assert_eq!(with_key_id(64).domain_id(), DomainId::new([7; 64]).unwrap());
    for octets in [0, 65, 193] {
        assert_eq!(with_key_id(octets).domain_id(), root.certificate.spki_digest().into());
    }
}

#[test]
fn only_crls_and_ocsp_are_sources_of_revocation() {
    let root = Entity::root("Root");
    let uri = element(0x86, b"http://ca.example/");
    // id-ad-ocsp and id-ad-caIssuers differ in their last octet.
    let access = |last| element(0x30, &element(0x30, &[&[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, last][..], &uri].concat()));
    let point = element(0x30, &element(0x30, &element(0xa0, &element(0xa0, &uri))));
    let named = |oid, value: &[u8]| with_extension(&root, oid, value).names_revocation_source();
    assert!(!root.certificate.names_revocation_source());
    assert!(!named("1.3.6.1.5.5.7.1.1", &access(2)));
    assert!(named("1.3.6.1.5.5.7.1.1", &access(1)));
    assert!(named("2.5.29.31", &point));
}

/// The same self-signed certificate with one extension added, or replaced if it is there.
fn with_extension(root: &Entity, oid: &str, value: &[u8]) -> Certificate {
    root.reissued(|tbs| {
        let oid = oid.parse().unwrap();
        let value = der::asn1::OctetString::new(value).unwrap();
        let extensions = tbs.extensions.get_or_insert_default();
        extensions.retain(|e| e.extn_id != oid);
        extensions.push(x509_cert::ext::Extension { extn_id: oid, critical: false, extn_value: value });
    })
}
