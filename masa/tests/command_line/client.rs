//! A client that keeps its connection, for tests of what happens to it. Both binaries' tests share it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use brski_common::serve::provisional_config;
use rustls::{ClientConnection, StreamOwned};

/// A connection to a server on this machine.
pub(crate) struct Client(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Client {
    /// Connects, whatever certificate the server shows.
    pub(crate) fn new(port: u16) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let tls = ClientConnection::new(provisional_config(None).unwrap(), "localhost".try_into().unwrap()).unwrap();
        Self(BufReader::new(StreamOwned::new(tls, socket)))
    }

    /// One request and its answer: status and body.
    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[&str], body: &str) -> (u16, String) {
        let fields: String = headers.iter().map(|field| format!("{field}\r\n")).collect();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{fields}\r\n{body}", body.len());
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("{line:?}")).parse().unwrap();
        let (mut length, mut chunked) = (0, false);
        loop {
            let mut field = String::new();
            self.0.read_line(&mut field).unwrap();
            match field.trim_end().to_ascii_lowercase().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("transfer-encoding", value)) => chunked = value == "chunked",
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        while chunked {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            let mut chunk = vec![0; usize::from_str_radix(line.trim_end(), 16).unwrap() + "\r\n".len()];
            self.0.read_exact(&mut chunk).unwrap();
            chunk.truncate(chunk.len() - "\r\n".len());
            chunked = !chunk.is_empty();
            body.extend(chunk);
        }
        (status, String::from_utf8(body).unwrap())
    }

    /// Whether the connection still stands: asks for `path`, and takes the beginning of any answer.
    pub(crate) fn still_stands(&mut self, path: &str) -> bool {
        let asked = write!(self.0.get_mut(), "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").and_then(|()| self.0.get_mut().flush());
        let mut line = String::new();
        asked.is_ok() && self.0.read_line(&mut line).is_ok() && line.starts_with("HTTP/1.1 ")
    }

    /// One GET with a bearer token.
    pub(crate) fn get(&mut self, path: &str, token: &str) -> (u16, String) {
        self.send("GET", path, &[&format!("Authorization: Bearer {token}")], "")
    }

    /// The certificate that the server showed.
    pub(crate) fn certificate(&mut self) -> Vec<u8> {
        // Once something was asked the handshake is over.
        self.send("GET", "/", &[], "");
        self.0.get_ref().conn.peer_certificates().unwrap()[0].to_vec()
    }
}
