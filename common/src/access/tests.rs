#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::{IpAddr, SocketAddr};

use super::*;
use crate::issuing::{Subject, Template};
use crate::sign::{SignatureAlgorithm, Signer as _, SoftwareKey};
use crate::test_pki::block_on;
use crate::time::at;

const NOW: UnixTime = UnixTime::since_unix_epoch(core::time::Duration::from_secs(1_790_000_000));

fn credential(name: &str, role: Role, proof: Proof) -> Credential {
    Credential { name: name.to_owned(), role, proof, not_after: None }
}

fn certificate(name: &str) -> Certificate {
    let key = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().0;
    let template = Template::new(Subject::common_name(name), key.public_key(), [1; 16], at(NOW.as_secs() - 10), at(NOW.as_secs() + 10));
    block_on(template.self_signed(&key)).unwrap()
}

/// An operator with a token, an auditor with a certificate.
struct Scene {
    token: Token,
    certificate: Certificate,
    access: Access,
}

impl Scene {
    fn new() -> Self {
        let (token, certificate) = (Token::generate().unwrap(), certificate("auditor"));
        let credentials = vec![
            credential("alice", Role::Operator, Proof::Token(token.digest())),
            credential("bob", Role::Auditor, Proof::Certificate(Box::new(certificate.clone()))),
        ];
        Self { token, certificate, access: Access::new(credentials, Throttle::default()).unwrap() }
    }

    fn ask(&self, authorization: Option<&str>, certificate: Option<Certificate>, address: [u8; 4], now: UnixTime) -> Result<Caller, Denied> {
        let headers = authorization.map(|text| (AUTHORIZATION, text.parse().unwrap())).into_iter().collect();
        let mut extensions = Extensions::new();
        extensions.insert(PeerCertificates(certificate.into_iter().collect()));
        extensions.insert(PeerAddress(SocketAddr::from((address, 4000))));
        self.access.authenticate(&headers, &extensions, now)
    }

    fn with_token(&self, token: &str) -> Result<Caller, Denied> {
        self.ask(Some(&format!("Bearer {token}")), None, HERE, NOW)
    }
}

const HERE: [u8; 4] = [192, 0, 2, 1];

#[test]
fn token_and_certificate_name_their_owners() {
    let scene = Scene::new();
    let alice = scene.with_token(scene.token.reveal()).unwrap();
    assert_eq!((alice.name(), alice.role()), ("alice", Role::Operator));
    let bob = scene.ask(None, Some(scene.certificate.clone()), HERE, NOW).unwrap();
    assert_eq!((bob.name(), bob.role()), ("bob", Role::Auditor));
}

#[test]
fn nothing_presented_is_told_what_is_needed() {
    let denied = Scene::new().ask(None, None, HERE, NOW).unwrap_err();
    assert_eq!((denied.status(), denied.challenge().is_some()), (StatusCode::UNAUTHORIZED, true));
    assert_eq!(denied, Denied::Nobody);
}

#[test]
fn stranger_s_token_and_certificate_are_not_known() {
    let scene = Scene::new();
    assert_eq!(scene.with_token(Token::generate().unwrap().reveal()), Err(Denied::Unknown("token")));
    assert_eq!(scene.ask(None, Some(certificate("auditor")), HERE, NOW), Err(Denied::Unknown("TLS client certificate")));
}

#[test]
fn wrong_token_is_not_made_up_for_by_a_certificate() {
    let scene = Scene::new();
    assert_eq!(scene.ask(Some("Bearer abc"), Some(scene.certificate.clone()), HERE, NOW), Err(Denied::Unknown("token")));
}

#[test]
fn authorization_of_another_kind_is_refused() {
    let scene = Scene::new();
    let long = format!("Bearer {}", "a".repeat(LONGEST_TOKEN + 1));
    for header in ["Basic YWxpY2U6YQ==", "Bearer", "Bearer  ", scene.token.reveal(), &long] {
        assert_eq!(scene.ask(Some(header), None, HERE, NOW), Err(Denied::NoToken), "{header}");
    }
}

#[test]
fn certificate_counts_within_its_validity_alone() {
    let scene = Scene::new();
    let when = |seconds: i64| at(NOW.as_secs().checked_add_signed(seconds).unwrap());
    let ask = |seconds| scene.ask(None, Some(scene.certificate.clone()), HERE, when(seconds));
    assert!(ask(10).is_ok());
    assert_eq!(ask(11), Err(Denied::Expired { name: "bob".to_owned(), at: when(10) }));
    assert_eq!(ask(-11), Err(Denied::TooEarly { name: "bob".to_owned(), at: when(-10) }));
}

