//! Samples of PKIX key attestation: the attestation key's chain, and two pieces of evidence, which are recognised and not verified yet.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::inspect::Kind;
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
    for name in ["evidence1", "evidence2"] {
        let vector = format!("key-attestation/{name}.pem");
        let body: String = vectors.text(&vector).lines().filter(|line| !line.starts_with("-----")).collect();
        let evidence = STANDARD.decode(body).unwrap();
        // One SEQUENCE with a length of two octets, and no other octets.
        assert_eq!((evidence[..2].to_vec(), usize::from(evidence[2]) * 256 + usize::from(evidence[3]) + 4), (vec![0x30, 0x82], evidence.len()));
        for octets in [evidence.as_slice(), vectors.text(&vector).as_bytes()] {
            assert_eq!(recognised(octets, NOW), Ok(Kind::KeyAttestation), "{vector}");
        }
        check(&vector, "verifies", inspected_under(&evidence, &vectors.certificate("key-attestation/ca.crt"), NOW));
    }
}
