//! Read barriers: after one, this node shows every write that was acknowledged before it began.
//!
//! ReadIndex (Ongaro's thesis, 6.4): the leader notes its commit index and makes sure, by a round of heartbeats begun
//! afterwards, that it still leads. Who has applied that index may answer. No clock is trusted.

use std::time::Duration;

use gossamer_proto::limits::HEARTBEAT_MS;
use gossamer_proto::v1::peer_client::PeerClient;
use gossamer_proto::v1::{Code, Failure, ReadIndexAnswer, ReadIndexRequest};
use openraft::ReadPolicy;
use openraft::errors::RaftError;
use tokio::time::Instant;

use super::convert::to_position;
use super::{BarrierError, Handle};
use crate::storage::position::Position;

impl Handle {
    /// A read barrier: asks the leader (itself or by RPC) for its read index and waits until it is applied here.
    /// While there is no leader it goes on trying until `time_left` is over.
    ///
    /// Covers what was asked before the call, and nothing that is asked later.
    pub async fn barrier(&self, time_left: Duration) -> Result<Position, BarrierError> {
        let deadline = Instant::now() + time_left;
        let read = loop {
            match tokio::time::timeout_at(deadline, self.ask_leader()).await {
                Ok(Err(BarrierError::NoLeader)) => {}
                Ok(other) => break other?,
                Err(_) => return Err(BarrierError::NoLeader),
            }
            let pause = Instant::now() + Duration::from_millis(HEARTBEAT_MS);
            if pause >= deadline {
                return Err(BarrierError::NoLeader);
            }
            tokio::time::sleep_until(pause).await;
        };
        let mut view = self.view();
        let applied = view.wait_for(|view| view.applied.is_some_and(|applied| applied.index >= read.index));
        // Only whether it was applied is kept: the guarded view must not live across the next await.
        match tokio::time::timeout_at(deadline, applied).await.map(|seen| seen.map(|_| ())) {
            Ok(Ok(())) => Ok(read),
            Ok(Err(_)) => Err(BarrierError::Stopped(self.stopped().await)),
            Err(_) => Err(BarrierError::Late),
        }
    }

    /// This node's read index, if it leads and a quorum says so now. openraft coalesces bursts of these.
    pub async fn read_index(&self) -> Result<Position, BarrierError> {
        match self.shared.raft.get_read_linearizer(ReadPolicy::ReadIndex).await {
            Ok(linearizer) => Ok(to_position(*linearizer.read_log_id().log_id())),
            Err(RaftError::APIError(_)) => Err(BarrierError::NoLeader),
            Err(RaftError::Fatal(fatal)) => Err(BarrierError::Stopped(fatal.to_string())),
        }
    }

    /// The answer to `Peer.ReadIndex`.
    pub async fn serve_read_index(&self) -> ReadIndexAnswer {
        match self.read_index().await {
            Ok(read) => ReadIndexAnswer { read: Some(read.into()), failure: None },
            Err(error) => {
                let failure = Failure::new(Code::Unavailable, error.to_string()).retry_after(HEARTBEAT_MS);
                ReadIndexAnswer { read: None, failure: Some(failure) }
            }
        }
    }

    /// Asks whoever leads now; gives up as soon as that is somebody else. A leader that is paused or cut off never answers,
    /// and its successor is there long before the question has had its time.
    async fn ask_leader(&self) -> Result<Position, BarrierError> {
        let mut view = self.view();
        let (leader, term) = {
            let now = view.borrow_and_update();
            (now.leader.ok_or(BarrierError::NoLeader)?, now.term)
        };
        let replaced = async {
            // Ends with Raft, too: who asks on hears of that.
            let _ = view.wait_for(|now| now.leader != Some(leader) || now.term != term).await;
        };
        tokio::select! {
            answer = self.ask(leader) => answer,
            () = replaced => Err(BarrierError::NoLeader),
        }
    }

    async fn ask(&self, leader: u64) -> Result<Position, BarrierError> {
        if leader == self.id() {
            return self.read_index().await;
        }
        let channel = self.shared.peers.channel(leader).ok_or(BarrierError::NoLeader)?;
        let target = self.shared.peers.target(leader);
        let mut client = PeerClient::with_interceptor(channel, target);
        // Whatever went wrong, nothing was changed: the caller asks again.
        let answer = gossamer_proto::channel::within_rpc(client.read_index(ReadIndexRequest {})).await;
        let answer = answer.map_err(|_| BarrierError::NoLeader)?.into_inner();
        answer.read.map(Position::from).ok_or(BarrierError::NoLeader)
    }
}
