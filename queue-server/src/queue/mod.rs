//! The two queues as a pure state machine: no IO, no clock of its own; what is to be sent comes out as [`Effect`]s.
//!
//! # Layout
//! - [`task`]: a task and the line of those that wait; [`member`]: a node's credits
//! - [`submit`]: what clients do; [`deliver`]: who gets the next task; [`lease`]: answers, refusals, losses
//! - [`tick`]: what time alone brings about; [`median`]: when a read counts as slow
//!
//! # Invariants
//! - Every accepted task is answered exactly once, at the latest when its deadline has passed, unless its client
//!   cancels it or leaves.
//! - A task has one lease; a read may have a second (a hedge). An answer under any other lease is dropped.
//! - An unanswered task without a lease waits in its line or is set aside until a certain time: none gets lost.
//! - Both queues are bounded in items and in bytes.

mod deliver;
mod lease;
mod median;
mod member;
mod submit;
mod task;
mod tick;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use gossamer_proto::limits::{LEADER_CREDITS, QUEUE_BYTES, QUEUE_ITEMS, READ_CREDITS};
use gossamer_proto::v1::Failure;
use tokio::time::{Duration, Instant};

use lease::Lease;
use median::ServiceTimes;
use member::Member;
pub use task::Submission;
use task::{Line, Task};

/// A client's stream.
pub type ClientId = u64;
/// A node's stream.
pub type SessionId = u64;
/// Tasks are numbered in the order of their arrival.
pub(crate) type TaskId = u64;

/// Parked tasks that are remembered for people to look at.
const PARKED_REMEMBERED: usize = 100;

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Only the leader takes from it.
    Leader,
    /// Any node steals from it.
    Read,
}

/// What is to be sent, in this order.
#[derive(Debug)]
pub enum Effect {
    /// The one answer to a client's request.
    Answer {
        /// To whom.
        client: ClientId,
        /// The client's number for it.
        request: u64,
        /// The node's outcome, unread, or why there is none.
        answer: Result<Bytes, Failure>,
        /// A lease of a change was lost before: whoever held it may yet carry it out, whatever `answer` says.
        in_doubt: bool,
    },
    /// A task for a node.
    Assign {
        /// To whom.
        session: SessionId,
        /// The lease under which it is to be answered.
        lease: u64,
        /// From which queue.
        queue: Queue,
        /// Time until the client stops waiting.
        time_left: Duration,
        /// The task, unread.
        task: Bytes,
    },
    /// A lease is over: the node's answer would be dropped.
    Revoke {
        /// Whose.
        session: SessionId,
        /// Which.
        lease: u64,
    },
}

/// How much a queue may hold. [`Bounds::default`] is what [`gossamer_proto::limits`] says.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Unanswered tasks in each queue.
    pub items: usize,
    /// Bytes of unanswered tasks in each queue.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { items: QUEUE_ITEMS, bytes: QUEUE_BYTES }
    }
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tasks of the leader queue answered by a node.
    pub leader_answered: u64,
    /// Tasks of the read queue answered by a node.
    pub read_answered: u64,
    /// Tasks whose deadline passed.
    pub expired: u64,
    /// Leases that were lost and whose task went back into its line.
    pub redelivered: u64,
    /// Tasks given back by a node that had not begun.
    pub refused: u64,
    /// Reads offered to a second node.
    pub hedged: u64,
    /// Answers under a lease that was over.
    pub late: u64,
    /// Tasks lost too often.
    pub parked: u64,
    /// Tasks not accepted because the queue was full.
    pub full: u64,
    /// Bytes of tasks accepted.
    pub task_bytes: u64,
    /// Bytes of outcomes relayed.
    pub outcome_bytes: u64,
}

/// How one queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Tasks without a lease.
    pub queued: u64,
    /// Leases.
    pub leased: u64,
    /// Bytes of all unanswered tasks.
    pub bytes: u64,
}

/// Both queues, the nodes that serve them, and all leases.
pub struct Queues {
    bounds: Bounds,
    tasks: BTreeMap<TaskId, Task>,
    requests: BTreeMap<(ClientId, u64), TaskId>,
    deadlines: BTreeSet<(Instant, TaskId)>,
    aside: BTreeSet<(Instant, TaskId)>,
    leader: Line,
    read: Line,
    members: BTreeMap<SessionId, Member>,
    leases: BTreeMap<u64, Lease>,
    /// Leases that are over, while [`KnownBug::LateResultAccepted`] is back.
    over: BTreeMap<u64, TaskId>,
    /// The highest term in which leader credits were offered, and by whom: in one term, of two that won it, the one with
    /// the higher id leads (openraft's leader ids in their full form).
    office: (u64, u64),
    service: ServiceTimes,
    next_task: TaskId,
    next_lease: u64,
    next_turn: u64,
    counts: Counts,
    parked: VecDeque<String>,
    effects: Vec<Effect>,
}

