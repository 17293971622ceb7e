//! `POST /records`: an import whose input arrives while its outcomes leave. What is in memory does not grow with either.

use core::future::poll_fn;
use core::ops::ControlFlow;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::access::{Caller, Role};
use brski_common::http::{BoxError, NotNegotiable, Query, QueryError, media_type};
use brski_common::provenance::Text;
use brski_common::text::printable;
use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Either};
use serde::Serialize;

use super::pipe::{BrokenOff, Fed, Feed, Teller, Told, feed, tidings};
use super::refusal::NotDone;
use super::{AdminBody, AdminService, Clerk};
use crate::import::{Current, Form, Import, Outcome};
use crate::manufacture::Correction;
use crate::masa::{Masa, Want};

/// The outcomes of an import, one JSON object a line, in the order of its rows; then one with how many there were. Without that line it broke off.
pub struct Outcomes {
    /// What comes in; none once all of it has.
    incoming: Option<UnsyncBoxBody<Bytes, BoxError>>,
    feed: Feed,
    outcomes: Told<Line>,
    /// What was waited for before the answer began.
    first: Option<Line>,
}

/// One outcome, with what else was asked for; or how many there were.
struct Line {
    text: Bytes,
    /// Why a row was not recorded, if that is the MASA's own fault.
    trouble: Option<String>,
}

/// What an import does.
struct Task {
    want: Want,
    form: Form,
    correction: Correction,
}

/// Who sends the rows, and by which configuration: the one that is current.
struct Sender {
    service: AdminService,
    head: Parts,
    name: String,
    roles: &'static [Role],
}

impl Current for Sender {
    fn masa(&self) -> Arc<Masa> {
        Arc::clone(&self.service.desk().masa)
    }

    fn may_record(&self) -> Result<(), String> {
        let allowed = self.service.desk().authenticate(&self.head).and_then(|caller| caller.must_be(self.roles).map(|()| caller));
        match allowed {
            Ok(caller) if caller.name() == self.name => Ok(()),
            Ok(_) => Err(format!("the credential {} is another's by now", self.name)),
            Err(denied) => Err(format!("the credential {} does not count any more: {denied}", self.name)),
        }
    }
}

impl Clerk<'_> {
    pub(super) async fn record<B>(&self, roles: &'static [Role], caller: &Caller, head: &Parts, body: B) -> Result<Response<AdminBody>, NotDone>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let query = Query::read(head.uri.query(), &["dry-run", "statements", "supersede"])?;
        let want = match (query.flag("dry-run")?, query.flag("statements")?) {
            (true, true) => return Err(QueryError(NO_BOTH.to_owned()).into()),
            (true, false) => Want::Trial,
            (false, true) => Want::Statement,
            (false, false) => Want::Record,
        };
        let (correction, roles) = match query.read_as("supersede", |text| Text::new(text))? {
            Some(reason) => (Correction::Supersede { reason, by: caller.name().to_owned() }, OPERATORS),
            None => (Correction::Refuse, roles),
        };
        caller.must_be(roles)?;
        let task = Task { want, form: form_of(head)?, correction };
        let slot = self.service.slots.take(caller.name())?;

        let ((feed, fed), (teller, told)) = (feed(), tidings());
        let sender = Sender { service: self.service.clone(), head: head.clone(), name: caller.name().to_owned(), roles };
        let span = tracing::Span::current();
        // A thread of its own: an import blocks, and lasts as long as its input.
        let started = std::thread::Builder::new().name("import".to_owned()).spawn(move || {
            let _slot = slot;
            span.in_scope(|| import(&sender, &task, fed, teller));
        });
        started.map_err(|err| NotDone::NothingRecorded(format!("no thread could be started: {err}")))?;

        let mut outcomes = Outcomes { incoming: Some(body.map_err(Into::into).boxed_unsync()), feed, outcomes: told, first: None };
        outcomes.first = poll_fn(|context| outcomes.poll_line(context)).await.map_err(|err| NotDone::FirstNotRecorded(err.to_string()))?;
        if let Some(trouble) = outcomes.first.as_ref().and_then(|line| line.trouble.clone()) {
            return Err(NotDone::FirstNotRecorded(trouble));
        }
        let mut response = Response::new(Either::Right(outcomes));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        Ok(response)
    }
}

