//! POST /have: which of these chunks need not be sent.

use std::collections::BTreeSet;

use bytes::Bytes;
use gossamer_proto::channel::{Body, full};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::HAVE_HASHES;
use hyper::body::Incoming;
use hyper::{Request, Response};

use super::refusal::Refusal;
use super::ticket::{Grant, TicketError};
use super::{Port, server};
use crate::storage::extents::{ChunkError, Chunks};

/// Answers with one byte for each hash.
pub(super) async fn handle(port: &Port, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
    let (Grant::Upload { .. } | Grant::Receive { .. }) = port.grant(request.headers())? else {
        return Err(TicketError::Other.into());
    };
    let body = server::whole(request.into_body(), HAVE_HASHES * Hash::BYTES).await?;
    let hashes = Hash::list(&body)?;
    let held = port.chunks(move |chunks| held(chunks, &hashes)).await?;
    Ok(Response::new(full(held)))
}

/// One byte for each hash: 1 if it is held, and protected from the next two Collects. Blocks.
pub(crate) fn held(chunks: &Chunks, hashes: &[Hash]) -> Result<Bytes, ChunkError> {
    let missing: BTreeSet<Hash> = chunks.hold(hashes)?.into_iter().collect();
    Ok(hashes.iter().map(|hash| u8::from(!missing.contains(hash))).collect())
}
