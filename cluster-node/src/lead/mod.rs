//! What only the leader does: the tasks of the leader queue, the membership, and the log's own upkeep.
//!
//! # Layout
//! - [`tasks`]: each task to who does it; `configure`, `remove`: settings, and nodes that are removed
//! - [`membership`]: the voters become what they should be, by `survey` (what members say) and `voters` (who should);
//!   `founder`: what the log has to say of it before others vote
//! - [`upkeep`]: entries that let things be forgotten and freed

mod configure;
mod founder;
pub mod membership;
mod remove;
mod survey;
pub mod tasks;
pub mod upkeep;
mod voters;

use std::sync::Arc;

use bytes::Bytes;
use gossamer_proto::v1;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::peers::Peers;
use crate::raft::{self, View};
use crate::steal::Claim;
use crate::storage::catalogue::Catalogue;
use crate::storage::extents::Chunks;
use crate::upload;

/// What leading needs. Cheap to clone.
#[derive(Clone)]
pub struct Lead {
    /// The node's settings.
    pub config: Config,
    /// The cluster this node belongs to.
    pub cluster_id: Bytes,
    /// Its name.
    pub cluster_name: String,
    /// Raft.
    pub raft: raft::Handle,
    /// Raft's state.
    pub view: watch::Receiver<View>,
    /// Uploads, and the way every command of the leader takes into the log.
    pub upload: upload::Handle,
    /// What is applied.
    pub catalogue: Arc<Catalogue>,
    /// Chunks of this node.
    pub chunks: Arc<Chunks>,
    /// Where the others are.
    pub peers: Peers,
    /// This node's own report.
    pub report: watch::Receiver<v1::NodeReport>,
}

impl Lead {
    /// The term in which this node leads with a quorum behind it, if it does.
    pub fn leading_term(&self) -> Option<u64> {
        let view = self.view.borrow();
        view.leading.then_some(view.term)
    }
}

/// Runs until shutdown. While the node does not lead, nothing happens.
pub async fn run(lead: Lead, claims: mpsc::Receiver<Claim>, shutdown: CancellationToken) {
    tokio::join!(
        tasks::run(lead.clone(), claims, shutdown.clone()),
        membership::run(lead.clone(), shutdown.clone()),
        upkeep::run(lead, shutdown),
    );
}
