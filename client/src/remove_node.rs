//! Removing a node from the cluster.

use gossamer_proto::v1::{Code, Failure, NodeRemoval, Queue, RemoveNode, outcome, task};

use crate::Client;
use crate::kind::Kind;
use crate::retry::AskError;

/// How a node's removal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is no member any more, and never will be again.
    Done {
        /// It had been removed before.
        before: bool,
    },
    /// Nothing was done: fewer nodes would vote, and nobody agreed to that.
    FewerVoters {
        /// How many vote now.
        now: u64,
        /// How many would.
        then: u64,
    },
}

/// Why a node is not removed, or not yet.
#[derive(Debug, thiserror::Error)]
pub enum RemoveNodeError {
    /// There is none with this id; says which there are.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done without, and why.
    #[error("node {node} was not removed: {why}")]
    Refused {
        /// Its id.
        node: u64,
        /// What stands against it.
        why: String,
    },
    /// It is marked as removed, but still a member.
    #[error(
        "node {0} is marked as removed and leaves as soon as the nodes that stay hold everything; that takes longer than \
         this command waits. Nothing needs to be done: `gossamer nodes` shows when it is gone"
    )]
    Leaving(u64),
    /// The cluster did not answer, or said no.
    #[error(transparent)]
    Ask(AskError),
}

impl RemoveNodeError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        match self {
            RemoveNodeError::NotFound(_) => Kind::NotFound,
            RemoveNodeError::Refused { .. } => Kind::Refused,
            RemoveNodeError::Leaving(_) => Kind::Unavailable,
            RemoveNodeError::Ask(error) => error.kind(),
        }
    }
}

impl Client {
    /// Removes a node for ever: it leaves the cluster, and its folder is not let in again. A voter is replaced by a
    /// replica that holds everything; without one there will be fewer voters, which needs `fewer_voters`.
    ///
    /// Returns when the node has left. Done once however often it had to be sent.
    pub async fn remove_node(&self, node: u64, fewer_voters: bool) -> Result<Removal, RemoveNodeError> {
        let mut patience = self.patience(&*self.0.progress, format!("remove node {node}"));
        let operation = Some(self.operation(&mut patience).await.map_err(RemoveNodeError::Ask)?);
        let task = task::Kind::RemoveNode(RemoveNode { operation, node, fewer_voters });
        let mut marked = false;
        loop {
            match self.ask(Queue::LeaderQueue, task.clone(), &mut patience).await {
                Ok(answered) => match answered.kind {
                    outcome::Kind::NodeRemoval(NodeRemoval { gone: true, before, .. }) => {
                        return Ok(Removal::Done { before });
                    }
                    // Whoever was to take its place is gone meanwhile; it leaves all the same, later.
                    outcome::Kind::NodeRemoval(NodeRemoval { fewer_voters: true, .. }) if marked => {
                        return Err(RemoveNodeError::Leaving(node));
                    }
                    outcome::Kind::NodeRemoval(NodeRemoval {
                        fewer_voters: true,
                        voters,
                        voters_then,
                        ..
                    }) => {
                        return Ok(Removal::FewerVoters { now: voters, then: voters_then });
                    }
                    outcome::Kind::NodeRemoval(_) => marked = true,
                    _ => {
                        let error = patience.nonsense("it was not removed and did not fail");
                        return Err(RemoveNodeError::Ask(error));
                    }
                },
                Err(AskError::Failure { failure, .. }) if failure.code() == Code::NotFound => {
                    return Err(RemoveNodeError::NotFound(failure.message));
                }
                Err(AskError::Failure { failure, .. }) if failure.code() == Code::Refused && !marked => {
                    return Err(RemoveNodeError::Refused { node, why: failure.message });
                }
                // Nobody answers, but what was marked stays so.
                Err(AskError::Unavailable { .. } | AskError::Unknown { .. } | AskError::Failure { .. })
                    if marked =>
                {
                    return Err(RemoveNodeError::Leaving(node));
                }
                Err(error) => return Err(RemoveNodeError::Ask(error)),
            }
            let why = Failure::new(Code::Unavailable, format!("node {node} to leave"));
            if patience.wait(&why).await.is_err() {
                return Err(RemoveNodeError::Leaving(node));
            }
        }
    }
}
