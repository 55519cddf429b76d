//! The one place where connections are accepted.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use gossamer_world::{Listener, Stream, World};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::Server;
use tonic::transport::server::Connected;

use crate::channel::{ConnectError, check};

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// No token and not loopback.
    #[error(transparent)]
    Insecure(#[from] ConnectError),
    /// The system refused.
    #[error("cannot listen on {0}: {1}")]
    Io(SocketAddr, io::Error),
}

/// A bound address.
pub struct Bound {
    listener: Box<dyn Listener>,
    addr: SocketAddr,
}

impl Bound {
    /// Binds; port 0 takes any free one. `insecure` allows addresses other than loopback.
    pub async fn bind(world: &World, addr: SocketAddr, insecure: bool) -> Result<Self, BindError> {
        check(&addr.to_string(), insecure)?;
        let listener = world.network.bind(addr).await.map_err(|error| BindError::Io(addr, error))?;
        let addr = listener.local_addr().map_err(|error| BindError::Io(addr, error))?;
        Ok(Bound { listener, addr })
    }

    /// The bound address, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next connection. Never ends: running out of descriptors, or a client that is gone before it is
    /// accepted, is no reason to stop listening.
    pub async fn accept(&self) -> Accepted {
        loop {
            match self.listener.accept().await {
                Ok((stream, from)) => return Accepted { stream, from },
                Err(error) => {
                    tracing::warn!(addr = %self.addr, %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// All connections, for a gRPC server.
    pub fn incoming(self) -> impl futures_util::Stream<Item = io::Result<Accepted>> {
        futures_util::stream::unfold(self, |bound| async move {
            let accepted = bound.accept().await;
            Some((Ok(accepted), bound))
        })
    }
}

/// A gRPC server with the limits that all of ours have.
pub fn server() -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(Duration::from_millis(500)))
        .http2_keepalive_timeout(Some(Duration::from_secs(1)))
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .max_concurrent_streams(1024)
}

/// An accepted connection.
pub struct Accepted {
    stream: Stream,
    from: SocketAddr,
}

impl Accepted {
    /// Where it comes from.
    pub fn from(&self) -> SocketAddr {
        self.from
    }
}

impl Connected for Accepted {
    type ConnectInfo = SocketAddr;
    fn connect_info(&self) -> SocketAddr {
        self.from
    }
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, from)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
