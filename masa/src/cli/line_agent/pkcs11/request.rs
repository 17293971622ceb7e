//! `line-agent pkcs11 request`: a key pair in the token, and the certification request that it signs.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use brski_common::issuing::Subject;
use brski_common::provenance::Pkcs11Attributes;
use brski_common::serve::setup::NewFiles;
use brski_common::sign::{NewKey, Pkcs11Key, Pkcs11Uri};
use brski_common::{SerialNumber, SignatureAlgorithm, Signer as _, csr};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{examine, token_uri};
use crate::cli::Output;

/// Have the token make a device's key pair, or take one that is there, and sign a certification request with it
///
/// Without --generate the key must be there already. Whether the token made it shows in the attributes that are told, and in the report later on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The device's private key in the token: a pkcs11: URI (RFC 7512) with object, id or both
    #[arg(long, value_name = "URI", value_parser = token_uri)]
    key: Pkcs11Uri,
    /// The device's serial number, for the request's subject
    #[arg(long, value_name = "SERIAL", value_parser = |text: &str| SerialNumber::new(text))]
    serial_number: SerialNumber,
    /// Have the token make a key pair of this kind; refused if it has a key that the URI matches
    #[arg(long, value_name = "KIND", value_enum)]
    generate: Option<Kind>,
    /// Let the new key be wrapped with another and leave the token, as a factory's must that is then installed in the device (bamboo)
    #[arg(long, requires = "generate")]
    extractable: bool,
    /// Where to write the request, PEM; must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// Ed25519.
    Ed25519,
}

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Requested {
    file: PathBuf,
    serial_number: SerialNumber,
    /// Label, identifier and token, without module and PIN.
    key: String,
    /// Whether the key pair was made just now.
    generated: bool,
    /// SHA-256 of the SubjectPublicKeyInfo.
    spki_sha256: String,
    pkcs11: Pkcs11Attributes,
}

pub(in crate::cli::line_agent) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { key: uri, serial_number, out, .. } = arguments;
    // Looked at first: a key pair that is made stays in the token.
    ensure!(!out.exists(), "{}: the file exists; --out must name a new one", out.display());
    if let Some(kind) = arguments.generate {
        let algorithm = match kind {
            Kind::P256 => SignatureAlgorithm::Es256,
            Kind::P384 => SignatureAlgorithm::Es384,
            Kind::Ed25519 => SignatureAlgorithm::EdDsa,
        };
        let made = Pkcs11Key::generate(uri, NewKey { algorithm, extractable: arguments.extractable });
        made.with_context(|| format!("no key pair is made for {uri}"))?;
    }
    let (key, pkcs11) = examine(uri, None)?;
    let request = csr::request(&Subject::serial_number(serial_number).to_der(), &key).await?;

    let mut files = NewFiles::new();
    files.public(out, csr::to_pem(&request));
    files.write_into("".as_ref())?;
    arguments.output.print(&Requested {
        file: out.clone(),
        serial_number: serial_number.clone(),
        key: uri.to_string(),
        generated: arguments.generate.is_some(),
        spki_sha256: key.public_key().digest().to_string(),
        pkcs11,
    })
}

impl core::fmt::Display for Requested {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { file, serial_number, key, spki_sha256, pkcs11, .. } = self;
        write!(f, "certification request of {serial_number}: {}\n  key {key}\n  SHA-256 of its public half {spki_sha256}", file.display())?;
        let truths = [
            ("CKA_LOCAL", pkcs11.local),
            ("CKA_SENSITIVE", pkcs11.sensitive),
            ("CKA_ALWAYS_SENSITIVE", pkcs11.always_sensitive),
            ("CKA_EXTRACTABLE", pkcs11.extractable),
            ("CKA_NEVER_EXTRACTABLE", pkcs11.never_extractable),
        ];
        for (name, truth) in truths {
            write!(f, "\n  {name} {}", truth.map_or("not told".to_owned(), |truth| truth.to_string()))?;
        }
        match pkcs11.key_gen_mechanism {
            Some(mechanism) => write!(f, "\n  CKA_KEY_GEN_MECHANISM {mechanism:#x}"),
            None => write!(f, "\n  CKA_KEY_GEN_MECHANISM not told"),
        }
    }
}

const EXAMPLES: &str = "\
Example:
  KEY='pkcs11:token=line-7;object=JADA1?module-path=/usr/lib/pkcs11/hsm.so&pin-source=file:pin.txt'
  brski-masa line-agent pkcs11 request --key \"$KEY\" --generate p256 --serial-number JADA1 --out JADA1.csr
  brski-masa issue-idevid --csr JADA1.csr --out JADA1.pem
  brski-masa line-agent pkcs11 report --key \"$KEY\" --idevid JADA1.pem --origin line-7.json \\
    --station-key masa/keys/station-1.pem > JADA1.jsonl
  brski-masa record JADA1.jsonl

The issuing CA may be another than that of `issue-idevid`.";
