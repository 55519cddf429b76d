//! What the rest of the node does with Raft.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gossamer_proto::limits::PROPOSE;
use gossamer_proto::v1;
use gossamer_world::World;
use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{InitializeError, RaftError};
use openraft::impls::ProgressResponder;
use openraft::raft::ClientWriteResult;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::convert::to_position;
use super::log_store::LogStore;
use super::service::Service;
use super::types::{Leader, Proposal, Raft, Types};
use super::view::View;
use crate::peers::Peers;
use crate::storage::catalogue::Applied;
use crate::storage::log::Log;
use crate::storage::position::Position;
use crate::storage::refill::Refill;
use crate::storage::snapshot::Snapshots;

/// Why a proposal did not succeed.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum ProposeError {
    /// Definitely not in the log: not the leader (of that term), or no quorum lately.
    #[error("this node does not lead")]
    NotLeader {
        /// Who does, if known.
        leader: Option<u64>,
    },
    /// Definitely not done, and the leader is not the reason: a membership that cannot be.
    #[error("refused: {0}")]
    Refused(String),
    /// May or may not be committed later.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
    /// Raft has ended before the proposal reached it.
    #[error("raft has stopped: {0}")]
    Stopped(String),
}

/// Why a read barrier did not succeed. Nothing was changed.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum BarrierError {
    /// Nobody who could be asked for the read index in time.
    #[error("no leader is known, or it has no quorum")]
    NoLeader,
    /// This node lags behind.
    #[error("the read index was not applied in time")]
    Late,
    /// Raft of this node has ended.
    #[error("raft has stopped: {0}")]
    Stopped(String),
}

/// How long a leader waits for its successor.
const HAND_OVER: Duration = Duration::from_secs(2);

/// This node's Raft. Cheap to clone. When the last clone is gone, the background tasks end.
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) id: u64,
    pub(super) raft: Raft,
    pub(super) world: World,
    pub(super) log: Log,
    pub(super) store: LogStore,
    pub(super) refill: Arc<Refill>,
    pub(super) snapshots: Arc<Snapshots>,
    pub(super) peers: Peers,
    pub(super) view: watch::Receiver<View>,
    /// Held while the membership is changed by this node.
    pub(super) changing: tokio::sync::Mutex<()>,
    pub(super) shutdown: CancellationToken,
    pub(super) _tasks: DropGuard,
}

impl Handle {
    /// This node's id.
    pub fn id(&self) -> u64 {
        self.shared.id
    }

