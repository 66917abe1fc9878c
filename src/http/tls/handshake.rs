//! The first bytes of a connection on a port with TLS: a handshake, or a client that took the wrong scheme.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::{CertificateError, CertificateFiles, CertificateKeeper};
use super::policy::Policy;

/// The first byte of every TLS connection: a record of type handshake.
pub(in crate::http) const HANDSHAKE: u8 = 0x16;

/// upstream: net/http conn.serve, tlsRecordHeaderLooksLikeHTTP.
pub(in crate::http) const TO_PLAIN_HTTP: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\n\
    Client sent an HTTP request to an HTTPS server.\n";

/// TLS as a listener speaks it. Clones speak the same.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

/// Why TLS can't be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate is the reason.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Versions and suites don't go together.
    #[error("TLS: {0}")]
    Policy(#[from] rustls::Error),
}

/// How a connection began.
pub(in crate::http) enum Begun<S> {
    /// By a handshake.
    Tls(Box<TlsStream<Peeked<S>>>),
    /// By something else: plain HTTP, if it begins with a letter. Nothing is answered yet.
    Other(u8, Peeked<S>),
}

impl Tls {
    /// Reads the certificate, and gives it a keeper.
    pub fn open(files: CertificateFiles, policy: &Policy) -> Result<(Tls, CertificateKeeper), TlsError> {
        let (keeper, live) = CertificateKeeper::open(files)?;
        let server = policy.server(Arc::new(live))?;
        Ok((Tls(TlsAcceptor::from(Arc::new(server))), keeper))
    }

    /// Reads the first byte, and shakes hands if it is one of TLS. The caller sets the time limit.
    pub(in crate::http) async fn begin<S>(&self, mut socket: S) -> io::Result<Begun<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let first = socket.read_u8().await?;
        let socket = Peeked { first: Some(first), socket };
        if first != HANDSHAKE {
            return Ok(Begun::Other(first, socket));
        }
        Ok(Begun::Tls(Box::new(self.0.accept(socket).await?)))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// A socket whose first byte was read ahead.
#[derive(Debug)]
pub(in crate::http) struct Peeked<S> {
    first: Option<u8>,
    socket: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Peeked<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.first {
            Some(first) if buf.remaining() > 0 => {
                buf.put_slice(&[first]);
                this.first = None;
                Poll::Ready(Ok(()))
            }
            _ => Pin::new(&mut this.socket).poll_read(cx, buf),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Peeked<S> {
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
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
