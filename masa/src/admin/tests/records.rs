//! `POST /records`.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::Frame;

use super::*;

impl Scene {
    fn report(&self, name: &str) -> String {
        let report = self.maker.report(&self.maker.pledge(name), Some(origin()));
        String::from_utf8(report.wire().to_vec()).unwrap() + "\n"
    }

    fn records(&self, query: &str, media_type: &str, body: impl Into<Bytes>) -> Reply {
        let request = Request::post(format!("/records{query}")).header(AUTHORIZATION, format!("Bearer {}", self.token(Role::Station)));
        self.send(request.header(CONTENT_TYPE, media_type).body(Full::from(body.into())).unwrap())
    }
}

impl Reply {
    /// Its rows, which are as many as its last line says.
    fn rows(&self) -> Vec<Value> {
        let (rows, sums) = self.rows_and_sums();
        assert_eq!((&sums["rows"], sums.get("stopped")), (&json!(rows.len()), None));
        rows
    }

    fn rows_and_sums(&self) -> (Vec<Value>, Value) {
        let text = String::from_utf8(self.body.to_vec()).unwrap();
        let mut rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let sums = rows.pop().unwrap();
        (rows, sums)
    }
}

const LINES: &str = "application/x-ndjson";

#[test]
fn each_row_has_an_outcome_in_order_and_one_that_is_wrong_stops_none() {
    let scene = Scene::new();
    let body = scene.report("A") + "{}\n" + &scene.report("B");
    let reply = scene.records("", LINES, body);
    assert_eq!((reply.status, &reply.headers[CONTENT_TYPE]), (StatusCode::OK, &HeaderValue::from_static(LINES)));
    assert_eq!(reply.rows_and_sums().1, json!({ "rows": 3, "recorded": 2, "repeated": 0, "failed": 1 }));
    let rows = reply.rows();
    let told: Vec<_> = rows.iter().map(|row| (row["line"].as_u64().unwrap(), row["device"]["serial"].as_str(), row["error"].is_string())).collect();
    assert_eq!(told, [(1, Some("A"), false), (2, None, true), (3, Some("B"), false)]);
    assert_eq!(scene.get(Role::Auditor, "/devices/B").status, StatusCode::OK);
}

#[test]
fn same_report_again_is_told_as_repeated() {
    let scene = Scene::new();
    let body = scene.report("A");
    assert_eq!(scene.records("", LINES, body.clone()).rows()[0]["repeated"], false);
    assert_eq!(scene.records("", LINES, body).rows()[0]["repeated"], true);
}

#[test]
fn statement_comes_back_where_it_is_asked_for() {
    let scene = Scene::new();
    assert!(scene.records("?statements=true", LINES, scene.report("A")).rows()[0]["statement"].is_string());
    assert!(scene.records("", LINES, scene.report("B")).rows()[0].get("statement").is_none());
}

#[test]
fn trial_writes_nothing() {
    let scene = Scene::new();
    assert_eq!(scene.records("?dry-run=true", LINES, scene.report("A")).rows().len(), 1);
    assert_eq!(scene.get(Role::Auditor, "/devices/A").status, StatusCode::NOT_FOUND);
}

#[test]
fn other_media_type_is_refused() {
    let scene = Scene::new();
    for other in ["application/xml", "text/csv", "application/json"] {
        let reply = scene.records("", other, "idevid\n");
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert!(reply.error().contains("sign rows with `brski-masa report --rows`"), "{}", reply.error());
    }
}

#[test]
fn trial_with_statements_is_refused() {
    let scene = Scene::new();
    let reply = scene.records("?dry-run=true&statements=true", LINES, scene.report("A"));
    assert_eq!(
        (reply.status, reply.error().as_str()),
        (StatusCode::BAD_REQUEST, "dry-run and statements in the query exclude each other: a trial signs nothing")
    );
}

