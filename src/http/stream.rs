//! A connection's bytes between the socket and the HTTP parser: the first line repaired, and a close that lets the
//! client read the answer first.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::first_line::FirstLine;
use super::tls::handshake::HANDSHAKE;

/// How long a connection that is closed with input unread goes on taking that input. Closing at once would send a
/// reset, and a reset may overtake the answer that says why.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection's stream, its requests and its bodies tell each other.
#[derive(Debug)]
pub(super) struct Notes {
    /// A request has been understood.
    begun: AtomicBool,
    /// Input may be waiting that nobody will read.
    unread: AtomicBool,
    /// The answer under way must be the connection's last.
    close: AtomicBool,
    /// The request under way had a target longer than is served; what is left of it is not what was meant.
    cut: AtomicBool,
    /// The client speaks TLS.
    tls: AtomicBool,
}

impl Notes {
    pub(super) fn new() -> Notes {
        // Until a request has been understood, whatever was sent is unread.
        Notes {
            begun: AtomicBool::new(false),
            unread: AtomicBool::new(true),
            close: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            tls: AtomicBool::new(false),
        }
    }

    /// A request begins. Whether its target was cut.
    pub(super) fn begin(&self) -> bool {
        self.begun.store(true, Ordering::Relaxed);
        self.unread.store(false, Ordering::Relaxed);
        self.cut.swap(false, Ordering::Relaxed)
    }

    /// Whether any request has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// A body was not read to its end; `close` where too much of it is left.
    pub(super) fn unread(&self, close: bool) {
        self.unread.store(true, Ordering::Relaxed);
        self.close.fetch_or(close, Ordering::Relaxed);
    }

    /// The answer under way must be the last one.
    pub(super) fn close(&self) {
        self.close.store(true, Ordering::Relaxed);
    }

    /// Whether the answer must close the connection.
    pub(super) fn must_close(&self) -> bool {
        self.close.load(Ordering::Relaxed)
    }

    /// Whether the client spoke TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.tls.load(Ordering::Relaxed)
    }
}

/// The stream as the HTTP parser sees it.
#[derive(Debug)]
pub(super) struct Stream<S> {
    socket: S,
    notes: std::sync::Arc<Notes>,
    line: FirstLine,
    /// Repaired bytes that the parser has not taken yet: at most three times what one read gave.
    repaired: Vec<u8>,
    taken: usize,
    /// Whether anything was received, and whether the client has said that nothing more comes.
    received: bool,
    ended: bool,
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    pub(super) fn new(socket: S, notes: std::sync::Arc<Notes>) -> Stream<S> {
        Stream {
            socket,
            notes,
            line: FirstLine::new(),
            repaired: Vec::new(),
            taken: 0,
            received: false,
            ended: false,
            lingering: None,
        }
    }

    /// One read of the socket straight into the parser's buffer; where its bytes need repair, they are moved to
    /// `repaired`.
    fn poll_first_line(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        let fresh = &buf.filled()[before..];
        let Some(&first) = fresh.first() else {
            self.ended = true;
            self.line.end(&mut self.repaired);
            return Poll::Ready(Ok(()));
        };
        if !self.received {
            self.received = true;
            self.notes.tls.store(first == HANDSHAKE, Ordering::Relaxed);
        }
        if !self.line.passes(fresh) {
            self.line.repair(fresh, &mut self.repaired);
            self.notes.cut.fetch_or(self.line.is_cut(), Ordering::Relaxed);
            buf.set_filled(before);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        loop {
            if this.taken < this.repaired.len() {
                let left = &this.repaired[this.taken..];
                let piece = &left[..left.len().min(buf.remaining())];
                buf.put_slice(piece);
                this.taken += piece.len();
                if this.taken == this.repaired.len() {
                    (this.repaired, this.taken) = (Vec::new(), 0);
                }
                return Poll::Ready(Ok(()));
            }
            if this.line.is_over() {
                ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
                this.ended |= buf.filled().len() == before;
                return Poll::Ready(Ok(()));
            }
            ready!(this.poll_first_line(cx, buf))?;
            // Nothing for the parser, though something came: all of it is held back. An empty answer would say "end".
            if buf.filled().len() > before || (this.ended && this.repaired.is_empty()) {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
        }
        if this.ended || !this.received || !this.notes.unread.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let end = this.lingering.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        if end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; 4096];
        loop {
            let mut scratch = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut this.socket).poll_read(cx, &mut scratch)) {
                Ok(()) if !scratch.filled().is_empty() => {}
                _ended => return Poll::Ready(Ok(())),
            }
        }
    }
}
