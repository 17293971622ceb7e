//! Against a MASA on loopback that answers as each test wants.

mod lasting;

use std::sync::Mutex;

use brski_common::http::{empty, media_type, plain, read_body, typed};
use brski_common::issuing::{Subject, Template, never};
use brski_common::serve::{Limits, Server, server_config};
use brski_common::time::at;
use brski_common::{Anchors, AuditLog, Certificate, Format, Leniencies, Leniency, PeerCertificates, SoftwareKey};
use bytes::Bytes;
use http::header::{ACCEPT, LOCATION};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;

use super::*;
use brski_common::text::in_full;

use crate::testing::{World, block_on, key};

const JSON: &str = "application/json";
const VOUCHER: &str = "application/voucher-cms+json";
const STATEMENT: &str = "application/eat+cwt";

type Answer = fn(&str) -> Response<Full<Bytes>>;

/// What a MASA was asked: path, media type, Accept, sender and body.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    path: String,
    media_type: Option<String>,
    accept: String,
    sender: String,
    body: Bytes,
}

/// A MASA's answer to one request, and what it was asked.
async fn ask(answer: Answer) -> (Result<MasaAnswer, MasaClientError>, Vec<Asked>) {
    ask_as(answer, |root| Anchors::new([root.clone()]).unwrap()).await
}

async fn ask_as(answer: Answer, trusted: fn(&Certificate) -> Anchors) -> (Result<MasaAnswer, MasaClientError>, Vec<Asked>) {
    exchange(answer, trusted, Format::Cms, Format::Cms, Leniencies::default()).await
}

/// A MASA's answer to a request in the format `sent` for a voucher in the format `wanted`.
async fn ask_in(answer: Answer, sent: Format, wanted: Format, lenient: Leniencies) -> (Result<MasaAnswer, MasaClientError>, Vec<Asked>) {
    exchange(answer, |root| Anchors::new([root.clone()]).unwrap(), sent, wanted, lenient).await
}

async fn exchange(
    answer: Answer,
    trusted: fn(&Certificate) -> Anchors,
    sent: Format,
    wanted: Format,
    lenient: Leniencies,
) -> (Result<MasaAnswer, MasaClientError>, Vec<Asked>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let respond = {
        let asked = asked.clone();
        move |request: Request<_>| {
            let asked = asked.clone();
            async move {
                let sender = request.extensions().get::<PeerCertificates>().unwrap().own().unwrap().subject().to_owned();
                let (path, media_type) = (request.uri().path().to_owned(), media_type(request.headers()));
                let accept = request.headers()[ACCEPT].to_str().unwrap().to_owned();
                let body = read_body(request.into_body(), 65_536).await.unwrap();
                let response = answer(path.rsplit('/').next().unwrap());
                asked.lock().unwrap().push(Asked { path, media_type, accept, sender, body });
                response
            }
        }
    };
    let (root, root_key) = self_signed("masa root");
    let masa_key = key();
    let template = template(Subject::common_name("masa"), &masa_key).alternative_names(&["127.0.0.1".to_owned()]);
    let masa = template.issued_by(&root, &*root_key).await.unwrap();
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let url = MasaUrl::new(&server.local_addr().unwrap().to_string()).unwrap();
    let tls = server_config(&TlsIdentity::with_signer(&[masa], masa_key).unwrap()).unwrap();
    tokio::spawn(server.serve(tls, Limits::default(), respond, core::future::pending()));

    let (registrar, registrar_key) = self_signed("registrar");
    let client = HttpMasaClient::new(TlsIdentity::with_signer(&[registrar], registrar_key).unwrap()).with_schedule(at_once());
    let manufacturer = Manufacturer { masa_tls_anchors: trusted(&root), lenient, ..World::new().manufacturer() };
    let answered =
        client.request_voucher(Question { manufacturer: &manufacturer, url: &url, request: &request(sent), pledge_request: [1; 32], answer: wanted }).await;
    let asked = asked.lock().unwrap().clone();
    (answered, asked)
}

