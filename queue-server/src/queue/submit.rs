//! What clients do: hand in, cancel, leave.

use gossamer_proto::v1::{Code, Failure};
use tokio::time::Instant;

use super::task::Task;
use super::{ClientId, Effect, Queue, Queues, Submission, TaskId};

/// When to come again after FULL, milliseconds: the queues empty faster than this when anybody serves them at all.
const FULL_RETRY_MS: u64 = 100;

impl Queues {
    /// Accepts a task, or answers at once why not.
    pub fn submit(&mut self, client: ClientId, submission: Submission, now: Instant) {
        if let Err(failure) = self.admit(client, &submission, now) {
            let answer = Err(failure);
            self.effects.push(Effect::Answer {
                client,
                request: submission.request,
                answer,
                in_doubt: false,
            });
            return;
        }
        let id = self.next_task;
        self.next_task += 1;
        self.counts.task_bytes += submission.task.len() as u64;
        self.requests.insert((client, submission.request), id);
        self.deadlines.insert((submission.deadline, id));
        let line = self.line(submission.queue);
        line.items += 1;
        line.bytes += submission.task.len();
        line.waiting.insert(id);
        self.tasks.insert(id, Task::new(client, submission));
        self.deliver(now);
    }

    /// The client no longer wants this one. It gets no answer.
    pub fn cancel(&mut self, client: ClientId, request: u64) {
        if let Some(id) = self.requests.get(&(client, request)).copied() {
            self.remove(id, None);
        }
    }

    /// A client left: nobody waits for its tasks.
    pub fn client_gone(&mut self, client: ClientId) {
        let gone: Vec<TaskId> =
            self.requests.range((client, 0)..=(client, u64::MAX)).map(|(_, id)| *id).collect();
        for id in gone {
            self.remove(id, None);
        }
    }

    fn admit(&mut self, client: ClientId, submission: &Submission, now: Instant) -> Result<(), Failure> {
        if self.requests.contains_key(&(client, submission.request)) {
            let id = submission.request;
            return Err(Failure::new(
                Code::Invalid,
                format!("request {id} is not answered yet: use another id"),
            ));
        }
        if submission.deadline <= now {
            self.counts.expired += 1;
            return Err(Failure::new(Code::Deadline, "no time was left on arrival"));
        }
        let bounds = self.bounds;
        let line = self.line(submission.queue);
        if line.items >= bounds.items || line.bytes + submission.task.len() > bounds.bytes {
            self.counts.full += 1;
            let name = if submission.queue == Queue::Leader { "leader" } else { "read" };
            return Err(
                Failure::new(Code::Full, format!("the {name} queue is full")).retry_after(FULL_RETRY_MS)
            );
        }
        Ok(())
    }
}
