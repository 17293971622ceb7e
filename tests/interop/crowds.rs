//! Many clients at once, and clients that only sit there.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use brski_common::serve::{ClientLimits, HttpsConnection, provisional_config};

use crate::curl::Running;
use crate::requests::{VOUCHER, base64, verified};
use crate::world::{World, post_voucher_request};

/// A nonce for each.
fn nonce(world: &World, number: usize) -> String {
    base64(&world.openssl, format!("nonce {number:010}").as_bytes())
}

/// As many pledges, and the voucher that each gets when all ask at the same time: it must name the pledge and its nonce.
async fn each_gets_its_voucher(count: usize, prepare: impl Fn(&World, &str, &str) -> Vec<u8>, ask: impl Fn(&World, &str) -> Running) {
    let Some(world) = World::start().await else { return };
    let mut clients = Vec::new();
    for number in 0..count {
        let (serial, nonce) = (format!("JADA{number}"), nonce(&world, number));
        world.manufacture(&serial).await;
        world.openssl.write(&format!("{serial}.request"), prepare(&world, &serial, &nonce));
        clients.push((serial, nonce));
    }
    // All are started before the first is waited for.
    let running: Vec<Running> = clients.iter().map(|(serial, _)| ask(&world, serial)).collect();
    for ((serial, nonce), running) in clients.into_iter().zip(running) {
        let reply = running.finish().unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
        let (voucher, _) = verified(&world.openssl, &reply.body, "services", VOUCHER);
        assert_eq!((&voucher["serial-number"], &voucher["nonce"]), (&serial.into(), &nonce.into()));
    }
}

async fn each_gets_its_voucher_from_the_masa(count: usize) {
    let ask = |world: &World, serial: &str| world.ask_masa("requestvoucher", &post_voucher_request(&format!("{serial}.request")));
    each_gets_its_voucher(count, |world, serial, nonce| world.registrars_request(serial, nonce, ""), ask).await;
}

async fn each_gets_its_voucher_through_the_registrar(count: usize) {
    let ask = |world: &World, serial: &str| {
        let mut arguments = post_voucher_request(&format!("{serial}.request"));
        write!(arguments, " --insecure --cert {serial}-chain.pem --key {serial}.key").unwrap();
        world.start_asking_registrar("brski/requestvoucher", &arguments)
    };
    each_gets_its_voucher(count, |world, serial, nonce| world.pledges_request(serial, nonce, ""), ask).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_registrars_at_once_get_their_vouchers() {
    each_gets_its_voucher_from_the_masa(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_registrars_at_once_get_their_vouchers() {
    each_gets_its_voucher_from_the_masa(16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pledges_at_once_get_their_vouchers() {
    each_gets_its_voucher_through_the_registrar(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_pledges_at_once_get_their_vouchers() {
    each_gets_its_voucher_through_the_registrar(16).await;
}

async fn open(address: SocketAddr) -> HttpsConnection {
    let limits = ClientLimits { connect: Duration::from_secs(30), ..ClientLimits::default() };
    HttpsConnection::open(&address.to_string(), provisional_config(None).unwrap(), limits).await.unwrap()
}

/// The connections are still open afterwards: it was not their end that let the honest client in.
async fn idle_connections_do_not_keep_a_pledge_waiting(count: usize) {
    let Some(world) = World::start().await else { return };
    world.manufacture("JADA1").await;
    world.openssl.write("JADA1.request", world.pledges_request("JADA1", &nonce(&world, 1), ""));
    let mut idle = Vec::new();
    for _ in 0..count {
        idle.push((open(world.registrar_address).await, open(world.masa_address).await));
    }

    let arguments = format!("--insecure --cert JADA1-chain.pem --key JADA1.key {}", post_voucher_request("JADA1.request"));
    assert_eq!(world.ask_registrar("brski/requestvoucher", &arguments).status, 200);
    assert!(idle.iter().all(|(registrar, masa)| registrar.is_open() && masa.is_open()));
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_idle_connections_do_not_keep_a_pledge_waiting() {
    idle_connections_do_not_keep_a_pledge_waiting(8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hundred_idle_connections_do_not_keep_a_pledge_waiting() {
    idle_connections_do_not_keep_a_pledge_waiting(100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_never_shake_hands_do_not_keep_others_waiting() {
    let Some(world) = World::start().await else { return };
    let silent: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(world.registrar_address).unwrap()).collect();
    let halfway: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(world.registrar_address).unwrap();
            // The first octets of a TLS record that never ends.
            stream.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).unwrap();
            stream
        })
        .collect();

    assert_eq!(world.ask_registrar("est/cacerts", "--insecure").status, 200);
    for mut stream in silent.into_iter().chain(halfway) {
        stream.set_nonblocking(true).unwrap();
        let found = std::io::Read::read(&mut stream, &mut [0; 1]).unwrap_err();
        assert_eq!(found.kind(), std::io::ErrorKind::WouldBlock);
    }
}
