//! What the rest of the node may know of Raft, out of openraft's metrics.

use std::sync::Arc;
use std::time::Duration;

use gossamer_proto::limits::ELECTION_MAX_MS;
use openraft::async_runtime::WatchReceiver;
use openraft::metrics::RaftMetrics;
use openraft::{Instant as _, ServerState};
use tokio::sync::watch;
use tokio::time::Instant;

use super::convert::to_position;
use super::types::{Raft, Types};
use crate::storage::position::Position;
use crate::witness::Witness;

/// What the rest of the node may know of Raft's state; sent on every change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// This node.
    pub id: u64,
    /// The highest term this node has seen.
    pub term: u64,
    /// Who leads that term, if known.
    pub leader: Option<u64>,
    /// Leader of this term, and a quorum has acknowledged it within the longest election timeout.
    pub leading: bool,
    /// The last entry of this node's log, committed or not.
    pub last_log_index: Option<u64>,
    /// The last entry that the catalogue holds.
    pub applied: Option<Position>,
    /// The voters of the effective membership; of both sets in a joint configuration. Sorted.
    pub voters: Vec<u64>,
    /// Members that do not vote. Sorted.
    pub replicas: Vec<u64>,
    /// Voter sets: two in a joint configuration.
    pub configs: Vec<Vec<u64>>,
    /// The effective membership's entry, if it is also committed and uniform.
    pub membership_at: Option<Position>,
}

/// A leader that a quorum has not acknowledged for this long may have been replaced already.
const LEASE: Duration = Duration::from_millis(ELECTION_MAX_MS);

/// Until when the leader may count itself one, by what is known now. None: it does not lead.
fn leads_until(metrics: &RaftMetrics<Types>) -> Option<Instant> {
    let own = metrics.vote.committed && metrics.vote.leader_id.node_id == metrics.id;
    if metrics.state != ServerState::Leader || !own {
        return None;
    }
    let configs = metrics.membership_config.membership().get_joint_config();
    if configs.iter().all(|voters| voters.iter().eq([&metrics.id])) {
        // It is its own quorum; nobody else acknowledges.
        return Some(Instant::now() + LEASE);
    }
    // openraft's instants only tell their age.
    metrics.last_quorum_acked.map(|acked| Instant::now() + LEASE.saturating_sub(acked.elapsed()))
}

fn view(metrics: &RaftMetrics<Types>) -> View {
    let effective = &metrics.membership_config;
    let membership = effective.membership();
    let configs = membership.get_joint_config();
    // Equal ids mean the effective one is committed; a joint one is only half of a change.
    let settled = configs.len() == 1 && metrics.committed_membership_config.log_id() == effective.log_id();
    let mut voters: Vec<u64> = membership.voter_ids().collect();
    voters.sort_unstable();
    voters.dedup();
    View {
        id: metrics.id,
        term: metrics.current_term,
        leader: metrics.current_leader,
        leading: leads_until(metrics).is_some_and(|until| until > Instant::now()),
        last_log_index: metrics.last_log_index,
        applied: metrics.last_applied.map(to_position),
        voters,
        replicas: membership.learner_ids().collect(),
        configs: configs.iter().map(|voters| voters.iter().copied().collect()).collect(),
        membership_at: effective.log_id().filter(|_| settled).map(to_position),
    }
}

/// The view as it is now.
pub(super) fn current(raft: &Raft) -> View {
    view(&raft.metrics().borrow_watched())
}

/// Keeps `sender` up to date; ends when openraft has ended.
pub(super) async fn follow(raft: Raft, sender: watch::Sender<View>, witness: Option<Arc<dyn Witness>>) {
    let mut metrics = raft.metrics();
    // The handle's own clone keeps the channel open; openraft's core drops its side when it ends.
    drop(raft);
    loop {
        let (next, until) = {
            let now = metrics.borrow_watched();
            (view(&now), leads_until(&now))
        };
        let leading = next.leading;
        if let Some(witness) = &witness {
            witness.view(&next);
        }
        sender.send_if_modified(|known| {
            let changed = *known != next;
            *known = next;
            changed
        });
        // A leader that is cut off gets no more metrics, so time alone must end its leading.
        let expiry = async {
            match until.filter(|_| leading) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = metrics.changed() => if changed.is_err() { break },
            () = expiry => {}
        }
    }
    sender.send_modify(|known| {
        known.leading = false;
        known.leader = None;
    });
}
