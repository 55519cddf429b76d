//! Content into a stream: standard output, a pipe.

use std::io;

use bytes::Bytes;
use gossamer_world::network::BoxFuture;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Sink;
use crate::Info;

/// Writes to a stream in order. What was written before an error cannot be taken back.
pub struct StreamSink<W> {
    stream: W,
}

impl<W: AsyncWrite + Send + Unpin> StreamSink<W> {
    /// Writes to `stream` and flushes it at the end.
    pub fn new(stream: W) -> Self {
        StreamSink { stream }
    }
}

impl<W: AsyncWrite + Send + Unpin> Sink for StreamSink<W> {
    fn is_positioned(&self) -> bool {
        false
    }

    fn begin(&mut self, _size: u64) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write(&mut self, _offset: u64, piece: Bytes) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move { self.stream.write_all(&piece).await })
    }

    fn finish(&mut self, _info: &Info) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.stream.flush())
    }
}
