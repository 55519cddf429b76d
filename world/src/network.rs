//! TCP, as a trait. Every socket has TCP_NODELAY: our messages are small and somebody waits for each.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// A boxed future, as object-safe traits need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection for T {}

/// A connection of whatever kind of network.
pub type Stream = Box<dyn Connection>;

/// Makes connections and listeners.
pub trait Network: Send + Sync {
    /// Connects to `host:port`. Has no deadline of its own: the caller sets one.
    fn connect<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<Stream>>;

    /// Binds `addr`; port 0 takes any free one.
    fn bind(&self, addr: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Listener>>>;

    /// The local address from which `host:port` would be reached: what that machine can call us back at.
    fn local_address_towards<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<IpAddr>>;
}

/// Accepts connections.
pub trait Listener: Send + Sync {
    /// The next connection and where it comes from.
    fn accept(&self) -> BoxFuture<'_, io::Result<(Stream, SocketAddr)>>;

    /// The bound address, with the real port.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// The kernel's TCP.
pub struct Tcp;

impl Network for Tcp {
    fn connect<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<Stream>> {
        Box::pin(async move {
            let stream = TcpStream::connect(addr).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Stream)
        })
    }

    fn bind(&self, addr: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = TcpListener::bind(addr).await?;
            Ok(Box::new(listener) as Box<dyn Listener>)
        })
    }

    fn local_address_towards<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<IpAddr>> {
        Box::pin(async move {
            // Connecting a datagram socket sends nothing: the kernel only picks the route.
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
            socket.connect(addr).await?;
            Ok(socket.local_addr()?.ip())
        })
    }
}

impl Listener for TcpListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Stream, SocketAddr)>> {
        Box::pin(async move {
            let (stream, from) = TcpListener::accept(self).await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as Stream, from))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }
}
