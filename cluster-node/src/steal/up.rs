//! What goes up: answers, credits, beats.

use bytes::Bytes;
use gossamer_proto::limits::BEAT;
use gossamer_proto::v1::{self, Queue, from_node};
use gossamer_world::known_bug::{self, KnownBug};
use prost::Message;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendError;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::claim::{Answer, Claim};
use super::credit::{Load, Standing};
use super::stream::Shared;

/// Answers taken together, before credits are balanced.
const TOGETHER: usize = 64;

/// Sends until the stream is gone, or, after shutdown, until nothing that was begun is unfinished.
///
/// Whoever waits here, because the connection takes nothing, is this session alone: answers wait in their channel, which
/// has room for every lease.
pub(super) async fn run(
    up: mpsc::Sender<v1::FromNode>,
    answered: &mut mpsc::Receiver<Answer>,
    config: &Config,
    shared: &Shared,
    shutdown: &CancellationToken,
) {
    let up = Up { messages: up, config, shared };
    let mut view = config.view.clone();
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answers = Vec::with_capacity(TOGETHER);
    let (mut stopping, mut raft_lives) = (false, true);
    loop {
        let sent = tokio::select! {
            biased;
            _ = beat.tick() => up.beat().await,
            () = shutdown.cancelled(), if !stopping => {
                stopping = true;
                shared.state().stopping = true;
                Ok(())
            }
            _ = answered.recv_many(&mut answers, TOGETHER) => up.answers(&mut answers).await,
            changed = view.changed(), if raft_lives => {
                raft_lives = changed.is_ok();
                Ok(())
            }
        };
        let standing =
            if stopping || !raft_lives { Standing::NONE } else { Standing::of(&view.borrow_and_update()) };
        if sent.is_err() || up.credits(standing).await.is_err() {
            return;
        }
        if stopping && shared.state().leases.is_empty() {
            return;
        }
    }
}

/// The stream is gone.
type Gone = SendError<v1::FromNode>;

struct Up<'a> {
    messages: mpsc::Sender<v1::FromNode>,
    config: &'a Config,
    shared: &'a Shared,
}

impl Up<'_> {
    async fn send(&self, kind: from_node::Kind) -> Result<(), Gone> {
        self.messages.send(v1::FromNode { kind: Some(kind) }).await
    }

    /// The report, and all leases that are to be extended.
    async fn beat(&self) -> Result<(), Gone> {
        let leases = self.shared.state().leases.live();
        let report = Some(self.config.report.borrow().clone());
        self.send(from_node::Kind::Beat(v1::Beat { report, leases })).await
    }

    async fn answers(&self, answers: &mut Vec<Answer>) -> Result<(), Gone> {
        for answer in answers.drain(..) {
            if let Some(kind) = self.end(answer) {
                self.send(kind).await?;
            }
        }
        Ok(())
    }

    /// Ends the lease; what to tell the queue server, if it still wants to know.
    fn end(&self, answer: Answer) -> Option<from_node::Kind> {
        match answer {
            Answer::Done { lease, outcome } => {
                let mut state = self.shared.state();
                let ended = state.leases.end(lease);
                match &ended {
                    Some(ended) if ended.queue == Queue::ReadQueue => state.credits.pace.note(ended.took),
                    None if !known_bug::is_back(KnownBug::LateResultAccepted) => return None,
                    _ => {}
                }
                drop(state);
                Some(from_node::Kind::Done(v1::Done { lease, outcome: self.encode(*outcome) }))
            }
            Answer::Refused { lease, failure } => {
                self.shared.state().leases.end(lease)?;
                Some(from_node::Kind::Refused(v1::Refused { lease, failure: Some(failure) }))
            }
            Answer::Abandoned { lease } => {
                self.shared.state().leases.end(lease);
                None
            }
        }
    }

    /// An outcome carries who answered, and up to which log index it had applied: an index that its client then knows.
    fn encode(&self, kind: v1::outcome::Kind) -> Bytes {
        let (node, applied_index) = {
            let view = self.config.view.borrow();
            (view.id, view.applied.map_or(0, |applied| applied.index))
        };
        v1::Outcome { kind: Some(kind), applied_index, node }.encode_to_vec().into()
    }

    async fn credits(&self, standing: Standing) -> Result<(), Gone> {
        let room = |consumer: &mpsc::Sender<Claim>| consumer.capacity() as u32;
        let offers = {
            let mut state = self.shared.state();
            let load =
                |queue, consumer| Load { unfinished: state.leases.unfinished(queue), room: room(consumer) };
            let leader = load(Queue::LeaderQueue, &self.config.leader_claims);
            let read = load(Queue::ReadQueue, &self.config.read_claims);
            state.credits.balance(standing, leader, read)
        };
        for credit in offers {
            self.send(from_node::Kind::Credit(credit)).await?;
        }
        Ok(())
    }
}
