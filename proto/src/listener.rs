//! The one place where connections are accepted.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use gossamer_world::{Listener, Random, Stream, World};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::transport::server::Connected;

use crate::channel::ConnectError;
use crate::limits::{CONNECT, KEEP_ALIVE, KEEP_ALIVE_ANSWER, PROOFS};
use crate::proof;
use crate::trust::Trust;

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
    world: World,
    listener: Box<dyn Listener>,
    addr: SocketAddr,
    trust: Trust,
    /// Connections that are being proven, side by side: one that says nothing holds up nobody.
    proving: tokio::sync::Mutex<JoinSet<Option<Accepted>>>,
}

impl Bound {
    /// Binds; port 0 takes any free one. Lets in those that `trust` allows.
    pub async fn bind(world: &World, addr: SocketAddr, trust: &Trust) -> Result<Self, BindError> {
        trust.check(&addr.to_string())?;
        let listener = world.network.bind(addr).await.map_err(|error| BindError::Io(addr, error))?;
        let addr = listener.local_addr().map_err(|error| BindError::Io(addr, error))?;
        let (world, trust) = (world.clone(), trust.clone());
        Ok(Bound { world, listener, addr, trust, proving: tokio::sync::Mutex::default() })
    }

    /// The bound address, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whom this address lets in.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The next connection that has proven what it has to. Never ends: running out of descriptors, or a client that is
    /// gone before it is accepted, is no reason to stop listening.
    pub async fn accept(&self) -> Accepted {
        let mut proving = self.proving.lock().await;
        loop {
            tokio::select! {
                Some(proven) = proving.join_next() => {
                    if let Ok(Some(accepted)) = proven {
                        return accepted;
                    }
                }
                accepted = self.accept_plain(), if proving.len() < PROOFS => {
                    proving.spawn(prove(self.world.random.clone(), self.trust.clone(), accepted));
                }
            }
        }
    }

    /// The next connection, of anybody: for what people and their monitors may see.
    pub async fn accept_plain(&self) -> Accepted {
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

async fn prove(random: Arc<dyn Random>, trust: Trust, mut accepted: Accepted) -> Option<Accepted> {
    let proven = tokio::time::timeout(CONNECT, proof::accept(&mut accepted.stream, &trust, &*random));
    match proven.await {
        Ok(Ok(())) => Some(accepted),
        Ok(Err(error)) => {
            tracing::debug!(from = %accepted.from, %error, "a connection was not let in");
            None
        }
        Err(_) => None,
    }
}

/// A gRPC server with the limits that all of ours have.
pub fn server() -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_ANSWER))
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
