//! A TLS client that does what no library lets one do: it writes any octets, on either side of the encryption, and waits for whatever comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use brski_common::serve::{ClientConfig, ServerName, TlsIdentity, provisional_config};
use rustls::{ClientConnection, StreamOwned};

use crate::world::World;

/// A TLS connection with the registrar after its handshake.
pub(super) struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    /// What has been read and belongs to no answer yet.
    pending: Vec<u8>,
}

/// One answer, as long as its Content-Length says.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The value of a field.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// That it is a refusal with this status, in one sentence with these words.
    #[track_caller]
    pub(super) fn refused(&self, status: u16, words: &str) {
        let sentence = core::str::from_utf8(&self.body).unwrap();
        assert_eq!((self.status, self.header("content-type")), (status, Some("text/plain; charset=utf-8")), "{sentence}");
        assert!(sentence.contains(words) && !sentence.contains('\n'), "'{words}' is not in: {sentence}");
    }
}

impl Client {
    /// Shakes hands, showing the certificate of this name or none.
    pub(super) fn open(world: &World, shown: Option<&str>) -> Self {
        Self::dial(world, config(world, shown), ServerName::from(world.registrar_address.ip()))
    }

    /// Shakes hands in a way of its own, calling the server by this name.
    pub(super) fn dial(world: &World, config: Arc<ClientConfig>, name: ServerName<'static>) -> Self {
        let mut stream = StreamOwned::new(ClientConnection::new(config, name).unwrap(), knock(world));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        Self { stream, pending: Vec::new() }
    }

    /// Sends octets through the encryption.
    pub(super) fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.write_all(octets.as_ref()).unwrap();
        self.stream.flush().unwrap();
    }

    /// Sends octets past the encryption.
    pub(super) fn send_bare(&mut self, octets: &[u8]) {
        self.stream.sock.write_all(octets).unwrap();
    }

    /// Closes its own side, with a word about it in TLS or without.
    pub(super) fn half_close(&mut self, with_notice: bool) {
        if with_notice {
            self.stream.conn.send_close_notify();
            self.stream.flush().unwrap();
        }
        self.stream.sock.shutdown(Shutdown::Write).unwrap();
    }

    /// The next answer.
    pub(super) fn answer(&mut self) -> Answer {
        self.last_answer().unwrap()
    }

    /// The next answer, or none if the server has closed instead.
    pub(super) fn last_answer(&mut self) -> Option<Answer> {
        loop {
            if let Some((answer, taken)) = answer_in(&self.pending) {
                self.pending.drain(..taken);
                return Some(answer);
            }
            let mut octets = [0; 4096];
            match told(self.stream.read(&mut octets)) {
                0 => {
                    assert!(self.pending.is_empty(), "an answer was cut off: {:?}", String::from_utf8_lossy(&self.pending));
                    return None;
                }
                some => self.pending.extend_from_slice(&octets[..some]),
            }
        }
    }

    /// Sends octets one by one, each after a while without a word from the server: how many until it answered or closed.
    pub(super) fn trickle(&mut self, octets: &[u8]) -> usize {
        self.stream.sock.set_read_timeout(Some(BREATH)).unwrap();
        let sent = trickle(&mut self.stream, octets, &mut self.pending);
        self.stream.sock.set_read_timeout(Some(PATIENCE)).unwrap();
        sent
    }
}

/// A TCP connection with the registrar. It gives up on a server that neither answers nor closes.
pub(super) fn knock(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.registrar_address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A client's configuration that takes any server and shows the certificate of this name or none.
pub(super) fn config(world: &World, shown: Option<&str>) -> Arc<ClientConfig> {
    let identity = shown.map(|name| {
        let key = world.openssl.output(&format!("pkey -in {name}.key -outform DER"), b"").stdout;
        TlsIdentity::new(&world.openssl.certificates(format!("{name}-chain.pem")), &key).unwrap()
    });
    provisional_config(identity.as_ref()).unwrap()
}

/// The first message of an honest handshake.
pub(super) fn client_hello(world: &World) -> Vec<u8> {
    let mut client = ClientConnection::new(config(world, None), ServerName::from(world.registrar_address.ip())).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

/// Everything that a server says before it closes, however it does so.
pub(super) fn rest(stream: &mut impl Read) -> Vec<u8> {
    let (mut all, mut octets) = (Vec::new(), [0; 4096]);
    loop {
        match told(stream.read(&mut octets)) {
            0 => return all,
            some => all.extend_from_slice(&octets[..some]),
        }
    }
}

/// Sends octets one by one, each after a while in which nothing was heard: how many until something was, which is put into `heard`, or until the end.
pub(super) fn trickle(stream: &mut (impl Read + Write), octets: &[u8], heard: &mut Vec<u8>) -> usize {
    for (sent, octet) in octets.iter().enumerate() {
        if stream.write_all(&[*octet]).and_then(|()| stream.flush()).is_err() {
            return sent;
        }
        let mut answer = [0; 4096];
        match stream.read(&mut answer) {
            Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Ok(some @ 1..) => {
                heard.extend_from_slice(&answer[..some]);
                return sent;
            }
            Ok(0) | Err(_) => return sent,
        }
    }
    octets.len()
}

/// How many octets came. A reset is an end, too; a server that leaves the connection open is none.
fn told(read: std::io::Result<usize>) -> usize {
    match read {
        Ok(octets) => octets,
        Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => panic!("the server neither answers nor closes"),
        Err(_) => 0,
    }
}

/// The first answer in these octets, if it is all there, and its length.
fn answer_in(octets: &[u8]) -> Option<(Answer, usize)> {
    let end = octets.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = core::str::from_utf8(&octets[..end]).unwrap().to_owned();
    let mut answer = Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body: Vec::new() };
    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
    let after = end + 4 + length;
    answer.body = octets.get(end + 4..after)?.to_vec();
    Some((answer, after))
}

/// Far more than any limit of the listeners in these tests.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two octets of somebody who is slow on purpose.
const BREATH: Duration = Duration::from_millis(50);
