use ciborium::Value;

use super::*;
use crate::asn1::element;
use crate::certificate::PolicyOid;
use crate::chain::Anchors;
use crate::evidence::KeyAttestation;
use crate::evidence::{AttestationBundle, AttestationStatement, Expected, appraise};
use crate::issuing::Template;
use crate::leniency::Reading;
use crate::provenance::{Basis, Evidence, EvidenceType};
use crate::sign::{PublicKey, SignatureAlgorithm, Signer as _, SoftwareKey};
use crate::test_pki::{Entity, NOW, block_on, new_key, now};
use crate::text::in_full;

/// A vendor of modules, its attester, and a key.
struct Scene {
    vendor: Entity,
    attester: Entity,
    key: SoftwareKey,
}

impl Scene {
    fn new() -> Self {
        let vendor = Entity::root("silicon vendor");
        let attester = vendor.issue("TEE 7", SignatureAlgorithm::Es384, |t| t);
        Self { vendor, attester, key: new_key(SignatureAlgorithm::Es256) }
    }

    /// A token that says this, in COSE.
    fn token(&self, claims: &[(i64, Value)], by: &Entity) -> Vec<u8> {
        let token = Token::decode(&cbor(&numbered(claims)), Format::Cose, &Reading::default()).unwrap();
        block_on(by.party(&[]).seal(&token, Format::Cose)).unwrap().wire().to_vec()
    }

    /// What becomes of it in a bundle with the attester's certificate, for this key.
    fn outcome(&self, token: &[u8], key: &PublicKey, nonce: Option<&[u8]>) -> Outcome {
        let wrapped = element(0x04, &cbor(&Value::Array(vec![263.into(), Value::Bytes(token.to_vec())])));
        let statement = AttestationStatement { kind: EvidenceType::new(ID_PE_CMW).unwrap(), der: wrapped };
        let bundle = AttestationBundle::new(&[statement], core::slice::from_ref(&self.attester.certificate)).unwrap();
        self.appraised(&bundle.to_evidence().unwrap(), key, nonce)
    }

    fn appraised(&self, evidence: &Evidence, key: &PublicKey, nonce: Option<&[u8]>) -> Outcome {
        let anchors = Anchors::new([self.vendor.certificate.clone()]).unwrap();
        let stranger =
            Authority { name: "another".to_owned(), anchors: Anchors::default(), basis: Basis::SelfDeclared, locus: None, unmarked_attestation_keys: false };
        let vendor = Authority { name: "silicon vendor".to_owned(), anchors, basis: Basis::KeyAttestation, locus: None, unmarked_attestation_keys: false };
        let mut found = appraise(evidence, &Expected { key, nonce }, &Authorities::new([vendor, stranger]), now());
        assert_eq!(found.len(), 1);
        found.remove(0).outcome
    }

