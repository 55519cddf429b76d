//! POST /upload: chunks arrive, are checked, forwarded and stored.

use std::sync::Arc;

use bytes::Bytes;
use gossamer_proto::channel::{Body, full};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::STORES;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use super::Port;
use super::frames::{Frames, HEADER_BYTES};
use super::refusal::Refusal;
use super::ticket::{Grant, TicketError};
use crate::storage::extents::Purpose;
use crate::upload::forward::Route;

/// Memory charged for a chunk beyond its bytes, so that tiny ones do not pile up by the million.
const OVERHEAD_BYTES: usize = 4096;

/// Takes all chunks of the body. Answers once all are stored.
pub(super) async fn handle(port: &Arc<Port>, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
    let route = match port.grant(request.headers())? {
        Grant::Upload { upload_id } => Some(port.forwards.route(upload_id)),
        Grant::Receive { .. } => None,
        Grant::Read { .. } => return Err(TicketError::Other.into()),
    };
    let mut frames = Frames::new(request.into_body());
    match take(port, &mut frames, route).await {
        Ok(()) => Ok(Response::new(full(Bytes::new()))),
        Err(refusal) => {
            tokio::spawn(frames.drain());
            Err(refusal)
        }
    }
}

/// Takes chunk after chunk; a few are being stored while the next arrives.
async fn take(
    port: &Arc<Port>,
    frames: &mut Frames<Incoming>,
    route: Option<Arc<Route>>,
) -> Result<(), Refusal> {
    let mut stores = JoinSet::new();
    while let Some(header) = frames.header().await? {
        let cost = (header.length + HEADER_BYTES + OVERHEAD_BYTES) as u32;
        let room = port.room.clone().acquire_many_owned(cost).await.expect("it is never closed");
        let bytes = frames.bytes(&header).await?;
        if stores.len() == STORES {
            finished(stores.join_next().await)?;
        }
        stores.spawn(store(port.clone(), route.clone(), header.hash, bytes, room));
    }
    while !stores.is_empty() {
        finished(stores.join_next().await)?;
    }
    Ok(())
}

fn finished(store: Option<Result<Result<(), Refusal>, tokio::task::JoinError>>) -> Result<(), Refusal> {
    match store {
        None => Ok(()),
        Some(Ok(stored)) => stored,
        Some(Err(error)) => Err(Refusal::Body(error.to_string())),
    }
}

/// Checks, forwards and stores one chunk; `_room` is its place in memory.
async fn store(
    port: Arc<Port>,
    route: Option<Arc<Route>>,
    hash: Hash,
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
) -> Result<(), Refusal> {
    let checked = bytes.clone();
    if port.config.world.blocking.run(move || Hash::of(&checked)).await != hash {
        return Err(Refusal::Mismatch(hash));
    }
    let forward = async {
        if let Some(route) = &route {
            route.pass(hash, &bytes).await;
        }
    };
    let put = {
        let bytes = bytes.clone();
        port.chunks(move |chunks| chunks.put(hash, &bytes, Purpose::Upload))
    };
    let ((), stored) = tokio::join!(forward, put);
    Ok(stored?)
}
