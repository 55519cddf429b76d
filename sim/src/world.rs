//! The surroundings of a service on a simulated machine.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use gossamer_world::memory::Memory;
use gossamer_world::network::BoxFuture;
use gossamer_world::{Blocking, Clock, Listener, Network, Random, Stream, World};
use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};
use turmoil::net::{TcpListener, TcpStream};

/// The world of one host. Made once and kept over restarts, so that no random number is drawn twice.
pub fn of_host(host: &str, disk: &Memory, seed: u64) -> World {
    World {
        network: Arc::new(Simulated { host: host.to_owned() }),
        files: Arc::new(disk.clone()),
        clock: Arc::new(SimulatedTime),
        random: Arc::new(Seeded(Mutex::new(SmallRng::seed_from_u64(seed)))),
        blocking: Blocking::Inline,
    }
}

struct Simulated {
    host: String,
}

impl Network for Simulated {
    fn connect<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<Stream>> {
        Box::pin(async move { Ok(Box::new(TcpStream::connect(addr).await?) as Stream) })
    }

    fn bind(&self, addr: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        Box::pin(async move { Ok(Box::new(Listening(TcpListener::bind(addr).await?)) as Box<dyn Listener>) })
    }

    fn local_address_towards<'a>(&'a self, _addr: &'a str) -> BoxFuture<'a, io::Result<IpAddr>> {
        Box::pin(std::future::ready(Ok(turmoil::lookup(self.host.as_str()))))
    }
}

struct Listening(TcpListener);

impl Listener for Listening {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Stream, SocketAddr)>> {
        Box::pin(async move {
            let (stream, from) = self.0.accept().await?;
            Ok((Box::new(stream) as Stream, from))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
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
