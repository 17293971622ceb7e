use serde_json::json;

use super::*;
use crate::sign::{Signer as _, SoftwareKey};
use crate::test_pki::{Entity, block_on, new_key};

const TYPE: &str = "manufacture-report+jws";
const PAYLOAD: &[u8] = br#"{"a":1}"#;

fn named(algorithm: SignatureAlgorithm) -> (SoftwareKey, SigningIdentity) {
    (new_key(algorithm), SigningIdentity { chain: Vec::new(), algorithm, key_name: Some("station-7".to_owned()), enclosed: Vec::new() })
}

fn sealed(key: &SoftwareKey, identity: &SigningIdentity) -> Vec<u8> {
    let draft = draft(Typ::Required(TYPE), PAYLOAD.to_vec(), identity).unwrap();
    let signature = block_on(key.sign(draft.to_be_signed())).unwrap();
    draft.attach(signature).unwrap()
}

/// An envelope around this protected header as it stands, properly signed.
fn forged(header: &str) -> Value {
    let key = new_key(SignatureAlgorithm::Es256);
    let (protected, payload) = (base64url(header.as_bytes()), base64url(PAYLOAD));
    let signature = block_on(key.sign(&signing_input(&protected, &payload))).unwrap();
    json!({"payload": payload, "signatures": [{"protected": protected, "signature": base64url(signature.fixed())}]})
}

fn good() -> Value {
    forged(&json!({"alg": "ES256", "typ": TYPE, "kid": "k"}).to_string())
}

fn outcome(envelope: &Value) -> Result<(), VerifyError> {
    open("report", Typ::Required(TYPE), envelope.to_string().as_bytes()).map(|_| ())
}

