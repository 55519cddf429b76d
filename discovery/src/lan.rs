//! The seam: interfaces and datagrams. [`crate::socket`] is the kernel's, tests have one in memory.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use gossamer_world::network::BoxFuture;

/// One IPv4 address of one network interface: what datagrams are sent from, and the subnet they may come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// The name of the device.
    pub name: String,
    /// The kernel's number of the device: a device made again under its old name is another one.
    pub index: u32,
    /// The address.
    pub address: Ipv4Addr,
    /// Leading bits that all addresses of the subnet share, at most 31.
    pub prefix: u8,
}

impl Interface {
    /// Whether `ip` may be a machine in this subnet.
    pub fn is_on_link(&self, ip: Ipv4Addr) -> bool {
        let host = self.host_bits();
        let same_subnet = ip.to_bits() & !host == self.address.to_bits() & !host;
        // A subnet of two addresses has neither a network address nor a broadcast address.
        let machine = self.prefix >= 31 || !matches!(ip.to_bits() & host, bits if bits == 0 || bits == host);
        same_subnet && machine && !ip.is_unspecified() && !ip.is_broadcast() && !ip.is_multicast()
    }

    /// The broadcast address of the subnet.
    pub fn subnet_broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() | self.host_bits())
    }

    /// Where a request goes: 255.255.255.255, on loopback 127.255.255.255.
    pub fn broadcast(&self) -> Ipv4Addr {
        if self.address.is_loopback() { self.subnet_broadcast() } else { Ipv4Addr::BROADCAST }
    }

    fn host_bits(&self) -> u32 {
        u32::MAX.checked_shr(self.prefix.into()).unwrap_or(0)
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{})", self.name, self.address, self.prefix)
    }
}

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Hears broadcasts on this port, beside others on this machine that do.
    Listen(u16),
    /// Sends everything, and hears what is sent back: on a port of its own.
    Talk,
}

/// A socket, and how it was made.
pub struct Opened {
    /// The socket.
    pub socket: Box<dyn Datagrams>,
    /// Where its requests go.
    pub broadcast: Ipv4Addr,
    /// Why it is not bound to the device, but to the address only.
    pub not_device: Option<io::Error>,
}

/// Makes sockets.
///
/// - A socket for [`Purpose::Listen`] hears broadcasts that arrive on the interface, whoever else listens.
/// - A socket for [`Purpose::Talk`] sends from the interface's address, also to everybody on its link.
/// - Either may hear what came in elsewhere: whoever reads checks the source.
pub trait Lan: Send + Sync {
    /// The interfaces that work now, one entry for each address. Does not block for long.
    fn interfaces(&self) -> io::Result<Vec<Interface>>;

    /// A socket on one of them.
    fn open(&self, interface: &Interface, purpose: Purpose) -> io::Result<Opened>;
}

/// A socket for datagrams.
pub trait Datagrams: Send + Sync {
    /// The next datagram, cut to `into`, and where it comes from. Cancelling loses nothing.
    fn recv_from<'a>(&'a self, into: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddrV4)>>;

    /// Sends one.
    fn send_to<'a>(&'a self, datagram: &'a [u8], to: SocketAddrV4) -> BoxFuture<'a, io::Result<()>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Machines of the subnet are on the link; its own special addresses, others and nobody's are not.
    #[test]
    fn subnets() {
        let of = |address: [u8; 4], prefix| Interface {
            name: "a".to_owned(),
            index: 1,
            address: address.into(),
            prefix,
        };
        let lan = of([10, 1, 2, 3], 24);
        assert_eq!((lan.broadcast(), lan.subnet_broadcast()), (Ipv4Addr::BROADCAST, [10, 1, 2, 255].into()));
        assert!(lan.is_on_link([10, 1, 2, 1].into()) && lan.is_on_link(lan.address));
        for other in [[10, 1, 3, 1], [10, 1, 2, 0], [10, 1, 2, 255], [0; 4], [255; 4], [127, 0, 0, 1]] {
            assert!(!lan.is_on_link(other.into()), "{other:?}");
        }
        let pair = of([10, 0, 0, 0], 31);
        assert!(pair.is_on_link([10, 0, 0, 1].into()) && !pair.is_on_link([10, 0, 0, 2].into()));
        let everywhere = of([10, 0, 0, 1], 0);
        assert!(everywhere.is_on_link([9, 9, 9, 9].into()) && !everywhere.is_on_link([239, 0, 0, 1].into()));
        assert_eq!(of([127, 0, 0, 1], 8).broadcast(), Ipv4Addr::new(127, 255, 255, 255));
    }
}
