//! What a slow, large or numerous peer can do. Time is paused: it jumps to the next deadline as soon as nobody has anything to do.

use core::time::Duration;

use rustls::version::TLS12;
use tokio::time::Instant;

use super::super::tls::provisional_config_of;
use super::*;

/// Each deadline is another, so that a test knows which one it met.
fn limits() -> Limits {
    let secs = Duration::from_secs;
    Limits { handshake: secs(10), header: secs(20), body: secs(30), request: secs(40), idle: secs(50), write: secs(60), drain: secs(35), ..Limits::default() }
}

/// A connection on which the server, too, is done with the handshake: in TLS 1.2 it speaks last.
async fn settled(address: SocketAddr) -> TlsStream<TcpStream> {
    dial(address, provisional_config_of(&TLS12, None)).await
}

/// Lets everybody take what has been sent, then stops the clock: it would jump while octets are on their way.
async fn pause() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
}

/// How far a paused clock may run ahead while the last octets are on their way.
const SLACK: Duration = Duration::from_secs(5);

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// The beginning of an answer.
async fn answer(stream: &mut TlsStream<TcpStream>) -> String {
    let mut octets = vec![0; 1024];
    let len = stream.read(&mut octets).await.unwrap();
    String::from_utf8(octets[..len].to_vec()).unwrap()
}

/// A connection on which something was asked and answered.
async fn asked(address: SocketAddr) -> TlsStream<TcpStream> {
    let mut stream = settled(address).await;
    write(&mut stream, REQUEST).await;
    answer(&mut stream).await;
    stream
}

/// Virtual time until the server closes.
async fn time_to_close(stream: &mut TlsStream<TcpStream>) -> Duration {
    let began = Instant::now();
    rest(stream).await;
    began.elapsed()
}

fn about(expected: Duration) -> core::ops::RangeInclusive<Duration> {
    // A deadline set before the clock stopped has already lost a little.
    expected - Duration::from_secs(1)..=expected + SLACK
}

#[tokio::test]
async fn body_beyond_the_limit_is_answered_with_413() {
    let server = counting(limits()).await;
    for octets in [65, 300_000] {
        let mut connection = HttpsConnection::open(&server.authority(), provisional(), ClientLimits::default()).await.unwrap();
        let answer = connection.send(post(octets)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.body(), "the body exceeds the limit of 64 octets");
    }
}

#[tokio::test]
async fn head_beyond_the_limit_is_answered_with_431() {
    let server = counting(limits()).await;
    let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: x\r\n".repeat(65));
    for head in [long, many] {
        let mut stream = dial(server.address, provisional()).await;
        write(&mut stream, &head).await;
        assert!(rest(&mut stream).await.starts_with("HTTP/1.1 431 "));
    }
}

