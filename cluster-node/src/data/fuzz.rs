//! For `fuzz/` alone: a body of frames in whatever pieces it arrives.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use gossamer_proto::hash::Hash;
use http_body_util::StreamBody;
use hyper::body::Frame;

use super::frames::Frames;

/// The frames up to the end, or to the first that is none: what each says of its chunk, and the bytes.
pub async fn frames(pieces: Vec<Bytes>) -> Vec<(Hash, Bytes)> {
    let pieces = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    let mut frames = Frames::new(StreamBody::new(stream::iter(pieces)));
    let mut taken = Vec::new();
    while let Ok(Some(header)) = frames.header().await {
        match frames.bytes(&header).await {
            Ok(bytes) => taken.push((header.hash, bytes)),
            Err(_) => break,
        }
    }
    taken
}
