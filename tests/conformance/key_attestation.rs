//! Samples of PKIX key attestation: the attestation key's chain, and two pieces of evidence, of a platform and of two keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::evidence::{Authorities, Authority, Claims, Expected, KeyAttestation, Made, Nonced, Outcome, Value, appraise};
use brski_common::inspect::Kind;
use brski_common::provenance::{Basis, Evidence, EvidenceType, Protection};
use brski_common::sign::PublicKey;
use brski_common::text::in_full;
use brski_common::{Anchors, Usage};

use crate::messages::{inspected_under, recognised};
use crate::vectors::{Vectors, check, time};

const NOW: &str = "2026-08-01T00:00:00Z";

const FILES: [&str; 5] = ["ak.crt", "ca.crt", "evidence1.pem", "evidence2.pem", "int.crt"];

#[test]
fn every_file_is_read_by_a_test_here() {
    let Some(vectors) = Vectors::find() else { return };
    assert_eq!(vectors.names("key-attestation"), FILES.map(str::to_owned).into());
}

#[test]
fn ak_crt_leads_through_int_crt_to_ca_crt() {
    let Some(vectors) = Vectors::find() else { return };
    let [ak, int, ca] = ["ak", "int", "ca"].map(|name| vectors.certificate(&format!("key-attestation/{name}.crt")));
    let anchors = Anchors::new([ca.clone()]).unwrap();
    assert!(anchors.verify_path(&ak, &[], Usage::Any, time(NOW)).is_err());
    let path = anchors.verify_path(&ak, core::slice::from_ref(&int), Usage::Any, time(NOW));
    assert_eq!(path.unwrap(), [ak, int, ca]);
}

#[test]
fn evidence1_pem_and_evidence2_pem() {
    let Some(vectors) = Vectors::find() else { return };
    // The first names its signer by key identifier alone, so that the attestation key itself is what to trust; the second brings its chain along.
    for (name, anchor) in [("evidence1", "ak"), ("evidence2", "ca")] {
        let vector = format!("key-attestation/{name}.pem");
        let evidence = der(&vectors, name);
        for octets in [evidence.as_slice(), vectors.text(&vector).as_bytes()] {
            assert_eq!(recognised(octets, NOW), Ok(Kind::KeyAttestation), "{vector}");
        }
        check(&vector, "verifies", inspected_under(&evidence, &vectors.certificate(&format!("key-attestation/{anchor}.crt")), NOW));
        let changed: Vec<u8> = evidence.iter().enumerate().map(|(index, octet)| if index == 60 { octet ^ 1 } else { *octet }).collect();
        assert!(inspected_under(&changed, &vectors.certificate(&format!("key-attestation/{anchor}.crt")), NOW).is_err());
    }
}

#[test]
fn evidence1_pem_is_verified_with_the_chain_beside_it_too() {
    let Some(vectors) = Vectors::find() else { return };
    let together: String = ["evidence1.pem", "ak.crt", "int.crt"].map(|name| vectors.text(&format!("key-attestation/{name}"))).concat();
    assert_eq!(inspected_under(together.as_bytes(), &vectors.certificate("key-attestation/ca.crt"), NOW), Ok(()));
    assert!(inspected_under(&der(&vectors, "evidence1"), &vectors.certificate("key-attestation/ca.crt"), NOW).is_err());
}

#[test]
fn evidence1_pem_tells_of_a_platform_and_attests_no_key() {
    let Some(vectors) = Vectors::find() else { return };
    let key = vectors.certificate("key-attestation/int.crt").public_key();
    let told = appraised(&vectors, "evidence1", "ak", &key, Some(&[0xde, 0xad, 0xbe, 0xef, 0xca, 0xfe, 0xba, 0xbe])).unwrap_err();
    assert!(told.contains("Acme Corp") && told.contains("'HSM-9000'") && told.contains("fipslevel"), "{told}");
}

