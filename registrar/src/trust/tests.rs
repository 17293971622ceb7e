use brski_common::issuing::{Subject, Template, never};
use brski_common::time::at;
use brski_common::{Anchors, Format, Leniencies, MasaUrl, Method, PolicyOid, ProfileText, Signed, Signer as _, SigningParty};

use super::*;
use crate::testing::{Ca, NOW, World, block_on, now};

pub(super) fn profile(world: &World, more: &str) -> String {
    let (idevid, voucher) = (world.idevid_ca.certificate.to_pem(), world.voucher.identity.chain[1].to_pem());
    format!("version = 1\nname = \"Maker\"\nidevid-anchors = \"\"\"\n{idevid}\"\"\"\nvoucher-anchors = \"\"\"\n{voucher}\"\"\"\n{more}")
}

#[test]
fn pledge_of_an_accepted_manufacturer_is_admitted_under_its_name() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let trust = world.trust();
    let (verified, manufacturer) = trust.admit(&pledge.peer(), now()).unwrap();
    assert_eq!((verified.idevid(), manufacturer.name.as_str()), (&pledge.idevid, "Maker"));
    assert_eq!(verified.chain(), [pledge.idevid.certificate().clone(), world.idevid_ca.certificate.clone()]);
}

#[test]
fn pledge_of_another_manufacturer_is_unknown() {
    let (world, other) = (World::new(), World::new());
    let trust = world.trust();
    let outcome = trust.admit(&other.pledge("JADA1").peer(), now());
    assert!(matches!(outcome, Err(Error::Refused(Refusal::UnknownManufacturer { .. }))));
}

#[test]
fn peer_without_certificate_is_told_that_one_is_needed() {
    let trust = World::new().trust();
    let outcome = trust.admit(&PeerCertificates::default(), now());
    assert!(matches!(outcome, Err(Error::Refused(Refusal::ClientCertificateRequired(_)))));
}

#[test]
fn manufacturers_ca_is_no_pledge() {
    let world = World::new();
    let trust = world.trust();
    let outcome = trust.admit(&PeerCertificates(vec![world.idevid_ca.certificate.clone()]), now());
    assert!(matches!(outcome, Err(Error::Refused(Refusal::UnknownManufacturer { .. }))));
}

#[test]
fn expired_idevid_is_refused_unless_its_manufacturer_is_excused() {
    let world = World::new();
    let pledge = world.pledge_of(&world.idevid_ca, "JADA1", at(NOW - 1));
    assert!(matches!(world.trust().admit(&pledge.peer(), now()), Err(Error::Verify(VerifyError::NotCurrent { .. }))));

    let excused = Trust::new([Manufacturer { ignore_idevid_expiry: true, ..world.manufacturer() }]);
    assert_eq!(excused.admit(&pledge.peer(), now()).unwrap().0.device(), pledge.idevid.device());
}

#[test]
fn owners_masa_url_comes_before_the_idevids() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let url = |text| MasaUrl::new(text).unwrap();
    let own = Manufacturer { masa_url: Some(url("127.0.0.1:9443")), ..world.manufacturer() };
    assert_eq!(own.masa_url_of(&pledge.idevid).unwrap(), url("127.0.0.1:9443"));
    assert_eq!(world.manufacturer().masa_url_of(&pledge.idevid).unwrap(), url("masa.example.com"));
}

#[test]
fn profile_gives_anchors_url_and_no_leniency() {
    let world = World::new();
    let manufacturer = Manufacturer::from_profile(&profile(&world, "masa-url = \"masa.example.com\"\n")).unwrap();
    assert_eq!(manufacturer.idevid_anchors.certificates(), std::slice::from_ref(&world.idevid_ca.certificate));
    assert_eq!(manufacturer.voucher_anchors.certificates(), [world.voucher.identity.chain[1].clone()]);
    assert!(manufacturer.provenance_anchors.certificates().is_empty());
    assert_eq!(manufacturer.masa_url, Some(MasaUrl::new("masa.example.com").unwrap()));
    assert_eq!(manufacturer.lenient, Leniencies::default());
}

#[test]
fn profile_cannot_ask_for_what_only_the_owner_grants() {
    assert!(matches!(Manufacturer::from_profile(&profile(&World::new(), "lenient = {}\n")), Err(ProfileError::Syntax(_))));
}

