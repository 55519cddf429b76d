//! The body of an upload: however it is cut into pieces, the same frames are read, and no chunk is longer than it may be.

use bytes::Bytes;
use gossamer_cluster_node::data::fuzz::frames;
use gossamer_proto::limits::CHUNK_BYTES;

use crate::wait;

/// The input: how long the pieces are, and the body.
pub fn run(bytes: &[u8]) {
    let Some((piece, body)) = bytes.split_first() else { return };
    let body = Bytes::copy_from_slice(body);
    let pieces = body.chunks(usize::from(*piece) + 1).map(|piece| body.slice_ref(piece)).collect();
    let (whole, parts) = wait(async { (frames(vec![body.clone()]).await, frames(pieces).await) });
    assert_eq!(whole, parts);
    assert!(whole.iter().all(|(_, chunk)| (1..=CHUNK_BYTES).contains(&chunk.len())));
    // What was read, written again, is the beginning of what came.
    let mut again = Vec::new();
    for (hash, chunk) in &whole {
        again.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
        again.extend_from_slice(hash.as_bytes());
        again.extend_from_slice(chunk);
    }
    assert!(body.starts_with(&again));
}
