//! What is refused before any key is asked, and what is read and passed over.

use super::*;

/// What the reader says of evidence without signatures that holds these elements.
fn fault(elements: &[Element]) -> String {
    fault_of(&to_be_signed(elements).unwrap())
}

fn fault_of(tbs: &[u8]) -> String {
    KeyAttestation::from_der(&assembled(tbs, &[], &[])).unwrap_err().to_string()
}

fn named(name: &str) -> Claim {
    Claim::new(claims::IDENTIFIER, Value::Text(name.to_owned()))
}

fn key(claims: &[Claim]) -> Element {
    Element { kind: ElementKind::Key, claims: claims.to_vec() }
}

/// An element with one claim, whose value is this.
fn of_value(element_number: u8, claim_number: u8, value: &[u8]) -> Vec<u8> {
    let oid = |arcs: &[u8]| wire::below_arc(arcs);
    let claim = element(0x30, &[&oid(&[1, element_number, claim_number]), value].concat());
    let said = element(0x30, &[oid(&[0, element_number]), element(0x30, &claim)].concat());
    element(0x30, &[element(0x02, &[1]), element(0x30, &said)].concat())
}

#[test]
fn what_may_be_said_once_and_is_said_twice_is_refused() {
    let nonce = Claim::new(NONCE, Value::Octets(vec![1; 8]));
    let boots = flag("fipsboot", true);
    for (elements, twice) in [
        (vec![platform(core::slice::from_ref(&boots)), platform(core::slice::from_ref(&boots))], "the platform element"),
        (vec![transaction(core::slice::from_ref(&nonce)), transaction(core::slice::from_ref(&nonce))], "the transaction element"),
        (vec![transaction(&[nonce.clone(), nonce])], "the claim nonce"),
        (vec![key(&[named("k"), flag(LOCAL, true), flag(LOCAL, false)])], "the claim local"),
        (vec![key(&[named("k")]), key(&[named("l"), named("k")])], "the key 'k'"),
        (vec![transaction(&vec![Claim::new(claims::AK_SPKI, Value::Octets(vec![1])); 2])], "one attestation key (ak-spki)"),
    ] {
        assert_eq!(fault(&elements), format!("{twice} occurs twice in the PKIX key attestation"));
    }
}

#[test]
fn what_must_be_there_and_is_not_is_refused() {
    assert_eq!(fault(&[]), "reportedElements must be a list of one at least");
    assert_eq!(fault(&[key(&[])]), "claims must be a list of one at least");
    assert_eq!(fault(&[key(&[flag(LOCAL, true)])]), "identifier is missing from the key element");
    assert_eq!(fault_of(&of_value(2, 5, &[])), "local is missing from the claim of that name, which has no value");
}

#[test]
fn values_of_another_type_than_the_claim_has_are_refused() {
    for (claim, value) in [
        ([0, 0], element(0x0c, b"nonce")),
        ([1, 0], element(0x16, b"vendor")),
        ([1, 7], element(0x01, &[0xff])),
        ([1, 10], element(0x01, &[1])),
        ([0, 1], element(0x18, b"20260721111338.5Z")),
        ([2, 7], element(0x30, &element(0x04, &[]))),
    ] {
        assert!(fault_of(&of_value(claim[0], claim[1], &value)).contains("is not valid DER"), "{claim:?}");
    }
    assert_eq!(fault(&[platform(&[Claim::new("fipslevel", Value::Integer(5))])]), "fipslevel must be 1, 2, 3 or 4");
}

#[test]
fn other_version_is_refused() {
    let version_2 = [&[0x30, 0x82][..], &of_value(0, 0, &element(0x04, &[1]))[2..]].concat();
    assert!(KeyAttestation::from_der(&version_2).is_err());
    let mut tbs = of_value(0, 0, &element(0x04, &[1]));
    assert_eq!(tbs[2..5], [2, 1, 1]);
    tbs[4] = 2;
    assert_eq!(fault_of(&tbs), "version of the key attestation is 2, expected 1");
}

#[test]
fn signer_is_named_in_one_way_at_least_and_never_as_two() {
    let scene = Scene::new();
    let tbs = to_be_signed(&[key_element("k", &scene.key, &good())]).unwrap();
    let fault = |signer: &[u8]| KeyAttestation::from_der(&assembled(&tbs, &[signature(signer, &scene.module, &tbs)], &[])).unwrap_err().to_string();
    assert_eq!(fault(&[]), "signer of the key attestation must be named by key identifier, public key or certificate");
    let two = [element(PUBLIC_KEY, scene.key.public_key().spki()), element(0xa2, scene.module.certificate.der())].concat();
    assert_eq!(fault(&two), "public key of the signer must be that of the certificate beside it");
}

