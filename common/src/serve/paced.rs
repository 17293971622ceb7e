//! A connection that closes itself when its peer dawdles: over a request's head, or over taking an answer.
//!
//! Hyper has one timer for an idle connection and for a head that has begun, but a pledge told to wait idles for a minute, and a minute is too long for a head.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// What the service on a connection is doing, as its transport and the listener need to know.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    begun: usize,
    answered: usize,
    /// Since when nothing is under way in either direction; none while something is, and before the first request.
    resting: Option<Instant>,
    /// Since when the peer owes the rest of a head or of a body that somebody waits for.
    owing: Option<Instant>,
    /// Another takes its place: nothing is begun any more.
    dismissed: bool,
}

impl Progress {
    /// A head is complete. False if the connection was dismissed just before: then nothing may be done for it.
    pub(super) fn begin(&self) -> bool {
        let mut state = self.state();
        if !state.dismissed {
            (state.resting, state.owing) = (None, None);
            state.begun += 1;
        }
        !state.dismissed
    }

    /// Its answer is ready.
    pub(super) fn answer(&self) {
        self.state().answered += 1;
    }

    /// Whether any head was ever complete.
    pub(super) fn has_begun(&self) -> bool {
        self.begun() > 0
    }

    /// Since when the peer has had its answer and asked nothing more.
    pub(super) fn resting_since(&self) -> Option<Instant> {
        let state = self.state();
        state.resting.filter(|_| !state.is_answering())
    }

    /// Since when the peer owes octets without which nothing goes on.
    pub(super) fn owing_since(&self) -> Option<Instant> {
        self.state().owing
    }

    /// The peer owes octets from now on, if it does not already.
    pub(super) fn owe(&self) {
        self.state().owing.get_or_insert_with(Instant::now);
    }

    /// What the peer owed is here, or nobody waits for it any more.
    pub(super) fn settle(&self) {
        self.state().owing = None;
    }

    /// Lets nothing begin any more, unless something has begun that waits for nobody: false then.
    pub(super) fn dismiss(&self) -> bool {
        let mut state = self.state();
        state.dismissed = !state.is_answering() || state.owing.is_some();
        state.dismissed
    }

    pub(super) fn rest(&self, since: Option<Instant>) {
        self.state().resting = since;
    }

    fn is_answering(&self) -> bool {
        self.state().is_answering()
    }

    fn begun(&self) -> usize {
        self.state().begun
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_answering(&self) -> bool {
        self.begun > self.answered
    }
}

/// A stream with deadlines.
pub(super) struct Paced<S> {
    inner: S,
    progress: Progress,
    header: Duration,
    write: Duration,
    /// Runs while a head is incomplete: its deadline, and how many heads were complete when it began.
    head: Option<(Pin<Box<Sleep>>, usize)>,
    /// Runs while the peer takes nothing.
    stall: Option<Pin<Box<Sleep>>>,
    /// Runs once our side is closed, until the peer closes its own.
    farewell: Option<Farewell>,
}

/// What is still taken from a peer after our last word.
struct Farewell {
    deadline: Pin<Box<Sleep>>,
    octets: usize,
}

impl<S> Paced<S> {
    /// Expects the first head at once.
    pub(super) fn new(inner: S, progress: Progress, header: Duration, write: Duration) -> Self {
        let head = Some((Box::pin(sleep(header)), progress.begun()));
        Self { inner, progress, header, write, head, stall: None, farewell: None }
    }

    fn check_head(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.head.as_ref().is_some_and(|(_, begun)| *begun < self.progress.begun()) {
            self.head = None;
        }
        match self.head.as_mut().map(|(deadline, _)| deadline.as_mut().poll(context)) {
            Some(Poll::Ready(())) => Err(too_slow("a request's head did not arrive in time")),
            Some(Poll::Pending) | None => Ok(()),
        }
    }

    /// Reads what the peer still sends and forgets it, within bounds.
    ///
    /// A socket closed over unread octets answers with a reset, and a peer that is busy sending too large a body would never see why it was refused.
    fn poll_farewell(&mut self, context: &mut Context<'_>) -> Poll<()>
    where
        S: AsyncRead + Unpin,
    {
        let farewell = self.farewell.get_or_insert_with(|| Farewell { deadline: Box::pin(sleep(FAREWELL)), octets: FAREWELL_OCTETS });
        let mut scratch = [0; 4096];
        while farewell.octets > 0 && farewell.deadline.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer));
            match (read, buffer.filled().len()) {
                (Ok(()), 1..) => farewell.octets = farewell.octets.saturating_sub(buffer.filled().len()),
                (Ok(()), 0) | (Err(_), _) => break,
            }
        }
        Poll::Ready(())
    }

    fn check_stall<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            return written;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(self.write)));
        match stall.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(too_slow("the peer did not take an answer in time"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check_head(context)?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.progress.rest(None);
        }
        let begins = buffer.filled().len() > before && self.head.is_none() && !self.progress.is_answering();
        if begins {
            self.progress.owe();
            self.head = Some((Box::pin(sleep(self.header)), self.progress.begun()));
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, octets);
        self.check_stall(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        // The last octet of the last answer is gone, and none of another request is there.
        if flushed.is_ready() && self.head.is_none() && self.progress.has_begun() && !self.progress.is_answering() && self.progress.resting_since().is_none() {
            self.progress.rest(Some(Instant::now()));
        }
        self.check_stall(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.farewell.is_none() {
            let closed = Pin::new(&mut self.inner).poll_shutdown(context);
            ready!(self.check_stall(context, closed))?;
        }
        self.poll_farewell(context).map(Ok)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.check_stall(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

fn too_slow(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

const FAREWELL: Duration = Duration::from_secs(2);

// More than the socket buffers on both sides hold: what a peer had under way before it could see our answer.
const FAREWELL_OCTETS: usize = 16 * 1024 * 1024;
