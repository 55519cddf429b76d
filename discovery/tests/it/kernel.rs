//! The kernel's loopback: real sockets, real broadcasts.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use gossamer_discovery::counters::Count;
use gossamer_discovery::lan::{Interface, Lan, Opened, Purpose};
use gossamer_discovery::socket::Kernel;
use gossamer_discovery::{Config, find, prepare};
use gossamer_proto::token::Token;
use gossamer_world::World;
use gossamer_world::random;
use tokio_util::sync::CancellationToken;

/// The kernel's interfaces, but no other than loopback: nothing leaves this machine.
struct Loopback;

impl Lan for Loopback {
    fn interfaces(&self) -> io::Result<Vec<Interface>> {
        Ok(Kernel.interfaces()?.into_iter().filter(|interface| interface.address.is_loopback()).collect())
    }

    fn open(&self, interface: &Interface, purpose: Purpose) -> io::Result<Opened> {
        Kernel.open(interface, purpose)
    }
}

/// Two processes of one machine share the port and find each other by 127.255.255.255; a command finds both; a third
/// process, which dies with noise on its lips, disturbs none.
#[tokio::test]
async fn processes_of_one_machine() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let token = Token::draw("lab", &random::Kernel).unwrap();
    let config = |announce| Config {
        lan: Arc::new(Loopback),
        port,
        announce,
        ..Config::new(World::real(), Some(token.clone()))
    };
    let shutdown = CancellationToken::new();
    let _stop = shutdown.clone().drop_guard();
    let [one, two] = [7001, 7002].map(|announce| {
        let (handle, running) = prepare(config(Some(announce)));
        tokio::spawn(running.run(shutdown.clone()));
        handle
    });
    let addr = |port: u16| format!("127.0.0.1:{port}").parse().unwrap();
    let patience = Duration::from_secs(30);
    for (handle, other) in [(&one, 7002), (&two, 7001)] {
        let mut found = handle.found();
        let met = found.wait_for(|found| found.queue_servers == [addr(other)]);
        tokio::time::timeout(patience, met).await.unwrap().unwrap();
    }
    let noise = UdpSocket::bind("127.0.0.1:0").unwrap();
    noise.set_broadcast(true).unwrap();
    for length in 0..200 {
        noise.send_to(&vec![b'G'; length], ("127.255.255.255", port)).unwrap();
    }
    drop(noise);
    let mut found = Vec::new();
    while found.len() < 2 {
        found = find(config(None), patience).await.unwrap();
    }
    assert_eq!(found, [addr(7001), addr(7002)]);
    assert!(one.count(Count::Malformed) > 0 && one.count(Count::Own) > 0);
    let text = one.counters().render();
    assert!(text.contains("\ngossamer_discovery_answered_total "), "{text}");
}
