//! What a seed decides before anything runs.

use std::time::Duration;

use rand::Rng;
use rand::rngs::SmallRng;

/// Nodes of the cluster.
pub const NODES: usize = 3;
/// Clients at work.
pub const CLIENTS: usize = 4;
/// Machines the clients are on.
pub const CLIENT_HOSTS: usize = 2;

/// The shape of one run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Queue servers: one or two.
    pub queues: usize,
    /// The longest a message takes while nothing is broken; the shortest is 1 ms.
    pub latency: Duration,
    /// How long each client tries. Impatient ones leave more outcomes unknown.
    pub patience: [Duration; CLIENTS],
    /// A snapshot is taken after this many log entries.
    pub snapshot_entries: u64,
}

impl Setup {
    /// Draws one.
    pub fn draw(random: &mut SmallRng) -> Self {
        Setup {
            queues: random.random_range(1..=2),
            latency: Duration::from_millis([2, 5, 20][random.random_range(0..3)]),
            patience: std::array::from_fn(|_| {
                Duration::from_millis([700, 3000, 10_000][random.random_range(0..3)])
            }),
            snapshot_entries: [40, 150, 10_000][random.random_range(0..3)],
        }
    }

    /// Names of the queue servers' hosts.
    pub fn queue_hosts(&self) -> Vec<String> {
        (1..=self.queues).map(|number| format!("queue-{number}")).collect()
    }

    /// Addresses of the queue servers.
    pub fn queue_addresses(&self) -> Vec<String> {
        self.queue_hosts().iter().map(|host| format!("{host}:{}", crate::host::QUEUE_PORT)).collect()
    }

    /// Names of the nodes' hosts.
    pub fn node_hosts(&self) -> Vec<String> {
        (1..=NODES).map(|number| format!("node-{number}")).collect()
    }

    /// Names of the clients' hosts.
    pub fn client_hosts(&self) -> Vec<String> {
        (1..=CLIENT_HOSTS).map(|number| format!("clients-{number}")).collect()
    }
}
