//! `line-agent pkcs11`: a key in a token, from its making to the report of it.

mod report;
mod request;

use anyhow::Context as _;
use brski_common::provenance::Pkcs11Attributes;
use brski_common::sign::{KeyUri, Pkcs11Key, Pkcs11Uri};
use clap::Subcommand;

pub(super) use self::report::run as report;
pub(super) use self::request::run as request;

/// The two steps between which the issuing CA does its own.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Request(request::Arguments),
    Report(report::Arguments),
}

/// A key in a token, on the command line: the same URI as in a configuration.
fn token_uri(text: &str) -> Result<Pkcs11Uri, String> {
    match text.parse() {
        Ok(KeyUri::Pkcs11(uri)) => Ok(*uri),
        Ok(_) => {
            Err("must be a pkcs11: URI, such as pkcs11:token=line-7;object=JADA1?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:pin.txt"
                .to_owned())
        }
        Err(err) => Err(err.to_string()),
    }
}

/// Opens the key and reads what the token says of it. Waits for the token, as a program for one device may.
fn examine(uri: &Pkcs11Uri, known: Option<&brski_common::PublicKey>) -> anyhow::Result<(Pkcs11Key, Pkcs11Attributes)> {
    Pkcs11Key::examine(uri, known).with_context(|| format!("{uri} cannot be used"))
}
