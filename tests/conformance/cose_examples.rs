//! Examples of the COSE working group: what we verify of them, and what we refuse because nobody needs it for vouchers or statements.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brski_common::{Anchors, Certificate, DecodeError, EnrolledKey, Format, PublicKey, Signed, SignedBy, Usage, Verified, Verifier, VerifyError};
use serde_json::Value;

use crate::messages::Content;
use crate::vectors::{Vectors, check, time, unhex};

const NOW: &str = "2024-07-01T00:00:00Z";

/// Messages that are right.
const GOOD: [&str; 20] = [
    "ecdsa-examples/ecdsa-01.json",
    "ecdsa-examples/ecdsa-02.json",
    "ecdsa-examples/ecdsa-03.json",
    "ecdsa-examples/ecdsa-04.json",
    "ecdsa-examples/ecdsa-sig-01.json",
    "ecdsa-examples/ecdsa-sig-02.json",
    "ecdsa-examples/ecdsa-sig-03.json",
    "ecdsa-examples/ecdsa-sig-04.json",
    "eddsa-examples/eddsa-01.json",
    "eddsa-examples/eddsa-02.json",
    "eddsa-examples/eddsa-sig-01.json",
    "eddsa-examples/eddsa-sig-02.json",
    "sign1-tests/sign-pass-01.json",
    "sign1-tests/sign-pass-02.json",
    "sign1-tests/sign-pass-03.json",
    "x509-examples/signed-01.json",
    "x509-examples/signed-02.json",
    "x509-examples/signed-03.json",
    "x509-examples/signed-04.json",
    "x509-examples/signed-05.json",
];

/// Messages that are wrong, and what is wrong with them.
const BAD: [(&str, Ground); 6] = [
    ("sign1-tests/sign-fail-01.json", Ground::Tag),
    ("sign1-tests/sign-fail-02.json", Ground::Signature),
    ("sign1-tests/sign-fail-03.json", Ground::Algorithm),
    ("sign1-tests/sign-fail-04.json", Ground::Algorithm),
    ("sign1-tests/sign-fail-06.json", Ground::Signature),
    ("sign1-tests/sign-fail-07.json", Ground::Signature),
];

const CERTIFICATES: [&str; 2] = ["x509-examples/alice.der", "x509-examples/ca.der"];

#[test]
fn every_file_is_read_by_a_test_here() {
    let Some(vectors) = Vectors::find() else { return };
    let folders = vectors.names("cose-examples");
    let found = folders.iter().flat_map(|folder| vectors.names(&format!("cose-examples/{folder}")).into_iter().map(move |name| format!("{folder}/{name}")));
    let read = GOOD.iter().chain(BAD.iter().map(|(name, _)| name)).chain(&CERTIFICATES).map(ToString::to_string);
    assert_eq!(found.collect::<BTreeSet<String>>(), read.collect());
}

fn example(vectors: &Vectors, name: &str) -> Value {
    serde_json::from_slice(&vectors.read(&format!("cose-examples/{name}"))).unwrap()
}

/// The signer: of COSE_Sign1, or the only one of COSE_Sign.
fn signer(example: &Value) -> &Value {
    example["input"].get("sign0").unwrap_or(&example["input"]["sign"]["signers"][0])
}

/// What stands before a bare key in its SubjectPublicKeyInfo, by the curve's name.
fn before_key(curve: &str) -> &'static str {
    match curve {
        "P-256" => "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
        "P-384" => "3076301006072a8648ce3d020106052b8104002203620004",
        "P-521" => "30819b301006072a8648ce3d020106052b810400230381860004",
        "Ed25519" => "302a300506032b6570032100",
        "Ed448" => "3043300506032b6571033a00",
        other => panic!("{other}"),
    }
}

/// The signer's key and name.
fn key(signer: &Value) -> Result<EnrolledKey, DecodeError> {
    let key = &signer["key"];
    let coordinate = |name: &str| match (key[name].as_str(), key[format!("{name}_hex")].as_str()) {
        (Some(text), _) => URL_SAFE_NO_PAD.decode(text).unwrap(),
        (None, Some(text)) => unhex(text),
        (None, None) => Vec::new(),
    };
    let spki = [unhex(before_key(key["crv"].as_str().unwrap())), coordinate("x"), coordinate("y")].concat();
    let name = key["kid"].as_str().unwrap().to_owned();
    Ok(EnrolledKey { name, key: PublicKey::from_spki(&spki)? })
}

