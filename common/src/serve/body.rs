//! A request body that must arrive within a time, and an answer's body whose end is noticed.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use super::paced::Progress;
use crate::http::BoxError;

/// A request's body as the listener hands it to a service. It fails once its time is up, however slowly it trickles in, and once nothing came for too long.
#[derive(Debug)]
pub struct TimedBody {
    incoming: Incoming,
    limit: Duration,
    deadline: Pin<Box<Sleep>>,
    pause: Duration,
    /// Until when something has to come; none while nobody waits for it.
    next: Option<Pin<Box<Sleep>>>,
    progress: Progress,
}

/// A body that took longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("it did not arrive within {} s", .0.as_secs())]
struct TooSlow(Duration);

/// A body that paused for longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("nothing of it arrived for {} s", .0.as_secs())]
struct Silent(Duration);

impl TimedBody {
    pub(super) fn new(incoming: Incoming, limit: Duration, pause: Duration, progress: Progress) -> Self {
        Self { incoming, limit, deadline: Box::pin(sleep(limit)), pause, next: None, progress }
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // What has arrived counts, even if nobody looked in time; otherwise the deadline decides.
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            self.next = None;
            if self.incoming.is_end_stream() || !matches!(frame, Some(Ok(_))) {
                self.progress.settle();
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        if self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Box::new(TooSlow(self.limit)))));
        }
        // Since the first wait: who sends an octet now and then owes the rest all the same.
        self.progress.owe();
        let pause = self.pause;
        ready!(self.next.get_or_insert_with(|| Box::pin(sleep(pause))).as_mut().poll(context));
        Poll::Ready(Some(Err(Box::new(Silent(pause)))))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for TimedBody {
    fn drop(&mut self) {
        self.progress.settle();
    }
}

/// An answer's body: one of the listener's own, or the service's. Until it is at its end the request counts as being answered, so that a service may answer while it still reads.
pub(super) struct AnswerBody<B> {
    body: Either<Full<Bytes>, B>,
    progress: Progress,
}

impl<B> AnswerBody<B> {
    pub(super) fn new(body: Either<Full<Bytes>, B>, progress: Progress) -> Self {
        Self { body, progress }
    }
}

impl<B> Drop for AnswerBody<B> {
    fn drop(&mut self) {
        self.progress.answer();
    }
}

impl<B> Body for AnswerBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
