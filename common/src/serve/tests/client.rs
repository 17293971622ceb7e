//! Whom a client trusts, and how much it takes.

use core::time::Duration;

use super::*;
use crate::chain::Anchors;

async fn open(server: &Running, host: &str, tls: Arc<ClientConfig>) -> Result<HttpsConnection, ClientError> {
    HttpsConnection::open(&format!("{host}:{}", server.address.port()), tls, ClientLimits::default()).await
}

fn anchored_at(root: &Party) -> Arc<ClientConfig> {
    anchored_config(&Anchors::new([root.chain[0].clone()]).unwrap(), None).unwrap()
}

#[tokio::test]
async fn server_under_the_anchor_with_the_dialled_address_is_trusted() {
    let root = Party::root("manufacturer");
    let server = Running::start(&root.server("masa"), Limits::default(), |_| async { plain(StatusCode::OK, "here") }).await;
    let mut connection = open(&server, "127.0.0.1", anchored_at(&root)).await.unwrap();
    assert_eq!(connection.send(get()).await.unwrap().body(), "here");
    assert_eq!(connection.server_certificates()[1], root.chain[0]);
}

#[tokio::test]
async fn server_under_another_anchor_is_not_trusted() {
    let server = who().await;
    let refused = open(&server, "127.0.0.1", anchored_at(&Party::root("domain"))).await.unwrap_err();
    assert!(matches!(refused, ClientError::Tls { .. }));
}

#[tokio::test]
async fn empty_anchors_trust_nobody() {
    let server = who().await;
    let nobody = anchored_config(&Anchors::default(), None).unwrap();
    assert!(matches!(open(&server, "127.0.0.1", nobody).await, Err(ClientError::Tls { .. })));
}

#[tokio::test]
async fn server_under_the_anchor_with_another_name_is_not_trusted() {
    let root = Party::root("manufacturer");
    let server = Running::start(&root.server("masa"), Limits::default(), |_| async { plain(StatusCode::OK, "here") }).await;
    let refused = open(&server, "localhost", anchored_at(&root)).await.unwrap_err();
    assert!(matches!(refused, ClientError::Tls { .. }));
}

#[tokio::test]
async fn server_that_is_a_client_only_is_not_trusted() {
    let root = Party::root("manufacturer");
    let client = root.issue(Subject::common_name("a client"), |t| t.alternative_names(&["127.0.0.1".to_owned()]).usages(&["1.3.6.1.5.5.7.3.2"]));
    let server = Running::start(&client, Limits::default(), |_| async { plain(StatusCode::OK, "here") }).await;
    assert!(matches!(open(&server, "127.0.0.1", anchored_at(&root)).await, Err(ClientError::Tls { .. })));
}

#[tokio::test]
async fn answer_beyond_the_limit_is_not_read() {
    let large = |_| async { plain(StatusCode::OK, "x".repeat(65)) };
    let server = Running::start(&Party::root("domain").server("registrar"), Limits::default(), large).await;
    let limits = ClientLimits { response_octets: 64, ..ClientLimits::default() };
    let mut connection = HttpsConnection::open(&server.authority(), provisional(), limits).await.unwrap();
    let refused = connection.send(get()).await.unwrap_err();
    assert!(matches!(refused, ClientError::Body { source: crate::http::BodyError::TooLarge { limit: 64 }, .. }));
}

#[tokio::test]
async fn server_that_never_answers_is_given_up() {
    let server = Running::start(&Party::root("domain").server("registrar"), Limits::default(), |_| core::future::pending::<Response<Full<Bytes>>>()).await;
    let mut connection = open(&server, "127.0.0.1", provisional()).await.unwrap();
    tokio::time::pause();
    let given_up = connection.send(get()).await.unwrap_err();
    assert!(matches!(given_up, ClientError::TimedOut { after, .. } if after == ClientLimits::default().exchange));
    tokio::task::yield_now().await;
    assert!(!connection.is_open());
}

#[tokio::test]
async fn server_that_never_shakes_hands_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = silent.local_addr().unwrap().to_string();
    tokio::time::pause();
    let given_up = HttpsConnection::open(&authority, provisional(), ClientLimits::default()).await.unwrap_err();
    assert!(matches!(given_up, ClientError::TimedOut { after, .. } if after == Duration::from_secs(10)));
}

#[tokio::test]
async fn authority_with_user_or_without_port_number_is_refused() {
    for authority in ["", "user@host", "host:", "host:99999", "host:x", "ho st", "[::1"] {
        let refused = HttpsConnection::open(authority, provisional(), ClientLimits::default()).await.unwrap_err();
        assert!(matches!(refused, ClientError::Authority(_)), "{authority}: {refused:?}");
    }
}

#[test]
fn identity_with_another_key_is_refused() {
    let (one, other) = (Party::root("one"), Party::root("other"));
    assert!(matches!(TlsIdentity::new(&one.chain, &other.pkcs8), Err(TlsError::Mismatch { .. })));
    assert!(matches!(TlsIdentity::new(&[], &other.pkcs8), Err(TlsError::NoCertificate)));
    assert!(matches!(TlsIdentity::new(&one.chain, b"key"), Err(TlsError::Key(_))));
}