#[test]
fn profile_of_a_later_version_is_refused() {
    let text = profile(&World::new(), "").replace("version = 1", "version = 2");
    assert!(matches!(Manufacturer::from_profile(&text), Err(ProfileError::Version(2))));
}

#[test]
fn profile_with_a_broken_anchor_names_the_field() {
    let text = profile(&World::new(), "provenance-anchors = \"no PEM\"\n");
    assert!(matches!(Manufacturer::from_profile(&text), Err(ProfileError::Field { field: "provenance-anchors", .. })));
}

#[test]
fn profile_without_idevid_anchors_is_refused() {
    let text = format!("version = 1\nname = \"Maker\"\nidevid-anchors = \"\"\nvoucher-anchors = \"\"\"\n{}\"\"\"", Ca::new("x").certificate.to_pem());
    assert!(matches!(Manufacturer::from_profile(&text), Err(ProfileError::Field { field: "idevid-anchors", .. })));
}

#[test]
fn fingerprint_is_sha256_of_the_exact_octets() {
    assert_eq!(Manufacturer::fingerprint("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn device_cannot_vouch_for_itself_where_it_shares_a_root_with_its_manufacturer() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let shared = Anchors::new([world.idevid_ca.certificate.clone()]).unwrap();
    let manufacturer = Manufacturer { voucher_anchors: shared, ..world.manufacturer() };
    let own = SigningParty::with_chain(vec![pledge.idevid.certificate().clone()], pledge.key.clone());
    let voucher = block_on(own.seal(&world.voucher_for(&world.request(&pledge)), Format::Cms)).unwrap();
    assert!(matches!(manufacturer.verify_voucher(&voucher, now()), Err(VerifyError::WrongSigner { .. })));
}

/// A Name whose only attribute is a serialNumber (2.5.4.5) of so many octets, which fit DER's short form of lengths only up to about a hundred.
fn serial_number_of(octets: u8) -> Subject {
    let nested = |tag, content: Vec<u8>| [vec![tag, content.len() as u8], content].concat();
    let value = nested(0x13, vec![b'A'; octets.into()]);
    let attribute = nested(0x30, [vec![0x06, 3, 0x55, 4, 5], value].concat());
    Subject::from_der(&nested(0x30, nested(0x31, attribute))).unwrap()
}

#[test]
fn device_with_a_malformed_serial_number_signs_no_more_than_any_other() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let shared = || Anchors::new([world.idevid_ca.certificate.clone()]).unwrap();
    let manufacturer = Manufacturer { voucher_anchors: shared(), provenance_anchors: shared(), ..world.manufacturer() };
    let key = crate::testing::key();
    let template = Template::new(serial_number_of(65), key.public_key(), [7; 16], at(NOW - 99), never());
    let sibling = world.idevid_ca.issue(template);
    assert!(IDevIdCert::new(sibling.clone()).is_err());

    let sibling = SigningParty::with_chain(vec![sibling], key);
    let voucher = block_on(sibling.seal(&world.voucher_for(&world.request(&pledge)), Format::Cose)).unwrap();
    assert!(matches!(manufacturer.verify_voucher(&voucher, now()), Err(VerifyError::WrongSigner { .. })));
    let statement = world.statement_by(&sibling, &pledge, Method::Avocado, 9);
    assert!(matches!(manufacturer.verify_statement(&statement, now()), Err(VerifyError::WrongSigner { .. })));
}

/// The voucher keys stand under the IDevIDs' root, and are known by a policy.
fn intertwined(world: &World) -> (Manufacturer, PolicyOid) {
    let policy = "voucher-policy = \"1.3.6.1.4.1.32473.1\"\n";
    let text = profile(world, policy).replace(&world.voucher.identity.chain[1].to_pem(), &world.idevid_ca.certificate.to_pem());
    (Manufacturer::from_profile(&text).unwrap(), PolicyOid::new("1.3.6.1.4.1.32473.1").unwrap())
}

#[test]
fn voucher_policy_of_a_profile_tells_signers_from_devices() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let (manufacturer, policy) = intertwined(&world);
    let voucher_by = |template: &dyn Fn(Template) -> Template| {
        let key = crate::testing::key();
        let certificate = world.idevid_ca.issue(template(Template::new(Subject::common_name("x"), key.public_key(), [7; 16], at(NOW - 99), never())));
        let signer = SigningParty::with_chain(vec![certificate], key);
        let voucher = block_on(signer.seal(&world.voucher_for(&world.request(&pledge)), Format::Cms)).unwrap();
        manufacturer.verify_voucher(&voucher, now())
    };
    assert!(voucher_by(&|template| template.policy(&policy)).is_ok());
    assert!(matches!(voucher_by(&|template| template), Err(VerifyError::WrongPolicy { .. })));
}

