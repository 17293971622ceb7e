//! What lasts longer than one question, against a server that shows how often it was dialled, under which name, and closes connections as a test wants.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::testing::NOW;

/// An answer to the request with this number, counted from 1, for this resource.
type Script = fn(usize, &str) -> String;

#[derive(Clone, Default)]
struct Seen {
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    names: Arc<Mutex<Vec<Option<String>>>>,
}

struct Lasting {
    url: MasaUrl,
    client: HttpMasaClient,
    manufacturer: Manufacturer,
    seen: Seen,
}

impl Lasting {
    /// A MASA dialled as `host` whose certificate is for `name`; it takes this many requests on a connection and closes it when the next has come.
    async fn start(host: &str, name: &str, most: usize, script: Script) -> Self {
        let (root, root_key) = self_signed("masa root");
        let masa_key = key();
        let template = template(Subject::common_name("masa"), &masa_key).alternative_names(&[name.to_owned()]);
        let certificate = template.issued_by(&root, &*root_key).await.unwrap();
        let tls = server_config(&TlsIdentity::with_signer(&[certificate], masa_key).unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = MasaUrl::new(&format!("{host}:{}", listener.local_addr().unwrap().port())).unwrap();
        let seen = Seen::default();
        let counted = seen.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                counted.connections.fetch_add(1, Ordering::SeqCst);
                let (tls, seen) = (rustls::ServerConnection::new(tls.clone()).unwrap(), counted.clone());
                std::thread::spawn(move || serve(rustls::StreamOwned::new(tls, socket.unwrap()), &seen, most, script));
            }
        });
        let (registrar, registrar_key) = self_signed("registrar");
        let client = HttpMasaClient::new(TlsIdentity::with_signer(&[registrar], registrar_key).unwrap()).with_schedule(at_once());
        let manufacturer = Manufacturer { masa_tls_anchors: Anchors::new([root]).unwrap(), ..World::new().manufacturer() };
        Self { url, client, manufacturer, seen }
    }

    async fn usual(most: usize, script: Script) -> Self {
        Self::start("127.0.0.1", "127.0.0.1", most, script).await
    }

    fn attempting(self, attempts: u32) -> Self {
        Self { client: self.client.with_schedule(Schedule { attempts, ..at_once() }), ..self }
    }

    async fn ask(&self) -> Result<MasaAnswer, MasaClientError> {
        self.ask_of(&self.manufacturer).await
    }

    async fn ask_of(&self, manufacturer: &Manufacturer) -> Result<MasaAnswer, MasaClientError> {
        let request = request(Format::Cms);
        self.client.request_voucher(Question { manufacturer, url: &self.url, request: &request, pledge_request: [1; 32], answer: Format::Cms }).await
    }

    fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }
}

fn serve(stream: rustls::StreamOwned<rustls::ServerConnection, TcpStream>, seen: &Seen, most: usize, script: Script) {
    let mut stream = BufReader::new(stream);
    for number_here in 1.. {
        let Some((resource, length)) = head(&mut stream) else { return };
        if number_here == 1 {
            seen.names.lock().unwrap().push(stream.get_ref().conn.server_name().map(str::to_owned));
        }
        stream.read_exact(&mut vec![0; length]).unwrap();
        if number_here > most {
            return;
        }
        let number = seen.requests.fetch_add(1, Ordering::SeqCst) + 1;
        stream.get_mut().write_all(script(number, &resource).as_bytes()).unwrap();
        stream.get_mut().flush().unwrap();
    }
}

/// The resource that a request is for, and the length of its body.
fn head(stream: &mut impl std::io::BufRead) -> Option<(String, usize)> {
    let lines: Vec<String> = std::io::BufRead::lines(stream).map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let resource = lines.first()?.split(' ').nth(1)?.rsplit('/').next()?.to_owned();
    let length = lines.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|length| length.trim().parse().unwrap()));
    Some((resource, length.unwrap_or(0)))
}

fn http(status: &str, head: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{head}content-length: {}\r\n\r\n{body}", body.len())
}

fn willing(_: usize, resource: &str) -> String {
    match resource {
        "requestvoucher" => http("200 OK", &format!("content-type: {VOUCHER}\r\n"), "a voucher"),
        _ => http("404 Not Found", "", "none"),
    }
}

fn down(_: usize, _: &str) -> String {
    http("503 Service Unavailable", "", "busy")
}

#[tokio::test]
async fn hundred_questions_take_one_handshake() {
    let masa = Lasting::usual(usize::MAX, willing).await;
    for _ in 0..100 {
        masa.ask().await.unwrap();
    }
    assert_eq!((masa.connections(), masa.requests()), (1, 300));
}

#[tokio::test]
async fn connection_made_under_other_anchors_is_not_used() {
    let masa = Lasting::usual(usize::MAX, willing).await;
    masa.ask().await.unwrap();
    let other = Manufacturer { masa_tls_anchors: Anchors::new([self_signed("masa root").0]).unwrap(), ..masa.manufacturer.clone() };
    assert!(matches!(masa.ask_of(&other).await, Err(MasaClientError::Untrusted { .. })));
    assert_eq!((masa.connections(), masa.requests()), (2, 3));
}

#[tokio::test]
async fn connection_that_the_server_closed_in_the_meantime_is_replaced_and_counts_as_no_failure() {
    let masa = Lasting::usual(4, willing).await.attempting(1);
    masa.ask().await.unwrap();
    assert!(matches!(masa.ask().await, Ok(MasaAnswer::Vouched { .. })));
    assert_eq!((masa.connections(), masa.requests()), (2, 6));
}

