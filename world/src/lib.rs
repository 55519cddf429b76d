//! The outside world, behind traits, so that a simulation can run the real services.
//!
//! # Layout
//! - [`network`]: TCP connections and listeners
//! - [`files`]: positioned file IO with explicit durability; [`disk`] is the real one, [`memory`] one that
//!   forgets what was not synced
//! - [`clock`]: the wall clock; monotonic time is `tokio::time`, which a simulation already controls
//! - [`random`]: bytes nobody can guess
//! - [`blocking`]: where calls that block run
//! - [`known_bug`]: bugs put back on purpose, in the simulation only
//!
//! # Invariants
//! - Nothing else in the workspace opens a socket or a file, reads a clock or draws a random number, but
//!   discovery's datagram sockets (behind a seam of its own) and the command line's reading and writing of its user's
//!   files.
//!
//! # What it does not guarantee
//! - sled opens its own files: a simulation uses another catalogue backend.

pub mod blocking;
pub mod clock;
pub mod disk;
pub mod files;
pub mod known_bug;
pub mod memory;
pub mod network;
pub mod random;
mod write_back;

use std::sync::Arc;

pub use blocking::Blocking;
pub use clock::Clock;
pub use files::{File, Files};
pub use network::{Listener, Network, Stream};
pub use random::Random;

/// Everything a component needs of its surroundings. Cheap to clone.
#[derive(Clone)]
pub struct World {
    /// Sockets.
    pub network: Arc<dyn Network>,
    /// Files and directories.
    pub files: Arc<dyn Files>,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub random: Arc<dyn Random>,
    /// Where blocking calls run.
    pub blocking: Blocking,
}

impl World {
    /// The machine itself: kernel sockets, disks, clock and randomness, blocking calls on threads of their own.
    pub fn real() -> Self {
        World {
            network: Arc::new(network::Tcp),
            files: Arc::new(disk::Disk),
            clock: Arc::new(clock::System),
            random: Arc::new(random::Kernel),
            blocking: Blocking::Threads,
        }
    }
}
