use serde_json::json;

use super::*;
use crate::sign::{Signer as _, SoftwareKey};
use crate::test_pki::{Entity, block_on, new_key};

const TYPE: &str = "manufacture-report+jws";
const PAYLOAD: &[u8] = br#"{"a":1}"#;

fn open(artefact: &'static str, typ: Typ, wire: &[u8]) -> Result<Opened, VerifyError> {
    super::open(artefact, typ, wire, &Reading::default())
}

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
        assert_eq!(opened.payload, PAYLOAD);
        assert_eq!(opened.signatures[0].key_name(), Some("station-7"));
        opened.signatures[0].check_signature("report", key.public_key(), "station-7").unwrap();
    }
}

#[test]
fn chain_travels_in_x5c() {
    let root = Entity::root("Root");
    let leaf = root.issue("Leaf", SignatureAlgorithm::Es256, |t| t);
    let opened = open("report", Typ::Required(TYPE), &sealed(&leaf.key, &leaf.party(&[&root]).identity)).unwrap();
    assert_eq!(opened.signatures[0].certificates, [leaf.certificate.clone(), root.certificate]);
    assert_eq!(opened.signatures[0].candidates(&[]), [&leaf.certificate]);
    opened.signatures[0].check_signature("report", &leaf.certificate.public_key(), "leaf").unwrap();
}

#[test]
fn forgery_with_nothing_wrong_is_accepted() {
    assert_eq!(outcome(&good()), Ok(()));
}

