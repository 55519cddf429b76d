//! What discovery is told at its start.

use std::sync::Arc;
use std::time::Duration;

use gossamer_proto::limits::{DISCOVERY_FIRST, DISCOVERY_LAST, DISCOVERY_PORT};
use gossamer_proto::token::Token;
use gossamer_world::World;
use tokio::sync::mpsc;

use crate::event::Event;
use crate::lan::Lan;
use crate::socket::Kernel;

/// Settings of discovery.
#[derive(Clone)]
pub struct Config {
    /// Its surroundings: of these, only random numbers.
    pub world: World,
    /// Interfaces and datagrams.
    pub lan: Arc<dyn Lan>,
    /// The cluster looked for. Without one, only a census is taken.
    pub token: Option<Token>,
    /// Port of this process's queue server, if it has one: it is told to whoever proves that he holds the token.
    pub announce: Option<u16>,
    /// Port of the broadcasts.
    pub port: u16,
    /// Whether others' broadcasts are heard. Who announces must; a command that only asks need not.
    pub listen: bool,
    /// Pause after the first round of asking; it doubles with every round.
    pub first: Duration,
    /// Longest pause between two rounds. What is unheard for four of these is forgotten.
    pub last: Duration,
    /// Told of everything that happens, for people. What does not fit is dropped.
    pub events: Option<mpsc::Sender<Event>>,
}

impl Config {
    /// The usual settings, on the kernel's interfaces.
    pub fn new(world: World, token: Option<Token>) -> Self {
        Config {
            world,
            lan: Arc::new(Kernel),
            listen: token.is_some(),
            token,
            announce: None,
            port: DISCOVERY_PORT,
            first: DISCOVERY_FIRST,
            last: DISCOVERY_LAST,
            events: None,
        }
    }
}
