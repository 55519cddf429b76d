//! The life of a lease: answered, refused, or lost.

use bytes::Bytes;
use gossamer_proto::limits::{DELIVERIES, LEASE};
use gossamer_proto::v1::{Code, Failure};
use gossamer_world::known_bug::{self, KnownBug};
use tokio::time::{Duration, Instant};

use super::{Effect, PARKED_REMEMBERED, Queue, Queues, SessionId, TaskId};

/// Refusals of one task before its client hears of it: with the pauses below about six seconds.
const REFUSALS: u32 = 64;
/// The pause after the second refusal; it doubles...
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// ...up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// The right of one session to answer one task.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) task: TaskId,
    pub(super) session: SessionId,
    pub(super) given: Instant,
    pub(super) ends: Instant,
}

impl Lease {
    pub(super) fn new(task: TaskId, session: SessionId, now: Instant) -> Self {
        Lease { task, session, given: now, ends: now + LEASE }
    }

    pub(super) fn extend(&mut self, now: Instant) {
        self.ends = now + LEASE;
    }
}

impl Queues {
    /// A node's answer. The first one under a current lease counts; all others are dropped.
    pub fn done(&mut self, session: SessionId, lease: u64, outcome: Bytes, now: Instant) {
        self.heard(session, now);
        let Some(current) = self.leases.get(&lease).filter(|current| current.session == session) else {
            self.counts.late += 1;
            if let Some(id) = self.over.get(&lease).copied() {
                self.remove(id, Some(Ok(outcome)));
            }
            return;
        };
        let (id, took) = (current.task, now.saturating_duration_since(current.given));
        match self.tasks.get(&id).map(|task| task.submission.queue) {
            Some(Queue::Leader) => self.counts.leader_answered += 1,
            Some(Queue::Read) => {
                self.counts.read_answered += 1;
                self.service.add(took);
            }
            None => return,
        }
        self.counts.outcome_bytes += outcome.len() as u64;
        self.end(lease);
        self.remove(id, Some(Ok(outcome)));
    }

    /// A node gives a task back that it has not begun: not counted as a delivery.
    pub fn refused(&mut self, session: SessionId, lease: u64, why: &Failure, now: Instant) {
        self.heard(session, now);
        let Some(current) = self.leases.get(&lease).filter(|current| current.session == session) else {
            self.counts.late += 1;
            return;
        };
        let id = current.task;
        let node = self.members.get(&session).map(|member| member.node);
        self.end(lease);
        self.counts.refused += 1;
        let Some(task) = self.tasks.get_mut(&id) else { return };
        task.refusals += 1;
        task.refused_by = node;
        let refusals = task.refusals;
        if !task.leases.is_empty() {
            // The other node of a hedged read still works on it.
        } else if refusals >= REFUSALS {
            let text = format!("refused {refusals} times, the last time because: {}", why.message);
            self.fail(
                id,
                Failure::new(Code::Unavailable, text).retry_after(LONGEST_PAUSE.as_millis() as u64),
            );
        } else if refusals == 1 {
            let queue = task.submission.queue;
            self.line(queue).waiting.insert(id);
        } else {
            let doubled = FIRST_PAUSE * (1 << (refusals - 2).min(5));
            self.set_aside(id, now + doubled.min(LONGEST_PAUSE));
        }
        self.deliver(now);
    }

    /// A lease ended with neither answer nor refusal: the task goes back, or is parked.
    pub(super) fn lose(&mut self, lease: u64) {
        let Some(id) = self.end(lease) else { return };
        let Some(task) = self.tasks.get_mut(&id) else { return };
        task.lost += 1;
        if !task.leases.is_empty() {
            return;
        }
        let (lost, queue) = (task.lost, task.submission.queue);
        if lost < DELIVERIES {
            self.counts.redelivered += 1;
            self.line(queue).waiting.insert(id);
            return;
        }
        let length = task.submission.task.len();
        let text = format!("{queue:?} task {id} of {length} bytes: delivered {lost} times without an answer");
        tracing::warn!("parked: {text}");
        self.counts.parked += 1;
        if self.parked.len() == PARKED_REMEMBERED {
            self.parked.pop_front();
        }
        self.parked.push_back(text);
        self.fail(id, Failure::new(Code::Parked, format!("delivered {lost} times without an answer")));
    }

    /// Ends a lease and returns its task, which is left as it is.
    fn end(&mut self, lease: u64) -> Option<TaskId> {
        let ended = self.leases.remove(&lease)?;
        if known_bug::is_back(KnownBug::LateResultAccepted) {
            self.over.insert(lease, ended.task);
        }
        if let Some(member) = self.members.get_mut(&ended.session) {
            member.read_leases.remove(&lease);
            member.leader_leases.remove(&lease);
        }
        if let Some(task) = self.tasks.get_mut(&ended.task) {
            task.leases.retain(|other| *other != lease);
            let queue = task.submission.queue;
            self.line(queue).leased -= 1;
        }
        Some(ended.task)
    }

    /// Answers for the nodes.
    pub(super) fn fail(&mut self, id: TaskId, failure: Failure) {
        self.remove(id, Some(Err(failure)));
    }

    /// Takes a task out, revokes the leases that it still has, and answers its client if there is an answer.
    pub(super) fn remove(&mut self, id: TaskId, answer: Option<Result<Bytes, Failure>>) {
        let leases = self.tasks.get(&id).map(|task| task.leases.clone()).unwrap_or_default();
        for lease in leases {
            if let Some(session) = self.leases.get(&lease).map(|lease| lease.session) {
                self.effects.push(Effect::Revoke { session, lease });
            }
            self.end(lease);
        }
        let Some(task) = self.tasks.remove(&id) else { return };
        let request = task.submission.request;
        self.requests.remove(&(task.client, request));
        self.deadlines.remove(&(task.submission.deadline, id));
        if let Some(until) = task.aside {
            self.aside.remove(&(until, id));
        }
        let line = self.line(task.submission.queue);
        line.waiting.remove(&id);
        line.items -= 1;
        line.bytes -= task.submission.task.len();
        if let Some(answer) = answer {
            let in_doubt = task.is_in_doubt();
            self.effects.push(Effect::Answer { client: task.client, request, answer, in_doubt });
        }
    }
}
