//! Clients that come in numbers, and then do nothing.

use core::time::Duration;
use std::net::TcpStream;

use brski_common::serve::Limits;

use super::client::{Client, knock};
use super::honest_pledge_gets_in;
use crate::world::World;

const THOUSAND: usize = 1000;

/// Whether this process may hold both ends of so many connections; where it may not, a word about it, and in CI that is a failure.
fn enough_files() -> bool {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let allowed = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let enough = allowed.and_then(|line| line.split_whitespace().next()).is_some_and(|soft| soft.parse().map_or(soft == "unlimited", |soft: u64| soft >= 4096));
    if !enough {
        assert!(std::env::var_os("CI").is_none(), "this needs 4096 open files: ulimit -n 4096");
        println!("skipped: this needs 4096 open files");
    }
    enough
}

/// Any time for everything, so that nobody who does nothing is cut off, for as many as that, all from here.
fn patient(connections: usize) -> Limits {
    let ages = Duration::from_secs(3600);
    let spacious = Limits { connections, connections_per_address: 4 * THOUSAND, ..Limits::default() };
    Limits { handshake: ages, header: ages, body: ages, body_pause: ages, request: ages, idle: ages, write: ages, ..spacious }
}

/// Whether the registrar still answers on a connection.
fn answers(client: &mut Client) -> bool {
    client.send("GET /.well-known/est/csrattrs HTTP/1.1\r\nHost: registrar\r\n\r\n");
    client.last_answer().is_some_and(|answer| answer.status == 200)
}

/// Whether nothing was heard on a connection, its end included.
fn is_untouched(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    stream.peek(&mut [0]).is_err_and(|err| err.kind() == std::io::ErrorKind::WouldBlock)
}

#[tokio::test(flavor = "multi_thread")]
async fn thousand_idle_connections_leave_a_pledge_its_place() {
    if !enough_files() {
        return;
    }
    let Some(world) = World::start_within(patient(Limits::default().connections)).await else { return };
    // Some do not even shake hands, some do and ask nothing, some ask and stay.
    let silent: Vec<TcpStream> = (0..THOUSAND / 2).map(|_| knock(&world)).collect();
    let mut shaken: Vec<Client> = (0..THOUSAND / 4).map(|_| Client::open(&world, None)).collect();
    let mut asked: Vec<Client> = (0..THOUSAND / 4).map(|_| Client::open(&world, None)).collect();
    assert!(asked.iter_mut().all(answers));

    honest_pledge_gets_in(&world, "HONEST").await;
    // It was nobody's end that let it in.
    assert!(silent.iter().all(is_untouched));
    assert!(shaken.iter_mut().chain(&mut asked).all(answers));
    honest_pledge_gets_in(&world, "HONEST2").await;
}

/// Only on Linux has the loopback interface more addresses than one without anybody's doing.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn crowd_from_one_address_leaves_the_pledges_of_others_their_places() {
    let Some(world) = World::start_within(Limits { connections_per_address: 40, ..patient(100) }).await else { return };
    let mut crowd = Vec::new();
    for _ in 0..120 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
        crowd.push(socket.connect(world.registrar_address).await.unwrap().into_std().unwrap());
    }
    honest_pledge_gets_in(&world, "HONEST").await;
    assert_eq!(crowd.iter().filter(|stream| is_untouched(stream)).count(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn pledge_takes_the_place_of_one_who_never_asked_when_all_are_taken() {
    let Some(world) = World::start_within(patient(60)).await else { return };
    let mut asked: Vec<Client> = (0..30).map(|_| Client::open(&world, None)).collect();
    assert!(asked.iter_mut().all(answers));
    let silent: Vec<TcpStream> = (0..90).map(|_| knock(&world)).collect();

    honest_pledge_gets_in(&world, "HONEST").await;
    // Thirty had to go for the last thirty of their own kind, and at least one for the pledge; of those who had asked nobody.
    assert!(asked.iter_mut().all(answers));
    assert!(silent.iter().filter(|stream| is_untouched(stream)).count() < 30);
    honest_pledge_gets_in(&world, "HONEST2").await;
}
