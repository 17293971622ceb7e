//! The main job, end to end: a key's birth record decides whether its pledge gets an LDevID.
//!
//! Makes a manufacturer and a network owner in a temporary folder, manufactures pledges by all five methods of the taxonomy, and takes each through
//! the whole of RFC 8995 against real servers on loopback. `cargo run --release --example onboard -- --help` tells more.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it tells what it does")]

mod attempt;
mod factory;
mod folder;
mod hardware;
mod manufacturer;
mod owner;
mod speech;
mod table;
mod token;
mod tpm;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use brski_common::serve::{Limits, Server, server_config};
use brski_common::{Clock, Policy};
use brski_masa::MasaService;
use brski_registrar::RegistrarService;
use clap::Parser;
use tokio::sync::watch;

use attempt::Attempt;
use factory::Device;
use folder::Folder;
use hardware::Hardware;
use manufacturer::Manufacturer;
use owner::Owner;
use speech::Formats;

/// Makes a manufacturer, its MASA, an owner, its registrar and seven pledges, and shows which pledges get an LDevID, and why.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// Policy file of the owner (TOML) instead of the built-in one.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Folder for everything that was made, which must not exist yet or be empty.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// What the pledges speak with the registrar.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Formats::Cms)]
    format: Formats,
    /// Whether salak's key is made in a TPM (swtpm) and bamboo's in a token (SoftHSM).
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Hardware::Auto)]
    hardware: Hardware,
}

const EXAMPLES: &str = "\
Examples:
  onboard                            the built-in policy, in a temporary folder
  onboard --policy strict.toml       another policy
  onboard --format mixed             pledges that speak CMS, JWS and COSE, on one registrar
  onboard --format cose              COSE pledges, for which the registrar's raw key is pinned
  onboard --hardware require         keys in swtpm and SoftHSM, which must be installed
  onboard --keep /tmp/onboard        leave certificates, keys, vouchers, statements and the ledger behind";

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let started = Instant::now();
    let modules = arguments.hardware.find()?;
    if modules.token {
        token::with_own_tokens()?;
    }
    let (policy_name, policy_text) = match &arguments.policy {
        Some(file) => (file.display().to_string(), std::fs::read_to_string(file).with_context(|| format!("cannot read the policy {}", file.display()))?),
        None => ("the built-in policy".to_owned(), include_str!("policy.toml").to_owned()),
    };
    let policy = Policy::from_toml(&policy_text).context(policy_name)?;
    let folder = Folder::new(arguments.keep)?;
    folder.write("owner/policy.toml", &policy_text)?;

    // The servers' ports come first: IDevIDs name their MASA.
    let masa_server = Server::bind("127.0.0.1:0").await?;
    let registrar_server = Server::bind("127.0.0.1:0").await?;
    let clock = Clock::system();
    let manufacturer = Manufacturer::found(&folder, &masa_server.local_addr()?.to_string(), modules, clock.clone()).await?;
    let owner = Owner::found(&folder, &manufacturer.profile, policy.clone(), clock.clone()).await?;

    let devices = manufacture(&manufacturer, &folder).await?;
    println!(
        "{} pledges were made and reported by their station. The MASA recorded them, and how each key came to be where the report said so.\n",
        devices.len()
    );
    println!("{modules}\n");
    println!("The owner's policy:\n\n    {}\n", policy_text.trim_end().replace('\n', "\n    "));

    let registrar_address = registrar_server.local_addr()?.to_string();
    let (stop, stopped) = watch::channel(());
    let masa = MasaService::new(manufacturer.masa.clone(), BODY_LIMIT);
    let masa_tls = server_config(&manufacturer.tls)?;
    let masa = tokio::spawn(masa_server.serve(
        masa_tls,
        Limits::default(),
        move |request| {
            let masa = masa.clone();
            async move { masa.respond(request).await }
        },
        ended(stopped.clone()),
    ));
    let registrar = RegistrarService::new(owner.registrar.clone(), BODY_LIMIT);
    let registrar_tls = server_config(&owner.tls)?;
    let registrar = tokio::spawn(registrar_server.serve(
        registrar_tls,
        Limits::default(),
        move |request| {
            let registrar = registrar.clone();
            async move { registrar.respond(request).await }
        },
        ended(stopped),
    ));

    let mut outcomes = Vec::new();
    for (device, speech) in devices.iter().zip(arguments.format.of_fleet(devices.len())) {
        let attempt = Attempt {
            device,
            speech,
            voucher_signer: &manufacturer.voucher_signer,
            registrar: &registrar_address,
            profile: &manufacturer.profile,
            policy: &policy,
            clock: &clock,
            folder: &folder,
        };
        outcomes.push(attempt.run(&owner).await.with_context(|| format!("pledge {}", device.name))?);
    }
    println!("{}", table::render(&outcomes));
    if let Some(legend) = table::legend(&outcomes) {
        println!("{legend}");
    }
    println!("The unrecorded pledge is of the installed base: nobody wrote down how its key was made.");
    println!("The impostor is a bamboo pledge into which somebody copied the avocado's statement.\n");

    drop(stop);
    masa.await?;
    registrar.await?;
    let enrolled = outcomes.iter().filter(|outcome| outcome.ldevid.is_some()).count();
    println!("{enrolled} of {} pledges got an LDevID and renewed it, in {:.1} s.", outcomes.len(), started.elapsed().as_secs_f32());
    if let Some(kept) = folder.kept() {
        println!("Left behind for inspection: {}", kept.display());
    }
    Ok(())
}

/// Makes one pledge by each method, one of which nothing was recorded, and one with somebody else's statement.
async fn manufacture(manufacturer: &Manufacturer, folder: &Folder) -> Result<Vec<Device>> {
    let line = &manufacturer.line;
    let avocado = line.avocado("FM-0001").await?;
    let impostor = line.impostor("FM-0007", &avocado).await?;
    let devices = vec![
        avocado,
        line.bamboo("FM-0002").await?,
        line.carrot("FM-0003").await?,
        line.salak("FM-0004", folder.path("pledges/salak/tpm")).await?,
        line.sapodilla(&manufacturer.vendor, "FM-0005").await?,
        line.unrecorded("FM-0006").await?,
        impostor,
    ];
    for device in &devices {
        let name = |file: &str| format!("pledges/{}/{file}", device.name);
        folder.write_chain(name("idevid.pem"), &device.chain)?;
        if let Some(key) = &device.extractable_key {
            folder.write_key(name("idevid-key.pem"), key)?;
        }
        if let Some(statement) = &device.statement {
            folder.write(name("statement.cbor"), statement.wire())?;
        }
    }
    Ok(devices)
}

/// Resolves once the sending side is gone.
async fn ended(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

/// Largest body that the servers read, in octets.
const BODY_LIMIT: usize = 64 * 1024;
