//! Content into memory.

use std::io;

use bytes::{Bytes, BytesMut};
use gossamer_world::network::BoxFuture;

use super::Sink;
use crate::Info;

/// Collects bytes in memory, up to a limit.
pub struct BytesSink {
    bytes: BytesMut,
    limit: u64,
}

impl BytesSink {
    /// Takes at most `limit` bytes.
    pub fn new(limit: u64) -> Self {
        BytesSink { bytes: BytesMut::new(), limit }
    }

    /// What was collected.
    pub fn into_bytes(self) -> Bytes {
        self.bytes.freeze()
    }
}

impl Sink for BytesSink {
    fn is_positioned(&self) -> bool {
        false
    }

    fn begin(&mut self, size: u64) -> BoxFuture<'_, io::Result<()>> {
        let fits = size <= self.limit;
        if fits {
            self.bytes = BytesMut::with_capacity(size as usize);
        }
        let why = format!("the file has {size} bytes, at most {} are wanted", self.limit);
        let result = if fits { Ok(()) } else { Err(io::Error::new(io::ErrorKind::FileTooLarge, why)) };
        Box::pin(std::future::ready(result))
    }

    fn write(&mut self, _offset: u64, piece: Bytes) -> BoxFuture<'_, io::Result<()>> {
        // A copy: the caller wants one contiguous piece.
        self.bytes.extend_from_slice(&piece);
        Box::pin(std::future::ready(Ok(())))
    }

    fn finish(&mut self, _info: &Info) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