#[test]
fn limits_are_kept() {
    let many = |count: usize| (0..count).map(|index| key(&[named(&index.to_string())])).collect::<Vec<_>>();
    assert!(fault(&many(65)).contains("number of elements in the key attestation exceeds the limit of 64"));
    let claims: Vec<Claim> = (0..65).map(|index| named(&index.to_string())).collect();
    assert!(fault(&[key(&claims)]).contains("exceeds the limit of 64"));
    let scene = Scene::new();
    let der = assembled(&to_be_signed(&many(1)).unwrap(), &[], &vec![scene.module.certificate; 17]);
    assert!(matches!(KeyAttestation::from_der(&der), Err(DecodeError::TooLarge { limit: 16, .. })));
    assert!(matches!(KeyAttestation::from_der(&vec![0; KeyAttestation::LARGEST + 1]), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn unknown_elements_claims_purposes_and_certificates_are_passed_over() {
    let scene = Scene::new();
    let unknown = Claim::new("1.2.3.4", Value::Other(Some(element(0x30, &[]))));
    let purpose = Claim::new("purpose", Value::Purposes(vec!["sign".to_owned(), "1.2.3".to_owned()]));
    let elements = [
        Element { kind: ElementKind::Other("1.2.3".to_owned()), claims: vec![Claim::new("1.3.6.1.5.5.999.1.0.0", Value::Other(None))] },
        key_element("k", &scene.key, &[&good()[..], &[unknown.clone(), unknown, purpose]].concat()),
    ];
    let made = scene.made(&elements);
    assert_eq!((made.elements(), made.unread_certificates()), (&elements[..], 0));
    assert!(scene.appraised(made.der(), scene.key.public_key(), None).is_ok());
    let enclosed = element(0xa0, &element(0x30, &element(0x30, &[])));
    let der = element(0x30, &[to_be_signed(&elements).unwrap(), element(0x30, &[]), enclosed].concat());
    let read = KeyAttestation::from_der(&der).unwrap();
    assert_eq!((read.unread_certificates(), read.certificates()), (1, &[][..]));
}

#[test]
fn certificates_stand_in_a_list_or_without_one() {
    let scene = Scene::new();
    let tbs = to_be_signed(&[key_element("k", &scene.key, &good())]).unwrap();
    let ders = |several: &[Certificate]| several.iter().map(Certificate::der).collect::<Vec<_>>().concat();
    let read = |field: Vec<u8>| KeyAttestation::from_der(&element(0x30, &[tbs.clone(), element(0x30, &[]), field].concat()));
    for several in [&scene.chain()[..1], &scene.chain()[..]] {
        for field in [element(0xa0, &ders(several)), element(0xa0, &element(0x30, &ders(several)))] {
            assert_eq!(read(field).unwrap().certificates(), several);
        }
    }
    assert_eq!(read(element(0xa0, &element(0x30, &[]))).unwrap().unread_certificates(), 0);
    let told = read(element(0xa1, &ders(&scene.chain()))).unwrap_err().to_string();
    assert!(told.ends_with("expected certificates in [0], and nothing else"), "{told}");
    assert!(read(element(0xa0, &[0x30, 0x05])).is_err());
}

#[test]
fn evidence_comes_back_claim_for_claim() {
    let scene = Scene::new();
    let elements = [
        transaction(&[Claim::new("timestamp", Value::Time(now())), Claim::new(NONCE, Value::Octets(vec![0; 64]))]),
        platform(&[
            Claim::new("uptime", Value::Integer(-1)),
            Claim::new("bootcount", Value::Integer(i64::MAX)),
            Claim::new("swname", Value::Text("ß".to_owned())),
        ]),
        key_element("k", &scene.key, &[Claim::new("expiry", Value::Time(crate::time::at(0)))]),
    ];
    let made = scene.made(&elements);
    let read = KeyAttestation::from_der(made.der()).unwrap();
    assert_eq!((read.elements(), read.certificates()), (&elements[..], &scene.chain()[1..2]));
    assert_eq!(read, made);
    assert!(KeyAttestation::from_der(&[made.der(), &[0]].concat()).is_err());
}

#[test]
fn claims_that_an_element_does_not_have_are_not_written() {
    let scene = Scene::new();
    let wrong = [platform(&[flag(LOCAL, true)])];
    assert!(block_on(KeyAttestation::make(&wrong, &scene.chain(), &scene.module.key)).is_err());
}
