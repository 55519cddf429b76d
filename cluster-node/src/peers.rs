//! Where the other nodes are: soft state, learned from the queue servers' directory, never written down.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use gossamer_proto::channel::{Channels, Target};
use tonic::transport::Channel;

/// Which cluster the nodes are of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// 16 bytes.
    pub id: Bytes,
    /// How often it was recovered by force.
    pub epoch: u64,
}

/// A node's addresses, each `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Where it takes gRPC calls.
    pub control: String,
    /// Where it takes and gives the bytes of files.
    pub data: String,
}

/// Since when a node is where it is, on its own count: two queue servers may tell of two addresses, and the later is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Since {
    /// Which start of its folder.
    pub run: u64,
    /// How many changes of address later.
    pub moves: u64,
}

/// Which of the connections to one node. One connection is one ordered stream of bytes with one window: what must
/// not wait behind something else needs its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Small calls of any kind.
    #[default]
    Calls,
    /// Raft's heartbeats and votes: late ones cost the leader its office.
    Heartbeats,
    /// Raft's log.
    Log,
    /// Snapshots.
    Snapshots,
}

/// The other nodes. Cheap to clone; clones share what they learned and the connections.
#[derive(Clone)]
pub struct Peers {
    channels: Channels,
    cluster: Cluster,
    known: Arc<RwLock<BTreeMap<u64, Peer>>>,
}

struct Peer {
    address: Address,
    since: Since,
    lanes: BTreeMap<Lane, Channel>,
}

impl Peers {
    /// Knows nobody of `cluster` yet.
    pub fn new(channels: Channels, cluster: Cluster) -> Self {
        Peers { channels, cluster, known: Arc::default() }
    }

    /// What marks a call as meant for node `id` of this cluster.
    pub fn target(&self, id: u64) -> Target {
        Target { cluster: self.cluster.id.clone(), epoch: Some(self.cluster.epoch), node: id }
    }

    /// Notes where node `id` is, unless something later is known. Another address drops the connections to the former
    /// one.
    pub fn learn(&self, id: u64, address: Address, since: Since) {
        let mut known = self.write();
        match known.get_mut(&id) {
            Some(peer) if peer.since > since => {}
            Some(peer) if peer.address == address => peer.since = since,
            _ => {
                known.insert(id, Peer { address, since, lanes: BTreeMap::new() });
            }
        }
    }

    /// Where node `id` was last seen.
    pub fn of(&self, id: u64) -> Option<Address> {
        self.read().get(&id).map(|peer| peer.address.clone())
    }

    /// Every node and where it was last seen, by id.
    pub fn all(&self) -> Vec<(u64, Address)> {
        self.read().iter().map(|(id, peer)| (*id, peer.address.clone())).collect()
    }

    /// The channel for small calls to the node; kept and shared. It connects when first used. None if the node's
    /// address is unknown, or may not be used without a token.
    pub fn channel(&self, id: u64) -> Option<Channel> {
        self.lane(id, Lane::Calls)
    }

    /// As [`Peers::channel`], on a connection of its own for this kind of traffic.
    pub fn lane(&self, id: u64, lane: Lane) -> Option<Channel> {
        if let Some(channel) = self.read().get(&id).and_then(|peer| peer.lanes.get(&lane)) {
            return Some(channel.clone());
        }
        let mut known = self.write();
        let peer = known.get_mut(&id)?;
        if let Some(channel) = peer.lanes.get(&lane) {
            return Some(channel.clone());
        }
        match self.channels.grpc(&peer.address.control) {
            Ok(channel) => {
                peer.lanes.insert(lane, channel.clone());
                Some(channel)
            }
            Err(error) => {
                tracing::warn!(node = id, %error, "a node cannot be called");
                None
            }
        }
    }

    /// Drops the connection of a lane on which nothing moves; the next use makes a new one.
    pub fn evict(&self, id: u64, lane: Lane) {
        if let Some(peer) = self.write().get_mut(&id) {
            peer.lanes.remove(&lane);
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<u64, Peer>> {
        self.known.read().expect("nothing panics while holding it")
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<u64, Peer>> {
        self.known.write().expect("nothing panics while holding it")
    }
}
