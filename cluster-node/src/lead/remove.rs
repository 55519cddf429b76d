//! A node is removed: marked in the log first, for ever; then it leaves the voters and the members
//! ([`super::membership`]), whoever leads by then.

use std::time::Duration;

use gossamer_proto::limits::RPC;
use gossamer_proto::v1::{self, Code, command, outcome};
use tokio::time::Instant;

use super::tasks::{definite, failed, unavailable};
use super::voters::Situation;
use super::{Lead, survey};
use crate::raft::{ProposeError, View};
use crate::storage::catalogue::Applied;
use crate::storage::catalogue::backend::BackendError;
use crate::upload::Answer;

/// How long one task waits until the node has left: longer than a joint change takes.
const WAIT: Duration = Duration::from_secs(5);
/// How long a replica may take to catch up before fewer voters are the only way.
const CATCH_UP: Duration = Duration::from_secs(4);
/// Between two looks at the members.
const PAUSE: Duration = Duration::from_millis(250);
/// Time to answer in, of what the client gave.
const ANSWER: Duration = Duration::from_millis(500);

/// Marks the node, unless somebody has to agree first, and waits a while for it to leave. May be repeated.
pub(super) async fn remove(lead: &Lead, task: v1::RemoveNode, term: u64, deadline: Instant) -> Answer {
    let Some(operation) = task.operation.clone().filter(|operation| operation.session.len() == 16) else {
        return definite(Code::Invalid, "a removal needs an operation with a session of 16 bytes");
    };
    // What the leader before acknowledged has to be seen here.
    if let Err(error) = lead.raft.barrier(RPC).await {
        return unavailable(error.to_string());
    }
    match judge(lead, &task, &operation).await {
        Ok(Judged::Gone { before }) => {
            return removal(v1::NodeRemoval { gone: true, before, ..Default::default() });
        }
        Ok(Judged::Leaving) => {}
        Ok(Judged::Mark) => {
            if let Some(answer) = mark(lead, &task, operation, term).await {
                return answer;
            }
        }
        Ok(Judged::Answered(answer)) => return *answer,
        Err(error) => return unavailable(error.to_string()),
    }
    let mut view = lead.view.clone();
    let left = view.wait_for(|view| !view.leading || view.term != term || has_left(view, task.node));
    let patience = deadline.checked_sub(ANSWER).unwrap_or(deadline).min(Instant::now() + WAIT);
    match tokio::time::timeout_at(patience, left)
        .await
        .map(|seen| seen.map(|view| has_left(&view, task.node)))
    {
        Ok(Ok(true)) => removal(v1::NodeRemoval { gone: true, ..Default::default() }),
        // Marked; it leaves as soon as that is safe, be it under another leader.
        Ok(_) | Err(_) => removal(v1::NodeRemoval::default()),
    }
}

/// What is to be done about a node.
enum Judged {
    /// Nothing: it has left.
    Gone {
        /// On account of another operation.
        before: bool,
    },
    /// Nothing but to wait.
    Leaving,
    /// The log is to say so.
    Mark,
    /// It cannot be done, or not like this.
    Answered(Box<Answer>),
}

