//! What the operations below every protocol cost on this machine, timed in the same run: no server can do with less than those that its journey needs.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey};
use brski_common::serve::{ServerName, provisional_config, server_config};
use rustls::client::Resumption;
use rustls::server::ServerSessionMemoryCache;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use serde::Serialize;

use crate::process::thread_cpu;
use crate::world::World;

/// CPU milliseconds of each, but for the one that waits.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Primitives {
    /// One ECDSA P-256 signature verified over 1 KiB, its public key read.
    pub(crate) verify_cpu_ms: f64,
    /// One ECDSA P-256 signature made over 1 KiB.
    pub(crate) sign_cpu_ms: f64,
    /// The server's part of a TLS 1.3 handshake in which both sides show a certificate; the signature and the verification in it included.
    pub(crate) handshake_cpu_ms: f64,
    /// The same of a resumed one. Shown for comparison: the servers resume nothing.
    pub(crate) resumed_handshake_cpu_ms: f64,
    /// 4 KiB appended to a file beside the ledger and synchronised.
    pub(crate) append_cpu_ms: f64,
    /// The same with the time for which the disk makes everybody wait.
    pub(crate) append_wall_ms: f64,
}

impl Primitives {
    /// Times each for about this long, with the files in this folder.
    pub(crate) fn time(folder: &Path, world: &World, each: Duration) -> Result<Self> {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).context("a key for timing")?;
        let message = [0x5a; 1024];
        let signature = key.sign(&random, &message).context("a signature for timing")?;
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key().as_ref());
        let verify = cpu(each, || public.verify(&message, signature.as_ref()).context("a signature does not verify"))?;
        let sign = cpu(each, || key.sign(&random, &message).map(drop).context("a key does not sign"))?;

        let made = world.pledges.first().context("there is no pledge")?;
        let server = server_config(&brski_common::serve::TlsIdentity::with_signer(&world.registrar.identity.chain, world.registrar.signer.clone())?)?;
        let client = provisional_config(Some(&made.tls))?;
        let handshake = mean(each, || server_part(&client, &server))?;
        let resumed = resumed(&client, &server, each)?;

        let path = folder.join("appends");
        let mut file = OpenOptions::new().create(true).append(true).open(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let (began, mut count) = (Instant::now(), 0_u32);
        let append = cpu(each, || {
            count += 1;
            file.write_all(&[0; 4096])?;
            Ok(file.sync_data()?)
        })?;
        let append_wall_ms = began.elapsed().as_secs_f64() * 1e3 / f64::from(count.max(1));
        std::fs::remove_file(&path)?;
        Ok(Self {
            verify_cpu_ms: verify,
            sign_cpu_ms: sign,
            handshake_cpu_ms: handshake,
            resumed_handshake_cpu_ms: resumed,
            append_cpu_ms: append,
            append_wall_ms,
        })
    }
}

/// A handshake in which the server knows the client from an earlier one.
fn resumed(client: &ClientConfig, server: &ServerConfig, each: Duration) -> Result<f64> {
    let (mut client, mut server) = (client.clone(), server.clone());
    client.resumption = Resumption::in_memory_sessions(256);
    server.session_storage = ServerSessionMemoryCache::new(256);
    server.send_tls13_tickets = 1;
    let (client, server) = (Arc::new(client), Arc::new(server));
    server_part(&client, &server)?;
    mean(each, || server_part(&client, &server))
}

/// CPU milliseconds of the server in one handshake, octets passed by hand.
fn server_part(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Result<f64> {
    let mut client = ClientConnection::new(client.clone(), ServerName::try_from("localhost")?)?;
    let mut spent = Duration::ZERO;
    let began = thread_cpu();
    let mut server = ServerConnection::new(server.clone())?;
    spent += thread_cpu().saturating_sub(began);
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    loop {
        to_server.clear();
        while client.wants_write() {
            client.write_tls(&mut to_server)?;
        }
        let began = thread_cpu();
        let mut rest = &to_server[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest)?;
            server.process_new_packets()?;
        }
        to_client.clear();
        while server.wants_write() {
            server.write_tls(&mut to_client)?;
        }
        spent += thread_cpu().saturating_sub(began);
        let mut rest = &to_client[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest)?;
            client.process_new_packets()?;
        }
        if to_server.is_empty() && to_client.is_empty() {
            anyhow::ensure!(!client.is_handshaking() && !server.is_handshaking(), "a handshake for timing does not end");
            return Ok(spent.as_secs_f64() * 1e3);
        }
    }
}

/// Mean CPU milliseconds of this thread for one.
fn cpu(each: Duration, mut one: impl FnMut() -> Result<()>) -> Result<f64> {
    let (began, before, mut count) = (Instant::now(), thread_cpu(), 0_u32);
    while count < LEAST || began.elapsed() < each {
        one()?;
        count += 1;
    }
    Ok(thread_cpu().saturating_sub(before).as_secs_f64() * 1e3 / f64::from(count))
}

/// The mean of what each one says.
fn mean(each: Duration, mut one: impl FnMut() -> Result<f64>) -> Result<f64> {
    let (began, mut sum, mut count) = (Instant::now(), 0.0, 0_u32);
    while count < LEAST || began.elapsed() < each {
        sum += one()?;
        count += 1;
    }
    Ok(sum / f64::from(count))
}

const LEAST: u32 = 10;
