//! What the other nodes' Raft asks of this one.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use gossamer_proto::limits::{MESSAGE_BYTES, STALL};
use gossamer_proto::v1;
use gossamer_proto::v1::raft_server::RaftServer;
use gossamer_world::World;
use gossamer_world::network::BoxFuture;
use openraft::base::BoxStream;
use openraft::raft::TransferLeaderRequest;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::convert;
use super::types::{Raft, RaftSnapshot, Vote};
use crate::storage::refill::Refill;
use crate::storage::snapshot::{Receiving, Snapshot, SnapshotError, Snapshots};

/// Serves [`v1::raft_server::Raft`].
#[derive(Clone)]
pub struct Service {
    pub(super) raft: Raft,
    pub(super) world: World,
    pub(super) snapshots: Arc<Snapshots>,
    pub(super) refill: Arc<Refill>,
    pub(super) shutdown: CancellationToken,
}

impl Service {
    /// The tonic service, with the limits that the other side keeps to.
    pub fn server(self) -> RaftServer<Self> {
        RaftServer::new(self)
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES)
    }

    /// Writes the parts to a file, checks it whole, and has Raft install it.
    async fn take_snapshot(
        &self,
        mut parts: Streaming<v1::SnapshotPart>,
    ) -> Result<v1::SnapshotAnswer, Status> {
        let first = next_part(&mut parts).await?.ok_or_else(|| Status::invalid_argument("no part came"))?;
        let vote = convert::given_vote(first.vote)?;
        // A deposed leader need not send a gigabyte to be told.
        if let Some(higher) = self.higher_than(vote) {
            return Ok(v1::SnapshotAnswer { vote: Some(convert::from_vote(higher)) });
        }
        let snapshots = self.snapshots.clone();
        let mut file = self.blocking(move || snapshots.receive()).await?;
        let mut part = Some(first);
        while let Some(v1::SnapshotPart { data, .. }) = part {
            file = self
                .blocking(move || {
                    file.write(&data)?;
                    Ok(file)
                })
                .await?;
            part = next_part(&mut parts).await?;
        }
        let snapshot = self.blocking(move || Receiving::finish(file)).await?;
        self.install(vote, snapshot).await
    }

    async fn install(&self, vote: Vote, snapshot: Snapshot) -> Result<v1::SnapshotAnswer, Status> {
        // The log is purged after: if there is no room for what only the log has, the leader is to come again.
        let stored = self.refill.pass(&self.shutdown).await;
        stored.map_err(|error| Status::resource_exhausted(error.to_string()))?;
        let meta = convert::to_snapshot_meta(&snapshot.meta)?;
        let installed = self.raft.install_full_snapshot(vote, RaftSnapshot { meta, snapshot }).await;
        let answer = installed.map_err(stopped)?;
        Ok(v1::SnapshotAnswer { vote: Some(convert::from_vote(answer.vote)) })
    }

    fn higher_than(&self, vote: Vote) -> Option<Vote> {
        use openraft::async_runtime::watch::WatchReceiver;
        let own = self.raft.metrics().borrow_watched().vote;
        (own > vote).then_some(own)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> Result<T, SnapshotError> + Send + 'static,
    ) -> Result<T, Status> {
        self.world.blocking.run(call).await.map_err(|error| match error {
            // What was sent is no snapshot.
            SnapshotError::Corrupt { .. } => Status::data_loss(error.to_string()),
            error => Status::internal(error.to_string()),
        })
    }
}

async fn next_part(parts: &mut Streaming<v1::SnapshotPart>) -> Result<Option<v1::SnapshotPart>, Status> {
    tokio::time::timeout(STALL, parts.message())
        .await
        .map_err(|_| Status::deadline_exceeded(format!("no part of the snapshot came for {STALL:?}")))?
}

/// Raft of this node has stopped; the other side pauses and comes again.
fn stopped(error: impl ToString) -> Status {
    Status::unavailable(error.to_string())
}

#[tonic::async_trait]
impl v1::raft_server::Raft for Service {
    type AppendStream = BoxStream<'static, Result<v1::AppendAnswer, Status>>;

    async fn append(
        &self,
        request: Request<Streaming<v1::AppendRequest>>,
    ) -> Result<Response<Self::AppendStream>, Status> {
        // A broken or unreadable request ends the stream: the leader sends again what was not answered.
        let requests = stream::unfold(request.into_inner(), |mut requests| async move {
            let request = requests.message().await.ok()??;
            let request = convert::to_append(request)
                .inspect_err(|error| tracing::warn!(%error, "an append request was dropped"))
                .ok()?;
            Some((request, requests))
        });
        let answers = self.raft.stream_append(requests);
        Ok(Response::new(Box::pin(answers.map(|answer| answer.map(convert::from_appended).map_err(stopped)))))
    }

    async fn vote(&self, request: Request<v1::VoteRequest>) -> Result<Response<v1::VoteAnswer>, Status> {
        let request = convert::to_vote_request(request.into_inner())?;
        let answer = self.raft.vote(request).await.map_err(stopped)?;
        Ok(Response::new(convert::from_vote_answer(answer)))
    }

    async fn pre_vote(&self, request: Request<v1::VoteRequest>) -> Result<Response<v1::VoteAnswer>, Status> {
        let request = convert::to_vote_request(request.into_inner())?;
        let answer = self.raft.pre_vote(request).await.map_err(stopped)?;
        Ok(Response::new(convert::from_vote_answer(answer)))
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<v1::SnapshotPart>>,
    ) -> Result<Response<v1::SnapshotAnswer>, Status> {
        let taken: BoxFuture<'_, _> = Box::pin(self.take_snapshot(request.into_inner()));
        Ok(Response::new(taken.await?))
    }

    async fn transfer_leader(
        &self,
        request: Request<v1::TransferRequest>,
    ) -> Result<Response<v1::TransferAnswer>, Status> {
        let v1::TransferRequest { from, to, last_log_id } = request.into_inner();
        let from = convert::given_vote(from)?;
        let request = TransferLeaderRequest::new(from, to, last_log_id.map(convert::to_log_id));
        let taken = self.raft.handle_transfer_leader(request).await.map_err(stopped)?;
        Ok(Response::new(v1::TransferAnswer { accepted: taken.is_ok() }))
    }
}
