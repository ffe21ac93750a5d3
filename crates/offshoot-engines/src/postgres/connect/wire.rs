//! What the client library is given: a stream that is connected, negotiated and split, and the trick that makes it take it.
//!
//! The library learns of channel binding only from a stream that its own TLS step produced. So it is told to begin TLS
//! at once, without asking the server, and its TLS step hands back the stream that is there already. Nothing is sent.

use std::future::{Ready, ready};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{self, TlsConnect, TlsStream};

use super::split::Split;
use super::transport::Transport;

/// A stream that needs nothing but the startup message.
pub(super) struct Wire {
    pub(super) split: Split<Transport>,
    /// The hash of the server's certificate, for channel binding.
    pub(super) end_point: Option<Vec<u8>>,
}

/// The TLS step that has been done before.
pub(super) struct AlreadyDone;

impl TlsConnect<Wire> for AlreadyDone {
    type Stream = Wire;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Ready<Result<Wire, Self::Error>>;

    fn connect(self, wire: Wire) -> Self::Future {
        ready(Ok(wire))
    }
}

impl TlsStream for Wire {
    fn channel_binding(&self) -> tls::ChannelBinding {
        match &self.end_point {
            Some(hash) => tls::ChannelBinding::tls_server_end_point(hash.clone()),
            None => tls::ChannelBinding::none(),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.split).poll_read(cx, out)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.split).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.split).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.split.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.split).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.split).poll_shutdown(cx)
    }
}