fn import(sender: &Sender, task: &Task, input: Fed, teller: Teller<Line>) {
    let mut sums = Sums::default();
    let mut listening = true;
    let _to_its_end_or_not = Import::by_current(sender, task.want).correcting(&task.correction).expecting(task.form).run("body", input, &mut |outcome| {
        sums.count(&outcome);
        listening = teller.tell(Line::of(&outcome));
        match listening && sums.stopped.is_none() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    let told = match (listening, &sums.stopped) {
        (false, _) => "import broken off",
        (true, Some(_)) => "import stopped",
        (true, None) => "imported",
    };
    let Sums { recorded, repeated, failed, stopped, .. } = &sums;
    tracing::info!(outcome = told, trial = task.want == Want::Trial, recorded, repeated, failed, stopped);
    teller.tell(Line::new(&sums));
    teller.end();
}

/// The last line: how many rows were told of.
#[derive(Debug, Default, Serialize)]
struct Sums {
    rows: u64,
    recorded: u64,
    repeated: u64,
    failed: u64,
    /// Why it ended before the end of its input.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
}

impl Sums {
    fn count(&mut self, outcome: &Outcome) {
        self.rows += 1;
        match &outcome.result {
            Ok(done) if done.repeated => self.repeated += 1,
            Ok(_) => self.recorded += 1,
            Err(failure) => {
                self.failed += 1;
                // As on the command line: what the MASA cannot do for one row it cannot do for the next.
                self.stopped = failure
                    .trouble
                    .then(|| format!("{}: {failure}; what was told before it is done, and the same rows go on from there once this is mended", outcome.place));
            }
        }
    }
}

impl Line {
    fn of(outcome: &Outcome) -> Self {
        let statement = outcome.result.as_ref().ok().and_then(|recorded| recorded.statement.as_ref());
        let trouble = outcome.result.as_ref().err().filter(|failure| failure.trouble).map(|failure| failure.cause.clone());
        Self { trouble, ..Self::new(&Written { outcome, statement: statement.map(|statement| STANDARD.encode(statement.wire())) }) }
    }

    fn new(value: &impl Serialize) -> Self {
        let mut text = serde_json::to_vec(value).unwrap_or_else(|err| serde_json::json!({ "error": err.to_string() }).to_string().into_bytes());
        text.push(b'\n');
        Self { text: Bytes::from(text), trouble: None }
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
    fn poll_line(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Line>, BrokenOff>> {
        while let Some(incoming) = &mut self.incoming {
            match self.feed.poll_room(context) {
                Poll::Ready(true) => {}
                // Nobody reads any more, so that nothing more is taken in.
                Poll::Ready(false) => {
                    self.incoming = None;
                    break;
                }
                Poll::Pending => break,
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
        let line = match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => ready!(self.poll_line(context)),
        };
        Poll::Ready(match line {
            Ok(line) => line.map(|line| Ok(Frame::data(line.text))),
            Err(broken_off) => Some(Err(broken_off.into())),
        })
    }
}

impl core::fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Outcomes")
    }
}

/// What the media type says of the body's form. Where that leaves doubts the body itself decides. Forms without signature are none: nobody here signs in a station's name.
fn form_of(head: &Parts) -> Result<Form, NotNegotiable> {
    let found = media_type(&head.headers);
    match found.as_deref() {
        Some("application/x-ndjson" | "application/jsonl" | "application/jose" | "application/jose+json") => Ok(Form::Lines),
        Some("application/cose" | "application/cbor-seq") => Ok(Form::Messages),
        found => {
            let found = found.map_or_else(|| "of no single stated type".to_owned(), |found| printable(found, 100));
            Err(NotNegotiable::UnsupportedMediaType { found, expected: FORMS })
        }
    }
}

const FORMS: &str = "application/x-ndjson, application/jose+json or application/cose; sign rows with `brski-masa report --rows`";

const NO_BOTH: &str = "dry-run and statements in the query exclude each other: a trial signs nothing";

const OPERATORS: &[Role] = &[Role::Operator];
