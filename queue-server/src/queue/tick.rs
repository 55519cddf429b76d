//! What time alone brings about: deadlines, ended leases, pauses that are over, silent and slow nodes.

use gossamer_proto::v1::{Code, Failure};
use tokio::time::Instant;

use super::{Effect, Queue, Queues, SessionId, TaskId};

impl Queues {
    /// To be called every few milliseconds.
    pub fn tick(&mut self, now: Instant) {
        while let Some((_, id)) = self.deadlines.first().copied().filter(|(deadline, _)| *deadline <= now) {
            self.expire_if_late(id, now);
        }
        self.end_leases(now);
        while let Some((until, id)) = self.aside.first().copied().filter(|(until, _)| *until <= now) {
            self.aside.remove(&(until, id));
            if let Some(task) = self.tasks.get_mut(&id) {
                task.aside = None;
                let queue = task.submission.queue;
                self.line(queue).waiting.insert(id);
            }
        }
        self.deliver(now);
        self.hedge_slow(now);
    }

    /// Drops a task whose time is over and says whether it did.
    pub(super) fn expire_if_late(&mut self, id: TaskId, now: Instant) -> bool {
        let Some(task) = self.tasks.get(&id).filter(|task| task.submission.deadline <= now) else {
            return false;
        };
        let begun = !task.leases.is_empty() || task.lost > 0;
        let failure = if begun && task.submission.queue == Queue::Leader {
            Failure::new(Code::Unknown, "the time ran out while a node worked on it")
        } else {
            Failure::new(Code::Deadline, "the time ran out before a node answered")
        };
        self.counts.expired += 1;
        self.fail(id, failure);
        true
    }

    fn end_leases(&mut self, now: Instant) {
        let over: Vec<(u64, SessionId)> =
            self.leases.iter().filter(|(_, l)| l.ends <= now).map(|(id, l)| (*id, l.session)).collect();
        for (lease, session) in over {
            self.effects.push(Effect::Revoke { session, lease });
            self.lose(lease);
        }
    }

    /// Offers reads to a second node whose first is silent or slow.
    fn hedge_slow(&mut self, now: Instant) {
        if self.read.leased == 0 {
            return;
        }
        let slow = self.service.slow();
        let mut waiting = Vec::new();
        for lease in self.leases.values() {
            let Some(task) = self.tasks.get(&lease.task) else { continue };
            if task.submission.queue == Queue::Leader || task.leases.len() > 1 {
                continue;
            }
            let silent = self.members.get(&lease.session).is_some_and(|member| !member.is_live(now));
            if silent || now.saturating_duration_since(lease.given) > slow {
                waiting.push(lease.task);
            }
        }
        for id in waiting {
            self.hedge(id, now);
        }
    }
}
