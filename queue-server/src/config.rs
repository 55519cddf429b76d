//! What a queue server is told at its start.

use std::path::PathBuf;
use std::time::Duration;

use gossamer_world::World;

use crate::queue::Bounds;

/// Settings of a queue server.
#[derive(Clone)]
pub struct Config {
    /// Its surroundings.
    pub world: World,
    /// Its folder: a lock, a format, and which cluster it serves.
    pub dir: PathBuf,
    /// The name that a cluster gets if it is founded here.
    pub cluster_name: String,
    /// How long a queue server without a cluster listens for members of one before it lets a node found.
    pub grace: Duration,
    /// How much each queue may hold.
    pub bounds: Bounds,
}

impl Config {
    /// The usual settings.
    pub fn new(world: World, dir: impl Into<PathBuf>, cluster_name: impl Into<String>) -> Self {
        Config {
            world,
            dir: dir.into(),
            cluster_name: cluster_name.into(),
            grace: Duration::from_secs(1),
            bounds: Bounds::default(),
        }
    }
}
