//! Calls to the other nodes' Raft.
//!
//! # Errors
//! - Without an address, past a deadline, or refused by the transport: `Unreachable`, after which openraft pauses.
//!   Anything else would be tried again at once, and again, against a node that is down.
//! - openraft ends neither append streams nor snapshots by itself: the progress timeouts here are the only ones.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use gossamer_proto::channel::Target;
use gossamer_proto::limits::MESSAGE_BYTES;
use gossamer_proto::v1;
use gossamer_proto::v1::raft_client::RaftClient;
use gossamer_world::World;
use openraft::OptionalSend;
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use tonic::Status;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use super::convert;
use super::send_append::{self, Pace};
use super::send_snapshot;
use super::types::{RaftSnapshot, RpcError, Types, Vote};
use crate::peers::{Lane, Peers};
use crate::storage::snapshot::{Snapshot, Snapshots};

pub(super) type Client = RaftClient<InterceptedService<Channel, Target>>;

/// Makes the [`Link`]s to other nodes.
#[derive(Clone)]
pub(super) struct Network {
    pub(super) world: World,
    pub(super) peers: Peers,
    pub(super) snapshots: Arc<Snapshots>,
}

impl Network {
    fn link(&self, target: u64, lane: Lane) -> Link {
        Link { network: self.clone(), target, lane }
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Link;

    async fn new_client(&mut self, target: u64, _node: &()) -> Link {
        self.link(target, Lane::Log)
    }

    /// A heartbeat must not wait behind megabytes of log: openraft gives it up after one heartbeat interval.
    async fn new_heartbeat_client(&mut self, target: u64, _node: &()) -> Link {
        self.link(target, Lane::Heartbeats)
    }

    async fn new_snapshot_client(&mut self, target: u64, _node: &()) -> Link {
        self.link(target, Lane::Snapshots)
    }
}

/// One lane to one node.
pub(super) struct Link {
    network: Network,
    target: u64,
    lane: Lane,
}

impl Link {
    /// Asked for anew for each call, because the node's address may have changed.
    fn client(&self, lane: Lane) -> Result<Client, RpcError> {
        let channel =
            self.network.peers.lane(self.target, lane).ok_or_else(|| {
                unreachable(format_args!("the address of node {} is not known", self.target))
            })?;
        let target = self.network.peers.target(self.target);
        Ok(RaftClient::with_interceptor(channel, target)
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES))
    }

    async fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<tonic::Response<T>, Status>>,
    ) -> Result<T, RpcError> {
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(refused(&status)),
            Err(_) => Err(late(self.target, limit)),
        }
    }
}

pub(super) fn unreachable(why: impl ToString) -> RpcError {
    RpcError::Unreachable(Unreachable::from_string(why))
}

pub(super) fn late(target: u64, limit: Duration) -> RpcError {
    unreachable(format_args!("node {target} did not answer within {limit:?}"))
}

/// Every status is a reason to pause: the transport's (it is down), and ours (it is not the node we think it is).
pub(super) fn refused(status: &Status) -> RpcError {
    unreachable(status)
}

pub(super) fn nonsense(error: convert::ConvertError) -> RpcError {
    RpcError::Network(NetworkError::new(&error))
}

impl RaftNetworkV2<Types> for Link {
    type SnapshotData = Snapshot;

    /// One request over a stream of its own. openraft itself calls only [`Link::stream_append`].
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RpcError> {
        use futures_util::StreamExt;
        let mut answers = self.stream_append(futures_util::stream::iter([request]), option).await?;
        match answers.next().await {
            Some(answer) => Ok(answer?.into()),
            None => Err(unreachable("the stream ended without an answer")),
        }
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<Types>, RpcError>>, RpcError>>
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        Box::pin(async move {
            let pace = Pace::of(self.target, self.lane, &option, &self.network.peers);
            send_append::pipeline(|| self.client(self.lane), input, pace).await
        })
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RpcError> {
        let mut client = self.client(Lane::Heartbeats)?;
        let answer = self.within(option.soft_ttl(), client.vote(convert::from_vote_request(request))).await?;
        convert::to_vote_answer(answer).map_err(nonsense)
    }

    /// Must not be left to the default, which grants every pre-vote: a node alone would then raise its term for ever.
    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RpcError> {
        let mut client = self.client(Lane::Heartbeats)?;
        let answer =
            self.within(option.soft_ttl(), client.pre_vote(convert::from_vote_request(request))).await?;
        convert::to_vote_answer(answer).map_err(nonsense)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: RaftSnapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let client = self.client(self.lane)?;
        let parts = send_snapshot::Parts::new(
            self.network.world.clone(),
            self.network.snapshots.clone(),
            snapshot.snapshot,
        );
        tokio::select! {
            // openraft may drop the transfer when it is no longer the leader; nobody else tells us.
            closed = cancel => Err(closed.into()),
            sent = send_snapshot::send(client, vote, parts, option.hard_ttl()) => Ok(sent?),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RpcError> {
        let message = v1::TransferRequest {
            from: Some(convert::from_vote(*request.from_leader())),
            to: *request.to_node_id(),
            last_log_id: request.last_log_id().copied().map(convert::from_log_id),
        };
        let mut client = self.client(Lane::Heartbeats)?;
        match self.within(option.soft_ttl(), client.transfer_leader(message)).await?.accepted {
            true => Ok(Ok(())),
            // openraft only logs why; the leader goes on leading.
            false => Err(unreachable(format_args!("node {} cannot take over now", self.target))),
        }
    }
}
