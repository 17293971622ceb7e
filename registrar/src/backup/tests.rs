use std::sync::Arc;

use brski_common::log::LogName;
use brski_common::time::at;
use brski_common::{SignatureAlgorithm, SoftwareKey};

use super::*;
use crate::pledges::Scratch;
use crate::testing::block_on;

fn notary() -> Notary {
    let key = Arc::new(SoftwareKey::generate(SignatureAlgorithm::EdDsa).unwrap().0);
    Notary::new(LogName::new("registrar.example.net/trail").unwrap(), key, "unused".into()).unwrap()
}

/// A file with three octets, and its manifest.
fn manifest(scratch: &Scratch) -> Manifest {
    std::fs::write(scratch.file(), "abc").unwrap();
    let verified = Verified { events: 7, root: Hash::of_empty_tree(), checkpoints: 1, last_signed: Some(7), trusted: true, pledges: 2 };
    let manifest = Manifest::of(&scratch.file(), &verified, None, at(1_790_000_000)).unwrap();
    assert!(manifest.fits(&verified));
    assert!(!manifest.fits(&Verified { events: 8, ..verified }));
    manifest
}

#[test]
fn manifest_names_length_and_digest_of_the_copy() {
    let scratch = Scratch::new();
    let manifest = manifest(&scratch);
    // FIPS 180-2, appendix B.1.
    assert_eq!((manifest.octets, manifest.sha256.as_str()), (3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    assert!(manifest.is_of(&scratch.file()).unwrap());
    std::fs::write(scratch.file(), "abd").unwrap();
    assert!(!manifest.is_of(&scratch.file()).unwrap());
}

#[test]
fn signed_manifest_is_believed_under_its_key_alone() {
    let (scratch, notary, other) = (Scratch::new(), notary(), self::notary());
    let manifest = manifest(&scratch);
    let signed = block_on(manifest.sign(Some(&notary))).unwrap();
    let read = SignedManifest::from_json(&signed.to_json().unwrap()).unwrap();
    assert_eq!(read.verify(&[other.verifier().clone(), notary.verifier().clone()]).unwrap(), manifest);
    assert!(matches!(read.verify(&[other.verifier().clone()]), Err(ManifestError::BadSignature)));
}

#[test]
fn changed_manifest_is_not_believed() {
    let (scratch, notary) = (Scratch::new(), notary());
    let signed = block_on(manifest(&scratch).sign(Some(&notary))).unwrap();
    let changed = SignedManifest { manifest: signed.manifest.replace("\"events\":7", "\"events\":8"), ..signed };
    assert!(matches!(changed.verify(&[notary.verifier().clone()]), Err(ManifestError::BadSignature)));
}

#[test]
fn unsigned_manifest_is_believed_only_where_no_key_is_known() {
    let (scratch, notary) = (Scratch::new(), notary());
    let unsigned = block_on(manifest(&scratch).sign(None)).unwrap();
    assert!(unsigned.verify(&[]).is_ok());
    assert!(matches!(unsigned.verify(&[notary.verifier().clone()]), Err(ManifestError::Unsigned)));
}
