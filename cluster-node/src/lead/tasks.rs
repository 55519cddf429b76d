//! The tasks of the leader queue, each handed to who does it.

use gossamer_proto::v1::{self, Code, Failure, outcome, task};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Lead, configure, remove};
use crate::raft::ProposeError;
use crate::steal::Claim;
use crate::storage::catalogue::Applied;
use crate::upload::Answer;

/// Works on claims side by side, as many as there are credits, until the channel closes or shutdown.
pub async fn run(lead: Lead, mut claims: mpsc::Receiver<Claim>, shutdown: CancellationToken) {
    let working = TaskTracker::new();
    loop {
        let claim = tokio::select! {
            () = shutdown.cancelled() => break,
            claim = claims.recv() => match claim {
                Some(claim) => claim,
                None => break,
            },
        };
        let lead = lead.clone();
        working.spawn(async move {
            let answer = perform(&lead, &claim).await;
            match answer {
                Answer::Done(outcome) => claim.done(outcome),
                Answer::Refused(failure) => claim.refuse(failure),
            }
        });
    }
    working.close();
    working.wait().await;
}

async fn perform(lead: &Lead, claim: &Claim) -> Answer {
    let term = claim.term;
    match claim.task.clone() {
        task::Kind::OpenWrite(open) => lead.upload.open(open, term).await,
        task::Kind::Put(put) => lead.upload.put(put, term).await,
        task::Kind::CommitWrite(commit) => lead.upload.commit(commit, term, claim.deadline).await,
        task::Kind::Copy(copy) => lead.upload.copy(copy, term).await,
        task::Kind::Delete(delete) => lead.upload.delete(delete, term).await,
        task::Kind::Mark(_) => mark(lead, term).await,
        task::Kind::Join(join) => admit(lead, join, term).await,
        task::Kind::Configure(configure) => configure::configure(lead, configure, term).await,
        task::Kind::RemoveNode(remove) => remove::remove(lead, remove, term, claim.deadline).await,
        task::Kind::Read(_) | task::Kind::Serve(_) | task::Kind::List(_) | task::Kind::ReadSettings(_) => {
            definite(Code::Invalid, "reads belong in the read queue")
        }
    }
}

async fn mark(lead: &Lead, term: u64) -> Answer {
    let kind = v1::command::Kind::Mark(v1::MarkDigest {});
    match lead.upload.propose(v1::Command { operation: None, kind: Some(kind) }, term).await {
        Ok(Applied::Marked { index }) => Answer::Done(outcome::Kind::Marked(v1::Marked { index })),
        other => failed(other),
    }
}

/// Gives a newcomer its id out of the log, and makes it a replica.
async fn admit(lead: &Lead, join: v1::Join, term: u64) -> Answer {
    if join.storage_id.len() != 16 {
        return definite(Code::Invalid, "a storage id has 16 bytes");
    }
    let admitted = match known(lead, &join.storage_id).await {
        Some(known) => Ok(known),
        None => {
            let kind = v1::command::Kind::Admit(v1::Admit { storage_id: join.storage_id, founder: false });
            lead.upload.propose(v1::Command { operation: None, kind: Some(kind) }, term).await
        }
    };
    let node_id = match admitted {
        Ok(Applied::Admitted { node }) => node,
        Ok(Applied::Retired { node }) => {
            return definite(
                Code::Removed,
                format!(
                    "node {node} was removed from this cluster; to come back as a new node it has to begin with \
                     an empty folder"
                ),
            );
        }
        // An id is the index of its entry, and another newcomer of the same entry has it.
        Ok(Applied::SealAgain) => {
            return unavailable("another node took this id; ask again");
        }
        other => return failed(other),
    };
    let address = crate::peers::Address { control: join.control_addr, data: join.data_addr };
    // The least that can be known of it: whatever it says of itself is later.
    lead.peers.learn(node_id, address, crate::peers::Since::default());
    let view = lead.view.borrow().clone();
    if !view.voters.contains(&node_id)
        && !view.replicas.contains(&node_id)
        && let Err(error) = lead.raft.add_replica(node_id).await
    {
        return failed(Err(error));
    }
    let joined = v1::Joined {
        cluster_id: lead.cluster_id.clone(),
        node_id,
        cluster_name: lead.cluster_name.clone(),
        epoch: lead.peers.target(node_id).epoch.unwrap_or(0),
    };
    Answer::Done(outcome::Kind::Joined(joined))
}

/// What was decided about a folder before: members ask every few seconds whether they still are, and every newcomer asks
/// through several queue servers, which need not fill the log. None: nothing, or the catalogue cannot be asked.
async fn known(lead: &Lead, storage_id: &[u8]) -> Option<Applied> {
    let (catalogue, storage_id) = (lead.catalogue.clone(), storage_id.to_vec());
    let look = move || {
        let members = catalogue.members().ok()?;
        let (node, _) = members.into_iter().find(|(_, storage)| *storage == storage_id)?;
        let is_retired = catalogue.retired().ok()?.contains_key(&node);
        Some(if is_retired { Applied::Retired { node } } else { Applied::Admitted { node } })
    };
    lead.config.world.blocking.run(look).await
}

/// A failure that is the task's outcome.
pub(super) fn definite(code: Code, why: impl Into<String>) -> Answer {
    Answer::Done(outcome::Kind::Failure(Failure::new(code, why)))
}

/// Not now, not here: whoever leads next may do it.
pub(super) fn unavailable(why: impl Into<String>) -> Answer {
    Answer::Refused(Failure::new(Code::Unavailable, why))
}

/// What did not come out as it should, of a command that may be repeated.
pub(super) fn failed(result: Result<Applied, ProposeError>) -> Answer {
    match result {
        Err(ProposeError::NotLeader { .. }) => unavailable("this node no longer leads"),
        Err(error) => unavailable(error.to_string()),
        Ok(other) => definite(
            Code::Internal,
            format!("the log answered {other:?}, which does not belong to this command"),
        ),
    }
}
