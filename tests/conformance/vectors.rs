//! Where the vectors are, and what is wrong with some of them.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;

use brski_common::time::from_rfc3339;
use brski_common::{Certificate, SoftwareKey, UnixTime};

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

    /// Octets that stand there in hex, over several lines.
    pub(crate) fn hex(&self, vector: &str) -> Vec<u8> {
        unhex(&self.text(vector))
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

/// The octets that this hex stands for, white space left aside.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).unwrap()).collect();
    let octet = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks_exact(2).map(octet).collect()
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
const CHECKS: [&str; 8] = ["strict", "idevid-issuer", "tls-server", "re-encoding", "proximity", "pledge-chain", "same-certificate", "verifies"];

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
