//! What both faces and the metrics share.

use gossamer_proto::channel::{Expect, Target};
use gossamer_proto::v1::{Description, QueueState};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::metadata::MetadataMap;
use tonic::service::Interceptor;

use crate::config::Metrics;
use crate::desk::Desk;
use crate::found::Founding;
use crate::queue::Queue;

/// The headers that name the cluster and the node a call is meant for.
const CLUSTER: &str = "gossamer-cluster";
const TARGET: &str = "gossamer-target";

/// See the module.
pub(crate) struct Server {
    pub(crate) desk: Desk,
    pub(crate) founding: Founding,
    /// Strangers are let in.
    pub(crate) insecure: bool,
    /// More lines for `/metrics`.
    pub(crate) metrics: Option<Metrics>,
    pub(crate) started: Instant,
    pub(crate) shutdown: CancellationToken,
}

impl Server {
    /// Refuses a call that is meant for another cluster, or for a node. Who names no cluster belongs to none yet. The epoch
    /// is judged at the hello of a member, from which a later one is learned.
    pub(crate) fn check_target(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let cluster = self.founding.cluster().map(|cluster| cluster.id);
        let is_known = cluster.is_some();
        let mut ours = Target { cluster: cluster.unwrap_or_default(), epoch: None, node: 0 };
        let mut call = ours.call(tonic::Request::new(()))?;
        if let Some(theirs) = metadata.get(CLUSTER).filter(|theirs| is_known && !theirs.is_empty()) {
            call.metadata_mut().insert(CLUSTER, theirs.clone());
        }
        if let Some(theirs) = metadata.get(TARGET) {
            call.metadata_mut().insert(TARGET, theirs.clone());
        }
        Expect(ours).call(call).map(drop)
    }

    /// How everything is.
    pub(crate) fn describe(&self) -> Description {
        let cluster = self.founding.cluster();
        let queue = self.queue_state();
        let state = self.desk.look();
        let epoch = cluster.as_ref().map_or(0, |cluster| cluster.epoch);
        Description {
            cluster_id: cluster.as_ref().map(|cluster| cluster.id.clone()).unwrap_or_default(),
            cluster_name: cluster.map(|cluster| cluster.name).unwrap_or_default(),
            nodes: state.nodes.states(Instant::now()),
            queue: Some(queue),
            known_index: state.nodes.known_index(),
            insecure: self.insecure,
            epoch,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn queue_state(&self) -> QueueState {
        let state = self.desk.look();
        let (leader, read) = (state.queues.standing(Queue::Leader), state.queues.standing(Queue::Read));
        let counts = state.queues.counts();
        QueueState {
            boot_nonce: self.desk.boot_nonce(),
            leader_queued: leader.queued,
            read_queued: read.queued,
            leader_leased: leader.leased,
            read_leased: read.leased,
            parked: counts.parked,
            expired: counts.expired,
            queued_bytes: leader.bytes + read.bytes,
            pid: std::process::id(),
            uptime_ms: self.started.elapsed().as_millis() as u64,
        }
    }
}