/// As usual, without the waiting.
fn at_once() -> Schedule {
    Schedule { first_wait: Duration::from_millis(1), ..Schedule::default() }
}

fn request(format: Format) -> Signed<VoucherRequest> {
    Signed::from_wire(format, *b"a voucher-request")
}

/// TLS asks the machine's own clock, so that these are always valid.
fn template(subject: Subject, key: &SoftwareKey) -> Template {
    use brski_common::Signer as _;
    Template::new(subject, key.public_key(), [1; 16], at(0), never())
}

fn self_signed(name: &str) -> (Certificate, Arc<SoftwareKey>) {
    let key = key();
    (block_on(template(Subject::common_name(name), &key).ca(None).self_signed(&*key)).unwrap(), key)
}

/// A MASA that has everything.
fn generous(resource: &str) -> Response<Full<Bytes>> {
    match resource {
        "requestvoucher" => typed(StatusCode::OK, VOUCHER, "a voucher"),
        "requestauditlog" => typed(StatusCode::OK, JSON, AuditLog::default().to_json()),
        _ => typed(StatusCode::OK, STATEMENT, "a statement"),
    }
}

#[tokio::test]
async fn voucher_log_and_statement_are_gathered_octet_for_octet() {
    let (answer, _) = ask(generous).await;
    let expected = MasaAnswer::Vouched {
        voucher: Signed::from_wire(Format::Cms, *b"a voucher"),
        statement: Some(Signed::from_wire(Format::Cose, *b"a statement")),
        audit_log: Some(AuditLog::default()),
    };
    assert_eq!(answer.unwrap(), expected);
}

#[tokio::test]
async fn each_resource_is_sent_the_same_request_by_the_registrar() {
    let (_, asked) = ask(generous).await;
    let expected = [("requestvoucher", VOUCHER), ("requestauditlog", JSON), ("requestkeyprovenance", STATEMENT)].map(|(resource, accept)| Asked {
        path: format!("/.well-known/brski/{resource}"),
        media_type: Some(VOUCHER.to_owned()),
        accept: accept.to_owned(),
        sender: "CN=registrar".to_owned(),
        body: Bytes::from(request(Format::Cms).wire().to_vec()),
    });
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn masa_without_log_and_statement_gives_the_voucher_alone() {
    let without: [Answer; 4] = [
        |resource| if resource == "requestvoucher" { generous(resource) } else { empty(StatusCode::NO_CONTENT) },
        |resource| if resource == "requestvoucher" { generous(resource) } else { plain(StatusCode::NOT_FOUND, "what?") },
        |resource| if resource == "requestvoucher" { generous(resource) } else { plain(StatusCode::NOT_IMPLEMENTED, "what?") },
        |resource| if resource == "requestvoucher" { generous(resource) } else { plain(StatusCode::FORBIDDEN, "not for you") },
    ];
    for answer in without {
        assert!(matches!(ask(answer).await.0.unwrap(), MasaAnswer::Vouched { statement: None, audit_log: None, .. }));
    }
}

#[tokio::test]
async fn log_that_lies_elsewhere_on_the_masa_is_fetched() {
    let (answer, asked) = ask(|resource| match resource {
        "requestauditlog" => created("/logs/unguessable?x=1"),
        "unguessable" => typed(StatusCode::OK, JSON, AuditLog::default().to_json()),
        other => generous(other),
    })
    .await;
    assert!(matches!(answer.unwrap(), MasaAnswer::Vouched { audit_log: Some(_), .. }));
    assert_eq!(asked[2].path, "/logs/unguessable");
    assert!(asked[2].body.is_empty());
}

#[tokio::test]
async fn log_on_another_server_is_not_fetched() {
    let (answer, _) = ask(|resource| if resource == "requestauditlog" { created("https://example.com/log") } else { generous(resource) }).await;
    assert!(matches!(answer, Err(MasaClientError::BadAnswer { .. })));
}

fn created(location: &'static str) -> Response<Full<Bytes>> {
    let mut created = empty(StatusCode::CREATED);
    created.headers_mut().insert(LOCATION, HeaderValue::from_static(location));
    created
}

#[tokio::test]
async fn later_is_as_long_as_the_masa_says() {
    let (answer, asked) = ask(|_| {
        let mut later = empty(StatusCode::ACCEPTED);
        later.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("7"));
        later
    })
    .await;
    assert_eq!(answer.unwrap(), MasaAnswer::Later(Duration::from_secs(7)));
    assert_eq!(asked.len(), 1);
}

