//! POST /read: the bytes of chunks, one after the other.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use gossamer_proto::channel::Body;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, HAVE_HASHES, READ_AHEAD, STALL};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use hyper::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::refusal::Refusal;
use super::ticket::{Grant, TicketError};
use super::{FROM_HEADER, Port, TO_HEADER, server};
use crate::storage::extents::ChunkError;

/// Answers with the chunks asked for, read while they are sent. A chunk that is gone by then breaks the body off.
/// `stalled` is cancelled when the client takes nothing for [`STALL`].
pub(super) async fn handle(
    port: Arc<Port>,
    stalled: CancellationToken,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let Grant::Read { list } = port.grant(request.headers())? else { return Err(TicketError::Other.into()) };
    let (head, body) = request.into_parts();
    let body = server::whole(body, HAVE_HASHES * Hash::BYTES).await?;
    if Hash::of(&body) != list {
        return Err(TicketError::Other.into());
    }
    let mut hashes = Hash::list(&body)?;
    let wanted = range(&head.headers, hashes.len())?;
    hashes.truncate(wanted.end);
    hashes.drain(..wanted.start);

    let (hashes, length) = port.chunks(move |chunks| length(chunks, hashes)).await?;
    let (pieces, body) = mpsc::channel(READ_AHEAD);
    let taken = CancellationToken::new();
    tokio::spawn(send(port, hashes, pieces, taken.clone(), stalled));
    let guard = taken.drop_guard();
    let body = ReceiverStream::new(body).map(move |piece| {
        // Lives as long as the body: `taken` is cancelled when hyper drops it.
        let _ = &guard;
        piece.map(Frame::data)
    });
    let mut response = Response::new(StreamBody::new(body).boxed_unsync());
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    Ok(response)
}

/// The places asked for; all, if none are.
fn range(headers: &HeaderMap, count: usize) -> Result<Range<usize>, Refusal> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let from = text(FROM_HEADER).unwrap_or_else(|| "0".to_owned());
    let to = text(TO_HEADER).unwrap_or_else(|| count.to_string());
    match (from.parse(), to.parse()) {
        (Ok(first), Ok(last)) if first <= last && last <= count => Ok(first..last),
        _ => Err(Refusal::Range { from, to, count }),
    }
}

/// How many bytes the chunks have together; fails if one is gone.
fn length(chunks: &crate::storage::extents::Chunks, hashes: Vec<Hash>) -> Result<(Vec<Hash>, u64), Refusal> {
    let mut total = 0;
    for hash in &hashes {
        total += chunks.length(hash)?.ok_or(Refusal::Gone(*hash))?;
    }
    Ok((hashes, total))
}

/// A chunk with its place in memory: hyper drops it when it is written.
struct Outgoing {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Outgoing {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads ahead of the connection by [`READ_AHEAD`] chunks, and sees to it that they are `taken`.
async fn send(
    port: Arc<Port>,
    hashes: Vec<Hash>,
    pieces: mpsc::Sender<io::Result<Bytes>>,
    taken: CancellationToken,
    stalled: CancellationToken,
) {
    for hash in hashes {
        let room = tokio::select! {
            room = port.outgoing.clone().acquire_many_owned(CHUNK_BYTES as u32) => room.expect("it is never closed"),
            () = pieces.closed() => return,
        };
        let piece = match port.chunks(move |chunks| chunks.get(&hash)).await {
            Ok(Some(bytes)) => Ok(Bytes::from_owner(Outgoing { bytes, _room: room })),
            Ok(None) => Err(io::Error::new(io::ErrorKind::NotFound, Refusal::Gone(hash).to_string())),
            Err(ChunkError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        };
        let failed = piece.is_err();
        match tokio::time::timeout(STALL, pieces.send(piece)).await {
            Ok(Ok(())) if !failed => {}
            Err(_) => return stalled.cancel(),
            // The client is gone, or was just told.
            Ok(_) => return,
        }
    }
    drop(pieces);
    if tokio::time::timeout(STALL * (READ_AHEAD as u32 + 1), taken.cancelled()).await.is_err() {
        stalled.cancel();
    }
}
