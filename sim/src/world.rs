//! The surroundings of a service on a simulated machine.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use gossamer_world::memory::Memory;
use gossamer_world::network::BoxFuture;
use gossamer_world::{Blocking, Clock, Listener, Network, Random, Stream, World};
use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

/// The world of one host. Made once and kept over restarts, so that no random number is drawn twice.
pub fn of_host(host: &str, disk: &Memory, wires: &Wires, seed: u64) -> World {
    World {
        network: Arc::new(Simulated { host: host.to_owned(), wires: wires.clone() }),
        files: Arc::new(disk.clone()),
        clock: Arc::new(SimulatedTime),
        random: Arc::new(Seeded(Mutex::new(SmallRng::seed_from_u64(seed)))),
        blocking: Blocking::Inline,
    }
}

/// Two machines, in order.
type Pair = (IpAddr, IpAddr);

/// All connections of the network, so that they can be broken. Clones share them.
#[derive(Clone, Default)]
pub struct Wires(Arc<Mutex<BTreeMap<Pair, Wire>>>);

/// The connections between two machines.
#[derive(Default)]
struct Wire {
    /// How often they were broken.
    breaks: u64,
    /// Ends that wait for something to read.
    waiting: Vec<Waker>,
    /// Ends that are in use.
    live: u64,
}

impl Wires {
    /// Breaks all connections between two machines: one of the pairs that have some, by this number. False: there are none.
    pub fn cut(&self, number: usize) -> bool {
        let mut wires = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut live: Vec<&mut Wire> = wires.values_mut().filter(|wire| wire.live > 0).collect();
        if live.is_empty() {
            return false;
        }
        let at = number % live.len();
        let wire = &mut live[at];
        wire.breaks += 1;
        wire.live = 0;
        let waiting = std::mem::take(&mut wire.waiting);
        drop(wires);
        waiting.into_iter().for_each(Waker::wake);
        true
    }

    fn with<T>(&self, pair: Pair, call: impl FnOnce(&mut Wire) -> T) -> T {
        call(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(pair).or_default())
    }

    fn join(&self, a: IpAddr, b: IpAddr, stream: TcpStream) -> Stream {
        let pair = pair(a, b);
        let breaks = self.with(pair, |wire| {
            wire.live += 1;
            wire.breaks
        });
        Box::new(End { stream, wires: self.clone(), pair, breaks })
    }
}

fn pair(a: IpAddr, b: IpAddr) -> Pair {
    (a.min(b), a.max(b))
}

/// One end of a connection.
struct End {
    stream: TcpStream,
    wires: Wires,
    pair: Pair,
    /// Of the wire, when this connection was made.
    breaks: u64,
}

impl End {
    fn intact(&self) -> io::Result<()> {
        let broken = self.wires.with(self.pair, |wire| wire.breaks) != self.breaks;
        if broken { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.intact()?;
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if read.is_pending() {
            self.wires.with(self.pair, |wire| {
                wire.waiting.retain(|other| !other.will_wake(context.waker()));
                wire.waiting.push(context.waker().clone());
            });
        }
        read
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.intact()?;
        Pin::new(&mut self.stream).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.intact()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.wires.with(self.pair, |wire| {
            if wire.breaks == self.breaks {
                wire.live -= 1;
            }
        });
    }
}

struct Simulated {
    host: String,
    wires: Wires,
}

impl Network for Simulated {
    fn connect<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<Stream>> {
        Box::pin(async move {
            let stream = TcpStream::connect(addr).await?;
            let to = stream.peer_addr()?.ip();
            Ok(self.wires.join(turmoil::lookup(self.host.as_str()), to, stream))
        })
    }

    fn bind(&self, addr: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let (listener, wires) = (TcpListener::bind(addr).await?, self.wires.clone());
            Ok(Box::new(Listening { listener, host: self.host.clone(), wires }) as Box<dyn Listener>)
        })
    }

    fn local_address_towards<'a>(&'a self, _addr: &'a str) -> BoxFuture<'a, io::Result<IpAddr>> {
        Box::pin(std::future::ready(Ok(turmoil::lookup(self.host.as_str()))))
    }
}

struct Listening {
    listener: TcpListener,
    host: String,
    wires: Wires,
}

impl Listener for Listening {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Stream, SocketAddr)>> {
        Box::pin(async move {
            let (stream, from) = self.listener.accept().await?;
            Ok((self.wires.join(turmoil::lookup(self.host.as_str()), from.ip(), stream), from))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// All machines' clocks show the same.
struct SimulatedTime;

impl Clock for SimulatedTime {
    fn unix_ms(&self) -> u64 {
        turmoil::since_epoch().map_or(0, |since| since.as_millis() as u64)
    }
}

struct Seeded(Mutex<SmallRng>);

impl Random for Seeded {
    fn fill(&self, into: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(into);
    }
}
