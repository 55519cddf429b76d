//! Starting Raft.

use std::sync::Arc;

use bytes::Bytes;
use gossamer_proto::limits;
use gossamer_world::World;
use openraft::SnapshotPolicy;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::handle::{Handle, Shared};
use super::log_store::LogStore;
use super::network::Network;
use super::state_machine::StateMachine;
use super::types::Raft;
use super::{compact, view};
use crate::peers::Peers;
use crate::storage::catalogue::Catalogue;
use crate::storage::extents::Chunks;
use crate::storage::log::Log;
use crate::storage::refill::Refill;
use crate::storage::snapshot::{SnapshotError, Snapshots};
use crate::witness::Witness;

/// What Raft works with, all of it open.
pub struct Config {
    /// Surroundings.
    pub world: World,
    /// This node's id, an index of the log (or the first node's).
    pub id: u64,
    /// The cluster's id.
    pub cluster: Bytes,
    /// Vote and entries.
    pub log: Log,
    /// Restored from the current snapshot, if that was necessary.
    pub catalogue: Arc<Catalogue>,
    /// Where snapshots are built, received and read.
    pub snapshots: Arc<Snapshots>,
    /// Synced before a snapshot counts.
    pub chunks: Arc<Chunks>,
    /// Where the other nodes are.
    pub peers: Peers,
    /// When the log is cut.
    pub compaction: Compaction,
    /// Told what is applied, and what leaves the log.
    pub witness: Option<Arc<dyn Witness>>,
}

/// When a snapshot is taken and how much of the log is kept behind it.
#[derive(Clone, Copy, Debug)]
pub struct Compaction {
    /// A snapshot is taken after this many entries...
    pub entries: u64,
    /// ...or when the log is larger than this many bytes.
    pub bytes: u64,
    /// Entries kept behind a snapshot for followers that are a little late; fewer, if they are large.
    pub keep: u64,
}

impl Default for Compaction {
    fn default() -> Self {
        Compaction { entries: limits::LOG_ENTRIES, bytes: limits::LOG_BYTES, keep: limits::LOG_KEEP_ENTRIES }
    }
}

/// Why Raft does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The numbers contradict each other.
    #[error("raft's settings: {0}")]
    Settings(String),
    /// Log, catalogue and snapshot do not fit together, or cannot be read.
    #[error("raft: {0}")]
    Storage(String),
}

fn settings(cluster: &[u8], compaction: Compaction) -> Result<openraft::Config, StartError> {
    let config = openraft::Config {
        cluster_name: cluster.iter().take(4).map(|byte| format!("{byte:02x}")).collect(),
        heartbeat_interval: limits::HEARTBEAT_MS,
        // A follower campaigns after the longest timeout plus a random one of this range.
        election_timeout_min: limits::ELECTION_MIN_MS,
        election_timeout_max: limits::ELECTION_MAX_MS,
        enable_pre_vote: Some(true),
        // The default of 200 ms would begin every snapshot of more than a few MiB anew for ever.
        install_snapshot_timeout: limits::INSTALL_MS,
        max_payload_entries: limits::APPEND_ENTRIES,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(compaction.entries),
        max_in_snapshot_log_to_keep: compaction.keep,
        purge_batch_size: 256,
        // Above the policy's, or the snapshot a laggard gets would leave it a laggard.
        replication_lag_threshold: compaction.entries.saturating_mul(2),
        // A leader that starts again must be elected again. Entries leave for the followers before they are on its own
        // disk; one lost in a crash of the machine would come back under the same id with other content, if the
        // leader went on in its former term.
        enable_leader_restore: Some(false),
        // Accepted writes wait in this channel; a leader works on that many tasks at once.
        api_channel_size: Some(u64::from(limits::LEADER_CREDITS)),
        ..openraft::Config::default()
    };
    config.validate().map_err(|error| StartError::Settings(error.to_string()))
}

/// What a node stands on when Raft starts.
pub(super) struct Ground<'a> {
    pub(super) log: &'a Log,
    pub(super) catalogue: &'a Arc<Catalogue>,
    pub(super) snapshots: &'a Arc<Snapshots>,
    pub(super) chunks: &'a Arc<Chunks>,
}

impl Ground<'_> {
    /// Entries are applied once a majority has them, be this node's own write of them still under way. If the process dies
    /// then, the catalogue may be ahead of the log, and openraft cuts all of the log off: a snapshot must hold it before.
    pub(super) async fn prepare(&self, world: &World) -> Result<(), SnapshotError> {
        let Some(at) = self.catalogue.applied().at else { return Ok(()) };
        let covered = self.snapshots.current().and_then(|current| current.meta.at);
        if self.log.indexes().end > at.index || covered >= Some(at) {
            return Ok(());
        }
        tracing::info!(?at, "the catalogue is ahead of the log: a snapshot takes the log's place");
        let (catalogue, snapshots, chunks) =
            (self.catalogue.clone(), self.snapshots.clone(), self.chunks.clone());
        let build = move || {
            let sync = || chunks.sync().map_err(std::io::Error::other);
            snapshots.build(&catalogue, &sync).map(drop)
        };
        world.blocking.run(build).await
    }
}

/// Starts Raft on what the folder holds. Applies the entries that were committed before the last stop, then returns; a
/// node whose log has not begun waits to be called, or for [`Handle::initialize`].
pub async fn start(config: Config) -> Result<Handle, StartError> {
    let Config { world, id, cluster, log, catalogue, snapshots, chunks, peers, compaction, witness } = config;
    let settings = Arc::new(settings(&cluster, compaction)?);
    let network = Network { world: world.clone(), peers: peers.clone(), snapshots: snapshots.clone() };
    let shutdown = CancellationToken::new();
    let ground = Ground { log: &log, catalogue: &catalogue, snapshots: &snapshots, chunks: &chunks };
    ground.prepare(&world).await.map_err(|error| StartError::Storage(error.to_string()))?;
    let refill = Arc::new(Refill::new(&world, &log, &catalogue, &chunks));
    refill.begin();
    let store = LogStore::new(log.clone(), chunks.clone(), witness.clone());
    let machine = StateMachine {
        world: world.clone(),
        catalogue,
        snapshots: snapshots.clone(),
        chunks,
        refill: refill.clone(),
        witness: witness.clone(),
        shutdown: shutdown.clone(),
    };
    let starting = Raft::new(id, settings, network, store.clone(), machine);
    // Boxed: openraft's start-up is a future of many KiB.
    let raft = Box::pin(starting).await.map_err(|fatal| StartError::Storage(fatal.to_string()))?;

    let (sender, view) = watch::channel(view::current(&raft));
    tokio::spawn(view::follow(raft.clone(), sender, witness));
    tokio::spawn(shutdown.clone().run_until_cancelled_owned(compact::run(
        raft.clone(),
        log.clone(),
        compaction,
    )));
    let shared = Shared {
        id,
        raft,
        world,
        log,
        store,
        refill,
        snapshots,
        peers,
        view,
        changing: tokio::sync::Mutex::default(),
        _tasks: shutdown.clone().drop_guard(),
        shutdown,
    };
    Ok(Handle { shared: Arc::new(shared) })
}
