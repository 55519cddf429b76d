//! Content that passes once: standard input, a pipe.

use bytes::{Bytes, BytesMut};
use gossamer_proto::limits::CHUNK_BYTES;
use gossamer_world::network::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Source, SourceError};

/// A stream of unknown length.
pub struct StreamSource<R> {
    stream: R,
}

impl<R: AsyncRead + Send + Unpin> StreamSource<R> {
    /// Everything that `stream` yields.
    pub fn new(stream: R) -> Self {
        StreamSource { stream }
    }
}

impl<R: AsyncRead + Send + Unpin> Source for StreamSource<R> {
    fn length(&self) -> Option<u64> {
        None
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        Box::pin(async move {
            let mut piece = BytesMut::with_capacity(CHUNK_BYTES);
            let mut limited = (&mut self.stream).take(CHUNK_BYTES as u64);
            while piece.len() < CHUNK_BYTES && limited.read_buf(&mut piece).await? > 0 {}
            Ok(piece.freeze())
        })
    }

    fn again(&mut self, _offset: u64, _length: usize) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        Box::pin(std::future::ready(Err(SourceError::Stream)))
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