#[test]
fn idevid_key_signs_no_voucher_where_a_policy_is_demanded() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let own = SigningParty::with_chain(vec![pledge.idevid.certificate().clone()], pledge.key.clone());
    let voucher = block_on(own.seal(&world.voucher_for(&world.request(&pledge)), Format::Cms)).unwrap();
    let outcome = intertwined(&world).0.verify_voucher(&voucher, now());
    assert!(matches!(outcome, Err(VerifyError::WrongPolicy { .. })));
}

#[test]
fn voucher_policy_has_to_be_an_object_identifier() {
    for wrong in ["", "vouchers", "2.5.29.32.0"] {
        let text = profile(&World::new(), &format!("voucher-policy = \"{wrong}\"\n"));
        assert!(matches!(Manufacturer::from_profile(&text), Err(ProfileError::Field { field: "voucher-policy", .. })));
    }
}

#[test]
fn voucher_key_signs_no_statements() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let statement = world.statement_by(&world.voucher, &pledge, Method::Avocado, 0);
    assert!(world.manufacturer().verify_statement(&statement, now()).is_err());
}

#[test]
fn admitted_device_stays_accepted_when_its_idevid_expires() {
    let world = World::new();
    let pledge = world.pledge_of(&world.idevid_ca, "JADA1", at(NOW + 1));
    assert_eq!(world.trust().still_accepts(&world.admission(&pledge)).map(drop), Ok(()));
}

#[test]
fn admitted_device_below_an_intermediate_ca_stays_accepted() {
    let world = World::new();
    let below = world.idevid_ca.subordinate("Maker Line CA");
    let pledge = world.pledge_of(&below, "JADA1", brski_common::issuing::never());
    let peer = PeerCertificates(vec![pledge.idevid.certificate().clone(), below.certificate.clone()]);
    let trust = world.trust();
    let verified = trust.admit(&peer, now()).unwrap().0;
    assert_eq!(verified.issuers(), std::slice::from_ref(&below.certificate));

    let bare = world.admission(&pledge);
    let admission = |issuers: &[Certificate]| {
        Admission::assertion(bare.idevid().clone(), issuers.to_vec(), *bare.request_digest(), bare.voucher().clone(), bare.ground().clone(), now())
    };
    assert_eq!(trust.still_accepts(&admission(verified.issuers())).map(drop), Ok(()));
    assert!(trust.still_accepts(&admission(&[])).is_err());
}

#[test]
fn admitted_device_of_a_manufacturer_without_profile_is_no_longer_accepted() {
    let world = World::new();
    let admission = world.admission(&world.pledge("JADA1"));
    let withdrawn = Err(Refusal::ManufacturerWithdrawn(admission.device().serial.clone()));
    assert_eq!(Trust::default().still_accepts(&admission).map(drop), withdrawn);
    assert_eq!(World::new().trust().still_accepts(&admission).map(drop), withdrawn);
}

#[test]
fn profile_gives_log_keys_as_witnesses_know_them_and_as_pem() {
    use brski_common::log::{LogName, VerifierKey};
    let world = World::new();
    let key = brski_common::SoftwareKey::generate(brski_common::SignatureAlgorithm::EdDsa).unwrap().0.public_key().clone();
    let verifier = VerifierKey::new(LogName::new("masa.example.com/log").unwrap(), key.clone()).unwrap();
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key.spki()));
    let read = |keys: &str| Manufacturer::from_profile(&profile(&world, &format!("log-keys = [{keys}]\n")));
    assert_eq!(read(&format!("\"{verifier}\", '''{pem}'''")).unwrap().log_keys, [key.clone(), key]);
    assert!(matches!(read("\"masa.example.com/log\""), Err(ProfileError::Field { field: "log-keys", .. })));
}

#[test]
fn profile_names_the_source_of_serial_numbers() {
    use brski_common::SerialSource;
    let world = World::new();
    let source = |more: &str| Manufacturer::from_profile(&profile(&world, more)).map(|manufacturer| manufacturer.serial_source);
    assert_eq!(source("").unwrap(), SerialSource::SerialNumber);
    assert_eq!(source("serial-source = \"sn-of-pid\"\n").unwrap(), SerialSource::SnOfPid);
    assert!(matches!(source("serial-source = \"subject\"\n"), Err(ProfileError::Syntax(_))));
}

