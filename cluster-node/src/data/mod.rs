//! The data port: HTTP/1.1, bytes only.
//!
//! # Layout
//! - `server`: connections, routes; `refusal`: errors as answers
//! - `have`, `receive`, `read`, `suspect`: what each route does; `frames`: chunks in the body of an upload
//! - [`ticket`]: who may do what; [`fetch`]: the other side, for nodes that lack chunks
//!
//! # Invariants
//! - No chunk is stored that does not match its hash.
//! - Chunks being received take at most half of [`RECEIVE_BYTES`], chunks being forwarded the other half; chunks being
//!   fetched by others at most [`READ_BYTES`].
//! - A body that moves no byte for [`STALL`](gossamer_proto::limits::STALL) is given up.
//!
//! # What it does not guarantee
//! - A stored chunk is not on disk yet: the seal syncs.

pub mod fetch;
mod frames;
#[doc(hidden)]
pub mod fuzz;
mod have;
mod read;
mod receive;
mod refusal;
mod server;
mod suspect;
pub mod ticket;

use std::sync::Arc;

use gossamer_proto::limits::{READ_BYTES, RECEIVE_BYTES};
use gossamer_proto::listener::Bound;
use gossamer_world::World;
use hyper::HeaderMap;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub(crate) use frames::Header;
pub(crate) use have::held;

use self::refusal::Refusal;
use self::ticket::Grant;
use crate::storage::extents::Chunks;
use crate::upload::forward::Forwards;

/// The header that carries a ticket, in hexadecimal digits.
pub(crate) const TICKET_HEADER: &str = "gossamer-ticket";
/// The header with the first chunk that is wanted, a place in the list.
const FROM_HEADER: &str = "gossamer-from";
/// The header with the chunk after the last that is wanted.
const TO_HEADER: &str = "gossamer-to";

/// What the data port needs.
#[derive(Clone)]
pub struct Config {
    /// Where blocking calls run.
    pub world: World,
    /// Connects to the nodes that are forwarded to.
    pub channels: gossamer_proto::channel::Channels,
    /// The chunks of this node.
    pub chunks: Arc<Chunks>,
    /// Checks what clients and nodes bring.
    pub tickets: Arc<ticket::Tickets>,
    /// Where the other nodes are.
    pub peers: crate::peers::Peers,
    /// To know which nodes to forward to.
    pub view: tokio::sync::watch::Receiver<crate::raft::View>,
}

/// Serves POST /have /upload /read /suspect until shutdown; requests under way get
/// [`STOP`](gossamer_proto::limits::STOP) to finish.
pub async fn run(bound: Bound, config: Config, shutdown: CancellationToken) {
    let forwards = Forwards::new(&config);
    let room = Arc::new(Semaphore::new(RECEIVE_BYTES / 2));
    let outgoing = Arc::new(Semaphore::new(READ_BYTES));
    let port = Arc::new(Port { config, forwards, room, outgoing });
    server::serve(bound, port, shutdown).await;
}

/// What all connections share.
struct Port {
    config: Config,
    forwards: Forwards,
    /// Bytes of chunks that may be arriving or being stored.
    room: Arc<Semaphore>,
    /// Bytes of chunks that may be on their way out.
    outgoing: Arc<Semaphore>,
}

impl Port {
    /// What the request's ticket permits.
    fn grant(&self, headers: &HeaderMap) -> Result<Grant, Refusal> {
        let ticket = headers.get(TICKET_HEADER).and_then(|value| value.to_str().ok());
        Ok(self.config.tickets.check_hex(ticket.unwrap_or_default())?)
    }

    /// Runs a call on the chunks where it may block.
    async fn chunks<T: Send + 'static>(&self, call: impl FnOnce(&Chunks) -> T + Send + 'static) -> T {
        let chunks = self.config.chunks.clone();
        self.config.world.blocking.run(move || call(&chunks)).await
    }
}
