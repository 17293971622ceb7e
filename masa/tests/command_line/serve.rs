//! `serve`.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use brski_common::serve::provisional_config;
use rustls::{ClientConnection, StreamOwned};

use super::support::Folder;
use super::{MASA, manufacturer, masa};

/// A manufacturer whose MASA takes any free ports.
pub(crate) fn anywhere() -> Folder {
    let folder = manufacturer();
    folder.listen_anywhere("masa/masa.toml");
    folder
}

#[test]
fn server_tells_each_port_once_and_ends_well_on_sigterm() {
    let folder = anywhere();
    let mut server = folder.start(MASA, &["serve"]);
    for _ in ["registrars", "admins"] {
        TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    }
    assert_eq!(server.stop("TERM"), (Some(0), String::new()));
}

#[test]
fn request_that_is_open_at_sigterm_is_answered_before_the_end() {
    let folder = anywhere();
    let mut server = folder.start(MASA, &["serve"]);
    let port = server.port();
    server.port();
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let tls = ClientConnection::new(provisional_config(None).unwrap(), "localhost".try_into().unwrap()).unwrap();
    let mut client = StreamOwned::new(tls, socket);
    client
        .write_all(
            b"POST /.well-known/brski/requestvoucher HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/voucher-cms+json\r\n\
              Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        )
        .unwrap();
    // By this the server says that it waits for the body.
    let mut go_on = [0; CONTINUE.len()];
    client.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, CONTINUE);

    server.signal("TERM");
    // It has heard the signal once it takes no more connections.
    let patience = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < patience, "it still listens");
        std::thread::yield_now();
    }
    // And it waits on: the connection neither ends nor brings an answer.
    client.sock.set_read_timeout(Some(Duration::from_millis(250))).unwrap();
    let silence = client.read(&mut [0]).unwrap_err();
    assert!(matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");
    client.sock.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client.write_all(b"no CMS at").unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
    drop(client);
    assert_eq!(server.end(), (Some(0), String::new()));
}

const CONTINUE: &[u8; 25] = b"HTTP/1.1 100 Continue\r\n\r\n";

#[test]
fn server_ends_well_on_sigint() {
    let folder = anywhere();
    let mut server = folder.start(MASA, &["serve"]);
    server.port();
    server.port();
    assert_eq!(server.stop("INT"), (Some(0), String::new()));
}

#[test]
fn server_starts_again_on_the_ledger_it_left() {
    let folder = anywhere();
    for _ in 0..2 {
        let mut server = folder.start(MASA, &["serve"]);
        server.port();
        assert_eq!(server.stop("TERM").0, Some(0));
    }
}

#[test]
fn taken_port_is_named_with_its_field() {
    let folder = manufacturer();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    folder.edit("masa/masa.toml", "127.0.0.1:9443", &taken.local_addr().unwrap().to_string());
    let error = masa(&folder, &["serve"]);
    assert_eq!((error.code, error.stdout.as_str()), (Some(1), ""));
    assert!(error.stderr.contains("masa/masa.toml, field listen: "), "{error:?}");
}

#[test]
fn reports_are_recorded_beside_a_running_server() {
    let folder = anywhere();
    let mut server = folder.start(MASA, &["serve"]);
    server.port();
    folder.write("reports.jsonl", super::manufacture::report(&folder, "JADA1"));
    masa(&folder, &["record", "reports.jsonl"]).ok();
    assert_eq!(server.stop("TERM").0, Some(0));
}

/// Sends octets that are no voucher-request under the older type, and returns the status with the log of the server, which has ended.
fn sent_under_the_older_type(folder: &Folder) -> (String, String) {
    let mut server = folder.start("sh", &["-c", "exec \"$0\" serve 2> log", MASA]);
    let socket = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let tls = ClientConnection::new(provisional_config(None).unwrap(), "localhost".try_into().unwrap()).unwrap();
    let mut client = StreamOwned::new(tls, socket);
    let head = "POST /.well-known/brski/requestvoucher HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/voucher-cose+cbor\r\nContent-Length: 1\r\n\r\n";
    client.write_all(head.as_bytes()).and_then(|()| client.write_all(b"x")).unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    drop(client);
    assert_eq!(server.stop("TERM").0, Some(0));
    (String::from_utf8_lossy(&answer).into_owned(), folder.read("log"))
}

#[test]
fn leniency_of_the_configuration_is_granted_and_its_uses_are_counted_at_the_end() {
    let folder = anywhere();
    let total = "leniency used since the start";
    let (answer, log) = sent_under_the_older_type(&folder);
    assert_eq!((answer.as_str(), log.contains(total)), ("HTTP/1.1 415", false), "{log}");

    folder.write("masa/masa.toml", folder.read("masa/masa.toml") + "\n[leniencies]\nvoucher-cose-cbor = true\n");
    let (answer, log) = sent_under_the_older_type(&folder);
    assert_eq!(answer, "HTTP/1.1 400");
    let last = log.lines().last().unwrap();
    assert!([total, "leniency=\"voucher-cose-cbor\"", "times=1"].iter().all(|part| last.contains(part)), "{log}");
}