#[test]
fn evidence2_pem_holds_for_its_two_keys_and_no_other() {
    let Some(vectors) = Vectors::find() else { return };
    let keys: Vec<PublicKey> = keys(&KeyAttestation::from_der(&der(&vectors, "evidence2")).unwrap());
    let [inside, extractable] = keys.as_slice() else { panic!("{keys:?}") };
    let found = |key, nonce| appraised(&vectors, "evidence2", "ca", key, nonce).map(|claims| (claims.made, claims.protection, claims.nonced));
    assert_eq!(found(inside, None), Ok((Made::Inside, Protection::NonExtractable, Nonced::Unasked)));
    assert_eq!(found(extractable, None), Ok((Made::Unsaid, Protection::NoneSoftware, Nonced::Unasked)));
    assert_eq!(found(inside, Some(&[0xbe, 0xef, 0xca, 0xfe, 0xba, 0xbe, 0xde, 0xad])).map(|(.., nonced)| nonced), Ok(Nonced::Fresh));
    assert!(found(inside, Some(&[0xde, 0xad, 0xbe, 0xef])).unwrap_err().contains("does not answer the nonce"));
    let other = vectors.certificate("key-attestation/int.crt").public_key();
    assert!(found(&other, None).unwrap_err().contains("is about another key"));
}

#[test]
fn evidence2_pem_counts_only_unchanged() {
    let Some(vectors) = Vectors::find() else { return };
    let evidence = der(&vectors, "evidence2");
    let [key, _] = <[PublicKey; 2]>::try_from(keys(&KeyAttestation::from_der(&evidence).unwrap())).unwrap();
    assert!(outcome(&vectors, &evidence, "ak", &key, None).is_ok());
    let mut changed = evidence.clone();
    let place = evidence.windows(3).position(|octets| octets == [0x01, 0x01, 0x00]).unwrap();
    changed[place + 2] = 0xff;
    let told = outcome(&vectors, &changed, "ca", &key, None).unwrap_err();
    assert!(told.contains("the signature of the PKIX key attestation does not verify"), "{told}");
}

fn der(vectors: &Vectors, name: &str) -> Vec<u8> {
    let body: String = vectors.text(&format!("key-attestation/{name}.pem")).lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).unwrap()
}

/// The keys that evidence is about.
fn keys(evidence: &KeyAttestation) -> Vec<PublicKey> {
    let claims = evidence.elements().iter().flat_map(|element| &element.claims).filter(|claim| claim.name == "spki");
    claims.map(|claim| if let Value::Octets(spki) = &claim.value { PublicKey::from_spki(spki).unwrap() } else { panic!("{claim:?}") }).collect()
}

fn appraised(vectors: &Vectors, name: &str, anchor: &str, key: &PublicKey, nonce: Option<&[u8]>) -> Result<Claims, String> {
    outcome(vectors, &der(vectors, name), anchor, key, nonce)
}

/// What becomes of evidence under this anchor.
fn outcome(vectors: &Vectors, der: &[u8], anchor: &str, key: &PublicKey, nonce: Option<&[u8]>) -> Result<Claims, String> {
    let anchors = Anchors::new([vectors.certificate(&format!("key-attestation/{anchor}.crt"))]).unwrap();
    let authorities =
        Authorities::new([Authority { name: "sample".to_owned(), anchors, basis: Basis::HsmAttested, locus: None, unmarked_attestation_keys: false }]);
    let evidence = Evidence { kind: EvidenceType::new(KeyAttestation::KIND).unwrap(), data: der.to_vec() };
    let mut found = appraise(&evidence, &Expected { key, nonce }, &authorities, time(NOW));
    match found.remove(0).outcome {
        Outcome::Holds(claims) => Ok(*claims),
        Outcome::Refused(err) => Err(in_full(&err)),
        Outcome::OfPlatform(platform) => Err(format!("{platform:?}")),
        Outcome::Testified(testimony) => Err(format!("{testimony:?}")),
        other => panic!("{other:?}"),
    }
}