#[test]
fn token_counts_to_its_last_second() {
    let token = Token::generate().unwrap();
    let credential = Credential { not_after: Some(NOW), ..credential("alice", Role::Operator, Proof::Token(token.digest())) };
    let scene = Scene { access: Access::new(vec![credential], Throttle::default()).unwrap(), ..Scene::new() };
    let header = format!("Bearer {}", token.reveal());
    assert!(scene.ask(Some(&header), None, HERE, NOW).is_ok());
    assert!(matches!(scene.ask(Some(&header), None, HERE, at(NOW.as_secs() + 1)), Err(Denied::Expired { .. })));
}

#[test]
fn role_that_is_needed_is_named() {
    let scene = Scene::new();
    let bob = scene.ask(None, Some(scene.certificate.clone()), HERE, NOW).unwrap();
    assert_eq!(bob.must_be(&[Role::Operator, Role::Auditor]), Ok(()));
    let denied = bob.must_be(&[Role::Operator, Role::Station]).unwrap_err();
    assert_eq!((denied.status(), denied.challenge()), (StatusCode::FORBIDDEN, None));
    assert_eq!(denied.to_string(), "this needs the role operator or station, and the credential has the role auditor");
}

#[test]
fn wrong_credentials_are_slowed_by_address_and_right_ones_are_not() {
    let scene = Scene::new();
    for _ in 0..Throttle::FAILURES {
        assert_eq!(scene.with_token("guess"), Err(Denied::Unknown("token")));
    }
    assert_eq!(scene.with_token("guess"), Err(Denied::TooOften { seconds: 60 }));
    assert!(scene.with_token(scene.token.reveal()).is_ok());
    assert_eq!(scene.ask(Some("Bearer guess"), None, [192, 0, 2, 2], NOW), Err(Denied::Unknown("token")));
    let later = at(NOW.as_secs() + Throttle::WINDOW.as_secs());
    assert_eq!(scene.ask(Some("Bearer guess"), None, HERE, later), Err(Denied::Unknown("token")));
}

#[test]
fn requests_without_credential_are_logged_a_few_times_a_minute_and_never_slowed_down() {
    let (scene, throttle) = (Scene::new(), Throttle::default());
    let logged = (0..1000).filter(|_| throttle.note_nobody(IpAddr::from(HERE), NOW)).count();
    assert_eq!(logged, 10);
    assert!(throttle.note_nobody(IpAddr::from(HERE), at(NOW.as_secs() + 60)));
    for _ in 0..100 {
        assert_eq!(scene.ask(None, None, HERE, NOW), Err(Denied::Nobody));
    }
    assert_eq!(scene.with_token("guess"), Err(Denied::Unknown("token")));
}

#[test]
fn memory_of_failures_is_bounded() {
    let throttle = Throttle::default();
    let address = |number: u32| IpAddr::from(number.to_be_bytes());
    let noted = (0..5000).filter(|number| throttle.note_failure(address(*number), NOW).is_ok()).count();
    assert_eq!(noted, 1024);
    assert!(throttle.note_failure(address(5000), at(NOW.as_secs() + 60)).is_ok());
}

#[test]
fn credentials_that_cannot_be_told_apart_are_refused() {
    let digest = TokenDigest::of("a");
    let new = |one: (&str, TokenDigest), two: (&str, TokenDigest)| {
        let made = |(name, digest)| credential(name, Role::Operator, Proof::Token(digest));
        Access::new(vec![made(one), made(two)], Throttle::default()).unwrap_err()
    };
    assert_eq!(new(("alice", digest), ("alice", TokenDigest::of("b"))), AccessError::SameName("alice".to_owned()));
    assert_eq!(new(("alice", digest), ("bob", digest)), AccessError::SameProof("alice".to_owned(), "bob".to_owned()));
    assert_eq!(new(("alice", digest), ("bob\n", digest)), AccessError::Name("bob\u{fffd}".to_owned()));
}

#[test]
fn digest_is_read_from_64_hexadecimal_digits_alone() {
    let digest = Token::generate().unwrap().digest();
    assert_eq!(TokenDigest::try_from(digest.to_string()), Ok(digest));
    for wrong in [String::new(), "ab".repeat(31), "ab".repeat(33), "+a".repeat(32), "é".repeat(32)] {
        assert!(TokenDigest::try_from(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn token_is_not_part_of_its_debug_output() {
    let token = Token::generate().unwrap();
    assert!(token.reveal().len() == 49 && !format!("{token:?}").contains(&token.reveal()[6..]));
}

#[test]
fn each_program_reads_its_own_roles_and_names_them_to_whoever_asks_for_another() {
    assert_eq!(Role::read("approver", Role::OF_REGISTRAR), Ok(Role::Approver));
    assert_eq!(Role::read("station", Role::OF_REGISTRAR), Err("must be one of operator, approver, auditor".to_owned()));
    assert_eq!(Role::read("approver", Role::OF_MASA), Err("must be one of operator, auditor, station".to_owned()));
}
