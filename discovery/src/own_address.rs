//! Under which of its addresses this machine is reached by the others.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use crate::found::Found;
use crate::lan::Interface;

/// The address in whose subnet most of the queue servers are that were found; else the one that the default route leaves
/// from; else the first that is not loopback. None on a machine without a network.
pub fn own_address(interfaces: &[Interface], found: &Found) -> Option<Ipv4Addr> {
    let lan: Vec<&Interface> =
        interfaces.iter().filter(|interface| !interface.address.is_loopback()).collect();
    let peers = |interface: &Interface| {
        found.queue_servers.iter().filter(|addr| interface.is_on_link(*addr.ip())).count()
    };
    // Of equals the first: max_by_key would take the last.
    let most = lan.iter().rev().max_by_key(|interface| peers(interface));
    if let Some(interface) = most.filter(|interface| peers(interface) > 0) {
        return Some(interface.address);
    }
    let routed = default_route().filter(|own| lan.iter().any(|interface| interface.address == *own));
    routed.or_else(|| lan.first().map(|interface| interface.address))
}

/// The source address that the kernel would take towards the rest of the world (an address of RFC 5737, which nobody has).
/// Connecting a datagram socket sends nothing.
fn default_route() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()? {
        SocketAddr::V4(own) => Some(*own.ip()),
        SocketAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(address: [u8; 4]) -> Interface {
        Interface { name: "any".to_owned(), index: 1, address: address.into(), prefix: 24 }
    }

    /// Machines that were heard tell which of several networks is the one; loopback never is.
    #[test]
    fn where_the_others_are() {
        let interfaces = [interface([127, 0, 0, 1]), interface([172, 17, 0, 1]), interface([10, 1, 0, 7])];
        let servers = |addrs: &[&str]| Found {
            queue_servers: addrs.iter().map(|addr| addr.parse().unwrap()).collect(),
            ..Found::default()
        };
        let own = |addrs| own_address(&interfaces, &servers(addrs));
        assert_eq!(own(&["10.1.0.1:4068", "127.0.0.1:4068"]), Some([10, 1, 0, 7].into()));
        assert_eq!(own(&["172.17.0.9:4068"]), Some([172, 17, 0, 1].into()));
        assert!(own(&["127.0.0.1:4068"]).is_some_and(|own| !own.is_loopback()));
        assert_eq!(own_address(&interfaces[..1], &servers(&[])), None);
    }
}
