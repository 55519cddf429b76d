//! Where sessions meet the queues: one lock around the pure state machine and the outboxes of all streams.
//!
//! A message is handled by the task that read it: it takes the lock, tells the queues, and moves what they say
//! should be sent into outboxes, which never wait. So a task crosses the queue server without being handed to
//! another tokio task, and messages leave in the order in which the queues decided.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use gossamer_proto::limits::{LEADER_CREDITS, LEASE, QUEUE_BYTES, QUEUE_ITEMS, READ_CREDITS};
use gossamer_proto::v1::{self, Answer, Failure, FromNode, Hello, ToNode, from_node, to_node};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Witness;
use crate::nodes::Nodes;
use crate::outbox::{Outbox, OutboxStream, outbox};
use crate::queue::{Bounds, ClientId, Effect, Queue, Queues, SessionId, Submission};

/// Messages that may wait for a node: all that its credits allow, revocations, directories.
const NODE_ITEMS: usize = (LEADER_CREDITS + READ_CREDITS) as usize * 2 + 1024;
/// Answers that may wait for a client: one for all it can have in both queues.
const CLIENT_ITEMS: usize = QUEUE_ITEMS * 2;

/// See the module.
pub(crate) struct Desk {
    state: Mutex<State>,
    boot_nonce: u64,
}

/// What the lock guards.
pub(crate) struct State {
    pub(crate) queues: Queues,
    pub(crate) nodes: Nodes,
    sessions: BTreeMap<SessionId, (Outbox<ToNode>, CancellationToken)>,
    clients: BTreeMap<ClientId, Outbox<Answer>>,
    witness: Option<Arc<dyn Witness>>,
    next: u64,
}

impl Desk {
    pub(crate) fn new(boot_nonce: u64, bounds: Bounds, witness: Option<Arc<dyn Witness>>) -> Self {
        let state = State {
            queues: Queues::new(boot_nonce, bounds),
            nodes: Nodes::default(),
            sessions: BTreeMap::new(),
            clients: BTreeMap::new(),
            witness,
            next: 1,
        };
        Desk { state: Mutex::new(state), boot_nonce }
    }

    pub(crate) fn boot_nonce(&self) -> u64 {
        self.boot_nonce
    }

    /// The state itself, to look at.
    pub(crate) fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while holding it")
    }

    /// Lets time pass.
    pub(crate) fn tick(&self) {
        self.with(|state, now| state.queues.tick(now));
    }

    /// A client's stream began; `ended` is cancelled when it does not read.
    pub(crate) fn client(&self, ended: CancellationToken) -> (ClientId, OutboxStream<Answer>) {
        let (send, stream) = outbox(CLIENT_ITEMS, QUEUE_BYTES, ended);
        let mut state = self.look();
        let id = state.id();
        state.clients.insert(id, send);
        (id, stream)
    }

    /// A client's task.
    pub(crate) fn submit(&self, client: ClientId, submission: Submission) {
        self.with(|state, now| state.queues.submit(client, submission, now));
    }

    /// A client wants an answer no longer.
    pub(crate) fn cancel(&self, client: ClientId, request: u64) {
        self.with(|state, _| state.queues.cancel(client, request));
    }

    /// Answers a request that is none.
    pub(crate) fn reject(&self, client: ClientId, request: u64, failure: Failure) {
        self.look().answer(client, request, Err(failure), false);
    }

    /// A client's stream ended.
    pub(crate) fn client_gone(&self, client: ClientId) {
        self.with(|state, _| {
            state.clients.remove(&client);
            state.queues.client_gone(client);
        });
    }

    /// A node's stream began; `ended` is cancelled when it does not read, or when a newer stream replaces it.
    pub(crate) fn node(
        &self,
        hello: Hello,
        ended: CancellationToken,
    ) -> Result<(SessionId, OutboxStream<ToNode>), Failure> {
        // The bytes of tasks are counted where they wait; here they are only shared.
        let (send, stream) = outbox(NODE_ITEMS, QUEUE_BYTES * 4, ended.clone());
        let report = hello.report.unwrap_or_default();
        let (node, leading) = (report.id, report.leading);
        let id = self.with(|state, now| -> Result<SessionId, Failure> {
            let id = state.id();
            let older = state.nodes.hello(id, report, now)?;
            if let Some(older) = older {
                state.end_session(older, now);
            }
            let welcome = v1::Welcome { boot_nonce: self.boot_nonce, lease_ms: LEASE.as_millis() as u64 };
            send.push(ToNode { kind: Some(to_node::Kind::Welcome(welcome)) }, 0);
            state.sessions.insert(id, (send, ended));
            state.tell_directory();
            state.queues.connected(id, node, now);
            state.queues.beat(id, leading, &[], now);
            Ok(id)
        })?;
        Ok((id, stream))
    }

    /// A node's message after its hello.
    pub(crate) fn heard(&self, session: SessionId, message: FromNode) -> Result<(), Failure> {
        let result = match &message.kind {
            Some(from_node::Kind::Done(done)) => Some(done.lease),
            _ => None,
        };
        self.after(result.map(|lease| (session, lease)), |state, now| state.heard(session, message, now))
    }

    /// A node's stream ended.
    pub(crate) fn node_gone(&self, session: SessionId) {
        self.with(|state, now| {
            state.nodes.gone(session);
            state.end_session(session, now);
        });
    }

    fn with<T>(&self, call: impl FnOnce(&mut State, Instant) -> T) -> T {
        self.after(None, call)
    }

    /// `result`: whose it is, and under which lease, if this is about one.
    fn after<T>(&self, result: Option<(SessionId, u64)>, call: impl FnOnce(&mut State, Instant) -> T) -> T {
        let mut state = self.look();
        // Taken under the lock: time never runs backwards for the queues.
        let now = Instant::now();
        let returned = call(&mut state, now);
        let effects = state.queues.take_effects();
        if let Some(witness) = &state.witness {
            match result {
                Some((session, lease)) => witness.result(session, lease, &effects),
                None => witness.effects(&effects),
            }
        }
        effects.into_iter().for_each(|effect| state.perform(effect));
        returned
    }
}

