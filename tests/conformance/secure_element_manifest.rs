//! A secure element vendor's manifest in its short format: one element as a JWS, whose signer's certificate is not included.

use brski_common::evidence::DeliveryList;
use brski_common::inspect::Kind;
use brski_common::{DecodeError, Format, Leniencies, Payload, Reading, Signed, SignedBy, Typ, Usage, Verifier, VerifyError};
use serde_json::{Value, json};

use crate::messages::recognised;
use crate::vectors::{Vectors, check, time};

const VECTOR: &str = "secure-element-manifest/short-format-v2.json";
const NOW: &str = "2024-07-01T00:00:00Z";

#[test]
fn every_file_is_read_by_a_test_here() {
    let Some(vectors) = Vectors::find() else { return };
    assert_eq!(vectors.names("secure-element-manifest"), ["short-format-v2.json".to_owned()].into());
}

/// What the vendor says of an element, under a `typ` of its own.
struct Element(Value);

impl Payload for Element {
    const NAME: &'static str = "element";

    fn typ(_: Format) -> Option<Typ> {
        Some(Typ::Required("JWT"))
    }

    fn encode(&self, _: Format) -> Result<Vec<u8>, DecodeError> {
        Ok(self.0.to_string().into_bytes())
    }

    fn decode(octets: &[u8], _: Format, _: &Reading) -> Result<Self, DecodeError> {
        serde_json::from_slice(octets).map(Self).map_err(|err| DecodeError::syntax(Self::NAME, "JSON", err))
    }
}

/// The only element, and its JWS in general serialization without the unprotected header.
fn element(vectors: &Vectors) -> (Value, Vec<u8>) {
    let [element]: [Value; 1] = serde_json::from_slice(&vectors.read(VECTOR)).unwrap();
    let signatures = json!([{ "protected": element["protected"], "signature": element["signature"] }]);
    let general = json!({ "payload": element["payload"], "signatures": signatures }).to_string().into_bytes();
    (element, general)
}

#[test]
fn short_format_v2_json_is_no_delivery_list() {
    let Some(vectors) = Vectors::find() else { return };
    let (element, general) = element(&vectors);
    assert_eq!(recognised(&vectors.read(VECTOR), NOW), Ok(Kind::SecureElementManifest));
    for wire in [vectors.read(VECTOR), element.to_string().into_bytes(), general] {
        assert!(Signed::<DeliveryList>::from_wire(Format::Jws, wire).peek_unverified(Leniencies::NONE).is_err());
    }
}

#[test]
fn short_format_v2_json_has_nobody_to_verify_it_with() {
    let Some(vectors) = Vectors::find() else { return };
    let (outer, general) = element(&vectors);
    let signed = Signed::<Element>::from_wire(Format::Jws, general);
    let said = signed.peek_unverified(Leniencies::NONE).unwrap().0;
    assert_eq!((&said["version"], &said["model"], &said["uniqueId"]), (&json!(2), &json!("ATECC608C"), &outer["header"]["uniqueId"]));

    let outcome = signed.verify(&Verifier::strict(SignedBy::AnyoneConsistent { usage: Usage::Any }), time(NOW)).map(drop);
    assert!(matches!(outcome, Err(VerifyError::UnknownSigner { .. })));
    check(VECTOR, "verifies", outcome);
}
