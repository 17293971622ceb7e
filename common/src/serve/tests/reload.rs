//! What is exchanged while connections stand, and what a listener counts.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::metrics::with_local_recorder;
use http_body::Frame;

use super::super::metrics::{LISTENER_METRICS, recorder, render};
use super::*;

struct Served {
    policy: &'static str,
    tls: Arc<ServerConfig>,
}

impl Served {
    fn new(policy: &'static str, server: &Party) -> Self {
        Self { policy, tls: server_config(&server.tls()).unwrap() }
    }
}

#[tokio::test]
async fn exchange_reaches_the_next_request_and_the_next_connection_and_breaks_none() {
    let domain = Party::root("domain");
    let served = Reloadable::new(Served::new("old", &domain.server("first")));
    let (for_tls, for_requests) = (served.clone(), served.clone());
    let respond = move |_| {
        let policy = for_requests.current().policy;
        async move { plain(StatusCode::OK, policy) }
    };
    let tls = TlsSource::from_fn(move || Arc::clone(&for_tls.current().tls));
    let server = Running::start_with(tls, Limits::default(), respond).await;
    let open = async || HttpsConnection::open(&server.authority(), provisional(), ClientLimits::default()).await.unwrap();

    let mut standing = open().await;
    assert_eq!(standing.send(get()).await.unwrap().body(), "old");
    served.replace(Served::new("new", &domain.server("second")));
    assert_eq!(standing.send(get()).await.unwrap().body(), "new");
    assert_eq!(standing.server_certificates()[0].subject(), "CN=first");

    let mut fresh = open().await;
    assert_eq!(fresh.server_certificates()[0].subject(), "CN=second");
    assert_eq!(fresh.send(get()).await.unwrap().body(), "new");
}

/// An answer that is written while its request is read: what came in, in capitals.
struct Shouting(TimedBody);

impl http_body::Body for Shouting {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let shout = |frame: Frame<Bytes>| Frame::data(Bytes::from(frame.into_data().unwrap().to_ascii_uppercase()));
        Pin::new(&mut self.0).poll_frame(context).map(|next| next.map(|frame| Ok(shout(frame.unwrap()))))
    }
}

#[tokio::test]
async fn answer_may_be_written_while_its_request_is_read_for_longer_than_a_head_may_take() {
    let domain = Party::root("domain");
    let limits = Limits { body: core::time::Duration::from_secs(3600), ..Limits::default() };
    let server =
        Running::start(&domain.server("admin"), limits, |request: Request<TimedBody>| async move { Response::new(Shouting(request.into_body())) }).await;
    let mut stream = dial(server.address, provisional()).await;
    write(&mut stream, "POST / HTTP/1.1\r\nhost: admin\r\ntransfer-encoding: chunked\r\n\r\n").await;
    read_until(&mut stream, "\r\n\r\n").await;
    for word in ["first", "second", "third"] {
        // Only here: a paused clock jumps to the next deadline while octets are on their way.
        tokio::time::pause();
        tokio::time::advance(limits.header * 2).await;
        tokio::time::resume();
        write(&mut stream, &format!("{:x}\r\n{word}\r\n", word.len())).await;
        let shouted = word.to_ascii_uppercase();
        read_until(&mut stream, &format!("{shouted}\r\n")).await;
    }
    write(&mut stream, "0\r\n\r\n").await;
    read_until(&mut stream, "0\r\n\r\n").await;
}

async fn read_until(stream: &mut TlsStream<TcpStream>, end: &str) {
    let mut read = String::new();
    while !read.ends_with(end) {
        read.push(char::from(stream.read_u8().await.unwrap()));
    }
}

/// Metrics of what happens in one thread.
fn counted(scene: impl Future<Output = ()>) -> String {
    let recorder = recorder(&[LISTENER_METRICS]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    with_local_recorder(&recorder, || runtime.block_on(scene));
    render(&recorder.handle())
}

#[test]
fn connections_and_failed_handshakes_are_counted_by_listener() {
    let text = counted(async {
        let mut server = who().await;
        let mut standing = HttpsConnection::open(&server.authority(), provisional(), ClientLimits::default()).await.unwrap();
        standing.send(get()).await.unwrap();
        let mut stranger = TcpStream::connect(server.address).await.unwrap();
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        stranger.read_to_end(&mut Vec::new()).await.unwrap();
        // It is over once the listener has ended.
        drop(standing);
        server.stop();
        server.ended().await;
    });
    let line = |line: &str| assert!(text.lines().any(|found| found == line), "{line} in {text}");
    line("brski_tls_handshake_failures_total{listener=\"service\"} 1");
    line("brski_connections{listener=\"service\"} 0");
    line("# TYPE brski_connections gauge");
}
