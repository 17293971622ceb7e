//! `serve`.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use brski_common::serve::provisional_config;

use super::support::Folder;
use super::{REGISTRAR, owner};

/// An owner whose registrar takes any free ports.
pub(crate) fn anywhere() -> Folder {
    let folder = owner();
    folder.listen_anywhere("registrar/registrar.toml");
    folder
}

#[test]
fn server_tells_each_port_once_and_ends_well_on_sigterm() {
    let folder = anywhere();
    let mut server = folder.start(REGISTRAR, &["serve"]);
    for _ in ["pledges", "admins"] {
        TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    }
    assert_eq!(server.stop("TERM"), (Some(0), String::new()));
}

#[test]
fn server_without_manufacturers_warns_with_the_next_command() {
    let folder = anywhere();
    let mut server = folder.start("sh", &["-c", "exec \"$0\" serve 2> log", REGISTRAR]);
    ports(&mut server);
    server.stop("TERM");
    let log = folder.read("log");
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("brski-registrar trust add --config registrar/registrar.toml manufacturer-profile.toml"), "{log}");
}

#[test]
fn server_ends_well_on_sigint() {
    let folder = anywhere();
    let mut server = folder.start(REGISTRAR, &["serve"]);
    ports(&mut server);
    assert_eq!(server.stop("INT"), (Some(0), String::new()));
}

#[test]
fn server_starts_again_on_the_pledges_it_left() {
    let folder = anywhere();
    for _ in 0..2 {
        let mut server = folder.start(REGISTRAR, &["serve"]);
        ports(&mut server);
        assert_eq!(server.stop("TERM").0, Some(0));
    }
}

#[test]
fn request_that_is_open_at_sigterm_is_answered_first() {
    let folder = anywhere();
    let mut server = folder.start(REGISTRAR, &["serve"]);
    let port = ports(&mut server);
    let name = "127.0.0.1".try_into().unwrap();
    let tls = rustls::ClientConnection::new(provisional_config(None).unwrap(), name).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut tls = rustls::StreamOwned::new(tls, socket);

    let body = br#"{"version":1,"status":true}"#;
    let head = "POST /.well-known/brski/voucher_status HTTP/1.1\r\nHost: registrar\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n";
    write!(tls, "{head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()).unwrap();
    let mut tls = BufReader::new(tls);
    // Only a handler that waits for the body asks for it.
    assert_eq!(line(&mut tls), "HTTP/1.1 100 Continue");
    assert_eq!(line(&mut tls), "");

    server.signal("TERM");
    // It has heard the signal once it takes no more connections.
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        std::thread::yield_now();
    }
    for octet in body {
        tls.get_mut().write_all(&[*octet]).and_then(|()| tls.get_mut().flush()).unwrap();
    }
    // Who shows no certificate reports nothing: that, too, is an answer to the whole request.
    assert_eq!(line(&mut tls), "HTTP/1.1 403 Forbidden");
    assert_eq!(server.end(), (Some(0), String::new()));
}

/// That for pledges, once both are told.
fn ports(server: &mut super::support::Running) -> u16 {
    let port = server.port();
    server.port();
    port
}

fn line(reader: &mut impl std::io::BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn configuration_without_admin_interface_serves_pledges_alone() {
    let folder = anywhere();
    let text = folder.read("registrar/registrar.toml");
    let (before, rest) = text.split_once("[admin]\n").unwrap();
    let (_, after) = rest.split_once("\n[requests]\n").unwrap();
    folder.write("registrar/registrar.toml", format!("{before}\n[requests]\n{after}"));
    let mut server = folder.start(REGISTRAR, &["serve"]);
    TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    assert_eq!(server.stop("TERM"), (Some(0), String::new()));
}
