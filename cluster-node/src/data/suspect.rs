//! POST /suspect: a client or node got bytes that do not match their hash.

use bytes::Bytes;
use gossamer_proto::channel::{Body, full};
use gossamer_proto::hash::Hash;
use hyper::body::Incoming;
use hyper::{Request, Response};

use super::refusal::Refusal;
use super::{Port, server};

/// Re-reads the chunk from disk: a bad one is forgotten, and repair fetches it from another node.
///
/// Any good ticket will do: who may read or write here may also point at a bad byte.
pub(super) async fn handle(port: &Port, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
    port.grant(request.headers())?;
    let body = server::whole(request.into_body(), Hash::BYTES).await?;
    let hash = Hash::try_from(&body[..])?;
    tracing::warn!(%hash, "a chunk is suspected");
    port.chunks(move |chunks| chunks.suspect(&hash)).await?;
    Ok(Response::new(full(Bytes::new())))
}
