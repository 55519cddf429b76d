//! Writes, on the leader: ticket, forward, seal, commit; small files, deletes.
//!
//! # Layout
//! - `open`: the right to bring chunks; [`forward`], `target`: chunks go on to the other nodes
//! - `commit`: a large file, by way of `plausible`, `hold` and `seal`; `confirm`: the voter's side of a seal
//! - `put`, `copy`, `remove`: what needs no chunks; [`propose`]: many commands in one log entry; `answer`: what they did
//!
//! # Invariants
//! - A commit is proposed only when a majority of the voters has confirmed its chunks on disk, under the membership
//!   and the Collect number that it names.
//! - [`Answer::Refused`] means that nothing was proposed.
//!
//! # What it does not guarantee
//! - The order of two operations that are under way at the same time.

mod answer;
mod commit;
mod confirm;
mod copy;
pub(crate) mod forward;
mod hold;
mod open;
mod plausible;
pub mod propose;
mod put;
mod remove;
mod seal;
mod target;

use std::path::PathBuf;
use std::sync::Arc;

use gossamer_proto::channel::Channels;
use gossamer_proto::limits::{RPC, SEAL_FETCHES};
use gossamer_proto::v1;
use gossamer_world::World;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, Semaphore};
use tokio::time::Instant;

pub use self::answer::Answer;
use self::propose::Proposer;
use crate::data::ticket::Tickets;
use crate::peers::Peers;
use crate::raft;
use crate::storage::catalogue::{Applied, Catalogue};
use crate::storage::extents::{ChunkError, Chunks};

/// What uploads need.
#[derive(Clone)]
pub struct Config {
    /// Clock, disk space, where blocking calls run.
    pub world: World,
    /// Connects to other data ports.
    pub channels: Channels,
    /// Proposes; knows who leads and votes.
    pub raft: raft::Handle,
    /// For conditions judged early, and Collect numbers.
    pub catalogue: Arc<Catalogue>,
    /// The chunks of this node.
    pub chunks: Arc<Chunks>,
    /// Where the other nodes are.
    pub peers: Peers,
    /// Issues upload tickets.
    pub tickets: Arc<Tickets>,
    /// Where this node's data port is.
    pub whereabouts: crate::whereabouts::Whereabouts,
    /// A folder on the disk that holds the extents.
    pub dir: PathBuf,
    /// Disk space kept back, bytes.
    pub reserve_bytes: u64,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    config: Config,
    proposer: Proposer,
    /// Commits and puts hold it for reading while they are proposed, membership changes for writing.
    gate: Arc<RwLock<()>>,
    /// Groups of chunks being fetched for seals.
    fetches: Semaphore,
}

impl Handle {
    /// Starts the proposer's task on the current runtime; it ends with the last handle.
    pub fn new(config: Config) -> Self {
        let proposer = Proposer::new(config.world.clone(), Arc::new(config.raft.clone()));
        Handle(Arc::new(Shared {
            config,
            proposer,
            gate: Arc::default(),
            fetches: Semaphore::new(SEAL_FETCHES),
        }))
    }

    /// A ticket for the bytes of a file over 64 KiB.
    pub async fn open(&self, task: v1::OpenWrite, term: u64) -> Answer {
        open::open(&self.0, task, term).await.into()
    }

    /// A file of up to 64 KiB.
    pub async fn put(&self, task: v1::Put, term: u64) -> Answer {
        put::put(&self.0, task, term).await.into()
    }

    /// A file whose chunks were brought before.
    pub async fn commit(&self, task: v1::CommitWrite, term: u64, deadline: Instant) -> Answer {
        commit::commit(&self.0, task, term, deadline).await.into()
    }

    /// A second name for a file or folder that is there, or another one.
    pub async fn copy(&self, task: v1::Copy, term: u64) -> Answer {
        copy::copy(&self.0, task, term).await.into()
    }

    /// Removes a file.
    pub async fn delete(&self, task: v1::Delete, term: u64) -> Answer {
        remove::remove(&self.0, task, term).await.into()
    }

    /// Proposes a command that concerns no file (Admit, Retire, SetSetting, MarkDigest, Collect, Expire), batched with
    /// the others.
    pub async fn propose(&self, command: v1::Command, term: u64) -> Result<Applied, raft::ProposeError> {
        self.0.proposer.propose(command, term).await
    }

    /// Stops commits and puts from being proposed until the guard is dropped; waits for those under way. For
    /// membership changes.
    pub async fn pause(&self) -> OwnedRwLockWriteGuard<()> {
        self.0.gate.clone().write_owned().await
    }

    /// As a voter: confirms that all chunks are held on disk, fetching what is missing (Peer.Seal).
    pub async fn confirm(&self, request: v1::SealRequest) -> v1::SealAnswer {
        confirm::confirm(&self.0, request).await
    }
}

impl Shared {
    /// Whether this node leads in `term`, and a quorum follows it.
    fn leads(&self, term: u64) -> Result<(), answer::Stop> {
        let view = self.config.raft.view();
        let view = view.borrow();
        if view.leading && view.term == term { Ok(()) } else { Err(answer::not_leading()) }
    }

    /// After this the catalogue shows everything that was acknowledged before: a leader that was just elected may not
    /// have applied yet what the one before it acknowledged.
    async fn up_to_date(&self) -> Result<(), answer::Stop> {
        let barrier = self.config.raft.barrier(RPC).await;
        barrier.map(drop).map_err(|error| answer::unavailable(error.to_string()))
    }

    /// Runs a call on the chunks where it may block.
    async fn chunks<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Chunks) -> Result<T, ChunkError> + Send + 'static,
    ) -> Result<T, ChunkError> {
        let chunks = self.config.chunks.clone();
        self.config.world.blocking.run(move || call(&chunks)).await
    }

    /// Runs a call on the catalogue where it may block.
    async fn catalogue<T: Send + 'static>(&self, call: impl FnOnce(&Catalogue) -> T + Send + 'static) -> T {
        let catalogue = self.config.catalogue.clone();
        self.config.world.blocking.run(move || call(&catalogue)).await
    }
}