#[test]
fn operator_may_supersede_a_record_and_a_station_may_not() {
    let scene = Scene::new();
    let pledge = scene.maker.pledge("A");
    scene.records("", LINES, scene.maker.report(&pledge, Some(origin())).wire().to_vec());
    let batch = brski_common::provenance::Text::new("b8").unwrap();
    let corrected = scene.maker.report(&pledge, Some(brski_common::KeyOrigin { batch: Some(batch), ..origin() })).wire().to_vec();
    let send = |role: Role, query: &str| {
        let request = Request::post(format!("/records{query}")).header(AUTHORIZATION, format!("Bearer {}", scene.token(role)));
        scene.send(request.header(CONTENT_TYPE, LINES).body(Full::from(corrected.clone())).unwrap())
    };
    assert!(send(Role::Operator, "").rows()[0]["error"].is_string());
    assert_eq!(send(Role::Station, "?supersede=wrong%20batch").status, StatusCode::FORBIDDEN);
    assert_eq!(send(Role::Operator, "?supersede=wrong%20batch").rows()[0]["repeated"], false);
    let proved = scene.get(Role::Operator, "/log/prove/A").json();
    assert_eq!((&proved["supersedes"][0]["reason"], &proved["supersedes"][0]["by"]), (&json!("wrong batch"), &json!("operator")));
}

#[test]
fn ledger_that_does_not_answer_is_503_with_nothing_acknowledged() {
    let scene = Scene::new();
    let masa = crate::masa::Masa::new(scene.maker.parts(Arc::new(Dead)));
    let access = Access::new(scene.tokens.iter().map(|(role, token)| credential(*role, token)).collect(), Throttle::default()).unwrap();
    let scene = Scene { service: AdminService::new(Arc::new(masa), access, String::new), ..scene };
    let reply = scene.records("", LINES, scene.report("A"));
    assert_eq!((reply.status, reply.error()), (StatusCode::SERVICE_UNAVAILABLE, "row 1 was not recorded: too many requests wait for the ledger".to_owned()));
    assert!(reply.headers.contains_key(RETRY_AFTER));
}

fn credential(role: Role, token: &Token) -> Credential {
    Credential { name: role.name().to_owned(), role, proof: Proof::Token(token.digest()), not_after: None }
}

/// Two rows, of which the second is sent only once somebody has read the outcome of the first; then it breaks off or ends.
struct Conversation {
    rows: Vec<String>,
    heard: Arc<std::sync::Mutex<usize>>,
    said: usize,
    breaks_off: bool,
}

impl Body for Conversation {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if *self.heard.lock().unwrap() < self.said {
            // Asked again whenever anything moves.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.rows.get(self.said).cloned() {
            Some(row) => {
                self.said += 1;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(row)))))
            }
            None if self.breaks_off => Poll::Ready(Some(Err(std::io::Error::other("gone")))),
            None => Poll::Ready(None),
        }
    }
}

/// What is heard, if this happens once the first row was heard of.
fn talk(scene: &Scene, breaks_off: bool, happens: impl Fn(&Scene)) -> Vec<Value> {
    let heard = Arc::new(std::sync::Mutex::new(0));
    let body = Conversation { rows: vec![scene.report("A"), scene.report("B")], heard: Arc::clone(&heard), said: 0, breaks_off };
    let request = Request::post("/records").header(AUTHORIZATION, format!("Bearer {}", scene.token(Role::Station))).header(CONTENT_TYPE, LINES);
    block_on(async {
        let mut outcomes = scene.service.respond(request.body(body).unwrap()).await.into_body();
        let mut rows = Vec::new();
        while let Some(frame) = outcomes.frame().await {
            rows.push(serde_json::from_slice(&frame.unwrap().into_data().unwrap()).unwrap());
            if rows.len() == 1 {
                happens(scene);
            }
            *heard.lock().unwrap() += 1;
        }
        rows
    })
}

#[test]
fn outcome_is_told_before_the_next_row_is_sent() {
    let rows = talk(&Scene::new(), false, |_| ());
    let serials: Vec<_> = rows.iter().map(|row| row["device"]["serial"].as_str()).collect();
    assert_eq!(serials, [Some("A"), Some("B"), None]);
    assert_eq!(rows[2]["rows"], 2);
}

#[test]
fn body_that_breaks_off_is_not_taken_for_its_end() {
    let rows = talk(&Scene::new(), true, |_| ());
    assert_eq!(rows.len(), 4);
    assert!(rows[2]["error"].as_str().unwrap().contains("gone"), "{rows:?}");
}

