//! Handshakes, peers, answers, the end.

use rustls::client::Resumption;
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ProtocolVersion, SupportedProtocolVersion};
use tokio::sync::Semaphore;

use super::super::tls::provisional_config_of;
use super::*;

const CLOSING: &str = "GET / HTTP/1.1\r\nhost: registrar\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn tls_1_3_and_1_2_are_both_spoken() {
    let server = who().await;
    for (version, expected) in [(&TLS13, ProtocolVersion::TLSv1_3), (&TLS12, ProtocolVersion::TLSv1_2)] {
        let mut stream = dial(server.address, provisional_config_of(version, None)).await;
        write(&mut stream, CLOSING).await;
        assert!(rest(&mut stream).await.ends_with("nobody"));
        assert_eq!(stream.get_ref().1.protocol_version(), Some(expected));
    }
}

#[tokio::test]
async fn second_connection_is_never_a_resumption() {
    let server = who().await;
    for version in [&TLS13, &TLS12] {
        let tls = resuming(version);
        for _ in 0..2 {
            let mut stream = dial(server.address, tls.clone()).await;
            write(&mut stream, CLOSING).await;
            rest(&mut stream).await;
            let session = stream.get_ref().1;
            assert_eq!(session.tls13_tickets_received(), 0);
            assert_eq!(session.handshake_kind(), Some(HandshakeKind::Full));
        }
    }
}

/// A client that would resume if it could.
fn resuming(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut tls = (*provisional_config_of(version, None)).clone();
    tls.resumption = Resumption::in_memory_sessions(8);
    Arc::new(tls)
}

#[tokio::test]
async fn certificate_of_an_unknown_issuer_reaches_the_service() {
    let server = who().await;
    let pledge = Party::root("some manufacturer").issue(Subject::common_name("pledge"), |t| t);
    for version in [&TLS13, &TLS12] {
        let mut stream = dial(server.address, provisional_config_of(version, Some(&pledge.tls()))).await;
        write(&mut stream, CLOSING).await;
        assert!(rest(&mut stream).await.ends_with("CN=pledge"));
    }
}

/// A client that shows this, right or wrong.
fn showing(certified: Arc<CertifiedKey>) -> Arc<ClientConfig> {
    let mut tls = (*provisional()).clone();
    tls.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
    Arc::new(tls)
}

#[tokio::test]
async fn client_without_its_certificates_key_gets_no_connection() {
    let server = who().await;
    let victim = Party::root("some manufacturer").issue(Subject::common_name("pledge"), |t| t);
    let thief = SoftwareKey::generate(SignatureAlgorithm::Es256).unwrap().1;
    let tls = showing(unchecked(victim.chain[0].der(), &thief));

    let answer = HttpsConnection::open(&server.authority(), tls, ClientLimits::default()).await;
    // In TLS 1.3 the client is done before the server has looked.
    let refused = match answer {
        Ok(mut connection) => connection.send(get()).await.is_err(),
        Err(_) => true,
    };
    assert!(refused);
}

#[tokio::test]
async fn certificate_that_cannot_be_read_is_answered_with_400_and_a_closed_connection() {
    let server = who().await;
    let serial = crate::SerialNumber::new("JADA123456789").unwrap();
    let pledge = Party::root("some manufacturer").issue(Subject::serial_number(&serial), |t| t);
    let mut der = pledge.chain[0].der().to_vec();
    let text = der.windows(13).position(|w| w == b"JADA123456789").unwrap();
    // A serialNumber that is an INTEGER.
    der[text - 2] = 0x02;
    let tls = showing(unchecked(&der, &pledge.pkcs8));

    let mut connection = HttpsConnection::open(&server.authority(), tls, ClientLimits::default()).await.unwrap();
    let answer = connection.send(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(answer.headers()["connection"], "close");
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = counting(Limits::default()).await;
    let mut connection = HttpsConnection::open(&server.authority(), provisional(), ClientLimits::default()).await.unwrap();
    for octets in [0, 1, 64] {
        assert_eq!(connection.send(post(octets)).await.unwrap().body(), &octets.to_string());
    }
    assert!(connection.is_open());
}

#[tokio::test]
async fn answers_state_their_length() {
    let server = who().await;
    let mut stream = dial(server.address, provisional()).await;
    write(&mut stream, CLOSING).await;
    let answer = rest(&mut stream).await.to_ascii_lowercase();
    assert!(answer.contains("content-length: 6\r\n"));
    assert!(!answer.contains("transfer-encoding"));
}

#[tokio::test]
async fn open_request_is_finished_when_the_listener_stops() {
    let gate = Arc::new(Semaphore::new(0));
    let (entered, mut enters) = tokio::sync::mpsc::unbounded_channel();
    let respond = {
        let gate = gate.clone();
        move |_| {
            let (gate, entered) = (gate.clone(), entered.clone());
            async move {
                entered.send(()).unwrap();
                gate.acquire().await.unwrap().forget();
                plain(StatusCode::OK, "done")
            }
        }
    };
    let mut server = Running::start(&Party::root("domain").server("registrar"), Limits::default(), respond).await;
    let mut connection = HttpsConnection::open(&server.authority(), provisional(), ClientLimits::default()).await.unwrap();
    let asking = tokio::spawn(async move { connection.send(get()).await });

    enters.recv().await.unwrap();
    server.stop();
    tokio::task::yield_now().await;
    gate.add_permits(1);
    assert_eq!(asking.await.unwrap().unwrap().body(), "done");
    server.ended().await;
}

#[tokio::test]
async fn stopped_listener_takes_no_new_connection() {
    let mut server = who().await;
    let address = server.address;
    server.stop();
    server.ended().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let mut server = who().await;
    let asked = dial(server.address, provisional()).await;
    let mut connection = HttpsConnection::open(&server.authority(), provisional(), ClientLimits::default()).await.unwrap();
    connection.send(get()).await.unwrap();
    server.stop();
    server.ended().await;
    drop(asked);
}
