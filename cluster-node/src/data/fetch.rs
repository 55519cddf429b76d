//! Fetching chunks from another node's data port: for repair and for seals.

use bytes::Bytes;
use gossamer_proto::channel::{Channels, ConnectError, full, within_rpc};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, STALL};
use gossamer_proto::v1;
use http_body_util::{BodyExt, Limited};
use hyper::{Request, StatusCode};

use super::ticket::to_hex;
use super::{FROM_HEADER, TICKET_HEADER, TO_HEADER};
use crate::peers::Peers;

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// None of them.
    #[error("node {node} does not hold them")]
    NotHeld {
        /// Who was asked.
        node: u64,
    },
    /// Not known, not connected, too slow, or it refused.
    #[error("node {node} cannot be reached: {why}")]
    Unreachable {
        /// Who was asked.
        node: u64,
        /// For people.
        why: String,
    },
    /// It was told so, and heals it.
    #[error("node {node} sent bytes that do not match {hash}")]
    Corrupt {
        /// Who was asked.
        node: u64,
        /// The chunk.
        hash: Hash,
    },
}

/// Asks node `node` (Peer.Offer for a ticket, then POST /read) for these chunks (at most PART_CHUNKS)
/// and returns those it held, hashes checked; an error only if there are none. Every step has a deadline. Hashes are
/// computed here and now: a chunk takes about half a millisecond.
pub async fn fetch(
    channels: &Channels,
    peers: &Peers,
    node: u64,
    hashes: &[Hash],
) -> Result<Vec<(Hash, Bytes)>, FetchError> {
    let unreachable = |why: String| FetchError::Unreachable { node, why };
    let channel = peers.channel(node).ok_or_else(|| unreachable("its address is not known".to_owned()))?;
    let target = peers.target(node);
    let mut peer = v1::peer_client::PeerClient::with_interceptor(channel, target);
    let offer = within_rpc(peer.offer(v1::OfferRequest { hashes: Hash::join(hashes) }))
        .await
        .map_err(|failure| unreachable(failure.message))?
        .into_inner();
    let held = Hash::list(&offer.held).map_err(|error| unreachable(error.to_string()))?;

    let (mut fetched, mut failure) = (Vec::with_capacity(held.len()), FetchError::NotHeld { node });
    for (place, hash) in held.iter().enumerate() {
        match within_stall(chunk(channels, &offer, place)).await {
            Ok(Some(bytes)) if Hash::of(&bytes) == *hash => fetched.push((*hash, bytes)),
            Ok(Some(_)) => {
                suspect(channels, &offer, *hash).await;
                failure = FetchError::Corrupt { node, hash: *hash };
            }
            Ok(None) => {}
            Err(why) => {
                failure = unreachable(why);
                break;
            }
        }
    }
    if fetched.is_empty() { Err(failure) } else { Ok(fetched) }
}

/// One chunk, unchecked: a request for each, because a body does not say where one ends. None if it is gone.
async fn chunk(channels: &Channels, offer: &v1::OfferAnswer, place: usize) -> Result<Option<Bytes>, String> {
    let ask = || {
        let request = Request::post("/read")
            .header(TICKET_HEADER, to_hex(&offer.ticket))
            .header(FROM_HEADER, place)
            .header(TO_HEADER, place + 1)
            .body(full(offer.held.clone()));
        request.map_err(|error| error.to_string())
    };
    let answer = match channels.send(&offer.data_addr, ask()?).await {
        // An idle connection may have been closed by the other side just now; asking twice does no harm.
        Err(ConnectError::Http(..)) => channels.send(&offer.data_addr, ask()?).await,
        answer => answer,
    };
    let answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status();
    let body =
        Limited::new(answer.into_body(), CHUNK_BYTES).collect().await.map_err(|error| error.to_string())?;
    match status {
        StatusCode::OK => Ok(Some(body.to_bytes())),
        StatusCode::NOT_FOUND => Ok(None),
        _ => Err(format!("{status}: {}", String::from_utf8_lossy(&body.to_bytes()).trim_end())),
    }
}

/// Tells the node that a chunk of its is bad; if that fails, its own scrubbing will find it.
async fn suspect(channels: &Channels, offer: &v1::OfferAnswer, hash: Hash) {
    let body = full(Bytes::copy_from_slice(hash.as_bytes()));
    if let Ok(request) = Request::post("/suspect").header(TICKET_HEADER, to_hex(&offer.ticket)).body(body) {
        let told =
            async { channels.send(&offer.data_addr, request).await.map_err(|error| error.to_string()) };
        if let Err(why) = within_stall(told).await {
            tracing::info!(%hash, why, "a node could not be told of a bad chunk");
        }
    }
}

async fn within_stall<T>(step: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(STALL, step).await.unwrap_or_else(|_| Err(format!("nothing came for {STALL:?}")))
}