#[test]
fn changed_payload_or_header_does_not_verify() {
    let (key, identity) = named(SignatureAlgorithm::Es256);
    let envelope: Value = serde_json::from_slice(&sealed(&key, &identity)).unwrap();
    let verifies = |envelope: &Value| {
        open("report", Typ::Required(TYPE), envelope.to_string().as_bytes()).unwrap().signatures[0].check_signature("report", key.public_key(), "k")
    };
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

/// The envelope with these signatures over its one payload.
fn joined(envelopes: &[&Value]) -> Value {
    let blocks: Vec<&Value> = envelopes.iter().map(|e| &e["signatures"][0]).collect();
    json!({"payload": envelopes[0]["payload"], "signatures": blocks})
}

#[test]
fn one_to_eight_signatures_are_read() {
    let good = good();
    for count in [1, 2, MAX_SIGNATURES] {
        let opened = open("report", Typ::Required(TYPE), joined(&vec![&good; count]).to_string().as_bytes()).unwrap();
        assert_eq!(opened.signatures.len(), count);
    }
    let mut none = good.clone();
    none["signatures"] = json!([]);
    for envelope in [none, joined(&[&good; MAX_SIGNATURES + 1])] {
        assert!(matches!(refusal(&envelope), DecodeError::Unexpected { what: "number of JWS signatures", .. }));
    }
}

#[test]
fn signature_of_an_unsupported_algorithm_is_left_out_beside_another() {
    let unsupported = forged(&json!({"alg": "RS256", "typ": TYPE}).to_string());
    let envelope = joined(&[&unsupported, &good()]).to_string();
    let opened = open("report", Typ::Required(TYPE), envelope.as_bytes()).unwrap();
    assert_eq!(opened.signatures.len(), 1);
    assert_eq!(opened.signatures[0].key_name(), Some("k"));
    let found = "JWS algorithm 'RS256'".to_owned();
    assert_eq!(outcome(&joined(&[&unsupported, &unsupported])), Err(VerifyError::UnsupportedAlgorithm { artefact: "report", found }));
}

#[test]
fn signature_that_is_not_acceptable_is_left_out_beside_another_and_told_alone() {
    let header = |value: Value| forged(&value.to_string());
    let mut short = good();
    short["signatures"][0]["signature"] = base64url(&[1; 63]).into();
    let malformed = [
        header(json!({"alg": "ES256"})),
        header(json!({"alg": "ES256", "typ": "other"})),
        header(json!({"typ": TYPE})),
        header(json!({"alg": "ES256", "typ": TYPE, "crit": ["exp"], "exp": 1})),
        header(json!({"alg": "RS256", "typ": TYPE, "crit": ["exp"], "exp": 1})),
        header(json!({"alg": "ES256", "typ": TYPE, "x5c": []})),
        header(json!({"alg": "ES256", "typ": TYPE, "x5c": ["AAAA"]})),
        forged("no header"),
        short,
    ];
    for bad in malformed {
        for envelope in [joined(&[&good(), &bad]), joined(&[&bad, &good()])] {
            let opened = open("report", Typ::Required(TYPE), envelope.to_string().as_bytes()).unwrap();
            assert_eq!(opened.signatures.iter().map(SignatureBlock::key_name).collect::<Vec<_>>(), [Some("k")], "{envelope}");
        }
        assert!(matches!(outcome(&bad), Err(VerifyError::Decode { .. })), "{bad}");
    }
}

#[test]
fn of_signatures_that_are_all_left_out_the_first_is_told() {
    let unsupported = forged(&json!({"alg": "RS256", "typ": TYPE}).to_string());
    let untyped = forged(&json!({"alg": "ES256"}).to_string());
    assert!(matches!(outcome(&joined(&[&unsupported, &untyped])), Err(VerifyError::UnsupportedAlgorithm { .. })));
    assert!(matches!(refusal(&joined(&[&untyped, &unsupported])), DecodeError::MissingField { field: "typ", .. }));
}

#[test]
fn member_beside_a_foreign_signature_makes_the_envelope_unreadable() {
    let mut foreign = good();
    foreign["signatures"][0]["header"] = json!({"kid": "other"});
    assert!(matches!(refusal(&joined(&[&good(), &foreign])), DecodeError::Syntax { .. }));
}

#[test]
fn type_is_a_media_type_whose_case_and_usual_prefix_do_not_matter() {
    let typed = |typ: &str| forged(&json!({"alg": "ES256", "typ": typ}).to_string());
    for same in [TYPE.to_owned(), TYPE.to_uppercase(), format!("application/{TYPE}"), format!("Application/{}", TYPE.to_uppercase())] {
        assert_eq!(outcome(&typed(&same)), Ok(()), "{same}");
    }
    for other in
        [format!("text/{TYPE}"), format!("/{TYPE}"), format!("application/application/{TYPE}"), format!("application/{TYPE}/"), "application/".to_owned()]
    {
        assert!(matches!(refusal(&typed(&other)), DecodeError::Unexpected { what: "typ", .. }), "{other}");
    }
}

#[test]
fn compact_and_flattened_serializations_are_refused_by_name() {
    let envelope = good();
    let block = &envelope["signatures"][0];
    let refused_as = |name: &str, wire: &str| match open("report", Typ::Required(TYPE), wire.as_bytes()) {
        Err(VerifyError::Decode { source: source @ DecodeError::Unexpected { what: "JWS serialization", .. }, .. }) => {
            let expected = "general JSON, with the members payload and signatures (RFC 7515, section 7.2.1)";
            assert_eq!(source.to_string(), format!("JWS serialization is {name}, expected {expected}"));
        }
        other => panic!("{other:?}"),
    };
    let flattened = json!({"payload": envelope["payload"], "protected": block["protected"], "signature": block["signature"]});
    refused_as("flattened JSON", &flattened.to_string());
    let compact = format!("{}.{}.{}", block["protected"], envelope["payload"], block["signature"]).replace('"', "");
    refused_as("compact", &compact);
    refused_as("compact", &format!("{compact}\n"));
}

#[test]
fn text_that_is_no_jws_at_all_is_refused_by_its_syntax() {
    for wire in ["", "{}", "[]", "a.b", "a.b.c.d", "a.b.c!", "{\"signature\":\"\",\"signatures\":[]}"] {
        assert!(matches!(open("report", Typ::Required(TYPE), wire.as_bytes()), Err(VerifyError::Decode { source: DecodeError::Syntax { .. }, .. })), "{wire}");
    }
}

#[test]
fn escaped_solidus_is_a_solidus() {
    let root = Entity::root("Root").certificate;
    let header = json!({"alg": "ES256", "typ": TYPE, "x5c": [base64(root.der())]}).to_string().replace('/', "\\/");
    assert!(header.contains("\\/"));
    let opened = open("report", Typ::Required(TYPE), forged(&header).to_string().as_bytes()).unwrap();
    assert_eq!(opened.signatures[0].certificates, [root]);
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
    assert_eq!(opened.signatures[0].signer, SignerId::Unnamed);
}

#[test]
fn json_that_is_no_jws_is_told_what_belongs_there() {
    for (wire, expected) in [
        ("[]", "a JSON object with the members payload and signatures"),
        ("\"text\"", "a JSON object with the members payload and signatures"),
        (r#"{"payload":"","signatures":["x"]}"#, "a JSON object with the members protected and signature"),
        ("{}", "missing field `payload`"),
    ] {
        let refused = open("voucher", Typ::Required("voucher-jws+json"), wire.as_bytes()).unwrap_err();
        let VerifyError::Decode { source, .. } = &refused else { panic!("{refused:?}") };
        assert!(source.to_string().contains(expected), "{source}");
    }
}
