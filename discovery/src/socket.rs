//! The kernel's LAN: a socket bound to each device, so that 255.255.255.255 needs no default route, and what arrived
//! on one interface is not taken for another's.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use gossamer_world::network::BoxFuture;
use if_addrs::IfAddr;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::lan::{Datagrams, Interface, Lan, Opened, Purpose};

/// The kernel's interfaces and UDP.
pub struct Kernel;

impl Lan for Kernel {
    fn interfaces(&self) -> io::Result<Vec<Interface>> {
        Ok(if_addrs::get_if_addrs()?.into_iter().filter_map(usable).collect())
    }

    fn open(&self, interface: &Interface, purpose: Purpose) -> io::Result<Opened> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        let not_device = socket.bind_device(Some(interface.name.as_bytes())).err();
        // Kernels before 5.7 let only root bind to a device; that it has gone meanwhile is another matter.
        if let Some(error) = &not_device
            && error.kind() != io::ErrorKind::PermissionDenied
        {
            return Err(io::Error::new(error.kind(), format!("cannot bind to the device: {error}")));
        }
        let address = match purpose {
            Purpose::Listen(port) => {
                // Each process that listens gets its own copy of a broadcast.
                socket.set_reuse_address(true)?;
                SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)
            }
            Purpose::Talk => {
                socket.set_broadcast(true)?;
                SocketAddrV4::new(interface.address, 0)
            }
        };
        socket.bind(&SocketAddr::V4(address).into())?;
        // Only a device makes 255.255.255.255 reachable without a route.
        let broadcast =
            if not_device.is_some() { interface.subnet_broadcast() } else { interface.broadcast() };
        let socket = Box::new(UdpSocket::from_std(socket.into())?);
        Ok(Opened { socket, broadcast, not_device })
    }
}

/// An address with others on its link, of a device that is up.
fn usable(found: if_addrs::Interface) -> Option<Interface> {
    let IfAddr::V4(v4) = &found.addr else { return None };
    let up = found.is_oper_up() && !found.is_p2p();
    // An address may have a label of its own, "eth0:1".
    let device = found.name.split(':').next()?.to_owned();
    (up && v4.prefixlen < 32).then_some(Interface {
        name: device,
        index: found.index?,
        address: v4.ip,
        prefix: v4.prefixlen,
    })
}

impl Datagrams for UdpSocket {
    fn recv_from<'a>(&'a self, into: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddrV4)>> {
        Box::pin(async move {
            let (length, from) = UdpSocket::recv_from(self, into).await?;
            match (from.ip(), from.port()) {
                (IpAddr::V4(ip), port) => Ok((length, SocketAddrV4::new(ip, port))),
                (IpAddr::V6(_), _) => Err(io::ErrorKind::InvalidData.into()),
            }
        })
    }

    fn send_to<'a>(&'a self, datagram: &'a [u8], to: SocketAddrV4) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move { UdpSocket::send_to(self, datagram, to).await.map(drop) })
    }
}
