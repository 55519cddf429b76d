//! A LAN in memory: segments, machines with interfaces on them, and everything that was sent.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex};

use gossamer_discovery::lan::{Datagrams, Interface, Lan, Opened, Purpose};
use gossamer_world::network::BoxFuture;
use tokio::sync::mpsc;

type Datagram = (Vec<u8>, SocketAddrV4);

/// What all machines share.
#[derive(Clone, Default)]
pub(crate) struct Air(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    next: u16,
    sockets: BTreeMap<u16, Socket>,
}

struct Socket {
    segment: &'static str,
    addr: SocketAddrV4,
    listens: bool,
    inbox: mpsc::Sender<io::Result<Datagram>>,
}

/// One machine. Its interfaces change as a test wants.
#[derive(Clone)]
pub(crate) struct Machine {
    air: Air,
    interfaces: Arc<Mutex<Vec<Interface>>>,
}

impl Air {
    /// A machine with these interfaces, each named as the segment it is on.
    pub(crate) fn machine(&self, interfaces: &[Interface]) -> Machine {
        Machine { air: self.clone(), interfaces: Arc::new(Mutex::new(interfaces.to_vec())) }
    }

    /// Every socket's next receive fails so often.
    pub(crate) fn fail_receives(&self, times: usize) {
        for socket in self.0.lock().unwrap().sockets.values() {
            for _ in 0..times {
                socket.inbox.try_send(Err(io::ErrorKind::ConnectionRefused.into())).unwrap();
            }
        }
    }
}

/// An interface on the segment of this name.
pub(crate) fn interface(segment: &str, address: [u8; 4]) -> Interface {
    Interface { name: segment.to_owned(), index: 1, address: address.into(), prefix: 24 }
}

impl Machine {
    /// From now on it has these interfaces.
    pub(crate) fn set(&self, interfaces: &[Interface]) {
        *self.interfaces.lock().unwrap() = interfaces.to_vec();
    }
}

impl Lan for Machine {
    fn interfaces(&self) -> io::Result<Vec<Interface>> {
        Ok(self.interfaces.lock().unwrap().clone())
    }

    fn open(&self, interface: &Interface, purpose: Purpose) -> io::Result<Opened> {
        let mut state = self.air.0.lock().unwrap();
        let number = 40_000 + state.next;
        state.next += 1;
        let (inbox, received) = mpsc::channel(1024);
        let (port, listens) = match purpose {
            Purpose::Listen(port) => (port, true),
            Purpose::Talk => (number, false),
        };
        let segment = interface.name.clone().leak();
        let addr = SocketAddrV4::new(interface.address, port);
        state.sockets.insert(number, Socket { segment, addr, listens, inbox });
        let received = tokio::sync::Mutex::new(received);
        let socket = Box::new(Plugged { air: self.air.clone(), number, segment, addr, received });
        Ok(Opened { socket, broadcast: Ipv4Addr::BROADCAST, not_device: None })
    }
}

struct Plugged {
    air: Air,
    number: u16,
    segment: &'static str,
    addr: SocketAddrV4,
    received: tokio::sync::Mutex<mpsc::Receiver<io::Result<Datagram>>>,
}

impl Datagrams for Plugged {
    fn recv_from<'a>(&'a self, into: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddrV4)>> {
        Box::pin(async move {
            let received = self.received.lock().await.recv().await;
            let (bytes, from) = received.expect("the air holds the other end")?;
            let length = bytes.len().min(into.len());
            into[..length].copy_from_slice(&bytes[..length]);
            Ok((length, from))
        })
    }

    fn send_to<'a>(&'a self, datagram: &'a [u8], to: SocketAddrV4) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let state = self.air.0.lock().unwrap();
            for socket in state.sockets.values().filter(|socket| socket.segment == self.segment) {
                let by_all = to.ip().is_broadcast() && socket.listens && socket.addr.port() == to.port();
                if by_all || socket.addr == to {
                    // What does not fit is lost, as on any LAN.
                    let _ = socket.inbox.try_send(Ok((datagram.to_vec(), self.addr)));
                }
            }
            Ok(())
        })
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        self.air.0.lock().unwrap().sockets.remove(&self.number);
    }
}
