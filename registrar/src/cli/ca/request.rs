//! `ca request`: what the offline root is asked to certify.

use std::path::PathBuf;

use brski_common::issuing::Subject;
use brski_common::serve::setup::{NewFiles, open_key};
use brski_common::sign::KeyUri;
use brski_common::{SignatureAlgorithm, Signer, SoftwareKey, csr};
use clap::Args;
use serde::Serialize;

use crate::cli::Output;

/// Ask for a certificate for a new issuing CA, which `ca sign-request` makes on the machine that has the root's key
///
/// Makes a new key unless --key names one that is there already, such as one in a token.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RequestArguments {
    /// The CA's name, in its certificate. One that issued before needs another name for its next key
    #[arg(long)]
    name: String,
    /// Key that is there already: a PEM file, or a pkcs11: URI
    #[arg(long, value_name = "URI")]
    key: Option<KeyUri>,
    /// Where to write a new key
    #[arg(long, value_name = "FILE", default_value = "issuing-ca-key.pem", conflicts_with = "key")]
    new_key: PathBuf,
    /// Where to write the request
    #[arg(long, value_name = "FILE", default_value = "issuing-ca.csr")]
    out: PathBuf,
    /// For whom to write the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Made {
    request: PathBuf,
    key: String,
    key_sha256: String,
}

pub(crate) async fn request(arguments: &RequestArguments) -> anyhow::Result<()> {
    let length = arguments.name.chars().count();
    anyhow::ensure!((1..=64).contains(&length) && !arguments.name.chars().any(char::is_control), "--name must be 1 to 64 printable characters");
    let mut files = NewFiles::new();
    let (signer, place): (std::sync::Arc<dyn Signer>, String) = match &arguments.key {
        Some(key) => (open_key(key)?, key.to_string()),
        None => {
            let (key, pkcs8) = SoftwareKey::generate(SignatureAlgorithm::Es256)?;
            files.private_key(&arguments.new_key, &pkcs8);
            (std::sync::Arc::new(key), arguments.new_key.display().to_string())
        }
    };
    let request = csr::request(&Subject::common_name(&arguments.name).to_der(), &*signer).await?;
    files.public(&arguments.out, csr::to_pem(&request));
    files.write_into(std::path::Path::new(""))?;
    arguments.output.print(&Made { request: arguments.out.clone(), key: place, key_sha256: signer.public_key().digest().to_string() })
}

impl core::fmt::Display for Made {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let request = self.request.display();
        writeln!(f, "request: {request}\nkey: {}\n  SHA-256 of its public half {}", self.key, self.key_sha256)?;
        write!(f, "\nNext, where the root's key is: brski-registrar ca sign-request --root-key root-ca-key.pem --root-cert root-ca.pem {request}")
    }
}

const EXAMPLES: &str = "\
Examples:
  brski-registrar ca request --name 'Example Network issuing CA 2'
  brski-registrar ca request --name 'Example Network issuing CA 2' \\
    --key 'pkcs11:token=ca;object=issuing-2?pin-source=file:pin.txt'";
