//! What a seed decides before anything runs.

use std::time::Duration;

use rand::Rng;
use rand::rngs::SmallRng;

/// Clients at work.
pub const CLIENTS: usize = 4;
/// Machines the clients are on.
pub const CLIENT_HOSTS: usize = 2;

/// The shape of one run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Queue servers: one or two.
    pub queues: usize,
    /// Nodes from the beginning: mostly three, sometimes five or one.
    pub nodes: usize,
    /// Machines that may join later.
    pub spares: usize,
    /// The longest a message takes while nothing is broken; the shortest is 1 ms.
    pub latency: Duration,
    /// How long each client tries. Impatient ones leave more outcomes unknown.
    pub patience: [Duration; CLIENTS],
    /// Longest pause of a client between two operations, milliseconds.
    pub pause_ms: u64,
    /// Every change is sent twice.
    pub duplicates: bool,
    /// Nodes re-read all they hold every second, and not only when they start.
    pub scrubs: bool,
    /// A snapshot is taken after this many log entries.
    pub snapshot_entries: u64,
    /// How often chunks without a record may be freed: often enough that a run sees several.
    pub collect_every: Duration,
}

impl Setup {
    /// Draws one.
    pub fn draw(random: &mut SmallRng) -> Self {
        let nodes = [3, 3, 3, 3, 3, 3, 3, 5, 5, 1][random.random_range(0..10)];
        Setup {
            queues: random.random_range(1..=2),
            nodes,
            // The sixth of six nodes would only ever be a replica: five are enough to see.
            spares: if nodes < 5 { random.random_range(0..=1) } else { 0 },
            latency: Duration::from_millis([2, 5, 20][random.random_range(0..3)]),
            patience: std::array::from_fn(|_| {
                Duration::from_millis([700, 3000, 10_000][random.random_range(0..3)])
            }),
            pause_ms: [40, 150, 500][random.random_range(0..3)],
            duplicates: random.random_ratio(1, 3),
            scrubs: random.random(),
            snapshot_entries: [40, 150, 10_000][random.random_range(0..3)],
            collect_every: Duration::from_millis([400, 3000][random.random_range(0..2)]),
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

    /// Names of the hosts of the nodes that are there from the beginning.
    pub fn node_hosts(&self) -> Vec<String> {
        (1..=self.nodes).map(|number| format!("node-{number}")).collect()
    }

    /// Names of the hosts of nodes that may join later.
    pub fn spare_hosts(&self) -> Vec<String> {
        (self.nodes + 1..=self.nodes + self.spares).map(|number| format!("node-{number}")).collect()
    }

    /// Names of the clients' hosts.
    pub fn client_hosts(&self) -> Vec<String> {
        (1..=CLIENT_HOSTS).map(|number| format!("clients-{number}")).collect()
    }

    /// Names of all hosts.
    pub fn hosts(&self) -> Vec<String> {
        [self.node_hosts(), self.spare_hosts(), self.queue_hosts(), self.client_hosts()].concat()
    }
}