/// Asked too often: come again when it is worth no waiting now.
fn too_often() -> Response<Full<Bytes>> {
    let mut answer = plain(StatusCode::TOO_MANY_REQUESTS, "too often");
    answer.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("33"));
    answer
}

#[tokio::test]
async fn masa_that_is_asked_too_often_has_not_refused_the_device() {
    let (answer, asked) = ask(|_| too_often()).await;
    assert_eq!(answer.unwrap(), MasaAnswer::Later(Duration::from_secs(33)));
    assert_eq!(asked.len(), 1);
}

#[tokio::test]
async fn audit_log_that_is_asked_for_too_often_is_worth_another_try() {
    let (answer, _) = ask(|resource| match resource {
        "requestvoucher" => typed(StatusCode::OK, VOUCHER, "voucher"),
        _ => too_often(),
    })
    .await;
    assert!(answer.unwrap_err().is_passing());
}

#[tokio::test]
async fn refusal_carries_status_and_sentence_in_one_line() {
    let (answer, _) = ask(|_| plain(StatusCode::NOT_FOUND, "no such\r\ndevice\n")).await;
    assert_eq!(answer.unwrap(), MasaAnswer::Refused { status: 404, sentence: "no such device".to_owned() });
}

#[tokio::test]
async fn trouble_at_the_masa_is_an_unusable_answer() {
    let (answer, _) = ask(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "internal error")).await;
    assert!(matches!(answer, Err(MasaClientError::BadAnswer { .. })));
}

#[tokio::test]
async fn voucher_of_another_type_is_an_unusable_answer() {
    let others: [Answer; 2] = [|_| plain(StatusCode::OK, "a voucher"), |_| typed(StatusCode::OK, "application/voucher-jws+json", "a voucher")];
    for answer in others {
        assert!(matches!(ask(answer).await.0, Err(MasaClientError::BadAnswer { .. })));
    }
}

#[tokio::test]
async fn masa_is_asked_for_exactly_the_wanted_format_and_takes_the_request_in_its_own() {
    let (answer, asked) = ask_in(|_| typed(StatusCode::OK, "application/voucher+cose", "x"), Format::Jws, Format::Cose, Leniencies::default()).await;
    assert!(matches!(answer, Err(MasaClientError::BadAnswer { .. })), "its audit log is no audit log");
    assert_eq!((asked[0].media_type.as_deref(), asked[0].accept.as_str()), (Some("application/voucher-jws+json"), "application/voucher+cose"));
}

#[tokio::test]
async fn voucher_in_each_format_is_taken_under_its_type() {
    let answers: [(Format, Answer); 3] = [
        (Format::Cms, generous),
        (Format::Jws, |resource| if resource == "requestvoucher" { typed(StatusCode::OK, "application/voucher-jws+json", "v") } else { generous(resource) }),
        (Format::Cose, |resource| if resource == "requestvoucher" { typed(StatusCode::OK, "application/voucher+cose", "v") } else { generous(resource) }),
    ];
    for (format, answer) in answers {
        let (answer, _) = ask_in(answer, format, format, Leniencies::default()).await;
        assert!(matches!(answer.unwrap(), MasaAnswer::Vouched { voucher, .. } if voucher.format() == format));
    }
}

fn of_old(resource: &str) -> Response<Full<Bytes>> {
    if resource == "requestvoucher" { typed(StatusCode::OK, OLDER_COSE_TYPE, "a voucher") } else { generous(resource) }
}

