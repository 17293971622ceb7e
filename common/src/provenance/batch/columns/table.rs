//! One row a column: its name, which member of an origin it is, how its cells are read, and what it means.

use serde_json::{Map, Value};

use crate::provenance::batch::row::RowError;

/// The certificate itself.
pub(super) const IDEVID: &str = "idevid";
/// A file in which it is.
pub(super) const IDEVID_FILE: &str = "idevid-file";

/// A column that says something of the key's origin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Members of the origin's JSON, from the outside in.
    pub(super) path: &'static [&'static str],
    pub(super) kind: Kind,
    pub(super) about: &'static str,
}

/// How a cell is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it stands; which words or texts fit, the origin's own rules say.
    Text,
    /// A whole number.
    Number,
    /// A whole number, or a word such as `unlimited`.
    NumberOrWord,
    /// `true` or `false`.
    Truth,
}

impl Column {
    /// What a cell says.
    pub(super) fn value(&self, cell: &str) -> Result<Value, RowError> {
        let number = || cell.parse::<u64>().ok().filter(|_| cell.bytes().all(|octet| octet.is_ascii_digit())).map(Value::from);
        match (self.kind, cell) {
            (Kind::Text, text) => Ok(text.into()),
            (Kind::Number, _) => number().ok_or_else(|| RowError::of(self.name, "must be a whole number in digits")),
            (Kind::NumberOrWord, text) => Ok(number().unwrap_or_else(|| text.into())),
            (Kind::Truth, "true") => Ok(true.into()),
            (Kind::Truth, "false") => Ok(false.into()),
            (Kind::Truth, _) => Err(RowError::of(self.name, "must be true or false, or empty if nobody said")),
        }
    }

    /// Puts it into an origin.
    pub(super) fn put(&self, value: Value, origin: &mut Map<String, Value>) {
        let Some((last, above)) = self.path.split_last() else { return };
        let mut map = origin;
        for member in above {
            let inner = map.entry(*member).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = inner else { return };
            map = inner;
        }
        map.insert((*last).to_owned(), value);
    }
}

/// The column of this name.
pub(super) fn find(name: &str) -> Option<&'static Column> {
    TABLE.iter().find(|column| column.name == name)
}

/// Builds the table; a column whose path is not told is the member of its own name.
macro_rules! table {
    ($( $name:literal $([$($path:literal),+])? $kind:ident $about:literal; )+) => {
        /// Every column that says something of the key's origin, in the order of the documentation.
        pub(super) static TABLE: &[Column] = &[$(
            Column { name: $name, path: table!(@path $name $($($path),+)?), kind: Kind::$kind, about: $about },
        )+];
    };
    (@path $name:literal) => { &[$name] };
    (@path $name:literal $($path:literal),+) => { &[$($path),+] };
}

table! {
    "method" Text "the taxonomy's method: avocado, bamboo, carrot, salak, sapodilla or unknown";
    "source" Text "what the key came out of: loaded, device-derived, generated-on-device, key-agreement, co-generated, kdf or unknown";
    "protection" Text "how it is held: none-software, extractable-migratable, extractable-for-backup, extractable-for-storage, non-extractable or unknown";
    "locus" Text "where it came into being: main-cpu, tee, firmware-tpm, discrete-tpm, secure-element, factory, silicon-factory or unknown";
    "lock" Text "what keeps provisioning shut: none, software, fuse, se-lifecycle or unknown";
    "certificate-transfer" Text "how CSR and certificate moved: none, mechanically-installed, mechanically-transferred, network-transferred or unknown";
    "private-transfer" Text "how the private key, or its seed, moved; the same words";
    "transfer-encrypted" Truth "whether it was encrypted on its way";
    "se-generation" Text "whether the secure element made its key: internal, injected or unknown";
    "ca-arrangement" Text "who certified an element's key: silicon-generic, silicon-operates-for-oem or oem-over-network";
    "silicon-vendor" Text "who made the secure element or processor";
    "seed-bits" ["seed", "bits"] Number "size of a shared seed, 256 at least (carrot)";
    "seed-storage" ["seed", "storage"] Text "where the device keeps it, in words";
    "seed-copies-destroyed" ["seed", "copies-destroyed"] Truth "whether every other copy was destroyed";
    "rng-kind" ["rng", "kind"] Text "where random numbers came from, in words";
    "rng-certification" ["rng", "certification"] Text "its certification";
    "key-retained" Truth "whether the factory kept the private key, or what makes it again";
    "basis" Text "on whose word it stands: self-declared, station-signed, hsm-attested, se-vendor-attested, key-attestation, witnessed-ceremony or third-party-audit";
    "site" Text "site of manufacture";
    "line" Text "assembly line";
    "station" Text "station at the line";
    "batch" Text "batch";
    "made-at" Text "when the key was made, RFC 3339, such as 2026-01-31T12:00:00Z";
    "pkcs11-local" ["pkcs11", "local"] Truth "CKA_LOCAL";
    "pkcs11-sensitive" ["pkcs11", "sensitive"] Truth "CKA_SENSITIVE";
    "pkcs11-always-sensitive" ["pkcs11", "always-sensitive"] Truth "CKA_ALWAYS_SENSITIVE";
    "pkcs11-extractable" ["pkcs11", "extractable"] Truth "CKA_EXTRACTABLE";
    "pkcs11-never-extractable" ["pkcs11", "never-extractable"] Truth "CKA_NEVER_EXTRACTABLE";
    "pkcs11-key-gen-mechanism" ["pkcs11", "key-gen-mechanism"] Number "CKA_KEY_GEN_MECHANISM";
    "tpma-object" Number "TPMA_OBJECT of a TPM 2.0 key";
    "fips-version" ["fips", "version"] Text "FIPS 140 validation of the module, such as FIPS 140-3";
    "fips-level" ["fips", "level"] Number "its level, 1 to 4";
    "fips-module" ["fips", "module"] Text "name or certificate number of the module";
    "first-stage-exposure" ["answers", "first-stage-exposure"] Number "question 4";
    "identity-pki-level" ["answers", "identity-pki-level"] Number "question 6";
    "identity-time-limits-per-subordinate" ["answers", "identity-time-limits-per-subordinate"] Text "question 7: a period such as P2Y, or unlimited";
    "identity-number-per-subordinate" ["answers", "identity-number-per-subordinate"] NumberOrWord "question 8: a number, or unlimited";
    "identity-anchor-storage" ["answers", "identity-anchor-storage"] Text "question 9";
    "identity-shared-split-extra" ["answers", "identity-shared-split-extra"] Number "question 10: n-k, never n or k themselves";
    "identity-shared-split-continents" ["answers", "identity-shared-split-continents"] Number "question 11";
    "pki-level" ["answers", "pki-level"] Number "question 12";
    "pki-level-locked" ["answers", "pki-level-locked"] Truth "question 15";
    "pki-breadth" ["answers", "pki-breadth"] Number "question 16";
    "pki-anchor-storage" ["answers", "pki-anchor-storage"] Text "question 18";
    "split" Text "what n-k would tell: unstated, harmless, minimal-majority or minimal-majority-published";
}
