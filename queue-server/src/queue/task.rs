//! A task: what a client asked, and what became of it so far.

use bytes::Bytes;
use tokio::time::Instant;

use super::{ClientId, Queue, TaskId};

/// What a client hands in.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The client's number for it, unique among its unanswered ones.
    pub request: u64,
    /// Which of the two queues it is for.
    pub queue: Queue,
    /// The task itself: relayed unread.
    pub task: Bytes,
    /// When the client stops waiting.
    pub deadline: Instant,
    /// Nodes that must not get it. Heeded by the read queue; in the leader queue there is nobody to choose from.
    pub exclude: Vec<u64>,
}

/// An accepted task that has no answer yet.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) client: ClientId,
    pub(super) submission: Submission,
    /// Leases that ended with neither answer nor refusal.
    pub(super) lost: u32,
    pub(super) refusals: u32,
    /// The node that refused it last: others come first.
    pub(super) refused_by: Option<u64>,
    /// Until when it is set aside, if it is.
    pub(super) aside: Option<Instant>,
    /// The current lease and, of a read, at most one hedge.
    pub(super) leases: Vec<u64>,
}

impl Task {
    pub(super) fn new(client: ClientId, submission: Submission) -> Self {
        Task { client, submission, lost: 0, refusals: 0, refused_by: None, aside: None, leases: Vec::new() }
    }

    /// A node may have begun to change something, and nobody knows how far it came.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.submission.queue == Queue::Leader && self.lost > 0
    }

    pub(super) fn excludes(&self, node: u64) -> bool {
        self.submission.exclude.contains(&node)
    }
}

/// The tasks of one queue: those waiting, in the order of their age, and how much all unanswered ones weigh.
///
/// A task that comes back takes the place that its age gives it, which is at the front.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) waiting: std::collections::BTreeSet<TaskId>,
    /// Tasks not answered yet, leased ones included, so that a task that comes back always has room.
    pub(super) items: usize,
    pub(super) bytes: usize,
    pub(super) leased: u64,
}
