//! Where the vectors are, what is wrong with some of them, and how they are verified.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;

use brski_common::time::from_rfc3339;
use brski_common::{Anchors, Certificate, Format, Leniencies, Payload, Signed, SignedBy, SoftwareKey, UnixTime, Usage, Verified, Verifier, VerifyError};

/// The folder of published vectors.
pub(crate) struct Vectors {
    folder: PathBuf,
}

impl Vectors {
    /// The folder that `BRSKI_VECTORS` names, or `../shared/vectors` beside the checkout. `None`, with a word about it, where there is none; in CI (environment variable `CI`) that is a failure.
    pub(crate) fn find() -> Option<Self> {
        let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
        let folder = std::env::var_os("BRSKI_VECTORS").map_or_else(beside, PathBuf::from);
        if !folder.is_dir() {
            assert!(std::env::var_os("CI").is_none(), "no test vectors in {}", folder.display());
            println!("skipped: no test vectors in {}", folder.display());
            return None;
        }
        Some(Self { folder })
    }

    pub(crate) fn read(&self, vector: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(vector)).unwrap_or_else(|err| panic!("{vector}: {err}"))
    }

    pub(crate) fn text(&self, vector: &str) -> String {
        String::from_utf8(self.read(vector)).unwrap()
    }

    pub(crate) fn certificate(&self, vector: &str) -> Certificate {
        let [certificate] = Certificate::all_from_pem(&self.text(vector)).unwrap().try_into().unwrap();
        certificate
    }

    pub(crate) fn key(&self, vector: &str) -> SoftwareKey {
        SoftwareKey::from_pem(&self.text(vector)).unwrap()
    }

    /// Names of all files in a folder of vectors.
    pub(crate) fn names(&self, folder: &str) -> BTreeSet<String> {
        let entries = std::fs::read_dir(self.folder.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// Verifies a CMS vector at a stated time by a path to this anchor.
pub(crate) fn verify<T: Payload>(wire: &[u8], lenient: Leniencies, anchor: &Certificate, usage: Usage, now: &str) -> Result<Verified<T>, VerifyError> {
    let anchors = Anchors::new([anchor.clone()]).unwrap();
    let by = SignedBy::Anchored { anchors: &anchors, usage, known: &[] };
    Signed::<T>::from_wire(Format::Cms, wire).verify(&Verifier { by, lenient }, time(now))
}

/// A stated time.
pub(crate) fn time(text: &str) -> UnixTime {
    from_rfc3339("time", text).unwrap()
}

/// Holds the outcome of a check against `exceptions.toml`: what is not listed there must succeed, what is listed must fail.
pub(crate) fn check<T, E: Debug>(vector: &str, check: &str, outcome: Result<T, E>) {
    match (exception(vector, check), outcome) {
        (None, Ok(_)) | (Some(_), Err(_)) => {}
        (None, Err(err)) => panic!("{vector} fails '{check}': {err:?}"),
        (Some(reason), Ok(_)) => panic!("{vector} passes '{check}': exceptions.toml need no longer excuse it ({reason})"),
    }
}

/// The reason for which a vector may fail a check.
fn exception(vector: &str, check: &str) -> Option<String> {
    let listed = exceptions().into_iter().find(|e| e["vector"].as_str() == Some(vector) && e["check"].as_str() == Some(check));
    listed.map(|e| e["reason"].as_str().unwrap().to_owned())
}

fn exceptions() -> Vec<toml::Table> {
    let mut file: toml::Table = include_str!("exceptions.toml").parse().unwrap();
    let Some(toml::Value::Array(entries)) = file.remove("exception") else { panic!("exceptions.toml has no [[exception]]") };
    entries.into_iter().map(|entry| entry.try_into().unwrap()).collect()
}

/// Checks that a test somewhere makes; an exception for any other would excuse nothing.
const CHECKS: [&str; 3] = ["strict", "idevid-issuer", "tls-server"];

#[test]
fn every_exception_speaks_of_a_vector_and_a_check_that_exist() {
    let Some(vectors) = Vectors::find() else { return };
    for entry in exceptions() {
        let (vector, check) = (entry["vector"].as_str().unwrap(), entry["check"].as_str().unwrap());
        assert!(vectors.folder.join(vector).is_file(), "there is no {vector}");
        assert!(CHECKS.contains(&check), "there is no check '{check}'");
    }
}

#[test]
#[should_panic(expected = "need no longer excuse it")]
fn listed_check_that_succeeds_is_a_failure() {
    check("rfc8995/jrc_prime256v1.crt", "tls-server", Ok::<(), ()>(()));
}
