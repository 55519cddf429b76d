//! Ports: those of the cluster, as far as they are reached from here; those that `gossamer up` would take here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use futures_util::future::join_all;
use gossamer_discovery as discovery;
use gossamer_discovery::lan::Purpose;
use gossamer_proto::channel::Channels;
use gossamer_proto::limits::DISCOVERY_PORT;
use gossamer_proto::v1::NodeReport;
use gossamer_world::World;

use super::Check;
use super::broadcast::is_loopback;
use super::seen::Seen;
use crate::place::{NODE_PORT, QUEUE_PORT};

/// Addresses that are named.
const NAMED: usize = 4;

pub(super) async fn checks(seen: Option<&Seen>) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(seen) = seen {
        checks.push(reached(seen).await);
    }
    if !seen.is_some_and(serves_here) {
        checks.push(free().await);
    }
    checks
}

/// Whether a part of this cluster runs on this machine, and so has its ports.
fn serves_here(seen: &Seen) -> bool {
    let lan = discovery::Config::new(World::real(), None).lan;
    let own: Vec<IpAddr> = lan
        .interfaces()
        .unwrap_or_default()
        .into_iter()
        .map(|interface| IpAddr::from(interface.address))
        .collect();
    let is_own = |addr: &str| {
        is_loopback(addr) || addr.parse::<SocketAddr>().is_ok_and(|addr| own.contains(&addr.ip()))
    };
    seen.queues.iter().any(|queue| is_own(queue)) || there(seen).any(|report| is_own(&report.control_addr))
}

fn there(seen: &Seen) -> impl Iterator<Item = &NodeReport> {
    seen.description.nodes.iter().filter(|node| node.connected).filter_map(|node| node.report.as_ref())
}

/// Connects to the queue server and to both ports of every node, all at once; each gets a second.
async fn reached(seen: &Seen) -> Check {
    let queues = seen.queues.iter().map(|queue| ("queue server".to_owned(), queue.clone()));
    let nodes = there(seen).flat_map(|report| {
        let whose = format!("node {}", report.id);
        [(whose.clone(), report.control_addr.clone()), (whose, report.data_addr.clone())]
    });
    let channels = Channels::new(&World::real(), seen.trust.clone());
    let probes = queues.chain(nodes).map(|(whose, addr)| {
        let channels = &channels;
        async move { channels.probe(&addr).await.map_err(|error| format!("{whose}: {error}")) }
    });
    let probed: Vec<Result<(), String>> = join_all(probes).await;
    let lost: Vec<&String> = probed.iter().filter_map(|probe| probe.as_ref().err()).collect();
    if lost.is_empty() {
        return Check::ok(
            "ports",
            format!("all {} addresses of the cluster are reached from here", probed.len()),
        );
    }
    let mut named: Vec<String> = lost.iter().take(NAMED).map(|lost| (*lost).clone()).collect();
    if lost.len() > NAMED {
        named.push(format!("and {} more", lost.len() - NAMED));
    }
    let next =
        "is a firewall between? Let these ports through on those machines, or say --advertise HOST there";
    Check::fail("ports", named.join("; "), next)
}

/// Whether the ports that `gossamer up` takes are there to be taken.
async fn free() -> Check {
    let tcp = [QUEUE_PORT, QUEUE_PORT + 1, NODE_PORT, NODE_PORT + 1];
    let world = World::real();
    let mut taken = Vec::new();
    for port in tcp {
        if world.network.bind((Ipv4Addr::UNSPECIFIED, port).into()).await.is_err() {
            taken.push(format!("TCP {port}"));
        }
    }
    if hear_broadcasts().is_err() {
        taken.push(format!("UDP {DISCOVERY_PORT}"));
    }
    if taken.is_empty() {
        let tcp = tcp.map(|port| port.to_string()).join(", ");
        return Check::ok("ports", format!("TCP {tcp} and UDP {DISCOVERY_PORT} are free here"));
    }
    let next =
        "`ss -lntup` says by whom; `gossamer up` has --listen, --node-listen and --node-data for others";
    Check::warn("ports", format!("taken here: {}", taken.join(", ")), next)
}

/// Listens as discovery does, beside other programs that do, and stops again.
fn hear_broadcasts() -> io::Result<()> {
    let lan = discovery::Config::new(World::real(), None).lan;
    let interfaces = lan.interfaces()?;
    interfaces.iter().try_for_each(|interface| lan.open(interface, Purpose::Listen(DISCOVERY_PORT)).map(drop))
}
