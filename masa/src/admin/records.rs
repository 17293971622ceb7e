//! `POST /records`: an import whose input arrives while its outcomes leave. What is in memory does not grow with either.

use core::future::poll_fn;
use core::ops::ControlFlow;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::http::{BoxError, NotNegotiable, media_type};
use brski_common::text::printable;
use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Either};
use serde::Serialize;

use super::pipe::{Fed, Feed, Teller, Told, feed, tidings};
use super::query::Query;
use super::refusal::NotDone;
use super::{AdminBody, AdminService};
use crate::import::{Form, Import, Outcome};
use crate::masa::{Masa, Want};

/// The outcomes of an import, one JSON object a line, in the order of its rows.
pub struct Outcomes {
    /// What comes in; none once all of it has.
    incoming: Option<UnsyncBoxBody<Bytes, BoxError>>,
    feed: Feed,
    outcomes: Told<Row>,
    /// What was waited for before the answer began.
    first: Option<Row>,
}

/// One outcome, with what else was asked for.
struct Row {
    line: Bytes,
    /// Why it was not recorded, if that is the MASA's own fault.
    trouble: Option<String>,
}

impl AdminService {
    pub(super) async fn record<B>(&self, head: &Parts, body: B) -> Result<Response<AdminBody>, NotDone>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let query = Query::read(head.uri.query(), &["dry-run", "statements"])?;
        let want = match (query.flag("dry-run")?, query.flag("statements")?) {
            (true, _) => Want::Trial,
            (false, true) => Want::Statement,
            (false, false) => Want::Record,
        };
        let form = form_of(head)?;
        let place = Place::take().ok_or(NotDone::TooManyImports)?;

        let ((feed, fed), (teller, told)) = (feed(), tidings());
        let (masa, span) = (Arc::clone(&self.masa), tracing::Span::current());
        // A thread of its own: an import blocks, and lasts as long as its input.
        let started = std::thread::Builder::new().name("import".to_owned()).spawn(move || {
            let _place = place;
            span.in_scope(|| import(&masa, want, form, fed, &teller));
        });
        started.map_err(|err| NotDone::NothingRecorded(format!("no thread could be started: {err}")))?;

        let mut outcomes = Outcomes { incoming: Some(body.map_err(Into::into).boxed_unsync()), feed, outcomes: told, first: None };
        outcomes.first = poll_fn(|context| outcomes.poll_row(context)).await;
        if let Some(trouble) = outcomes.first.as_ref().and_then(|row| row.trouble.clone()) {
            return Err(NotDone::NothingRecorded(trouble));
        }
        let mut response = Response::new(Either::Right(outcomes));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        Ok(response)
    }
}

fn import(masa: &Masa, want: Want, form: Form, input: Fed, teller: &Teller<Row>) {
    let (mut recorded, mut repeated, mut failed) = (0u64, 0u64, 0u64);
    let flow = Import::new(masa, want).expecting(form).run("body", input, &mut |outcome| {
        match &outcome.result {
            Ok(done) if done.repeated => repeated += 1,
            Ok(_) => recorded += 1,
            Err(_) => failed += 1,
        }
        match teller.tell(Row::of(&outcome)) {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    let outcome = if flow.is_break() { "import broken off" } else { "imported" };
    tracing::info!(outcome, trial = want == Want::Trial, recorded, repeated, failed);
}

impl Row {
    fn of(outcome: &Outcome) -> Self {
        let statement = outcome.result.as_ref().ok().and_then(|recorded| recorded.statement.as_ref());
        let written = serde_json::to_vec(&Written { outcome, statement: statement.map(|statement| STANDARD.encode(statement.wire())) });
        let mut line = written.unwrap_or_else(|err| serde_json::json!({ "error": err.to_string() }).to_string().into_bytes());
        line.push(b'\n');
        let trouble = outcome.result.as_ref().err().filter(|failure| failure.trouble).map(|failure| failure.cause.clone());
        Self { line: Bytes::from(line), trouble }
    }
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    /// The statement with its receipt, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
}

impl Outcomes {
    /// Takes in what there is room for, then gives what is there to give.
    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Option<Row>> {
        while let Some(incoming) = &mut self.incoming {
            if self.feed.poll_room(context).is_pending() {
                break;
            }
            match Pin::new(incoming).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(octets) = frame.into_data() {
                        self.feed.put(Ok(octets));
                    }
                }
                Poll::Ready(Some(Err(err))) => {
                    self.feed.put(Err(io::Error::other(err)));
                    self.incoming = None;
                }
                Poll::Ready(None) => {
                    self.feed.end();
                    self.incoming = None;
                }
                Poll::Pending => break,
            }
        }
        self.outcomes.poll_next(context)
    }
}

impl Body for Outcomes {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let row = match self.first.take() {
            Some(first) => Some(first),
            None => ready!(self.poll_row(context)),
        };
        Poll::Ready(row.map(|row| Ok(Frame::data(row.line))))
    }
}

impl core::fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Outcomes")
    }
}

/// One of the imports that may be under way at one time; each has threads.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let taken = TAKEN.fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| (taken < MOST_IMPORTS).then_some(taken + 1));
        taken.is_ok().then_some(Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What the media type says of the body's form. Where that leaves doubts the body itself decides.
fn form_of(head: &Parts) -> Result<Form, NotNegotiable> {
    let found = media_type(&head.headers);
    match found.as_deref() {
        Some("application/x-ndjson" | "application/jsonl" | "application/jose" | "application/jose+json" | "application/json") => Ok(Form::Lines),
        Some("text/csv") => Ok(Form::Csv),
        Some("application/cose" | "application/cbor-seq") => Ok(Form::Messages),
        found => {
            let found = found.map_or_else(|| "of no single stated type".to_owned(), |found| printable(found, 100));
            Err(NotNegotiable::UnsupportedMediaType { found, expected: FORMS })
        }
    }
}

const FORMS: &str = "application/x-ndjson, application/jose+json, text/csv or application/cose";

static TAKEN: AtomicUsize = AtomicUsize::new(0);

const MOST_IMPORTS: usize = 8;