#[tokio::test]
async fn server_that_closes_new_connections_is_not_asked_again() {
    let masa = Lasting::usual(0, willing).await;
    assert!(matches!(masa.ask().await, Err(MasaClientError::Unreachable { .. })));
    assert_eq!(masa.connections(), 1);
}

#[tokio::test]
async fn masa_that_is_down_for_a_moment_is_asked_again() {
    let masa = Lasting::usual(usize::MAX, |number, resource| if number <= 2 { down(number, resource) } else { willing(number, resource) }).await;
    assert!(matches!(masa.ask().await, Ok(MasaAnswer::Vouched { .. })));
    assert_eq!(masa.requests(), 5);
}

#[test]
fn connections_and_retries_are_counted() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let numbers = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let masa = Lasting::usual(usize::MAX, |number, resource| if number <= 2 { down(number, resource) } else { willing(number, resource) }).await;
            masa.ask().await.unwrap();
        });
    });
    let text = numbers.render();
    for line in ["brski_masa_connections_total 1", "brski_masa_retries_total 2"] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

#[tokio::test]
async fn client_of_a_new_configuration_uses_open_connections_and_leaves_alone_who_did_not_answer_the_old_one() {
    let (lines, masa) = (Lines::default(), Lasting::usual(usize::MAX, willing).await);
    let masa = Lasting { client: masa.client.clone().over(lines.clone()), ..masa };
    masa.ask().await.unwrap();
    let masa = Lasting { client: masa.client.clone().over(lines.clone()), ..masa };
    masa.ask().await.unwrap();
    assert_eq!(masa.connections(), 1);

    let broken = Lasting::usual(usize::MAX, down).await.attempting(1);
    let broken = Lasting { client: broken.client.clone().over(lines.clone()), ..broken };
    for _ in 0..5 {
        broken.ask().await.unwrap_err();
    }
    let broken = Lasting { client: broken.client.clone().over(lines), ..broken };
    broken.ask().await.unwrap_err();
    assert_eq!(broken.requests(), 5);
}

#[tokio::test]
async fn connection_is_not_used_once_we_are_somebody_else() {
    let masa = Lasting::usual(usize::MAX, willing).await;
    let lines = Lines::default();
    let masa = Lasting { client: masa.client.clone().over(lines.clone()), ..masa };
    masa.ask().await.unwrap();
    let (registrar, key) = self_signed("registrar");
    let client = HttpMasaClient::new(TlsIdentity::with_signer(&[registrar], key).unwrap()).with_schedule(at_once()).over(lines);
    let masa = Lasting { client, ..masa };
    masa.ask().await.unwrap();
    assert_eq!(masa.connections(), 2);
}

#[tokio::test]
async fn masa_that_stays_down_is_asked_three_times() {
    let masa = Lasting::usual(usize::MAX, down).await;
    assert!(matches!(masa.ask().await, Err(MasaClientError::Unreachable { .. })));
    assert_eq!(masa.requests(), 3);
}

#[tokio::test]
async fn masa_that_wants_to_be_asked_in_an_hour_is_not_asked_before() {
    let masa = Lasting::usual(usize::MAX, |_, _| http("503 Service Unavailable", "retry-after: 3600\r\n", "busy")).await;
    assert!(matches!(masa.ask().await, Err(MasaClientError::Unreachable { .. })));
    assert_eq!(masa.requests(), 1);
}

#[tokio::test]
async fn masa_that_fails_in_itself_is_not_asked_again() {
    let masa = Lasting::usual(usize::MAX, |_, _| http("500 Internal Server Error", "", "internal error")).await;
    assert!(matches!(masa.ask().await, Err(MasaClientError::BadAnswer { .. })));
    assert_eq!(masa.requests(), 1);
}

#[tokio::test]
async fn masa_is_told_which_name_it_was_dialled_by() {
    let masa = Lasting::start("localhost", "localhost", usize::MAX, willing).await;
    masa.ask().await.unwrap();
    assert_eq!(*masa.seen.names.lock().unwrap(), [Some("localhost".to_owned())]);
}

#[tokio::test]
async fn server_with_another_name_learns_nothing_and_is_dialled_once() {
    let masa = Lasting::start("127.0.0.1", "masa.example.com", usize::MAX, willing).await;
    assert!(matches!(masa.ask().await, Err(MasaClientError::Untrusted { .. })));
    assert_eq!((masa.connections(), masa.requests()), (1, 0));
}

#[tokio::test]
async fn masa_that_failed_five_times_is_left_alone_until_its_rest_is_over() {
    let hand = Arc::new(AtomicUsize::new(0));
    let clock = hand.clone();
    let masa = Lasting::usual(usize::MAX, |number, resource| if number <= 5 { down(number, resource) } else { willing(number, resource) }).await.attempting(1);
    let masa = Lasting { client: masa.client.clone().with_clock(Clock::from_fn(move || at(NOW + clock.load(Ordering::SeqCst) as u64))), ..masa };
    for _ in 0..5 {
        masa.ask().await.unwrap_err();
    }
    let Err(MasaClientError::Unreachable { source, .. }) = masa.ask().await else { panic!("it is left alone") };
    let expected = "it has not answered since 2026-09-21T14:13:20Z, and is not asked again before 2026-09-21T14:13:30Z";
    assert_eq!((source.to_string().as_str(), masa.requests()), (expected, 5));

    hand.store(10, Ordering::SeqCst);
    assert!(matches!(masa.ask().await, Ok(MasaAnswer::Vouched { .. })));
}
