//! One node that chunks of one upload are forwarded to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use gossamer_proto::channel::within_rpc;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, FORWARD_IDLE, FORWARD_QUEUE_BYTES, FORWARD_WAIT, STALL};
use gossamer_proto::v1;
use http_body_util::{BodyExt, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::forward::Nodes;
use crate::data::{Header, TICKET_HEADER, ticket};

/// Chunks that may wait for one target: those of full size fill its bytes, last ones of files may be smaller.
const QUEUE_ITEMS: usize = 8 * FORWARD_QUEUE_BYTES / CHUNK_BYTES;

/// A target's queue. Dropping it ends its task once the queue is empty.
pub(super) struct Target {
    pub(super) voter: bool,
    queue: mpsc::Sender<Queued>,
    /// Bytes that may wait.
    room: Arc<Semaphore>,
    behind: AtomicBool,
}

struct Queued {
    hash: Hash,
    bytes: Bytes,
}

/// A chunk together with its places in the queues' bytes: hyper drops it when it is written.
struct Waiting {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Waiting {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Begins forwarding to `node`; it is called when there is a chunk for it.
pub(super) fn begin(to: Nodes, node: u64, voter: bool, upload_id: [u8; 16]) -> Target {
    let (queue, chunks) = mpsc::channel(QUEUE_ITEMS);
    tokio::spawn(run(to, node, upload_id, chunks));
    let room = Arc::new(Semaphore::new(FORWARD_QUEUE_BYTES));
    Target { voter, queue, room, behind: AtomicBool::new(false) }
}

impl Target {
    /// Queues a chunk if there is room in the target's queue and in `all` of them.
    pub(super) fn offer(&self, hash: Hash, bytes: &Bytes, all: &Arc<Semaphore>) -> bool {
        let room = self.room.clone().try_acquire_many_owned(bytes.len() as u32).ok();
        let taken = room.is_some_and(|room| self.queue(hash, bytes, room, all));
        if taken {
            self.behind.store(false, Ordering::Relaxed);
        }
        taken
    }

    /// Waits for room in the target's queue, at most [`FORWARD_WAIT`].
    pub(super) async fn wait(&self, hash: Hash, bytes: &Bytes, all: &Arc<Semaphore>) -> bool {
        tokio::select! {
            room = self.room.clone().acquire_many_owned(bytes.len() as u32) => {
                room.is_ok_and(|room| self.queue(hash, bytes, room, all))
            }
            // The task gave the node up.
            () = self.queue.closed() => false,
            () = tokio::time::sleep(FORWARD_WAIT) => {
                self.behind.store(true, Ordering::Relaxed);
                false
            }
        }
    }

    /// Whether it is worth waiting for: not after it made an upload wait in vain, until it has room again.
    pub(super) fn keeps_up(&self) -> bool {
        !self.queue.is_closed() && !self.behind.load(Ordering::Relaxed)
    }

    fn queue(&self, hash: Hash, bytes: &Bytes, room: OwnedSemaphorePermit, all: &Arc<Semaphore>) -> bool {
        let Ok(all) = all.clone().try_acquire_many_owned(bytes.len() as u32) else { return false };
        let bytes = Bytes::from_owner(Waiting { bytes: bytes.clone(), _room: room, _all: all });
        self.queue.try_send(Queued { hash, bytes }).is_ok()
    }
}

/// Streams what is queued, in one request after the other; ends at the first failure: the seal makes up for it.
async fn run(to: Nodes, node: u64, upload_id: [u8; 16], mut chunks: mpsc::Receiver<Queued>) {
    while let Some(first) = chunks.recv().await {
        if let Err(why) = stream(&to, node, upload_id, first, &mut chunks).await {
            tracing::info!(node, why, "chunks of an upload are not forwarded to this node any more");
            return;
        }
    }
}

/// One request: from a first chunk until none came for [`FORWARD_IDLE`].
async fn stream(
    to: &Nodes,
    node: u64,
    upload_id: [u8; 16],
    first: Queued,
    chunks: &mut mpsc::Receiver<Queued>,
) -> Result<(), String> {
    let invited = invite(to, node, upload_id).await?;
    let (pieces, body) = mpsc::channel(1);
    let request = Request::post("/upload")
        .header(TICKET_HEADER, ticket::to_hex(&invited.ticket))
        .body(StreamBody::new(ReceiverStream::new(body)).boxed_unsync())
        .map_err(|error| error.to_string())?;
    let mut answer = std::pin::pin!(to.channels.send(&invited.data_addr, request));
    let sent = tokio::select! {
        sent = pump(first, chunks, pieces) => sent,
        // An answer before the end is a refusal.
        early = answer.as_mut() => return refused(early).await.and_then(|()| Err("it ended the upload".to_owned())),
    };
    sent?;
    let answer = tokio::time::timeout(STALL, answer).await.map_err(|_| format!("no answer for {STALL:?}"))?;
    refused(answer).await
}

type Answer = Result<hyper::Response<hyper::body::Incoming>, gossamer_proto::channel::ConnectError>;

async fn refused(answer: Answer) -> Result<(), String> {
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(answer.status().to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Asks for a ticket.
async fn invite(to: &Nodes, node: u64, upload_id: [u8; 16]) -> Result<v1::ReceiveAnswer, String> {
    let channel = to.peers.channel(node).ok_or_else(|| "its address is not known".to_owned())?;
    let target = to.peers.target(node);
    let mut peer = v1::peer_client::PeerClient::with_interceptor(channel, target);
    let request = v1::ReceiveRequest { upload_id: Bytes::copy_from_slice(&upload_id) };
    within_rpc(peer.receive(request))
        .await
        .map(tonic::Response::into_inner)
        .map_err(|failure| failure.message)
}

/// Turns queued chunks into frames.
async fn pump(
    first: Queued,
    chunks: &mut mpsc::Receiver<Queued>,
    pieces: mpsc::Sender<io::Result<Frame<Bytes>>>,
) -> Result<(), String> {
    let mut next = Some(first);
    while let Some(Queued { hash, bytes }) = next {
        for piece in [Header { length: bytes.len(), hash }.encode(), bytes] {
            match tokio::time::timeout(STALL, pieces.send(Ok(Frame::data(piece)))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err("the connection broke".to_owned()),
                Err(_) => return Err(format!("it took nothing for {STALL:?}")),
            }
        }
        next = tokio::time::timeout(FORWARD_IDLE, chunks.recv()).await.unwrap_or(None);
    }
    Ok(())
}
