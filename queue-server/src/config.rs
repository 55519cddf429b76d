//! What a queue server is told at its start.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gossamer_world::World;

use crate::queue::{Bounds, Effect, SessionId};

/// Settings of a queue server.
#[derive(Clone)]
pub struct Config {
    /// Its surroundings.
    pub world: World,
    /// Its folder: a lock, a format, and which cluster it serves.
    pub dir: PathBuf,
    /// Which cluster this is.
    pub cluster: Cluster,
    /// Strangers on the network are let in: so that `status` can say so.
    pub insecure: bool,
    /// How long a queue server without a cluster listens for members of one before it lets a node found.
    pub grace: Duration,
    /// More lines for `/metrics`, of whatever runs beside it.
    pub metrics: Option<Metrics>,
    /// How much each queue may hold.
    pub bounds: Bounds,
    /// Told what the queues decide.
    pub witness: Option<Arc<dyn Witness>>,
}

impl Config {
    /// The usual settings, of a queue server that may found a cluster with an id drawn by itself.
    pub fn new(world: World, dir: impl Into<PathBuf>, cluster_name: impl Into<String>) -> Self {
        Config {
            world,
            dir: dir.into(),
            cluster: Cluster::Found { name: cluster_name.into(), id: None },
            insecure: false,
            metrics: None,
            grace: Duration::from_secs(1),
            bounds: Bounds::default(),
            witness: None,
        }
    }
}

/// Somebody who is told what the queues do, as they do it. In production there is none; the simulation checks by it what
/// leases promise. Must not block.
pub trait Witness: Send + Sync {
    /// A node's result arrived under this lease, and these effects followed at once.
    fn result(&self, session: SessionId, lease: u64, effects: &[Effect]);
    /// Something else happened, with these effects.
    fn effects(&self, effects: &[Effect]);
    /// A node's session is over, and with it all its leases.
    fn session_over(&self, session: SessionId);
}

/// Renders lines of Prometheus text.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Which cluster a queue server serves, unless its folder or a member says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// If there is none yet, it may let one node found it.
    Found {
        /// What it is called.
        name: String,
        /// What it will be known by; None: drawn when it is founded.
        id: Option<[u8; 16]>,
    },
    /// This one, founded elsewhere.
    Join {
        /// What it is called.
        name: String,
        /// What it is known by.
        id: [u8; 16],
    },
}
