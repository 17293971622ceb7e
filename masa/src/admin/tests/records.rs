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
    fn rows(&self) -> Vec<Value> {
        let text = String::from_utf8(self.body.to_vec()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

const LINES: &str = "application/x-ndjson";

#[test]
fn each_row_has_an_outcome_in_order_and_one_that_is_wrong_stops_none() {
    let scene = Scene::new();
    let body = scene.report("A") + "{}\n" + &scene.report("B");
    let reply = scene.records("", LINES, body);
    assert_eq!((reply.status, &reply.headers[CONTENT_TYPE]), (StatusCode::OK, &HeaderValue::from_static(LINES)));
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
    let reply = Scene::new().records("", "application/xml", "<report/>");
    assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[test]
fn ledger_that_does_not_answer_is_503_with_nothing_acknowledged() {
    let scene = Scene::new();
    let masa = crate::masa::Masa::new(scene.maker.parts(Arc::new(Dead)));
    let access = Access::new(scene.tokens.iter().map(|(role, token)| credential(*role, token)).collect(), Throttle::default()).unwrap();
    let scene = Scene { service: AdminService::new(Arc::new(masa), access, String::new), ..scene };
    let reply = scene.records("", LINES, scene.report("A"));
    assert_eq!((reply.status, reply.error()), (StatusCode::SERVICE_UNAVAILABLE, "nothing was recorded: too many requests wait for the ledger".to_owned()));
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

fn talk(scene: &Scene, breaks_off: bool) -> Vec<Value> {
    let heard = Arc::new(std::sync::Mutex::new(0));
    let body = Conversation { rows: vec![scene.report("A"), scene.report("B")], heard: Arc::clone(&heard), said: 0, breaks_off };
    let request = Request::post("/records").header(AUTHORIZATION, format!("Bearer {}", scene.token(Role::Station))).header(CONTENT_TYPE, LINES);
    block_on(async {
        let mut outcomes = scene.service.respond(request.body(body).unwrap()).await.into_body();
        let mut rows = Vec::new();
        while let Some(frame) = outcomes.frame().await {
            rows.push(serde_json::from_slice(&frame.unwrap().into_data().unwrap()).unwrap());
            *heard.lock().unwrap() += 1;
        }
        rows
    })
}

#[test]
fn outcome_is_told_before_the_next_row_is_sent() {
    let rows = talk(&Scene::new(), false);
    let serials: Vec<_> = rows.iter().map(|row| row["device"]["serial"].as_str()).collect();
    assert_eq!(serials, [Some("A"), Some("B")]);
}

#[test]
fn body_that_breaks_off_is_not_taken_for_its_end() {
    let rows = talk(&Scene::new(), true);
    assert_eq!(rows.len(), 3);
    assert!(rows[2]["error"].as_str().unwrap().contains("gone"), "{rows:?}");
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
