//! Who gets the next task.

use gossamer_proto::v1::{Code, Failure};
use tokio::time::{Duration, Instant};

use super::lease::Lease;
use super::member::Member;
use super::task::Task;
use super::{Effect, Queue, Queues, SessionId, TaskId};

/// A task that the nodes with free credits may not get is looked at again after this, so that it does not stand in
/// the way of the others.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Whom a read should go to, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Other,
    Leader,
    RefusedIt,
}

/// The nodes that come into question for one read.
enum Choice {
    /// This one: it has waited longest.
    Take(SessionId),
    /// Those that should have it are busy.
    Wait,
    /// There are live nodes, and the client wants none of them.
    NobodyElse,
}

impl Queues {
    /// Hands out tasks as long as there are credits for them.
    pub(super) fn deliver(&mut self, now: Instant) {
        self.deliver_to_leader(now);
        self.deliver_reads(now);
    }

    fn deliver_to_leader(&mut self, now: Instant) {
        while let Some(id) = self.leader.waiting.first().copied() {
            let leader =
                self.members.iter().find(|(_, m)| m.holds_office && m.leader_credits > 0 && m.is_live(now));
            let Some(session) = leader.map(|(session, _)| *session) else { return };
            if !self.expire_if_late(id, now) {
                self.assign(id, session, now);
            }
        }
    }

    fn deliver_reads(&mut self, now: Instant) {
        while let Some(id) = self.read.waiting.first().copied() {
            if self.expire_if_late(id, now) {
                continue;
            }
            let Some(task) = self.tasks.get(&id) else { return };
            match self.choose(task, now) {
                Choice::Take(session) => self.assign(id, session, now),
                Choice::NobodyElse => {
                    self.fail(
                        id,
                        Failure::new(Code::Unavailable, "no other node could serve it").retry_after(100),
                    );
                }
                Choice::Wait if task.submission.exclude.is_empty() => return,
                Choice::Wait => self.set_aside(id, now + LOOK_AGAIN),
            }
        }
    }

    /// The node for this read: not the leader while any other serves reads, not the one that just refused it while
    /// there is another; among those the one that has waited longest.
    fn choose(&self, task: &Task, now: Instant) -> Choice {
        let mut best: Option<(Rank, Option<(u64, SessionId)>)> = None;
        let (mut live, mut wanted) = (false, false);
        for (session, member) in self.members.iter().filter(|(_, member)| member.is_live(now)) {
            live = true;
            if task.excludes(member.node) {
                continue;
            }
            wanted = true;
            if !member.offers_reads() || task.leases.iter().any(|lease| member.read_leases.contains(lease)) {
                continue;
            }
            let rank = rank(task, member);
            let offer = (member.read_credits > 0).then_some((member.turn, *session));
            best = match best {
                Some((known, _)) if rank > known => best,
                Some((known, Some(other))) if rank == known => {
                    Some((known, Some(offer.map_or(other, |o| o.min(other)))))
                }
                _ => Some((rank, offer)),
            };
        }
        match best {
            Some((_, Some((_, session)))) => Choice::Take(session),
            _ if live && !wanted => Choice::NobodyElse,
            _ => Choice::Wait,
        }
    }

    /// Offers a running read to a second node, if there is one.
    pub(super) fn hedge(&mut self, id: TaskId, now: Instant) {
        if let Some(task) = self.tasks.get(&id)
            && let Choice::Take(session) = self.choose(task, now)
        {
            self.counts.hedged += 1;
            self.assign(id, session, now);
        }
    }

    fn assign(&mut self, id: TaskId, session: SessionId, now: Instant) {
        let turn = self.turn();
        let lease = self.next_lease;
        let (Some(task), Some(member)) = (self.tasks.get_mut(&id), self.members.get_mut(&session)) else {
            return;
        };
        self.next_lease += 1;
        task.leases.push(lease);
        let queue = task.submission.queue;
        match queue {
            Queue::Leader => {
                member.leader_credits -= 1;
                member.leader_leases.insert(lease);
            }
            Queue::Read => {
                member.read_credits -= 1;
                member.turn = turn;
                member.read_leases.insert(lease);
            }
        }
        let time_left = task.submission.deadline.saturating_duration_since(now);
        let bytes = task.submission.task.clone();
        self.effects.push(Effect::Assign { session, lease, queue, time_left, task: bytes });
        self.leases.insert(lease, Lease::new(id, session, now));
        let line = self.line(queue);
        line.waiting.remove(&id);
        line.leased += 1;
    }

    /// Keeps a waiting task out of its line until `until`.
    pub(super) fn set_aside(&mut self, id: TaskId, until: Instant) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        task.aside = Some(until);
        let queue = task.submission.queue;
        self.line(queue).waiting.remove(&id);
        self.aside.insert((until, id));
    }
}

fn rank(task: &Task, member: &Member) -> Rank {
    if task.refused_by == Some(member.node) {
        Rank::RefusedIt
    } else if member.leads() {
        Rank::Leader
    } else {
        Rank::Other
    }
}
