//! What the servers cost while nobody asks: memory, time to the first answer, and memory of each connection that stands idle.

use core::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use brski_common::serve::{ClientConfig, ServerName, provisional_config};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::journeys::Asker;
use crate::plan::{Journey, Wish};
use crate::servers::{CA_CERTIFICATES, CHECKPOINT, Server, Servers};
use crate::world::World;

/// The idle figures.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Idle {
    /// How many files, sockets included, this program and each server may have open; none if there is no limit.
    pub(crate) open_files: Option<u64>,
    pub(crate) servers: Vec<IdleServer>,
    /// Whether a pledge that came last was onboarded, and if not, why; none if no connections were asked for.
    pub(crate) new_pledge: Option<NewPledge>,
}

/// One idle server.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct IdleServer {
    pub(crate) name: &'static str,
    pub(crate) ready_after_ms: f64,
    pub(crate) resident_kib: u64,
    pub(crate) connections: Option<IdleConnections>,
}

/// Connections on which one request was answered and nothing happens any more.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct IdleConnections {
    pub(crate) wanted: usize,
    pub(crate) opened: usize,
    /// How many of these the server has not closed by the end.
    pub(crate) stood_to_the_end: usize,
    /// Growth of the server's resident memory; none if none was opened.
    pub(crate) kib_each: Option<f64>,
    /// Why the first one that was not opened was not.
    pub(crate) first_failure: Option<String>,
}

/// The pledge that comes last.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct NewPledge {
    pub(crate) served: bool,
    pub(crate) failure: Option<String>,
}

impl Idle {
    /// Measures both servers, with so many idle connections to each.
    pub(crate) async fn measure(servers: &Servers, world: Arc<World>, connections: Option<usize>, open_files: Option<u64>) -> Result<Self> {
        let mut idle = Self { open_files, servers: Vec::new(), new_pledge: None };
        for server in servers.all() {
            let ready_after_ms = server.ready_after.context("the server was not started here")?.as_secs_f64() * 1e3;
            idle.servers.push(IdleServer { name: server.name, ready_after_ms, resident_kib: resident(server)?, connections: None });
        }
        let Some(wanted) = connections else { return Ok(idle) };
        let mut standing = Vec::new();
        for (server, resource) in servers.all().into_iter().zip([CHECKPOINT, CA_CERTIFICATES]) {
            let before = resident(server)?;
            let (opened, first_failure) = open_all(&server.address, resource, wanted).await?;
            let grown = resident(server)?.saturating_sub(before);
            let kib_each = crate::report::ratio(grown as f64, opened.len() as f64);
            standing.push((opened, IdleConnections { wanted, opened: 0, stood_to_the_end: 0, kib_each, first_failure }));
        }
        let load = Wish { journey: Journey::Onboard, clients: Some(1), rate: None, connections: None, format: None }.load()?;
        let asker = Asker::new(load, world, [0], &servers.masa.address, &servers.registrar.address);
        let mut pledge = asker.take().context("there is no pledge")?;
        let failure = asker.ask(&mut pledge).await.err().map(|err| format!("{err:#}"));
        idle.new_pledge = Some(NewPledge { served: failure.is_none(), failure });
        for (server, (mut opened, figures)) in idle.servers.iter_mut().zip(standing) {
            let stood_to_the_end = opened.iter_mut().filter_map(|stream| stands(stream).then_some(())).count();
            server.connections = Some(IdleConnections { opened: opened.len(), stood_to_the_end, ..figures });
        }
        Ok(idle)
    }
}

fn resident(server: &Server) -> Result<u64> {
    Ok(server.memory()?.context("the server was not started here")?.resident_kib)
}

type Opened = (Vec<TlsStream<TcpStream>>, Option<String>);

/// Opens connections, several at a time, until all stand or some fail.
async fn open_all(address: &str, resource: &'static str, wanted: usize) -> Result<Opened> {
    let address: SocketAddr = address.parse().context("the address of a server")?;
    let tls = provisional_config(None)?;
    let (mut opened, mut failure) = (Vec::new(), None);
    let mut next = 0;
    while next < wanted && failure.is_none() {
        let mut opening = JoinSet::new();
        for number in next..wanted.min(next + AT_ONCE) {
            let tls = tls.clone();
            opening.spawn(async move { timeout(PATIENCE, open(address, tls, resource, number)).await.context("no answer in time").and_then(|opened| opened) });
        }
        next += AT_ONCE;
        for ended in opening.join_all().await {
            match ended {
                Ok(stream) => opened.push(stream),
                Err(err) => drop(failure.get_or_insert_with(|| format!("{err:#}"))),
            }
        }
    }
    Ok((opened, failure))
}

/// Opens one, from an address that few others share, and has one request answered: servers close connections on which nothing was asked.
async fn open(address: SocketAddr, tls: Arc<ClientConfig>, resource: &'static str, number: usize) -> Result<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    // 127.0.0.1 is left to the pledge that comes last.
    let (network, host) = (number / FROM_ONE_ADDRESS / 250, number / FROM_ONE_ADDRESS % 250 + 2);
    socket.bind(SocketAddr::from(([127, 0, u8::try_from(network)?, u8::try_from(host)?], 0)))?;
    let mut stream = TlsConnector::from(tls).connect(ServerName::try_from("localhost")?, socket.connect(address).await?).await?;
    stream.write_all(format!("GET {resource} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    let end = loop {
        let read = stream.read_buf(&mut answer).await?;
        ensure!(read > 0 && answer.len() <= LARGEST_ANSWER, "the server broke off");
        if let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            break head + 4;
        }
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).context("an answer without content-length")?;
    let length: usize = length.trim().parse()?;
    ensure!(head.starts_with("http/1.1 200 ") && length <= LARGEST_ANSWER, "the server does not answer with 200");
    while answer.len() < end + length {
        ensure!(stream.read_buf(&mut answer).await? > 0, "the server broke off");
    }
    Ok(stream)
}

/// Whether the server has not closed it.
fn stands(stream: &mut TlsStream<TcpStream>) -> bool {
    let mut octet = [0];
    let (socket, _) = stream.get_ref();
    // What arrives on an idle connection is its end.
    matches!(socket.try_read(&mut octet), Err(err) if err.kind() == std::io::ErrorKind::WouldBlock)
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for server in &self.servers {
            let IdleServer { name, ready_after_ms, resident_kib, .. } = server;
            writeln!(f, "{name:<11}ready after {ready_after_ms:.0} ms, {:.1} MiB resident while idle", *resident_kib as f64 / 1024.0)?;
            let Some(IdleConnections { wanted, opened, stood_to_the_end, kib_each, first_failure }) = &server.connections else { continue };
            let each = kib_each.map_or_else(|| "memory of each not known".to_owned(), |each| format!("{each:.1} KiB resident each"));
            writeln!(f, "           {opened} of {wanted} idle TLS connections, {each}; {stood_to_the_end} stood to the end")?;
            if let Some(failure) = first_failure {
                writeln!(f, "           the first that was not opened: {failure}")?;
            }
        }
        if let Some(NewPledge { failure, .. }) = &self.new_pledge {
            let became = failure.as_ref().map_or_else(|| "was onboarded".to_owned(), |why| format!("was not onboarded: {why}"));
            writeln!(f, "new pledge {became}")?;
        }
        match self.open_files {
            Some(limit) => write!(f, "open files {limit} for each process, sockets included"),
            None => write!(f, "open files without limit"),
        }
    }
}

const AT_ONCE: usize = 50;
const FROM_ONE_ADDRESS: usize = 200;
const LARGEST_ANSWER: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(15);
