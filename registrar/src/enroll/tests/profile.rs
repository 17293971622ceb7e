//! What the owner's profile makes of an LDevID.

use brski_common::provenance::Basis;
use brski_common::{Method, PolicyOid};

use super::*;
use crate::enroll::profile::{NamePattern, ProvenancePolicies, SubjectForm};

fn oid(dotted: &str) -> PolicyOid {
    PolicyOid::new(dotted).unwrap()
}

fn under(profile: CertificateProfile) -> Settings {
    Settings { ldevid: profile, ..Settings::default() }
}

/// The LDevID that the built-in CA issues to JADA1 under this profile.
fn issued(profile: CertificateProfile) -> Certificate {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let (verified, admission) = (world.verified(&pledge), world.admission(&pledge));
    let order = evaluate(&csr(&pledge), Enrollee::Pledge(&verified), Some(&admission), None, &under(profile), now()).unwrap();
    block_on(ca(&world).issue(order)).unwrap().remove(0)
}

/// The LDevID that it gets at its renewal.
fn renewed(profile: CertificateProfile) -> Certificate {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let peer = PeerCertificates(vec![ldevid(&world, &pledge)]);
    let member = VerifiedLDevId::verify(&peer, from_ref(&world.domain.certificate), now()).unwrap();
    let (admission, reappraised) = (world.admission(&pledge), reappraised(&world, &pledge));
    let order = evaluate(&csr(&pledge), Enrollee::Member(&member, &reappraised), Some(&admission), None, &under(profile), now()).unwrap();
    block_on(ca(&world).issue(order)).unwrap().remove(0)
}

fn has(certificate: &Certificate, octets: &[u8]) -> bool {
    certificate.der().windows(octets.len()).any(|window| window == octets)
}

#[test]
fn names_hold_the_serial_number_where_the_pattern_says() {
    let names = ["{serial}.devices.example", "urn:example:device:{serial}"].map(|name| NamePattern::new(name).unwrap()).to_vec();
    let ldevid = issued(CertificateProfile { names, ..CertificateProfile::default() });
    assert!(has(&ldevid, b"\x82\x15JADA1.devices.example\x86\x18urn:example:device:JADA1"));
}

#[test]
fn serial_number_is_percent_encoded_in_a_uri() {
    let names = vec![NamePattern::new("https://devices.example/{serial}").unwrap()];
    let profile = CertificateProfile { names, ..CertificateProfile::default() };
    assert_eq!(profile.names_of(&SerialNumber::new("A/1 b").unwrap()).unwrap().uris, ["https://devices.example/A%2F1%20b"]);
}

#[test]
fn serial_number_that_is_no_label_is_refused_with_the_pattern() {
    let profile = CertificateProfile { names: vec![NamePattern::new("{serial}.devices.example").unwrap()], ..CertificateProfile::default() };
    for serial in ["A_1", "a.b", "-a", &"a".repeat(64)] {
        let words = profile.names_of(&SerialNumber::new(serial).unwrap()).unwrap_err();
        assert_eq!(words, format!("serialNumber {serial} cannot stand in a DNS name, which this domain's LDevIDs bear: {{serial}}.devices.example"));
    }
}

#[test]
fn pattern_without_a_place_for_the_serial_number_is_none() {
    for text in ["devices.example", "{serial}.{serial}.example", "{serial}..example", "http://devices example/{serial}", ""] {
        assert!(NamePattern::new(text).is_err(), "{text}");
    }
}

#[test]
fn subject_can_be_the_serial_number_alone() {
    let ldevid = issued(CertificateProfile { subject: SubjectForm::SerialNumber, ..CertificateProfile::default() });
    assert_eq!(ldevid.subject_der(), Subject::serial_number(&SerialNumber::new("JADA1").unwrap()).to_der());
}

#[test]
fn short_lived_ldevid_lasts_four_days_and_says_that_nothing_tells_of_its_revocation() {
    let ldevid = issued(CertificateProfile::short_lived());
    assert_eq!(ldevid.not_after().as_secs() - NOW, 4 * 86_400);
    assert!(has(&ldevid, &[0x06, 0x03, 0x55, 0x1d, 0x38, 0x04, 0x02, 0x05, 0x00]));
    assert!(!ldevid.names_revocation_source());
}

#[test]
fn crl_url_is_in_the_ldevid() {
    let profile = CertificateProfile { crl_url: Some("http://crl.example/ldevid.crl".to_owned()), ..CertificateProfile::default() };
    assert!(issued(profile).names_revocation_source());
}

#[test]
fn usages_are_those_of_the_profile() {
    let profile = CertificateProfile { usages: vec![ExtendedUsage::ClientAuth, ExtendedUsage::ServerAuth], ..CertificateProfile::default() };
    let mut usages = issued(profile).usages().to_vec();
    usages.sort();
    assert_eq!(usages, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
}

#[test]
fn policies_tell_method_and_basis_of_the_appraised_statement() {
    let by_method = [(Method::Avocado, oid("1.3.6.1.4.1.32473.1.1")), (Method::Salak, oid("1.3.6.1.4.1.32473.1.2"))].into();
    let policies = ProvenancePolicies { by_method, by_basis: [(Basis::StationSigned, oid("1.3.6.1.4.1.32473.2.1"))].into() };
    let ldevid = renewed(CertificateProfile { policies, ..CertificateProfile::default() });
    assert_eq!(ldevid.policies(), ["1.3.6.1.4.1.32473.1.1", "1.3.6.1.4.1.32473.2.1"]);
}

#[test]
fn device_without_a_statement_is_issued_under_no_policy() {
    let policies = ProvenancePolicies { by_method: [(Method::Avocado, oid("1.3.6.1.4.1.32473.1.1"))].into(), ..ProvenancePolicies::default() };
    assert!(issued(CertificateProfile { policies, ..CertificateProfile::default() }).policies().is_empty());
}

/// A request of JADA1 that asks for this DNS name.
fn asking_for(name: &str) -> Csr {
    use brski_common::csr::{Wish, request_wishing};
    let subject = Subject::serial_number(&SerialNumber::new("JADA1").unwrap()).to_der();
    Csr::from_der(&block_on(request_wishing(&subject, &Wish { names: vec![name.to_owned()], ..Wish::default() }, &*key())).unwrap()).unwrap()
}

fn with_name(csr: &Csr) -> Result<IssueOrder, Refusal> {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let (verified, admission) = (world.verified(&pledge), world.admission(&pledge));
    let profile = CertificateProfile { names: vec![NamePattern::new("{serial}.devices.example").unwrap()], ..CertificateProfile::default() };
    evaluate(&undemanded(csr.clone()), Enrollee::Pledge(&verified), Some(&admission), None, &under(profile), now())
}

#[test]
fn request_may_ask_for_the_name_that_csrattrs_says() {
    assert_eq!(with_name(&asking_for("JADA1.devices.example")).unwrap().names().dns, ["JADA1.devices.example"]);
}

#[test]
fn request_for_another_name_is_refused_with_the_one_that_is_granted() {
    let Err(Refusal::CsrUnacceptable(words)) = with_name(&asking_for("core.example")) else { panic!() };
    assert_eq!(words, "its subjectAltName is not what csrattrs says; the LDevID of JADA1 has JADA1.devices.example, and a request may leave that out");
}