impl Queues {
    /// Empty queues. Leases carry a part of `boot_nonce`, so that those of an earlier life are told apart.
    pub fn new(boot_nonce: u64, bounds: Bounds) -> Self {
        Queues {
            bounds,
            tasks: BTreeMap::new(),
            requests: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            aside: BTreeSet::new(),
            leader: Line::default(),
            read: Line::default(),
            members: BTreeMap::new(),
            leases: BTreeMap::new(),
            over: BTreeMap::new(),
            office: (0, 0),
            service: ServiceTimes::default(),
            next_task: 0,
            // 24 bits of the nonce, then a counter that lasts 2^40 leases: eight months at 50,000 a second.
            next_lease: (boot_nonce << 40) + 1,
            next_turn: 0,
            counts: Counts::default(),
            parked: VecDeque::new(),
            effects: Vec::new(),
        }
    }

    /// A node's session began.
    pub fn connected(&mut self, session: SessionId, node: u64, now: Instant) {
        let turn = self.turn();
        self.members.insert(session, Member::new(node, turn, now));
    }

    /// A node's session broke: its tasks go to others at once.
    pub fn disconnected(&mut self, session: SessionId, now: Instant) {
        let Some(member) = self.members.remove(&session) else { return };
        for lease in member.read_leases.into_iter().chain(member.leader_leases) {
            self.lose(lease);
        }
        self.deliver(now);
    }

    /// A node shows itself: all leases that it names live on.
    pub fn beat(&mut self, session: SessionId, leading: bool, leases: &[u64], now: Instant) {
        self.heard(session, now);
        if let Some(member) = self.members.get_mut(&session) {
            member.reports_leading = leading;
        }
        for id in leases {
            if let Some(lease) = self.leases.get_mut(id).filter(|lease| lease.session == session) {
                lease.extend(now);
            }
        }
        self.deliver(now);
    }

    /// A node offers to take `count` more tasks of the read queue.
    pub fn offer_reads(&mut self, session: SessionId, count: u32, now: Instant) {
        self.heard(session, now);
        let turn = self.turn();
        if let Some(member) = self.members.get_mut(&session) {
            // Who had none begins to wait now; who had some keeps its place.
            if member.read_credits == 0 {
                member.turn = turn;
            }
            member.read_credits = member.read_credits.saturating_add(count).min(READ_CREDITS);
        }
        self.deliver(now);
    }

    /// A node offers to take `count` more tasks of the leader queue as the leader of `term`.
    pub fn offer_leading(&mut self, session: SessionId, count: u32, term: u64, now: Instant) {
        self.heard(session, now);
        let Some(node) = self.members.get(&session).map(|member| member.node) else { return };
        if (term, node) < self.office {
            return;
        }
        if (term, node) > self.office {
            self.office = (term, node);
            self.depose(session);
        }
        if let Some(member) = self.members.get_mut(&session) {
            member.holds_office = true;
            member.leader_credits = member.leader_credits.saturating_add(count).min(LEADER_CREDITS);
        }
        self.deliver(now);
    }

    /// A node takes back all its credits of one queue.
    pub fn withdraw(&mut self, session: SessionId, queue: Queue, now: Instant) {
        self.heard(session, now);
        let Some(member) = self.members.get_mut(&session) else { return };
        match queue {
            Queue::Read => member.read_credits = 0,
            Queue::Leader => {
                member.leader_credits = 0;
                member.holds_office = false;
            }
        }
        self.deliver(now);
    }

    /// What is to be sent because of the calls made so far.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// What happened since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How a queue stands.
    pub fn standing(&self, queue: Queue) -> Standing {
        let line = match queue {
            Queue::Leader => &self.leader,
            Queue::Read => &self.read,
        };
        let aside = self
            .aside
            .iter()
            .filter(|(_, id)| self.tasks.get(id).is_some_and(|t| t.submission.queue == queue));
        Standing {
            queued: (line.waiting.len() + aside.count()) as u64,
            leased: line.leased,
            bytes: line.bytes as u64,
        }
    }

    /// The last tasks that were parked, oldest first, one line each.
    pub fn parked(&self) -> impl Iterator<Item = &str> {
        self.parked.iter().map(String::as_str)
    }

    /// Ends the office of everybody but `successor`'s session, and the leases that came with it. A node that leads
    /// again in a higher term loses the leases of its lower one too: it no longer answers for them.
    fn depose(&mut self, successor: SessionId) {
        let mut over = Vec::new();
        for (session, member) in &mut self.members {
            member.holds_office = false;
            member.leader_credits = 0;
            if *session != successor {
                // Until its next report says so again, with the new term in it.
                member.reports_leading = false;
            }
            over.extend(member.leader_leases.iter().map(|lease| (*session, *lease)));
        }
        for (session, lease) in over {
            self.effects.push(Effect::Revoke { session, lease });
            self.lose(lease);
        }
    }

    fn heard(&mut self, session: SessionId, now: Instant) {
        if let Some(member) = self.members.get_mut(&session) {
            member.heard = now;
        }
    }

    fn turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }

    fn line(&mut self, queue: Queue) -> &mut Line {
        match queue {
            Queue::Leader => &mut self.leader,
            Queue::Read => &mut self.read,
        }
    }
}