    fn claims(&self, claims: &[(i64, Value)]) -> Claims {
        match self.outcome(&self.token(claims, &self.attester), self.key.public_key(), None) {
            Outcome::Holds(claims) => *claims,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(&self, claims: &[(i64, Value)], nonce: Option<&[u8]>) -> String {
        told(self.outcome(&self.token(claims, &self.attester), self.key.public_key(), nonce))
    }
}

fn told(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused(err) => in_full(&err),
        other => panic!("{other:?}"),
    }
}

fn cbor(value: &Value) -> Vec<u8> {
    let mut octets = Vec::new();
    ciborium::into_writer(value, &mut octets).unwrap();
    octets
}

fn numbered(entries: &[(i64, Value)]) -> Value {
    Value::Map(entries.iter().map(|(label, value)| ((*label).into(), value.clone())).collect())
}

/// Claim cnf with a P-256 key.
fn confirmation(key: &PublicKey) -> (i64, Value) {
    let (x, y) = key.raw()[1..].split_at(32);
    let octets = |octets: &[u8]| Value::Bytes(octets.to_vec());
    (8, numbered(&[(1, numbered(&[(1, 2.into()), (-1, 1.into()), (-2, octets(x)), (-3, octets(y))]))]))
}

#[test]
fn token_bound_to_the_key_holds_and_tells_of_the_platform() {
    let scene = Scene::new();
    let said = [
        confirmation(scene.key.public_key()),
        (10, Value::Array(vec![Value::Bytes(vec![6; 8]), Value::Bytes(vec![7; 8])])),
        (256, Value::Bytes(vec![1; 7])),
        (258, 12345.into()),
        (259, Value::Bytes(vec![0xab])),
        (260, Value::Array(vec![Value::Text("2.1".to_owned()), 1.into()])),
        (263, 3.into()),
        (4, (NOW + 1).into()),
        (5, Value::Float(NOW as f64 + 0.5)),
    ];
    let token = scene.token(&said, &scene.attester);
    let Outcome::Holds(claims) = scene.outcome(&token, scene.key.public_key(), Some(&[7; 8])) else { panic!("it should hold") };
    assert_eq!((claims.attester.as_str(), claims.basis, claims.nonced), ("silicon vendor (CN=TEE 7)", Basis::KeyAttestation, Nonced::Fresh));
    assert_eq!((claims.made, claims.protection), (Made::Unsaid, Protection::Unknown));
    let details: Vec<(&str, &str)> = claims.details.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [("ueid", "01010101010101"), ("oemid", "12345"), ("hwmodel", "ab"), ("hwversion", "2.1"), ("dbgstat", "3 (disabled permanently)")];
    assert_eq!(details, expected);
    // The same by itself: its certificate travels in x5bag.
    let alone = Evidence { kind: EvidenceType::new(EAT_CWT).unwrap(), data: token };
    assert!(matches!(scene.appraised(&alone, scene.key.public_key(), None), Outcome::Holds(_)));
}

#[test]
fn token_that_an_attestation_key_signed_is_none() {
    let restricted = PolicyOid::new("2.23.133.11.1.3").unwrap();
    let shapes: [(&str, &dyn Fn(Template) -> Template); 3] = [
        ("tcg-kp-AIKCertificate", &|template| template.usages(&["2.23.133.8.3"])),
        ("tcg-cap-verifiedTPMRestricted", &|template| template.policy(&restricted)),
        ("id-kp-attestationKey", &|template| template.usages(&[KeyAttestation::ATTESTATION_KEY_USAGE])),
    ];
    for (mark, shape) in shapes {
        let mut scene = Scene::new();
        scene.attester = scene.vendor.issue("AK 7", SignatureAlgorithm::Es256, shape);
        let told = scene.refusal(&[confirmation(scene.key.public_key())], None);
        let expected = format!("is signed with the key of CN=AK 7, which is certified to attest keys ({mark}) and to sign nothing else");
        assert!(told.ends_with(&expected), "{told}");
    }
}

#[test]
fn token_of_a_nameless_signer_is_verified_with_the_certificates_beside_it() {
    let scene = Scene::new();
    let token = Token::decode(&cbor(&numbered(&[confirmation(scene.key.public_key())])), Format::Cose, &Reading::default()).unwrap();
    let bare = block_on(scene.attester.party(&[]).nameless().seal(&token, Format::Cose)).unwrap();
    assert!(matches!(scene.outcome(bare.wire(), scene.key.public_key(), None), Outcome::Holds(_)));
}

#[test]
fn token_of_another_key_is_refused_and_one_of_none_tells_of_its_platform() {
    let scene = Scene::new();
    let (ours, theirs) = (scene.key.public_key(), new_key(SignatureAlgorithm::Es256).public_key().clone());
    let told = format!("the entity attestation token is about another key: {}, not {}", theirs.digest(), ours.digest());
    assert_eq!(scene.refusal(&[confirmation(&theirs)], None), told);
    // A name for a key is none.
    for claims in [vec![(263, 1.into())], vec![(263, 1.into()), (8, numbered(&[(3, Value::Bytes(vec![7; 32]))]))]] {
        let Outcome::OfPlatform(platform) = scene.outcome(&scene.token(&claims, &scene.attester), ours, None) else { panic!("it names no key") };
        assert_eq!((platform.attester.as_str(), platform.details), ("silicon vendor (CN=TEE 7)", vec![("dbgstat".to_owned(), "1 (disabled)".to_owned())]));
    }
}

#[test]
fn token_signed_with_the_very_key_proves_nothing() {
    let scene = Scene::new();
    let own = scene.vendor.issue("a device", SignatureAlgorithm::Es256, |t| t);
    let token = scene.token(&[confirmation(own.key.public_key())], &own);
    let told = told(scene.outcome(&token, own.key.public_key(), None));
    assert_eq!(told, "the entity attestation token is signed with the very key that it is about, which proves nothing of it");
}

#[test]
fn token_of_a_stranger_or_changed_is_refused() {
    let scene = Scene::new();
    let stranger = Entity::root("stranger").issue("their TEE", SignatureAlgorithm::Es256, |t| t);
    let claims = [confirmation(scene.key.public_key()), (263, 1.into())];
    let forged = told(scene.outcome(&scene.token(&claims, &stranger), scene.key.public_key(), None));
    assert!(forged.contains("does not lead to a configured trust anchor"), "{forged}");
    let mut changed = scene.token(&claims, &scene.attester);
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let forged = told(scene.outcome(&changed, scene.key.public_key(), None));
    assert!(forged.starts_with("the entity attestation token is not to be trusted: the signature of the entity attestation token does not verify"), "{forged}");
    assert!(told(scene.outcome(&changed[..last], scene.key.public_key(), None)).starts_with("the entity attestation token cannot be read"));
}

#[test]
fn token_out_of_its_time_or_with_another_nonce_is_refused() {
    let scene = Scene::new();
    let key = confirmation(scene.key.public_key());
    assert!(scene.refusal(&[key.clone(), (4, NOW.into())], None).contains("expired at 2026-"));
    assert!(scene.refusal(&[key.clone(), (5, (NOW + 1).into())], None).contains("is not valid before 2026-"));
    let another = [key.clone(), (10, Value::Bytes(vec![6; 8]))];
    assert!(scene.refusal(&another, Some(&[7; 8])).ends_with("so that it may be an old one"));
    assert_eq!(scene.claims(&another).nonced, Nonced::Unasked);
    let none = scene.outcome(&scene.token(&[key], &scene.attester), scene.key.public_key(), Some(&[7; 8]));
    assert!(matches!(none, Outcome::Holds(claims) if claims.nonced == Nonced::Unanswered));
}

#[test]
fn claims_of_another_form_are_refused() {
    for (claim, told) in [
        ((263, 5.into()), "dbgstat must be a number from 0 to 4"),
        ((259, 1.into()), "hwmodel must be an octet string"),
        ((10, Value::Bytes(vec![1; 7])), "eat_nonce must be 8 to 64 octets, or an array of such nonces"),
        ((10, Value::Array(Vec::new())), "eat_nonce must be 8 to 64 octets, or an array of such nonces"),
        ((4, Value::Float(-1.0)), "exp must be a number of seconds since 1970"),
        ((8, 1.into()), "cnf must be a map"),
        ((260, Value::Text("2".to_owned())), "hwversion must be an array that begins with a text"),
    ] {
        assert_eq!(Token::decode(&cbor(&numbered(&[claim])), Format::Cose, &Reading::default()).unwrap_err().to_string(), told);
    }
    let twice = cbor(&numbered(&[(263, 1.into()), (263, 1.into())]));
    assert_eq!(Token::decode(&twice, Format::Cose, &Reading::default()).unwrap_err().to_string(), "claim 263 occurs twice in the entity attestation token");
    assert!(Token::decode(&[0xa0, 0], Format::Cose, &Reading::default()).is_err());
    assert!(Token::decode(&vec![0; 65 * 1024], Format::Cose, &Reading::default()).is_err());
}

#[test]
fn provenance_statement_is_told_apart_as_an_endorsement() {
    let scene = Scene::new();
    let token = scene.token(&[(265, Value::Text(PROFILE.to_owned()))], &scene.attester);
    let Outcome::Endorsement(statement) = scene.outcome(&token, scene.key.public_key(), None) else { panic!("it should be an endorsement") };
    assert_eq!(statement.wire(), token);
}

#[test]
fn wrapper_with_something_else_is_unknown_and_one_that_cannot_be_read_refused() {
    let scene = Scene::new();
    let appraised = |der: Vec<u8>| scene.appraised(&Evidence { kind: EvidenceType::new(ID_PE_CMW).unwrap(), data: der }, scene.key.public_key(), None);
    assert_eq!(appraised(element(0x04, &[0xa0])), Outcome::Unknown);
    assert!(told(appraised(element(0x04, &[0x01]))).starts_with("the conceptual message wrapper cannot be read"));
}
