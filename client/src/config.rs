//! What a client needs to know.

use std::sync::Arc;
use std::time::Duration;

use gossamer_proto::limits::CLIENT_PATIENCE;
use gossamer_proto::trust::Trust;
use gossamer_world::World;

use crate::progress::{Progress, Silent};

/// Where the cluster is and how long to wait for it.
#[derive(Clone)]
pub struct Config {
    /// Sockets, clock, randomness and threads.
    pub world: World,
    /// The queue servers, `host:port`, in order of preference. Empty: [`Config::DEFAULT_QUEUE`].
    pub queues: Vec<String>,
    /// What those who answer have to prove.
    pub trust: Trust,
    /// How long an operation goes on without any progress before it gives up.
    pub patience: Duration,
    /// Hears what is waited for in operations that are given nobody else to hear it.
    pub progress: Arc<dyn Progress>,
    /// Every change is sent twice, as by a network that duplicates messages. For the simulation.
    #[doc(hidden)]
    pub duplicates: bool,
}

impl Config {
    /// Where a queue server listens if nothing else is said.
    pub const DEFAULT_QUEUE: &str = "127.0.0.1:4068";

    /// A client of these queue servers with the default patience of 30 s, on loopback only.
    pub fn new(world: World, queues: Vec<String>) -> Self {
        Config {
            world,
            queues,
            trust: Trust::Loopback,
            patience: CLIENT_PATIENCE,
            progress: Arc::new(Silent),
            duplicates: false,
        }
    }
}