#[tokio::test]
async fn masa_of_old_is_spoken_to_under_the_older_cose_type_throughout() {
    let lenient = Leniencies::with([Leniency::VoucherCoseCbor]);
    let (answer, asked) = ask_in(of_old, Format::Cose, Format::Cose, lenient).await;
    assert!(matches!(answer.unwrap(), MasaAnswer::Vouched { voucher, .. } if voucher.format() == Format::Cose));
    assert!(asked.iter().all(|asked| asked.media_type.as_deref() == Some(OLDER_COSE_TYPE)));
    assert_eq!(asked[0].accept, "application/voucher+cose, application/voucher-cose+cbor");
}

#[tokio::test]
async fn masa_of_old_may_answer_under_the_new_type() {
    let lenient = Leniencies::with([Leniency::VoucherCoseCbor]);
    let answer: Answer = |resource| if resource == "requestvoucher" { typed(StatusCode::OK, "application/voucher+cose", "v") } else { generous(resource) };
    assert!(matches!(ask_in(answer, Format::Cose, Format::Cose, lenient).await.0.unwrap(), MasaAnswer::Vouched { .. }));
}

#[tokio::test]
async fn older_cose_type_is_an_unusable_answer_without_the_leniency() {
    let (answer, asked) = ask_in(of_old, Format::Cose, Format::Cose, Leniencies::default()).await;
    assert!(matches!(answer, Err(MasaClientError::BadAnswer { .. })));
    assert_eq!(asked[0].media_type.as_deref(), Some("application/voucher+cose"));
}

#[tokio::test]
async fn failing_log_is_an_error_and_not_an_absence() {
    let (answer, _) = ask(|resource| match resource {
        "requestauditlog" => plain(StatusCode::SERVICE_UNAVAILABLE, "busy"),
        other => generous(other),
    })
    .await;
    assert!(matches!(answer, Err(MasaClientError::Unreachable { .. })));
}

#[tokio::test]
async fn log_that_cannot_be_read_leads_on_to_what_is_wrong_with_it() {
    let (answer, _) = ask(|resource| if resource == "requestauditlog" { typed(StatusCode::OK, JSON, "{") } else { generous(resource) }).await;
    let Err(MasaClientError::BadAnswer { source: Some(source), .. }) = answer else { panic!("{answer:?}") };
    assert!(source.is::<brski_common::DecodeError>());
}

#[tokio::test]
async fn endless_answer_is_cut_off() {
    let (answer, _) = ask(|_| typed(StatusCode::OK, VOUCHER, vec![0; 8 << 20])).await;
    assert!(matches!(answer, Err(MasaClientError::BadAnswer { .. })));
}

#[tokio::test]
async fn masa_under_no_configured_anchor_learns_nothing_and_the_manufacturer_is_named() {
    let none = ask_as(generous, |_| Anchors::default()).await;
    let another = ask_as(generous, |_| Anchors::new([self_signed("other").0]).unwrap()).await;
    let said = ["no TLS anchor of the MASA of 'Maker' is accepted", "does not hold under the anchors of the MASA of 'Maker'"];
    for ((answer, asked), said) in [none, another].into_iter().zip(said) {
        let Err(err @ MasaClientError::Untrusted { .. }) = answer else { panic!("{answer:?}") };
        assert!(in_full(&err).contains(said), "{}", in_full(&err));
        assert_eq!(asked, []);
    }
}

#[tokio::test]
async fn masa_that_closes_after_each_answer_is_dialled_again() {
    let (answer, asked) = ask(|resource| {
        let mut response = generous(resource);
        response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
        response
    })
    .await;
    assert!(matches!(answer.unwrap(), MasaAnswer::Vouched { statement: Some(_), audit_log: Some(_), .. }));
    assert_eq!(asked.len(), 3);
}

const OLDER_COSE_TYPE: &str = "application/voucher-cose+cbor";