/// What a refusal objects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ground {
    Key,
    Tag,
    Header,
    Algorithm,
    Signature,
}

/// Verifies an example with the key that stands beside it.
fn verified(example: &Value) -> Result<Verified<Content>, Ground> {
    let keys = [key(signer(example)).map_err(|_| Ground::Key)?];
    let message = unhex(example["output"]["cbor"].as_str().unwrap());
    let verifier = Verifier::strict(SignedBy::Enrolled(&keys));
    Signed::<Content>::from_wire(Format::Cose, message).verify(&verifier, time(NOW)).map_err(|err| match err {
        VerifyError::Decode { source: DecodeError::Unexpected { what: "CBOR tag", .. }, .. } => Ground::Tag,
        VerifyError::Decode { .. } => Ground::Header,
        VerifyError::UnsupportedAlgorithm { .. } => Ground::Algorithm,
        VerifyError::BadSignature { .. } => Ground::Signature,
        other => panic!("{other:?}"),
    })
}

#[test]
fn good_messages_verify_or_are_listed() {
    let Some(vectors) = Vectors::find() else { return };
    for name in GOOD {
        let example = example(&vectors, name);
        let outcome = verified(&example);
        if let Ok(verified) = &outcome {
            assert_eq!(verified.get().0, example["input"]["plaintext"].as_str().unwrap().as_bytes());
        }
        check(&format!("cose-examples/{name}"), "verifies", outcome.map(drop));
    }
}

#[test]
fn bad_messages_are_refused_for_what_is_wrong_with_them() {
    let Some(vectors) = Vectors::find() else { return };
    for (name, ground) in BAD {
        let example = example(&vectors, name);
        assert_eq!((example["fail"].as_bool(), verified(&example).unwrap_err()), (Some(true), ground), "{name}");
    }
}

#[test]
fn listed_messages_are_refused_for_what_we_do_not_support() {
    let Some(vectors) = Vectors::find() else { return };
    let refused = GOOD.into_iter().filter_map(|name| Some((name, verified(&example(&vectors, name)).err()?)));
    let (several, one): (Vec<_>, Vec<_>) = refused.partition(|(name, _)| example(&vectors, name)["input"].get("sign").is_some());
    assert!(several.iter().all(|(name, ground)| *ground == if *name == ED448 { Ground::Key } else { Ground::Tag }), "{several:?}");
    assert_eq!(
        one,
        [
            ("ecdsa-examples/ecdsa-sig-03.json", Ground::Algorithm),
            ("ecdsa-examples/ecdsa-sig-04.json", Ground::Algorithm),
            ("eddsa-examples/eddsa-sig-02.json", Ground::Key),
            ("sign1-tests/sign-pass-01.json", Ground::Header),
            ("sign1-tests/sign-pass-02.json", Ground::Signature),
            ("sign1-tests/sign-pass-03.json", Ground::Tag),
        ]
    );
}

/// For several signers, and with a key that cannot be read.
const ED448: &str = "eddsa-examples/eddsa-02.json";

#[test]
fn alice_der_and_ca_der() {
    let Some(vectors) = Vectors::find() else { return };
    let [alice, ca] = CERTIFICATES.map(|name| Certificate::from_der(&vectors.read(&format!("cose-examples/{name}"))).unwrap());
    let outcome = Anchors::new([ca.clone()]).unwrap().verify_path(&alice, &[], Usage::Any, time(NOW));
    assert_eq!(outcome.unwrap(), [alice.clone(), ca]);
    // Those whose certificates the messages in this folder carry.
    for name in GOOD.into_iter().filter(|name| name.starts_with("x509-examples/")) {
        assert_eq!(key(signer(&example(&vectors, name))).unwrap().key, alice.public_key(), "{name}");
    }
}
