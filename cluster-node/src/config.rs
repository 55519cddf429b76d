//! What a node is told at its start.

use std::sync::Arc;
use std::time::Duration;

use gossamer_proto::limits;
use gossamer_proto::trust::Trust;
use gossamer_world::World;
use tokio::sync::watch;

use crate::raft::Compaction;
use crate::witness::Witness;

/// Settings of a node; its identity is in its [`crate::folder::Folder`].
#[derive(Clone)]
pub struct Config {
    /// Sockets, files, clock, randomness.
    pub world: World,
    /// Queue servers, `host:port`, as far as they are known now.
    pub queues: watch::Receiver<Vec<String>>,
    /// Host under which others reach this node's two ports now.
    pub advertise: watch::Receiver<String>,
    /// Whom this node connects to, and whom it lets in.
    pub trust: Trust,
    /// What holds the catalogue.
    pub backend: BackendKind,
    /// How often the leader lets unreferenced chunks be freed.
    pub collect_every: Duration,
    /// How often the leader lets remembered operations be forgotten; two such periods are the longest retry.
    pub expire_every: Duration,
    /// When the log is cut.
    pub compaction: Compaction,
    /// Disk space kept for log, catalogue and deletes, bytes.
    pub reserve_bytes: u64,
    /// Size of a log segment, bytes.
    pub segment_bytes: u64,
    /// Told what the node does.
    pub witness: Option<Arc<dyn Witness>>,
}

/// What holds the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    /// sled, in the data folder.
    Sled,
    /// A map in memory: rebuilt from snapshot and log at every start. For the simulation.
    Memory,
}

impl Config {
    /// The defaults, for a node that is always reached as `advertise` and asks `queues`.
    pub fn new(world: World, queues: Vec<String>, advertise: String) -> Self {
        Config {
            world,
            queues: watch::channel(queues).1,
            advertise: watch::channel(advertise).1,
            trust: Trust::Loopback,
            backend: BackendKind::Sled,
            collect_every: Duration::from_secs(600),
            expire_every: Duration::from_secs(120),
            compaction: Compaction::default(),
            reserve_bytes: limits::RESERVE_BYTES,
            segment_bytes: limits::SEGMENT_BYTES,
            witness: None,
        }
    }
}