#[tokio::test]
async fn silent_handshake_is_cut_off() {
    let server = counting(limits()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    pause().await;
    let began = Instant::now();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
    assert!(about(limits().handshake).contains(&began.elapsed()));
}

#[tokio::test]
async fn unfinished_head_is_cut_off() {
    let server = counting(limits()).await;
    let mut stream = settled(server.address).await;
    write(&mut stream, "GET / HT").await;
    pause().await;
    assert!(about(limits().header).contains(&time_to_close(&mut stream).await));
}

#[tokio::test]
async fn unfinished_second_head_is_cut_off() {
    let server = counting(limits()).await;
    let mut stream = asked(server.address).await;
    write(&mut stream, "GET / HT").await;
    pause().await;
    assert!(about(limits().header).contains(&time_to_close(&mut stream).await));
}

#[tokio::test]
async fn trickling_head_is_cut_off() {
    let server = counting(limits()).await;
    let (mut reading, mut writing) = tokio::io::split(settled(server.address).await);
    pause().await;
    tokio::spawn(async move {
        while writing.write_all(b"x").await.is_ok() && writing.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    });
    let began = Instant::now();
    let _ = reading.read_to_end(&mut Vec::new()).await;
    assert!(about(limits().header).contains(&began.elapsed()));
}

#[tokio::test]
async fn answered_peer_may_pause_for_longer_than_a_head_may_take() {
    let server = counting(limits()).await;
    let mut stream = asked(server.address).await;
    pause().await;
    assert!(about(limits().idle).contains(&time_to_close(&mut stream).await));
}

#[tokio::test]
async fn slow_body_is_answered_with_400() {
    let server = counting(limits()).await;
    let mut stream = settled(server.address).await;
    write(&mut stream, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc").await;
    pause().await;
    let began = Instant::now();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 400 "));
    assert!(about(limits().body).contains(&began.elapsed()));
}

#[tokio::test]
async fn body_that_pauses_for_too_long_is_given_up_before_its_time() {
    let limits = Limits { body: limits().request * 10, body_pause: limits().body / 2, ..limits() };
    let server = counting(limits).await;
    let mut stream = settled(server.address).await;
    write(&mut stream, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc").await;
    pause().await;
    let began = Instant::now();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 400 "));
    assert!(about(limits.body_pause).contains(&began.elapsed()));
}

#[tokio::test]
async fn service_that_never_answers_is_answered_for() {
    let server = Running::start(&Party::root("domain").server("registrar"), limits(), |_| core::future::pending::<Response<Full<Bytes>>>()).await;
    let mut stream = settled(server.address).await;
    write(&mut stream, REQUEST).await;
    pause().await;
    let began = Instant::now();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 503 "));
    assert!(about(limits().request).contains(&began.elapsed()));
}

#[tokio::test]
async fn answer_that_is_not_taken_ends_the_connection() {
    let large = move |_| async { crate::http::typed(StatusCode::OK, "application/octet-stream", vec![0; 32 << 20]) };
    let server = Running::start(&Party::root("domain").server("registrar"), limits(), large).await;
    let mut stream = settled(server.address).await;
    write(&mut stream, REQUEST).await;
    pause().await;
    tokio::time::sleep(limits().write * 2).await;
    let mut taken = Vec::new();
    let _ = stream.read_to_end(&mut taken).await;
    assert!(taken.len() < 32 << 20);
}

#[tokio::test]
async fn hundred_idle_connections_leave_room_for_one_more() {
    let server = who().await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(TcpStream::connect(server.address).await.unwrap());
    }
    let mut connection = HttpsConnection::open(&server.authority(), provisional(), ClientLimits::default()).await.unwrap();
    assert_eq!(connection.send(get()).await.unwrap().status(), StatusCode::OK);
    assert_eq!(idle.len(), 100);
}

/// A listener that never answers `/busy`, before somebody says that it may.
async fn waiting(limits: Limits) -> (Running, std::sync::Arc<tokio::sync::Notify>) {
    let may = std::sync::Arc::new(tokio::sync::Notify::new());
    let told = may.clone();
    let party = Party::root("domain").server("registrar");
    let server = Running::start(&party, limits, move |request| {
        let told = told.clone();
        async move {
            if request.uri().path() == "/busy" {
                told.notified().await;
            }
            plain(StatusCode::OK, "0")
        }
    });
    (server.await, may)
}

const BUSY: &str = "GET /busy HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn connection_beyond_the_limit_waits_while_all_others_are_at_work() {
    let (server, _) = waiting(Limits { connections: 2, ..limits() }).await;
    let mut busy = [settled(server.address).await, settled(server.address).await];
    for stream in &mut busy {
        write(stream, BUSY).await;
    }
    pause().await;
    let began = Instant::now();
    let patient = ClientLimits { connect: limits().idle * 2, ..ClientLimits::default() };
    let mut connection = HttpsConnection::open(&server.authority(), provisional(), patient).await.unwrap();
    assert_eq!(connection.send(get()).await.unwrap().status(), StatusCode::OK);
    assert!(began.elapsed() >= limits().request - SLACK, "{:?}", began.elapsed());
    drop(busy);
}

#[tokio::test]
async fn bodies_that_do_not_come_give_way_before_their_time() {
    let server = counting(Limits { connections: 2, ..limits() }).await;
    let mut owing = [settled(server.address).await, settled(server.address).await];
    for stream in &mut owing {
        write(stream, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n").await;
    }
    pause().await;
    let began = Instant::now();
    let mut connection = HttpsConnection::open(&server.authority(), provisional(), ClientLimits::default()).await.unwrap();
    assert_eq!(connection.send(get()).await.unwrap().status(), StatusCode::OK);
    assert!(began.elapsed() <= SLACK, "{:?}", began.elapsed());
    drop(owing);
}

#[tokio::test]
async fn connection_taken_for_a_spare_one_that_asks_again_goes_on_once_anybody_rests() {
    let (server, may) = waiting(Limits { connections: 2, ..limits() }).await;
    let (mut busy, mut spare) = (settled(server.address).await, asked(server.address).await);
    for stream in [&mut busy, &mut spare] {
        write(stream, BUSY).await;
    }
    pause().await;
    let began = Instant::now();
    let opening = tokio::spawn(async move { HttpsConnection::open(&server.authority(), provisional(), ClientLimits::default()).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    may.notify_one();
    opening.await.unwrap().unwrap();
    assert!(began.elapsed() <= SLACK, "{:?}", began.elapsed());
    drop((busy, spare));
}

#[tokio::test]
async fn connection_that_had_its_answer_longest_ago_makes_room_for_another() {
    let server = counting(Limits { connections: 2, ..limits() }).await;
    let mut idle = [asked(server.address).await, asked(server.address).await];
    write(&mut idle[0], REQUEST).await;
    answer(&mut idle[0]).await;
    asked(server.address).await;
    assert_eq!(rest(&mut idle[1]).await, "");
    write(&mut idle[0], REQUEST).await;
    assert!(answer(&mut idle[0]).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn oldest_connection_that_asked_nothing_makes_room_for_another() {
    let server = counting(Limits { connections: 3, ..limits() }).await;
    let mut busy = asked(server.address).await;
    let mut silent = [settled(server.address).await, settled(server.address).await];
    pause().await;

    let began = Instant::now();
    asked(server.address).await;
    assert_eq!(rest(&mut silent[0]).await, "");
    for stream in [&mut busy, &mut silent[1]] {
        write(stream, REQUEST).await;
        assert!(answer(stream).await.starts_with("HTTP/1.1 200 "));
    }
    assert!(began.elapsed() < SLACK);
}

#[tokio::test]
async fn no_address_takes_more_places_than_its_share() {
    let (server, _) = waiting(Limits { connections_per_address: 2, ..limits() }).await;
    let mut inside = [settled(server.address).await, settled(server.address).await];
    for stream in &mut inside {
        write(stream, BUSY).await;
    }
    pause().await;
    let mut outside = TcpStream::connect(server.address).await.unwrap();
    let began = Instant::now();
    assert!(matches!(outside.read(&mut [0; 16]).await, Ok(0) | Err(_)));
    assert!(began.elapsed() < limits().handshake - SLACK);
    drop(inside);
}

#[tokio::test]
async fn of_an_address_that_has_its_share_who_rested_longest_makes_room() {
    let server = counting(Limits { connections_per_address: 2, ..limits() }).await;
    let mut inside = [asked(server.address).await, asked(server.address).await];
    asked(server.address).await;
    assert_eq!(rest(&mut inside[0]).await, "");
    write(&mut inside[1], REQUEST).await;
    assert!(answer(&mut inside[1]).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn exempt_address_has_no_share() {
    let server = Server::bind("127.0.0.1:0").await.unwrap().exempting(|address| address.is_loopback());
    let address = server.local_addr().unwrap();
    let tls = server_config(&Party::root("domain").server("registrar").tls()).unwrap();
    let limits = Limits { connections_per_address: 1, ..limits() };
    let serving = tokio::spawn(server.serve(tls, limits, |_| async { plain(StatusCode::OK, "0") }, core::future::pending()));
    let mut inside = asked(address).await;
    asked(address).await;
    write(&mut inside, REQUEST).await;
    assert!(answer(&mut inside).await.starts_with("HTTP/1.1 200 "));
    serving.abort();
}

#[tokio::test]
async fn stopping_gives_up_on_a_request_that_never_ends() {
    let (entered, mut enters) = tokio::sync::mpsc::unbounded_channel();
    let endless = move |_| {
        let entered = entered.clone();
        async move {
            entered.send(()).unwrap();
            core::future::pending::<Response<Full<Bytes>>>().await
        }
    };
    let mut server = Running::start(&Party::root("domain").server("registrar"), limits(), endless).await;
    let mut stream = settled(server.address).await;
    write(&mut stream, REQUEST).await;
    enters.recv().await.unwrap();
    pause().await;
    let began = Instant::now();
    server.stop();
    server.ended().await;
    assert!(about(limits().drain).contains(&began.elapsed()));
}
