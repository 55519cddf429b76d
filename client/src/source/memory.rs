//! Content in memory.

use bytes::Bytes;
use gossamer_proto::limits::CHUNK_BYTES;
use gossamer_world::network::BoxFuture;

use super::{Source, SourceError};

/// Bytes in memory.
pub struct BytesSource {
    bytes: Bytes,
    offset: usize,
}

impl BytesSource {
    /// All of `bytes`.
    pub fn new(bytes: Bytes) -> Self {
        BytesSource { bytes, offset: 0 }
    }
}

impl Source for BytesSource {
    fn length(&self) -> Option<u64> {
        Some(self.bytes.len() as u64)
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        let end = (self.offset + CHUNK_BYTES).min(self.bytes.len());
        let piece = self.bytes.slice(self.offset..end);
        self.offset = end;
        Box::pin(std::future::ready(Ok(piece)))
    }

    fn again(&mut self, offset: u64, length: usize) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        let piece = self.bytes.slice(offset as usize..offset as usize + length);
        Box::pin(std::future::ready(Ok(piece)))
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
