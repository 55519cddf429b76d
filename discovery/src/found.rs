//! Who was heard: queue servers of the token's cluster, and clusters that it does not fit. Both bounded, both forgotten
//! when unheard for long or no longer on any link.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddrV4;
use std::time::Duration;

use gossamer_proto::limits::{DISCOVERY_FOREIGN, DISCOVERY_FOUND};
use gossamer_proto::token::ID_BYTES;
use tokio::time::Instant;

use crate::lan::Interface;

/// What is known now. Hints: nobody answers for what he said before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Where queue servers of the token's cluster are: those of the LAN first, then this machine's by loopback, each
    /// sorted.
    pub queue_servers: Vec<SocketAddrV4>,
    /// Queue servers of clusters that the token does not fit: hearsay, without any proof.
    pub foreign: Vec<Heard>,
}

/// A queue server that said which cluster's it is, without proof.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heard {
    /// The cluster's name.
    pub name: String,
    /// The cluster's id.
    pub cluster: [u8; ID_BYTES],
    /// Where its queue server is.
    pub queue_server: SocketAddrV4,
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cluster {} at {}", self.name, self.queue_server)
    }
}

/// What is known, and since when.
pub(crate) struct Finds {
    keep: Duration,
    /// Whether by loopback, which sorts last.
    queue_servers: BTreeMap<(bool, SocketAddrV4), Instant>,
    foreign: BTreeMap<Heard, Instant>,
}

impl Finds {
    /// Keeps what was heard for `keep`.
    pub(crate) fn new(keep: Duration) -> Self {
        Finds { keep, queue_servers: BTreeMap::new(), foreign: BTreeMap::new() }
    }

    /// A queue server proved itself. `false` if there is no room for it.
    pub(crate) fn queue_server(&mut self, addr: SocketAddrV4, now: Instant) -> bool {
        remember(&mut self.queue_servers, (addr.ip().is_loopback(), addr), now, DISCOVERY_FOUND)
    }

    /// A queue server of another cluster was heard. `false` if there is no room for it.
    pub(crate) fn foreign(&mut self, heard: Heard, now: Instant) -> bool {
        remember(&mut self.foreign, heard, now, DISCOVERY_FOREIGN)
    }

    /// Whether no queue server is known.
    pub(crate) fn is_lonely(&self) -> bool {
        self.queue_servers.is_empty()
    }

    /// Forgets what was unheard for too long, and what is not on the link of any of `interfaces`.
    pub(crate) fn forget(&mut self, interfaces: &[Interface], now: Instant) {
        let keep = |addr: &SocketAddrV4, at: Instant| {
            now - at < self.keep && interfaces.iter().any(|interface| interface.is_on_link(*addr.ip()))
        };
        self.queue_servers.retain(|(_, addr), at| keep(addr, *at));
        self.foreign.retain(|heard, at| keep(&heard.queue_server, *at));
    }

    /// For the owner.
    pub(crate) fn found(&self) -> Found {
        Found {
            queue_servers: self.queue_servers.keys().map(|(_, addr)| *addr).collect(),
            foreign: self.foreign.keys().cloned().collect(),
        }
    }
}

/// Who is in keeps its place until it is forgotten: nobody is driven out.
fn remember<K: Ord>(map: &mut BTreeMap<K, Instant>, key: K, now: Instant, capacity: usize) -> bool {
    if map.len() >= capacity && !map.contains_key(&key) {
        return false;
    }
    map.insert(key, now);
    true
}
