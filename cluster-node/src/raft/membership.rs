//! Changes of the membership, one at a time.

use std::collections::BTreeSet;

use gossamer_proto::limits::PROPOSE;
use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, RaftError};

use super::types::Types;
use super::{Handle, ProposeError};

type Change = ChangeMembers<u64, ()>;

impl Handle {
    /// Adds a replica; no effect if the node is a member.
    ///
    /// Does not wait until it has caught up: openraft would call it so while it lags by a whole snapshot.
    pub async fn add_replica(&self, node: u64) -> Result<(), ProposeError> {
        let _one_at_a_time = self.shared.changing.lock().await;
        if self.configs_and_members().1.contains(&node) {
            return Ok(());
        }
        self.change(Change::AddNodes([(node, ())].into()), true).await
    }

    /// Changes the voters by one joint change; nodes that leave the set stay replicas if `retain`. All of them must be
    /// members already. A change that a former leader left half done is finished first, to the set it wanted.
    pub async fn change_voters(&self, voters: Vec<u64>, retain: bool) -> Result<(), ProposeError> {
        let _one_at_a_time = self.shared.changing.lock().await;
        // With the lock held, nobody on this node is between the two halves of a change.
        if self.configs_and_members().0.len() > 1 {
            self.change(Change::AddVoterIds(BTreeSet::new()), true).await?;
        }
        let wanted: BTreeSet<u64> = voters.into_iter().collect();
        if self.configs_and_members().0 == [wanted.clone()] {
            return Ok(());
        }
        self.change(Change::ReplaceAllVoters(wanted), retain).await
    }

    /// Drops replicas from the membership; voters among them are refused.
    pub async fn remove_replicas(&self, nodes: Vec<u64>) -> Result<(), ProposeError> {
        let _one_at_a_time = self.shared.changing.lock().await;
        self.change(Change::RemoveNodes(nodes.into_iter().collect()), true).await
    }

    /// Voter sets and all members, from openraft itself: the view is a moment behind.
    fn configs_and_members(&self) -> (Vec<BTreeSet<u64>>, BTreeSet<u64>) {
        let metrics = self.shared.raft.metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        (membership.get_joint_config().clone(), membership.nodes().map(|(id, ())| *id).collect())
    }

    /// openraft waits for a commit without end. When time is up the joint half may be in the log: the next change
    /// finds and finishes it.
    async fn change(&self, change: Change, retain: bool) -> Result<(), ProposeError> {
        match tokio::time::timeout(PROPOSE, self.shared.raft.change_membership(change, retain)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(RaftError::APIError(error))) => Err(error.into()),
            Ok(Err(RaftError::Fatal(fatal))) => Err(ProposeError::Stopped(fatal.to_string())),
            Err(_) => Err(ProposeError::Unknown(format!("no commit within {PROPOSE:?}"))),
        }
    }
}

impl From<ClientWriteError<Types>> for ProposeError {
    fn from(error: ClientWriteError<Types>) -> Self {
        match error {
            // Only this one says that nothing was appended.
            ClientWriteError::ForwardToLeader(to) => ProposeError::NotLeader { leader: to.leader_id },
            ClientWriteError::LogEntryDiscarded(_) => ProposeError::Unknown(error.to_string()),
            ClientWriteError::ChangeMembershipError(_) | ClientWriteError::PreconditionFailed(_) => {
                ProposeError::Refused(error.to_string())
            }
        }
    }
}
