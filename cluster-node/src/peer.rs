//! The gRPC edge towards other nodes (and `verify`): converts and delegates.

use std::sync::Arc;

use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{HAVE_HASHES, PART_CHUNKS, RPC};
use gossamer_proto::v1::peer_server::Peer;
use gossamer_proto::v1::{self, Code, Failure};
use gossamer_world::World;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::data::ticket::{Grant, Tickets};
use crate::raft;
use crate::storage::catalogue::Catalogue;
use crate::storage::extents::Chunks;
use crate::storage::verify;
use crate::upload;

/// What other nodes may ask of this one.
#[derive(Clone)]
pub struct Service {
    /// Sockets, files, clock, randomness.
    pub world: World,
    /// Raft, for the read index.
    pub raft: raft::Handle,
    /// Uploads, for seals.
    pub upload: upload::Handle,
    /// What is applied.
    pub catalogue: Arc<Catalogue>,
    /// Chunks of this node.
    pub chunks: Arc<Chunks>,
    /// Issues tickets for the data port.
    pub tickets: Arc<Tickets>,
    /// This node's report.
    pub report: watch::Receiver<v1::NodeReport>,
    /// Where this node's data port is.
    pub whereabouts: crate::whereabouts::Whereabouts,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Peer for Service {
    async fn read_index(&self, _: Request<v1::ReadIndexRequest>) -> Answer<v1::ReadIndexAnswer> {
        Ok(Response::new(self.raft.serve_read_index().await))
    }

    async fn receive(&self, request: Request<v1::ReceiveRequest>) -> Answer<v1::ReceiveAnswer> {
        let upload_id = request.into_inner().upload_id;
        let upload_id =
            <[u8; 16]>::try_from(upload_id.as_ref()).map_err(|_| invalid("an upload id has 16 bytes"))?;
        let ticket = self.tickets.issue(&Grant::Receive { upload_id });
        Ok(Response::new(v1::ReceiveAnswer { ticket, data_addr: self.whereabouts.data() }))
    }

    async fn seal(&self, request: Request<v1::SealRequest>) -> Answer<v1::SealAnswer> {
        Ok(Response::new(self.upload.confirm(request.into_inner()).await))
    }

    async fn offer(&self, request: Request<v1::OfferRequest>) -> Answer<v1::OfferAnswer> {
        let hashes = Hash::list(&request.into_inner().hashes).map_err(|error| invalid(&error.to_string()))?;
        if hashes.len() > PART_CHUNKS.max(HAVE_HASHES) {
            return Err(invalid("too many hashes in one offer"));
        }
        let chunks = self.chunks.clone();
        let held = self.world.blocking.run(move || -> Result<Vec<Hash>, Status> {
            let mut held = Vec::with_capacity(hashes.len());
            for hash in hashes {
                if chunks.has(&hash).map_err(internal)? {
                    held.push(hash);
                }
            }
            Ok(held)
        });
        let held = Hash::join(&held.await?);
        let ticket = self.tickets.issue(&Grant::Read { list: Hash::of(&held) });
        Ok(Response::new(v1::OfferAnswer { ticket, data_addr: self.whereabouts.data(), held }))
    }

    async fn state(&self, request: Request<v1::StateRequest>) -> Answer<v1::StateAnswer> {
        self.settle(request.into_inner().settled).await?;
        // Asked for to decide about voters: what counts is the state now, not that of the last beat.
        let mut report = self.report.borrow().clone();
        report.applied_index = self.raft.view().borrow().applied.map_or(0, |at| at.index);
        report.missing_chunks = self.chunks.missing_count();
        Ok(Response::new(v1::StateAnswer {
            report: Some(report),
            collect_number: self.catalogue.collect_number(),
            digest: self.catalogue.digest().to_vec().into(),
        }))
    }

    type VerifyStream = ReceiverStream<Result<v1::VerifyProgress, Status>>;

    async fn verify(&self, request: Request<v1::VerifyRequest>) -> Answer<Self::VerifyStream> {
        let (to_client, stream) = mpsc::channel(4);
        let (progress, mut from_verify) = mpsc::channel(4);
        tokio::spawn(verify::run(
            self.world.clone(),
            self.catalogue.clone(),
            self.chunks.clone(),
            request.into_inner(),
            progress,
        ));
        tokio::spawn(async move {
            while let Some(message) = from_verify.recv().await {
                if to_client.send(Ok(message)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

impl Service {
    /// Waits until the entry is applied, a while, and syncs the chunks: what then counts as held is on disk. Nothing
    /// for entry 0.
    async fn settle(&self, index: u64) -> Result<(), Status> {
        if index == 0 {
            return Ok(());
        }
        let mut view = self.raft.view();
        let applied = view.wait_for(|view| view.applied.is_some_and(|at| at.index >= index));
        // Late: the answer says how far it is.
        let _ = tokio::time::timeout(RPC / 2, applied).await;
        let chunks = self.chunks.clone();
        self.world.blocking.run(move || chunks.sync()).await.map_err(internal)
    }
}

fn invalid(why: &str) -> Status {
    Failure::new(Code::Invalid, why).into()
}

fn internal(error: impl std::fmt::Display) -> Status {
    Failure::new(Code::Internal, error.to_string()).into()
}