#[test]
fn profile_that_is_founded_on_certificates_reads_back_as_it_was_meant() {
    let world = World::new();
    let certificate = world.idevid_ca.certificate.clone();
    let founding =
        Founding { name: "A \"Maker\"".to_owned(), masa_url: Some("masa.example.com".to_owned()), idevid: vec![certificate.clone()], ..Founding::default() };
    let manufacturer = Manufacturer::from_profile(&founding.profile()).unwrap();
    assert_eq!((manufacturer.name.as_str(), manufacturer.idevid_anchors.certificates()), ("A \"Maker\"", std::slice::from_ref(&certificate)));
    assert_eq!(manufacturer.voucher_anchors.certificates(), [certificate]);
    assert!(manufacturer.masa_tls_anchors.certificates().is_empty());
}

/// A profile whose statements' anchor is the world's, signed by this party.
pub(super) fn signed_profile(world: &World, by: &SigningParty, more: &str) -> Signed<ProfileText> {
    let anchor = world.provenance.identity.chain[1].to_pem();
    let text = profile(world, &format!("provenance-anchors = '''{anchor}'''\n{more}"));
    block_on(by.seal(&ProfileText::new(text).unwrap(), Format::Cms)).unwrap()
}

#[test]
fn profile_that_somebody_else_signed_is_refused() {
    let (world, other) = (World::new(), World::new());
    let offered = signed_profile(&world, &other.provenance, "");
    assert!(world.manufacturer().verify_profile(&offered, now()).is_err());
}

#[test]
fn device_signs_no_profile_where_it_shares_a_root_with_its_manufacturer() {
    let world = World::new();
    let pledge = world.pledge("JADA1");
    let shared = Anchors::new([world.idevid_ca.certificate.clone()]).unwrap();
    let manufacturer = Manufacturer { voucher_anchors: shared, ..world.manufacturer() };
    let own = SigningParty::with_chain(vec![pledge.idevid.certificate().clone()], pledge.key.clone());
    assert!(manufacturer.verify_profile(&signed_profile(&world, &own, ""), now()).is_err());
}

#[test]
fn what_was_signed_as_a_voucher_is_no_profile() {
    let world = World::new();
    let shared = Manufacturer { provenance_anchors: world.manufacturer().voucher_anchors, ..world.manufacturer() };
    let voucher = world.sign_voucher(&world.voucher_for(&world.request(&world.pledge("JADA1"))));
    let outcome = shared.verify_profile(&Signed::from_wire(Format::Cms, voucher.wire()), now());
    assert!(matches!(outcome, Err(VerifyError::Decode { source: brski_common::DecodeError::Unexpected { what: "eContentType", .. }, .. })));
}

fn missing(trust: &Trust, shown: &[&Certificate]) -> Option<String> {
    match trust.admit(&PeerCertificates(shown.iter().copied().cloned().collect()), now()) {
        Err(Error::Refused(Refusal::UnknownManufacturer { missing, .. })) => missing,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pledge_that_does_not_show_its_intermediate_ca_is_told_which_one_is_missing() {
    let world = World::new();
    let below = world.idevid_ca.subordinate("Maker Line CA");
    let pledge = world.pledge_of(&below, "JADA1", never());
    let id: String = below.certificate.subject_key_id().unwrap().iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(missing(&world.trust(), &[pledge.idevid.certificate()]), Some(format!("CN=Maker Line CA (key identifier {id})")));
}

#[test]
fn missing_ca_is_the_first_that_was_not_shown() {
    let (world, other) = (World::new(), World::new());
    let sub = other.idevid_ca.subordinate("Other Sub CA");
    let line = sub.subordinate("Other Line CA");
    let pledge = other.pledge_of(&line, "JADA1", never());
    let told = missing(&world.trust(), &[pledge.idevid.certificate(), &line.certificate]).unwrap();
    assert!(told.starts_with("CN=Other Sub CA (key identifier "), "{told}");
}

#[test]
fn pledge_that_shows_its_whole_path_lacks_no_ca() {
    let (world, other) = (World::new(), World::new());
    assert_eq!(missing(&world.trust(), &[other.pledge("JADA1").idevid.certificate(), &other.idevid_ca.certificate]), None);
    assert_eq!(missing(&Trust::default(), &[other.pledge("JADA1").idevid.certificate()]), None);
}