/// Configures the service anew.
fn configure(scene: &Scene, stations: Vec<crate::Station>, tokens: &[(Role, Token)]) {
    let parts = crate::MasaParts { stations, ..scene.maker.parts(scene.ledger.clone()) };
    let access = Access::new(tokens.iter().map(|(role, token)| credential(*role, token)).collect(), Throttle::default()).unwrap();
    scene.service.replace(Arc::new(crate::Masa::new(parts)), access);
}

#[test]
fn token_that_is_deleted_ends_the_import_that_began_with_it() {
    let rows = talk(&Scene::new(), false, |scene| configure(scene, scene.maker.stations(), &[]));
    assert_eq!((rows.len(), rows[0]["device"]["serial"].as_str()), (3, Some("A")));
    assert_eq!(rows[1]["error"], "the credential station does not count any more: the token is not known here");
    assert!(rows[2]["stopped"].as_str().unwrap().starts_with("body, line 2: the credential station"), "{rows:?}");
}

#[test]
fn station_that_is_withdrawn_counts_no_longer_in_an_import_that_began_before() {
    let withdrawal = crate::manufacture::Withdrawal { since: crate::testing::NOW, reason: None };
    let rows = talk(&Scene::new(), false, |scene| {
        let station = crate::Station { withdrawn: Some(withdrawal.clone()), ..scene.maker.stations().remove(0) };
        configure(scene, vec![station], &scene.tokens);
    });
    assert_eq!(rows[0]["device"]["serial"], "A");
    assert!(rows[1]["error"].as_str().unwrap().contains("which was withdrawn on"), "{rows:?}");
}

#[test]
fn import_goes_on_under_a_new_configuration_that_allows_it() {
    let rows = talk(&Scene::new(), false, |scene| configure(scene, scene.maker.stations(), &scene.tokens));
    assert_eq!((&rows[1]["device"]["serial"], &rows[2]["recorded"]), (&json!("B"), &json!(2)));
}

/// A body of which nothing comes.
struct Silence;

impl Body for Silence {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Pending
    }
}

#[test]
fn credential_with_as_many_imports_as_it_may_have_is_refused_more_and_gets_them_once_these_have_ended() {
    let scene = Scene::new();
    let begin = || {
        let request = Request::post("/records").header(AUTHORIZATION, format!("Bearer {}", scene.token(Role::Station))).header(CONTENT_TYPE, LINES);
        let mut import = Box::pin(scene.service.respond(request.body(Silence).unwrap()));
        let begun = import.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_pending();
        begun.then_some(import)
    };
    for _ in 0..3 {
        let mut open = Vec::new();
        // Threads of those that were broken off before take a moment to end.
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while open.len() < 2 {
            assert!(std::time::Instant::now() < patience, "no import ended");
            open.extend(begin());
            std::thread::yield_now();
        }
        for _ in 0..3 {
            let refused = scene.records("", LINES, scene.report("A"));
            assert_eq!((refused.status, refused.headers.contains_key(RETRY_AFTER)), (StatusCode::SERVICE_UNAVAILABLE, true));
        }
        let other = scene.ask(Role::Operator, Method::POST, "/records", &Value::Null);
        assert_eq!(other.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}

/// A ledger with too much to do.
struct Dead;

impl crate::Ledger for Dead {
    fn append(&self, _: Vec<crate::Entry>) -> brski_common::BoxFuture<'_, Result<core::ops::Range<u64>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn history<'a>(&'a self, _: &'a brski_common::DeviceId) -> brski_common::BoxFuture<'a, Result<Option<crate::History>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn devices<'a>(&'a self, _: &'a brski_common::SerialNumber) -> brski_common::BoxFuture<'a, Result<Vec<brski_common::DeviceId>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn entries(&self, _: u64, _: usize) -> brski_common::BoxFuture<'_, Result<Vec<(u64, crate::Entry)>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn head(&self) -> brski_common::BoxFuture<'_, Result<crate::TreeHead, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn inclusion(&self, _: u64, _: u64) -> brski_common::BoxFuture<'_, Result<Vec<brski_common::log::Hash>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }

    fn consistency(&self, _: u64, _: u64) -> brski_common::BoxFuture<'_, Result<Vec<brski_common::log::Hash>, crate::LedgerError>> {
        Box::pin(async { Err(crate::LedgerError::Busy) })
    }
}
