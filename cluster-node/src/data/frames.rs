//! Chunks on the wire: `u32 LE length | 32-byte hash | bytes`, one frame after the other.
//!
//! The decoder reads a header first, so that the reader can wait for memory before it takes the bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, STALL};
use http_body_util::BodyExt;
use hyper::body::Body;

/// Bytes before those of the chunk.
pub(crate) const HEADER_BYTES: usize = 4 + Hash::BYTES;

/// What is still taken of a body that was refused: more than our clients send in one.
const DRAIN_BYTES: usize = 40 * CHUNK_BYTES;

/// What a frame says of the chunk that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes; 1 to [`CHUNK_BYTES`].
    pub(crate) length: usize,
    /// What the bytes should hash to: the decoder does not check it.
    pub(crate) hash: Hash,
}

impl Header {
    /// As it goes before the bytes of the chunk.
    pub(crate) fn encode(&self) -> Bytes {
        let mut header = BytesMut::with_capacity(HEADER_BYTES);
        header.put_u32_le(self.length as u32);
        header.put_slice(self.hash.as_bytes());
        header.freeze()
    }
}

/// Why a body is no sequence of frames.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// Longer than a chunk may be.
    #[error("a chunk of {0} bytes was announced, at most {CHUNK_BYTES} are allowed")]
    TooLong(usize),
    /// There are no empty chunks.
    #[error("an empty chunk was announced; an empty file has no chunks")]
    Empty,
    /// The body ended within a frame.
    #[error("the body ended in the middle of a chunk")]
    Truncated,
    /// No byte for [`STALL`].
    #[error("no byte came for {STALL:?}")]
    Stalled,
    /// The connection broke.
    #[error("the body broke off: {0}")]
    Broken(String),
}

/// Decodes the frames of a body as it arrives.
pub(crate) struct Frames<B> {
    body: B,
    /// What arrived last and is not taken yet.
    arrived: Bytes,
}

