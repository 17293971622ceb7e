//! A secure element vendor's manifest in its short format: one element as a JWS, whose signer's certificate is not included.

use brski_common::evidence::{Appraised, Authorities, DeliveryList, EvidenceError, Expected, ManifestElement, Outcome, appraise};
use brski_common::inspect::Kind;
use brski_common::provenance::Text;
use brski_common::{Format, Leniencies, Signed, VerifyError};
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
fn short_format_v2_json_is_read_and_refused_for_want_of_the_signer_s_certificate_which_is_named() {
    let Some(vectors) = Vectors::find() else { return };
    let (outer, _) = element(&vectors);
    let octets = outer.to_string().into_bytes();
    let read = ManifestElement::from_json(&octets).unwrap();
    let said = read.content();
    let facts = (said.unique_id.as_str(), said.model.as_str(), said.part_number.as_ref().map(Text::as_str), said.manufacturer.as_ref().map(Text::as_str));
    assert_eq!(facts, ("0123f1822c38dd7a01", "ATECC608C", Some("ATECC608C-MAH22"), Some("Microchip Technology Inc")));
    assert_eq!((said.group.as_ref().map(Text::as_str), said.provisioned_at), (Some("359SCE55NV38H3CB"), Some(time("2024-01-15T17:22:45Z"))));
    assert_eq!(said.keys, []);

    let outcome = read.signed_by(&Authorities::default(), time(NOW)).map(drop);
    let sentence = outcome.as_ref().map_err(VerifyError::to_string).unwrap_err();
    let thumbprint = "571d99841117e3afb34f28886045903fa785cc283dd2e8068e1e5ea4604ce0e3";
    let needed = format!("it needs the certificate with the SHA-256 thumbprint {thumbprint} among the anchors of an authority for evidence");
    assert!(sentence.contains(&needed), "{sentence}");
    check(VECTOR, "verifies", outcome);
}

#[test]
fn short_format_v2_json_as_evidence_counts_for_no_key() {
    let Some(vectors) = Vectors::find() else { return };
    let evidence = ManifestElement::from_json(element(&vectors).0.to_string().as_bytes()).unwrap().to_evidence().unwrap();
    let key = vectors.certificate("rfc8995/vendor.crt").public_key();
    let found = appraise(&evidence, &Expected { key: &key, nonce: None }, &Authorities::default(), time(NOW));
    assert!(matches!(&found[..], [Appraised { outcome: Outcome::Refused(EvidenceError::Untrusted { .. }), .. }]), "{found:?}");
}