impl State {
    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn heard(&mut self, session: SessionId, message: FromNode, now: Instant) -> Result<(), Failure> {
        let queues = &mut self.queues;
        match message.kind {
            Some(from_node::Kind::Done(done)) => queues.done(session, done.lease, done.outcome, now),
            Some(from_node::Kind::Credit(credit)) => match credit.queue() {
                v1::Queue::LeaderQueue if credit.withdraw => queues.withdraw(session, Queue::Leader, now),
                v1::Queue::ReadQueue if credit.withdraw => queues.withdraw(session, Queue::Read, now),
                v1::Queue::LeaderQueue => queues.offer_leading(session, credit.count, credit.term, now),
                v1::Queue::ReadQueue => queues.offer_reads(session, credit.count, now),
                v1::Queue::Unspecified => {
                    return Err(Failure::new(v1::Code::Invalid, "credits for no queue"));
                }
            },
            Some(from_node::Kind::Refused(refused)) => {
                queues.refused(session, refused.lease, &refused.failure.unwrap_or_default(), now);
            }
            Some(from_node::Kind::Beat(beat)) => {
                let report = beat.report.unwrap_or_default();
                queues.beat(session, report.leading, &beat.leases, now);
                if self.nodes.beat(session, report, now) {
                    self.tell_directory();
                }
            }
            Some(from_node::Kind::Hello(_)) => return Err(Failure::new(v1::Code::Invalid, "a second hello")),
            // A kind that a newer node knows and this queue server does not.
            None => {}
        }
        Ok(())
    }

    fn end_session(&mut self, session: SessionId, now: Instant) {
        if let Some((_, ended)) = self.sessions.remove(&session) {
            ended.cancel();
        }
        if let Some(witness) = &self.witness {
            witness.session_over(session);
        }
        self.queues.disconnected(session, now);
    }

    fn tell_directory(&self) {
        let directory = self.nodes.directory();
        for (outbox, _) in self.sessions.values() {
            outbox.push(ToNode { kind: Some(to_node::Kind::Directory(directory.clone())) }, 0);
        }
    }

    fn answer(&self, client: ClientId, request: u64, answer: Result<Bytes, Failure>, in_doubt: bool) {
        let Some(outbox) = self.clients.get(&client) else { return };
        let (outcome, failure) = match answer {
            Ok(outcome) => (outcome, None),
            Err(failure) => (Bytes::new(), Some(failure)),
        };
        let bytes = outcome.len();
        outbox.push(Answer { id: request, outcome, failure, in_doubt }, bytes);
    }

    fn perform(&self, effect: Effect) {
        let (session, kind, bytes) = match effect {
            Effect::Answer { client, request, answer, in_doubt } => {
                return self.answer(client, request, answer, in_doubt);
            }
            Effect::Assign { session, lease, queue, time_left, task } => {
                let queue = match queue {
                    Queue::Leader => v1::Queue::LeaderQueue,
                    Queue::Read => v1::Queue::ReadQueue,
                };
                let (bytes, time_left_ms) = (task.len(), time_left.as_millis() as u64);
                let assign = v1::Assign { lease, queue: queue as i32, time_left_ms, task };
                (session, to_node::Kind::Assign(assign), bytes)
            }
            Effect::Revoke { session, lease } => {
                (session, to_node::Kind::Revoke(v1::Revoke { leases: vec![lease] }), 0)
            }
        };
        if let Some((outbox, _)) = self.sessions.get(&session) {
            outbox.push(ToNode { kind: Some(kind) }, bytes);
        }
    }
}