impl<B> Frames<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    /// Of this body.
    pub(crate) fn new(body: B) -> Self {
        Frames { body, arrived: Bytes::new() }
    }

    /// The next frame's header; none if the body ended where a frame does. Its bytes are to be taken next.
    pub(crate) async fn header(&mut self) -> Result<Option<Header>, FrameError> {
        if self.arrived.is_empty() && !self.more().await? {
            return Ok(None);
        }
        let mut header = [0; HEADER_BYTES];
        self.fill(&mut &mut header[..]).await?;
        let mut header = &header[..];
        let length = header.get_u32_le() as usize;
        match (length, Hash::try_from(header)) {
            (0, _) => Err(FrameError::Empty),
            (1..=CHUNK_BYTES, Ok(hash)) => Ok(Some(Header { length, hash })),
            _ => Err(FrameError::TooLong(length)),
        }
    }

    /// The bytes that follow a header.
    pub(crate) async fn bytes(&mut self, header: &Header) -> Result<Bytes, FrameError> {
        // The one copy of an upload: pieces of a body are smaller than a chunk, and a slice of one would keep the
        // connection's whole read buffer alive.
        let mut bytes = BytesMut::with_capacity(header.length);
        self.fill(&mut (&mut bytes).limit(header.length)).await?;
        Ok(bytes.freeze())
    }

    /// Takes what still arrives of a body that is no longer wanted, so that the sender gets to read the answer: a
    /// connection closed with unread bytes in it is reset. Bounded in bytes and time.
    pub(crate) async fn drain(mut self) {
        let drain = async {
            let mut left = DRAIN_BYTES;
            while left > 0 && matches!(self.more().await, Ok(true)) {
                left = left.saturating_sub(self.arrived.len());
            }
        };
        let _ = tokio::time::timeout(STALL / 10, drain).await;
    }

    async fn fill(&mut self, into: &mut impl BufMut) -> Result<(), FrameError> {
        while into.has_remaining_mut() {
            if self.arrived.is_empty() && !self.more().await? {
                return Err(FrameError::Truncated);
            }
            let part = self.arrived.split_to(self.arrived.len().min(into.remaining_mut()));
            into.put_slice(&part);
        }
        Ok(())
    }

    /// Waits for the next piece that holds bytes; false at the end.
    async fn more(&mut self) -> Result<bool, FrameError> {
        loop {
            let frame =
                tokio::time::timeout(STALL, self.body.frame()).await.map_err(|_| FrameError::Stalled)?;
            match frame {
                None => return Ok(false),
                Some(Err(error)) => return Err(FrameError::Broken(error.to_string())),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => {
                        self.arrived = data;
                        return Ok(true);
                    }
                    // Trailers, or an empty piece.
                    _ => {}
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use rand::rngs::SmallRng;
    use rand::{Rng, RngCore, SeedableRng};
    use std::convert::Infallible;

    fn body(pieces: Vec<Bytes>) -> Frames<impl Body<Data = Bytes, Error = Infallible> + Unpin> {
        Frames::new(StreamBody::new(stream::iter(pieces.into_iter().map(|piece| Ok(Frame::data(piece))))))
    }

    /// Cuts bytes anywhere, empty pieces among them.
    fn cut(random: &mut SmallRng, mut bytes: Bytes) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let most = bytes.len().min(1 << random.random_range(0..18));
            pieces.push(bytes.split_to(random.random_range(0..=most)));
        }
        pieces
    }

    async fn decode<B>(mut frames: Frames<B>) -> Result<Vec<Bytes>, FrameError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let mut chunks = Vec::new();
        while let Some(header) = frames.header().await? {
            let bytes = frames.bytes(&header).await?;
            assert_eq!(bytes.len(), header.length);
            chunks.push(bytes);
        }
        Ok(chunks)
    }

    /// However the wire cuts the bytes, the same chunks come out; and cut short inside a frame it is noticed.
    #[tokio::test]
    async fn any_split() {
        let mut random = SmallRng::seed_from_u64(1);
        for _ in 0..50 {
            let (mut wire, mut chunks, mut ends) = (BytesMut::new(), Vec::new(), vec![0]);
            for _ in 0..random.random_range(0..4) {
                let mut chunk =
                    vec![0; [1, 2, 1000, CHUNK_BYTES - 1, CHUNK_BYTES][random.random_range(0..5)]];
                random.fill_bytes(&mut chunk);
                let header = Header { length: chunk.len(), hash: Hash::of(&chunk) };
                wire.put_slice(&header.encode());
                wire.put_slice(&chunk);
                chunks.push(Bytes::from(chunk));
                ends.push(wire.len());
            }
            let wire = wire.freeze();
            let pieces = cut(&mut random, wire.clone());
            assert_eq!(decode(body(pieces)).await.unwrap(), chunks);

            let short = random.random_range(0..=wire.len());
            let pieces = cut(&mut random, wire.slice(..short));
            let whole = ends.iter().position(|end| *end == short);
            match (decode(body(pieces)).await, whole) {
                (Ok(decoded), Some(count)) => assert_eq!(decoded, chunks[..count]),
                (Err(FrameError::Truncated), None) => {}
                (other, _) => panic!("{short} of {ends:?}: {other:?}"),
            }
        }
    }

    /// Lengths beyond a chunk, and none, are refused by the header alone; noise never panics or allocates more.
    #[tokio::test]
    async fn limits() {
        for length in [CHUNK_BYTES as u32 + 1, u32::MAX] {
            let mut header = BytesMut::from(&length.to_le_bytes()[..]);
            header.put_bytes(0, Hash::BYTES);
            assert!(matches!(decode(body(vec![header.freeze()])).await, Err(FrameError::TooLong(_))));
        }
        let empty = Bytes::from(vec![0; HEADER_BYTES]);
        assert!(matches!(decode(body(vec![empty])).await, Err(FrameError::Empty)));
        let mut random = SmallRng::seed_from_u64(2);
        for _ in 0..200 {
            let mut noise = vec![0; random.random_range(1..500)];
            random.fill_bytes(&mut noise);
            let noise = cut(&mut random, noise.into());
            assert!(decode(body(noise)).await.is_err());
        }
    }
}