fn refusal(envelope: &Value) -> DecodeError {
    match outcome(envelope) {
        Err(VerifyError::Decode { artefact: "report", source }) => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn envelope_of_every_algorithm_opens_and_verifies() {
    for algorithm in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa] {
        let (key, identity) = named(algorithm);
        let opened = open("report", Typ::Required(TYPE), &sealed(&key, &identity)).unwrap();
        assert_eq!(opened.payload(), PAYLOAD);
        assert_eq!(opened.key_name(), Some("station-7"));
        opened.check_signature("report", key.public_key(), "station-7").unwrap();
    }
}

#[test]
fn chain_travels_in_x5c() {
    let root = Entity::root("Root");
    let leaf = root.issue("Leaf", SignatureAlgorithm::Es256, |t| t);
    let opened = open("report", Typ::Required(TYPE), &sealed(&leaf.key, &leaf.party(&[&root]).identity)).unwrap();
    assert_eq!(opened.certificates(), [leaf.certificate.clone(), root.certificate]);
    assert_eq!(opened.signer_among("report", &[]).unwrap(), leaf.certificate);
    opened.check_signature("report", &leaf.certificate.public_key(), "leaf").unwrap();
}

#[test]
fn forgery_with_nothing_wrong_is_accepted() {
    assert_eq!(outcome(&good()), Ok(()));
}

#[test]
fn changed_payload_or_header_does_not_verify() {
    let (key, identity) = named(SignatureAlgorithm::Es256);
    let envelope: Value = serde_json::from_slice(&sealed(&key, &identity)).unwrap();
    let verifies =
        |envelope: &Value| open("report", Typ::Required(TYPE), envelope.to_string().as_bytes()).unwrap().check_signature("report", key.public_key(), "k");
    assert_eq!(verifies(&envelope), Ok(()));
    let mut other_payload = envelope.clone();
    other_payload["payload"] = base64url(b"{}").into();
    assert!(verifies(&other_payload).is_err());
    let mut other_header = envelope;
    other_header["signatures"][0]["protected"] = base64url(json!({"alg": "ES256", "typ": TYPE, "kid": "station-8"}).to_string().as_bytes()).into();
    assert!(verifies(&other_header).is_err());
}

#[test]
fn none_and_unknown_algorithms_are_refused() {
    for alg in ["none", "None", "HS256", "RS256", ""] {
        let envelope = forged(&json!({"alg": alg, "typ": TYPE, "kid": "k"}).to_string());
        assert_eq!(outcome(&envelope), Err(VerifyError::UnsupportedAlgorithm { artefact: "report", found: format!("JWS algorithm '{alg}'") }));
    }
}

#[test]
fn critical_extensions_are_refused() {
    let envelope = forged(&json!({"alg": "ES256", "typ": TYPE, "crit": ["b64"], "b64": false}).to_string());
    assert!(matches!(refusal(&envelope), DecodeError::InvalidField { field: "crit", .. }));
}

#[test]
fn type_must_be_present_and_equal() {
    assert!(matches!(refusal(&forged(r#"{"alg":"ES256"}"#)), DecodeError::MissingField { field: "typ", .. }));
    assert!(matches!(refusal(&forged(r#"{"alg":"ES256","typ":"voucher-jws+json"}"#)), DecodeError::Unexpected { what: "typ", .. }));
    assert!(matches!(refusal(&forged(r#"{"alg":"ES256","typ":7}"#)), DecodeError::InvalidField { field: "typ", .. }));
}

#[test]
fn doubled_members_are_refused() {
    let header = format!(r#"{{"alg":"ES256","typ":"{TYPE}","kid":"a","kid":"b"}}"#);
    assert!(matches!(refusal(&forged(&header)), DecodeError::Syntax { .. }));
    let envelope = good().to_string();
    let doubled = envelope.replacen("{\"payload\":", "{\"payload\":\"e30\",\"payload\":", 1);
    assert_ne!(envelope, doubled);
    assert!(open("report", Typ::Required(TYPE), doubled.as_bytes()).is_err());
}

#[test]
fn exactly_one_signature_is_accepted() {
    let mut none = good();
    none["signatures"] = json!([]);
    let mut two = good();
    two["signatures"] = json!([two["signatures"][0], two["signatures"][0]]);
    for envelope in [none, two] {
        assert!(matches!(refusal(&envelope), DecodeError::Unexpected { what: "number of JWS signatures", .. }));
    }
}

#[test]
fn compact_and_flattened_serializations_are_refused() {
    let envelope = good();
    let block = &envelope["signatures"][0];
    let flattened = json!({"payload": envelope["payload"], "protected": block["protected"], "signature": block["signature"]});
    assert!(matches!(refusal(&flattened), DecodeError::Syntax { .. }));
    let compact = format!("{}.{}.{}", block["protected"], envelope["payload"], block["signature"]).replace('"', "");
    assert!(matches!(open("report", Typ::Required(TYPE), compact.as_bytes()), Err(VerifyError::Decode { .. })));
}

#[test]
fn unprotected_header_is_refused() {
    let mut envelope = good();
    envelope["signatures"][0]["header"] = json!({"kid": "other"});
    assert!(matches!(refusal(&envelope), DecodeError::Syntax { .. }));
}

#[test]
fn padded_and_foreign_base64_is_refused() {
    for (member, text) in [("payload", "e30="), ("payload", "e30\n"), ("payload", "e31"), ("payload", "+/+/")] {
        let mut envelope = good();
        envelope[member] = text.into();
        assert!(matches!(refusal(&envelope), DecodeError::Syntax { syntax: "base64url", .. }), "{text}");
    }
}

#[test]
fn der_signature_is_refused_for_what_it_is() {
    let mut envelope = good();
    let fixed = unbase64url("signature", envelope["signatures"][0]["signature"].as_str().unwrap()).unwrap();
    let der = Signature::from_fixed(SignatureAlgorithm::Es256, fixed).unwrap().to_asn1().unwrap();
    envelope["signatures"][0]["signature"] = base64url(&der).into();
    assert!(matches!(refusal(&envelope), DecodeError::InvalidField { field: "signature", .. }));
}

#[test]
fn envelope_without_name_has_no_signer() {
    let opened = open("report", Typ::Required(TYPE), forged(&json!({"alg": "ES256", "typ": TYPE}).to_string()).to_string().as_bytes()).unwrap();
    assert_eq!(opened.signer, SignerId::Unnamed);
}
