use super::*;
use crate::certificate::IDevIdCert;
use crate::sign::SignatureAlgorithm;
use crate::test_pki::{Entity, NOW, block_on, new_key, now, template};
use crate::{Anchors, Usage};

fn serial() -> SerialNumber {
    SerialNumber::new("JADA123456789").unwrap()
}

#[test]
fn chain_of_every_algorithm_leads_to_its_root() {
    let root = Entity::root("Root");
    let anchors = Anchors::new([root.certificate.clone()]).unwrap();
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa] {
        let ca = root.issue("Issuing CA", algorithm, |t| t.ca(Some(0)));
        let leaf = ca.issue("Leaf", algorithm, |t| t);
        let path = anchors.verify_path(&leaf.certificate, std::slice::from_ref(&ca.certificate), Usage::Any, now()).unwrap();
        assert_eq!(path, [leaf.certificate, ca.certificate, root.certificate.clone()]);
    }
}

#[test]
fn template_comes_back_field_for_field() {
    let root = Entity::root("Root");
    let key = new_key(SignatureAlgorithm::Es256);
    let subject = Subject::serial_number(&serial()).and_organization("Example").and_common_name("Pledge");
    let template = Template::new(subject.clone(), key.public_key(), [0xff; 16], at(NOW), never());
    let shaped = template.usages(&["1.3.6.1.5.5.7.3.2", crate::chain::ID_KP_CMC_RA]).masa_url("masa.example.com");
    let made = block_on(shaped.issued_by(&root.certificate, &root.key)).unwrap();

    assert_eq!(made.serial_number(), Some(serial()));
    assert_eq!(made.subject_der(), subject.to_der());
    assert_eq!(made.issuer_der(), root.certificate.subject_der());
    assert_eq!(made.public_key(), *key.public_key());
    assert_eq!(made.usages(), ["1.3.6.1.5.5.7.3.2", crate::chain::ID_KP_CMC_RA]);
    assert_eq!((made.not_before(), made.not_after()), (at(NOW), never()));
    assert_eq!(made.authority_key_id(), root.certificate.subject_key_id());
    assert_eq!(made.certificate_serial(), [&[0x7f][..], &[0xff; 15]].concat());
    assert!(!made.is_ca());
    assert_eq!(IDevIdCert::new(made).unwrap().masa_url().unwrap().unwrap().authority(), "masa.example.com");
}

#[test]
fn certificate_with_a_crl_distribution_point_names_a_revocation_source() {
    let key = new_key(SignatureAlgorithm::Es256);
    let template = Template::new(Subject::common_name("Revocable"), key.public_key(), [1; 16], at(NOW), never());
    let names_source = |template: Template| block_on(template.self_signed(&key)).unwrap().names_revocation_source();
    assert!(names_source(template.clone().crl_distribution_point("http://crl.example.com/ca.crl")));
    assert!(!names_source(template));
}

#[test]
fn serial_of_zeros_becomes_a_positive_number_of_sixteen_octets() {
    let key = new_key(SignatureAlgorithm::Es256);
    let template = Template::new(Subject::common_name("Zero"), key.public_key(), [0; 16], at(NOW), never());
    let made = block_on(template.self_signed(&key)).unwrap();
    assert_eq!(made.certificate_serial(), [&[0x40][..], &[0; 15]].concat());
}

#[test]
fn times_change_their_form_with_the_year_2050() {
    let last = at(2_524_607_999); // 2049-12-31T23:59:59Z
    assert!(matches!(time(last).unwrap(), Time::UtcTime(_)));
    assert!(matches!(time(at(last.as_secs() + 1)).unwrap(), Time::GeneralTime(_)));
    assert_eq!(time(never()).unwrap(), Time::INFINITY);
}

#[test]
fn time_after_the_year_9999_cannot_be_issued() {
    let key = new_key(SignatureAlgorithm::Es256);
    let template = Template::new(Subject::common_name("Late"), key.public_key(), [1; 16], at(NOW), at(never().as_secs() + 1));
    assert!(matches!(block_on(template.self_signed(&key)), Err(SignError::Encode { .. })));
}

#[test]
fn address_becomes_ip_address_and_name_becomes_dns_name() {
    use x509_parser::extensions::{GeneralName as Parsed, ParsedExtension};
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let root = Entity::root("Root");
    let names = ["registrar.example".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let leaf = root.issue("Registrar", SignatureAlgorithm::Es256, |t| t.alternative_names(&names));
    let (_, parsed) = X509Certificate::from_der(leaf.certificate.der()).unwrap();
    let found = parsed.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(san) => Some(san.general_names.clone()),
        _ => None,
    });
    let v6 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(found.unwrap(), [Parsed::DNSName("registrar.example"), Parsed::IPAddress(&[127, 0, 0, 1]), Parsed::IPAddress(&v6)]);
}

#[test]
fn end_entity_without_usages_is_not_restricted() {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let root = Entity::root("Root");
    let restricted = |entity: &Entity| {
        let (_, parsed) = X509Certificate::from_der(entity.certificate.der()).unwrap();
        parsed.key_usage().unwrap().map(|u| u.value.flags)
    };
    assert_eq!(restricted(&root.issue("IDevID", SignatureAlgorithm::Es256, |t| t)), None);
    assert_eq!(restricted(&root.issue("Server", SignatureAlgorithm::Es256, |t| t.usages(&["1.3.6.1.5.5.7.3.1"]))), Some(1));
    assert_eq!(restricted(&root), Some(0b110_0000));
}

#[test]
fn ca_whose_key_the_signer_does_not_hold_issues_nothing() {
    let (root, other) = (Entity::root("Root"), Entity::root("Other"));
    let key = new_key(SignatureAlgorithm::Es256);
    let made = block_on(template(Subject::common_name("Leaf"), &key).issued_by(&root.certificate, &other.key));
    assert!(matches!(made, Err(SignError::Key(_))));
}

#[test]
fn name_in_unordered_sets_is_no_subject() {
    let attribute = |oid: &str, text: &str| {
        let oid = ObjectIdentifier::new(oid).unwrap();
        element(0x30, &[element(0x06, oid.as_bytes()), element(0x0c, text.as_bytes())].concat())
    };
    let (low, high) = (attribute("2.5.4.3", "a"), attribute("2.5.4.10", "b"));
    let name = |rdn: &[Vec<u8>]| element(0x30, &element(0x31, &rdn.concat()));
    assert!(Subject::from_der(&name(&[low.clone(), high.clone()])).is_ok());
    assert!(Subject::from_der(&name(&[high, low])).is_err());
}

#[test]
fn malformed_usage_cannot_be_issued() {
    let key = new_key(SignatureAlgorithm::Es256);
    let made = block_on(template(Subject::common_name("Leaf"), &key).usages(&["server"]).self_signed(&key));
    assert!(matches!(made, Err(SignError::Encode { .. })));
}

#[test]
fn hosts_of_a_certificate_can_be_issued_again() {
    let hosts = ["a.example", "192.0.2.1", "2001:db8::1"].map(str::to_owned);
    let uris = ["urn:example:a".to_owned()];
    let named = Entity::root("Root").issue("Server", SignatureAlgorithm::Es256, |t| t.alternative_names(&hosts).alternative_uris(&uris));
    assert_eq!(hosts_in(&named.certificate).unwrap(), hosts);
    assert_eq!(hosts_in(&Entity::root("Root").certificate).unwrap(), Vec::<String>::new());
}
