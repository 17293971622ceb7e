//! `line-agent`: makes IDevID keys at the line, and reports them together with what the module that holds them says.

mod pkcs11;

use clap::Subcommand;

/// Which kind of module holds the keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keys in a PKCS #11 token: a HSM, a smart card, a secure element with such a driver
    ///
    /// First `request`, then the issuing CA certifies the key, then `report`. The key stays in the token; its attributes are read from there and nobody types them.
    #[command(subcommand)]
    Pkcs11(pkcs11::Command),
}

pub(crate) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Pkcs11(pkcs11::Command::Request(arguments)) => pkcs11::request(arguments).await,
        Command::Pkcs11(pkcs11::Command::Report(arguments)) => pkcs11::report(arguments).await,
    }
}
