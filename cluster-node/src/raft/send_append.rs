//! The pipelined append stream: requests go out without waiting for the answers to those before.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use gossamer_proto::limits::{PIPELINE_BYTES, RPC};
use gossamer_proto::v1;
use openraft::base::BoxStream;
use openraft::network::RPCOption;
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Streaming;

use super::convert;
use super::network::{Client, late, nonsense, refused};
use super::types::{LogId, RpcError, Types};
use crate::peers::{Lane, Peers};

/// How long one answer may take, and what is done when it takes longer.
pub(super) struct Pace {
    target: u64,
    lane: Lane,
    limit: Duration,
    peers: Peers,
}

impl Pace {
    /// A heartbeat is worth nothing after openraft's own limit. Entries wait for an fdatasync, which beside bulk
    /// writes takes a hundred milliseconds now and then: cutting the stream for that would only resend them.
    pub(super) fn of(target: u64, lane: Lane, option: &RPCOption, peers: &Peers) -> Self {
        let limit = if lane == Lane::Heartbeats { option.soft_ttl() } else { RPC };
        Pace { target, lane, limit, peers: peers.clone() }
    }

    /// A log stream on which nothing moves gets a new connection. A late heartbeat does not: that is what a busy
    /// machine looks like, and connecting anew makes it no less busy. HTTP/2 keep-alive finds the dead ones.
    fn overrun(&self) -> RpcError {
        if self.lane != Lane::Heartbeats {
            self.peers.evict(self.target, self.lane);
        }
        late(self.target, self.limit)
    }
}

/// A request that was sent and not answered yet. Answers come in the order of the requests.
struct Asked {
    previous: Option<LogId>,
    last: Option<LogId>,
    at: Instant,
    _bytes: OwnedSemaphorePermit,
}

type Unanswered = Arc<Mutex<VecDeque<Asked>>>;

/// Opens the stream and returns the answers. Dropping them ends the stream.
///
/// openraft's pause after a failure is in its requests: whatever fails before there is one, be it only that the node's
/// address is not known, would fail again and again without any pause.
pub(super) async fn pipeline<S>(
    client: impl FnOnce() -> Result<Client, RpcError> + Send,
    mut input: S,
    pace: Pace,
) -> Result<BoxStream<'static, Result<StreamAppendResult<Types>, RpcError>>, RpcError>
where
    S: Stream<Item = AppendEntriesRequest<Types>> + Send + Unpin + 'static,
{
    let Some(first) = input.next().await else { return Ok(Box::pin(stream::empty())) };
    let mut client = client()?;
    let input = stream::iter([first]).chain(input);
    let unanswered = Unanswered::default();
    let (sender, receiver) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let guard = stop.clone().drop_guard();
    tokio::spawn(stop.run_until_cancelled_owned(pump(input, sender, unanswered.clone())));
    let answers = match tokio::time::timeout(pace.limit, client.append(ReceiverStream::new(receiver))).await {
        Ok(Ok(answers)) => answers.into_inner(),
        Ok(Err(status)) => return Err(refused(&status)),
        Err(_) => return Err(pace.overrun()),
    };
    let answers = Answers { answers, unanswered, pace, _stop: guard };
    Ok(Box::pin(stream::unfold(Some(answers), |answers| async move {
        let mut answers = answers?;
        let answer = answers.next().await?;
        // After a conflict, a higher vote or an error openraft starts over.
        let next = matches!(answer, Ok(Ok(_))).then_some(answers);
        Some((answer, next))
    })))
}

/// Moves requests from openraft to the transport, in a task of its own: openraft's stream holds a lock while it is
/// asked for the next request, and a transport with a full window would neither go on asking nor let go.
async fn pump<S>(mut input: S, sender: mpsc::Sender<v1::AppendRequest>, unanswered: Unanswered)
where
    S: Stream<Item = AppendEntriesRequest<Types>> + Unpin,
{
    let room = Arc::new(Semaphore::new(PIPELINE_BYTES));
    while let Some(request) = input.next().await {
        let previous = request.prev_log_id;
        let last = request.entries.last().map(|entry| entry.log_id).or(previous);
        let message = convert::from_append(request);
        let bytes: usize = message.entries.iter().map(|entry| entry.len()).sum();
        // One larger than all the room goes alone.
        let share = u32::try_from(bytes.min(PIPELINE_BYTES)).unwrap_or(u32::MAX);
        let Ok(permit) = room.clone().acquire_many_owned(share).await else { return };
        let asked = Asked { previous, last, at: Instant::now(), _bytes: permit };
        unanswered.lock().expect("nothing panics while holding it").push_back(asked);
        if sender.send(message).await.is_err() {
            return;
        }
    }
}

struct Answers {
    answers: Streaming<v1::AppendAnswer>,
    unanswered: Unanswered,
    pace: Pace,
    _stop: DropGuard,
}

impl Answers {
    async fn next(&mut self) -> Option<Result<StreamAppendResult<Types>, RpcError>> {
        let answer = loop {
            match tokio::time::timeout(self.pace.limit, self.answers.message()).await {
                Ok(Ok(Some(answer))) => break answer,
                Ok(Ok(None)) => return None,
                Ok(Err(status)) => return Some(Err(refused(&status))),
                // An idle leader sends nothing here, so silence alone is no fault.
                Err(_) if self.oldest().is_none_or(|at| at.elapsed() < self.pace.limit) => {}
                Err(_) => return Some(Err(self.pace.overrun())),
            }
        };
        let asked = self.unanswered.lock().expect("nothing panics while holding it").pop_front();
        let Some(asked) = asked else {
            return Some(Err(nonsense(convert::ConvertError::Lacks("question"))));
        };
        Some(convert::to_appended(answer, asked.previous, asked.last).map_err(nonsense))
    }

    fn oldest(&self) -> Option<Instant> {
        self.unanswered.lock().expect("nothing panics while holding it").front().map(|asked| asked.at)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use gossamer_proto::channel::Channels;
    use gossamer_proto::trust::Trust;
    use gossamer_world::World;

    use super::*;
    use crate::peers::Cluster;
    use crate::raft::network::unreachable;

    /// While openraft pauses, which it does by not giving a request, nothing is tried and so nothing can fail: a leader that
    /// does not know where a follower is would else ask itself for it without end.
    #[tokio::test]
    async fn pauses_before_it_fails() {
        let peers = Peers::new(Channels::new(&World::real(), Trust::Loopback), Cluster::default());
        let pace = |lane| Pace { target: 2, lane, limit: RPC, peers: peers.clone() };
        let unknown = || Err(unreachable("its address is not known"));
        let pausing = pipeline(unknown, stream::pending(), pace(Lane::Log));
        assert!(pausing.now_or_never().is_none());
        let request = AppendEntriesRequest {
            vote: openraft::Vote::new(1, 1),
            prev_log_id: None,
            entries: Vec::new(),
            leader_commit: None,
        };
        assert!(pipeline(unknown, stream::iter([request]), pace(Lane::Log)).await.is_err());
    }
}