async fn judge(
    lead: &Lead,
    task: &v1::RemoveNode,
    operation: &v1::Operation,
) -> Result<Judged, BackendError> {
    let view = lead.view.borrow().clone();
    let (catalogue, asked) = (lead.catalogue.clone(), operation.clone());
    let known = lead.config.world.blocking.run(move || {
        Ok::<_, BackendError>((catalogue.members()?, catalogue.retired()?, catalogue.outcome(&asked)?))
    });
    let (members, retired, outcome) = known.await?;
    let mark = retired.get(&task.node);
    if mark.is_some() && has_left(&view, task.node) {
        return Ok(Judged::Gone { before: outcome.is_none() });
    }
    let is_known = members.iter().any(|(node, _)| *node == task.node);
    if mark.is_none() && !is_known && is_member(&view, task.node) {
        // The founder, whose id nobody gave: the leader is about to note it.
        return Ok(Judged::Answered(Box::new(unavailable("the cluster has only just begun; ask again"))));
    }
    if mark.is_none() && !is_known {
        return Ok(Judged::Answered(Box::new(definite(Code::NotFound, unknown(&view, task.node)))));
    }
    let mut others = view.voters.iter().chain(&view.replicas).filter(|id| **id != task.node);
    if mark.is_none() && others.all(|id| retired.contains_key(id)) {
        return Ok(Judged::Answered(Box::new(last(task.node))));
    }
    if view.voters.contains(&task.node) && mark != Some(&true) {
        let now = with(lead, &view, task.node).await?;
        if now.voters_then() == 0 || (now.voters_then() < now.voters_now() && !task.fewer_voters) {
            return Ok(Judged::Answered(Box::new(fewer(&now))));
        }
    }
    let said = mark.is_some_and(|fewer| *fewer || !task.fewer_voters);
    Ok(if said { Judged::Leaving } else { Judged::Mark })
}

/// How things will be without the node; replicas get a while to catch up with all there is now.
async fn with(lead: &Lead, view: &View, node: u64) -> Result<Situation, BackendError> {
    let began = Instant::now();
    loop {
        let settled = lead.view.borrow().applied.map(|at| at.index);
        let mut now = survey::situation(lead, view, settled).await?;
        now.retired.entry(node).or_insert(false);
        now.ready.remove(&node);
        let replicas = view.replicas.iter().any(|replica| !now.retired.contains_key(replica));
        if now.voters_then() >= now.voters_now() || !replicas || began.elapsed() > CATCH_UP {
            return Ok(now);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Nothing is done without agreement to fewer voters, or without anybody who could take over.
fn fewer(now: &Situation) -> Answer {
    let (voters, voters_then) = (now.voters_now() as u64, now.voters_then() as u64);
    if voters_then == 0 {
        return definite(
            Code::Refused,
            "it is the only voter, and no other node holds everything yet: nobody could take its place",
        );
    }
    removal(v1::NodeRemoval { fewer_voters: true, voters, voters_then, ..Default::default() })
}

/// Puts it into the log; an answer if that did not come off.
async fn mark(lead: &Lead, task: &v1::RemoveNode, operation: v1::Operation, term: u64) -> Option<Answer> {
    let retire = v1::Retire { node: task.node, fewer_voters: task.fewer_voters };
    let command = v1::Command { operation: Some(operation), kind: Some(command::Kind::Retire(retire)) };
    match lead.upload.propose(command, term).await {
        Ok(Applied::Retired { .. }) => None,
        Ok(Applied::NotFound) => Some(definite(Code::NotFound, unknown(&lead.view.borrow(), task.node))),
        Ok(Applied::LastNode) => Some(last(task.node)),
        Ok(Applied::TooOld) => Some(definite(
            Code::Expired,
            "the operation is older than what the cluster remembers: whether it happened is unknown",
        )),
        Err(error @ ProposeError::Unknown(_)) => Some(definite(
            Code::Unknown,
            format!("whether node {} is to leave is unknown: {error}", task.node),
        )),
        other => Some(failed(other)),
    }
}

fn last(node: u64) -> Answer {
    definite(
        Code::Refused,
        format!("node {node} is the only node of the cluster: all files would be gone with it"),
    )
}

fn is_member(view: &View, node: u64) -> bool {
    view.voters.contains(&node) || view.replicas.contains(&node)
}

/// By a membership that no new leader can undo.
fn has_left(view: &View, node: u64) -> bool {
    !is_member(view, node) && view.membership_at.is_some()
}

fn unknown(view: &View, node: u64) -> String {
    let mut ids: Vec<u64> = view.voters.iter().chain(&view.replicas).copied().collect();
    ids.sort_unstable();
    let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
    format!("there is no node {node}; there are: {}", ids.join(", "))
}

fn removal(removal: v1::NodeRemoval) -> Answer {
    Answer::Done(outcome::Kind::NodeRemoval(removal))
}