    /// Makes this node the only member and voter of a new cluster; no effect if its log has begun. On exactly one
    /// node of a cluster, ever: two would be two clusters.
    pub async fn initialize(&self) -> Result<(), ProposeError> {
        match self.shared.raft.initialize(BTreeMap::from([(self.id(), ())])).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(RaftError::APIError(error)) => Err(ProposeError::Refused(error.to_string())),
            Err(RaftError::Fatal(fatal)) => Err(ProposeError::Stopped(fatal.to_string())),
        }
    }

    /// Proposes one entry in this term and waits until it is applied here; one result per command.
    ///
    /// `term`: the term under which the caller took the work. If this node no longer leads exactly that term, nothing
    /// is appended and the answer is `NotLeader`. Without an answer within [`PROPOSE`]: `Unknown`.
    pub async fn propose(
        &self,
        batch: v1::Batch,
        term: u64,
    ) -> Result<(Position, Vec<Applied>), ProposeError> {
        let proposal = Proposal::new(&batch);
        drop(batch);
        let leader = Leader { term, node_id: self.id() };
        let (responder, answer) = ProgressResponder::<Types, ClientWriteResult<Types>>::complete_only();
        let written = async {
            let write = self.shared.raft.write(proposal).with_leader(leader).responder(responder);
            write.await.map_err(|fatal| ProposeError::Stopped(fatal.to_string()))?;
            answer
                .await
                .map_err(|_| ProposeError::Unknown("raft has stopped".to_owned()))?
                .map_err(ProposeError::from)
        };
        match tokio::time::timeout(PROPOSE, written).await {
            Ok(written) => written.map(|answer| (to_position(answer.log_id), answer.data.0)),
            Err(_) => Err(ProposeError::Unknown(format!("not applied within {PROPOSE:?}"))),
        }
    }

    /// Raft's state as it is and as it changes.
    pub fn view(&self) -> watch::Receiver<View> {
        self.shared.view.clone()
    }

    /// Index up to which each other node has acknowledged the log; nodes that have acknowledged nothing are left out.
    /// Empty unless this node leads.
    pub fn matched(&self) -> Vec<(u64, u64)> {
        let metrics = self.shared.raft.metrics();
        let metrics = metrics.borrow_watched();
        let replication = metrics.replication.iter().flatten();
        replication
            .filter(|(node, _)| **node != metrics.id)
            .filter_map(|(node, matched)| Some((*node, matched.as_ref()?.index)))
            .collect()
    }

    /// The other nodes that have not acknowledged anything for this long. Empty unless this node leads; right after an
    /// election all those that have not answered it yet are among them.
    pub fn silent(&self, longer_than: Duration) -> Vec<u64> {
        let metrics = self.shared.raft.metrics();
        let metrics = metrics.borrow_watched();
        let heard = metrics.heartbeat.iter().flatten().filter(|(node, _)| **node != metrics.id);
        heard
            .filter(|(_, acked)| acked.as_ref().is_none_or(|acked| acked.elapsed() > longer_than))
            .map(|(node, _)| *node)
            .collect()
    }

    /// Hands leadership to the voter that is furthest; returns when it happened, or could not within two seconds. No
    /// effect on a node that does not lead, and on the only voter.
    pub async fn hand_over(&self) {
        let voters = super::view::current(&self.shared.raft).voters;
        self.hand_over_to(&voters).await;
    }

    /// The same with those voters that may lead.
    pub async fn hand_over_to(&self, successors: &[u64]) {
        let mut view = self.view();
        let term = {
            let view = super::view::current(&self.shared.raft);
            if !view.leading {
                return;
            }
            view.term
        };
        let furthest = self
            .matched()
            .into_iter()
            .filter(|(node, _)| successors.contains(node))
            .max_by_key(|(_, at)| *at);
        let Some((successor, _)) = furthest else { return };
        let moved = async {
            if self.shared.raft.trigger().transfer_leader(successor).await.is_ok() {
                // An error means that Raft has ended.
                let _ = view.wait_for(|view| view.term > term && view.leader.is_some()).await;
            }
        };
        if tokio::time::timeout(HAND_OVER, moved).await.is_err() {
            tracing::warn!(successor, "leadership was not taken over in time");
        }
    }

    /// The log's entries up to `index` are wanted gone, however few they are: begins what is next to be done for it.
    pub async fn cut_towards(&self, index: u64) {
        super::compact::towards(&self.shared.raft, index).await;
    }

    /// What the other nodes call, for the node's gRPC server.
    pub fn service(&self) -> Service {
        let Shared { raft, world, snapshots, refill, shutdown, .. } = &*self.shared;
        Service {
            raft: raft.clone(),
            world: world.clone(),
            snapshots: snapshots.clone(),
            refill: refill.clone(),
            shutdown: shutdown.clone(),
        }
    }

    /// Resolves with the reason when Raft has ended: the log or the catalogue failed, or [`Handle::shutdown`]. The
    /// node must then stop; after a failed write or sync nothing is tried again.
    pub async fn stopped(&self) -> String {
        let mut metrics = self.shared.raft.metrics();
        let ended = async {
            loop {
                if let Err(fatal) = &metrics.borrow_watched().running_state {
                    return fatal.to_string();
                }
                if metrics.changed().await.is_err() {
                    return "raft has stopped".to_owned();
                }
            }
        };
        tokio::select! {
            error = self.shared.log.failed() => format!("the log: {error}"),
            reason = ended => reason,
        }
    }

    /// Ends Raft on this node. The log stays open for its owner to close.
    pub async fn shutdown(&self) {
        self.shared.shutdown.cancel();
        if let Err(error) = self.shared.raft.shutdown().await {
            tracing::warn!(%error, "raft did not end well");
        }
    }
}
