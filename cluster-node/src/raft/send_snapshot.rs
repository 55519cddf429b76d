//! Sending a snapshot file in parts.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use gossamer_proto::limits::{SNAPSHOT_PART_BYTES, STALL};
use gossamer_proto::v1;
use gossamer_world::World;
use openraft::errors::NetworkError;
use openraft::raft::SnapshotResponse;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use super::convert;
use super::network::{Client, nonsense, refused, unreachable};
use super::types::{RpcError, Types, Vote};
use crate::storage::snapshot::{Snapshot, SnapshotError, Snapshots};

/// The parts of one snapshot file.
pub(super) struct Parts {
    world: World,
    snapshots: Arc<Snapshots>,
    snapshot: Snapshot,
}

impl Parts {
    pub(super) fn new(world: World, snapshots: Arc<Snapshots>, snapshot: Snapshot) -> Self {
        Parts { world, snapshots, snapshot }
    }

    fn stream(self, vote: Vote) -> impl Stream<Item = Result<v1::SnapshotPart, SnapshotError>> {
        let (total, at) = (self.snapshot.bytes, self.snapshot.meta.at);
        let parts = Arc::new(self);
        stream::try_unfold(0, move |offset| {
            let parts = parts.clone();
            async move {
                if offset >= total {
                    return Ok(None);
                }
                let world = parts.world.clone();
                let length = SNAPSHOT_PART_BYTES.min(usize::try_from(total - offset).unwrap_or(usize::MAX));
                let read = move || parts.snapshots.read(&parts.snapshot, offset, length);
                let data = world.blocking.run(read).await?;
                let next = offset + data.len() as u64;
                let mut part = v1::SnapshotPart { data, ..Default::default() };
                if offset == 0 {
                    part.vote = Some(convert::from_vote(vote));
                    part.last_log_id = at.map(Into::into);
                    part.total_bytes = total;
                }
                // A file that ends early would otherwise be read for ever.
                let next = if next == offset { total } else { next };
                Ok(Some((part, next)))
            }
        })
    }
}

/// Sends all parts and waits for the installation, at most `install`. Gives up when the other side takes no part for
/// [`STALL`]: openraft would wait for ever. A snapshot that cannot be read, or that the other side finds damaged, is suspected:
/// sent again it would be no better.
pub(super) async fn send(
    mut client: Client,
    vote: Vote,
    parts: Parts,
    install: Duration,
) -> Result<SnapshotResponse<Types>, RpcError> {
    let snapshots = parts.snapshots.clone();
    let (sender, receiver) = mpsc::channel(2);
    let fed = async {
        feed(parts, vote, sender).await?;
        tokio::time::sleep(install).await;
        Err(unreachable(format_args!("the snapshot was sent, but not installed within {install:?}")))
    };
    tokio::select! {
        // An answer before the last part is a refusal, and worth more than a part that could not be sent.
        biased;
        answer = client.snapshot(ReceiverStream::new(receiver)) => {
            let answer = answer.map_err(|status| {
                if status.code() == Code::DataLoss {
                    snapshots.suspect();
                }
                refused(&status)
            })?;
            let answer = answer.into_inner();
            Ok(SnapshotResponse::new(convert::given_vote(answer.vote).map_err(nonsense)?))
        }
        given_up = fed => given_up,
    }
}

async fn feed(parts: Parts, vote: Vote, sender: mpsc::Sender<v1::SnapshotPart>) -> Result<(), RpcError> {
    use futures_util::StreamExt;
    let snapshots = parts.snapshots.clone();
    let mut parts = std::pin::pin!(parts.stream(vote));
    while let Some(part) = parts.next().await {
        // A newer snapshot may have replaced the file meanwhile: openraft asks for the current one and comes again.
        let part = part.map_err(|error| {
            snapshots.suspect();
            RpcError::Network(NetworkError::new(&error))
        })?;
        match tokio::time::timeout(STALL, sender.send(part)).await {
            Ok(Ok(())) => {}
            // The transport let go; its own answer says why.
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => {
                return Err(unreachable(format_args!("no part of the snapshot was taken for {STALL:?}")));
            }
        }
    }
    Ok(())
}
