//! Where the content of a put comes from.

mod file;
mod memory;
mod stream;

use std::io;

use bytes::Bytes;
use gossamer_world::network::BoxFuture;

pub use file::FileSource;
pub use memory::BytesSource;
pub use stream::StreamSource;

/// Why content cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The system's word.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no longer what it was when the reading began.
    #[error("{0}")]
    Changed(&'static str),
    /// A stream passes once.
    #[error("a stream cannot be read twice")]
    Stream,
}

/// Content to be stored.
///
/// # Order
/// - [`Source::next`] returns pieces of exactly 1 MiB (`CHUNK_BYTES`) one after the other; only the last may be
///   shorter. After the last it returns empty pieces.
/// - [`Source::again`] is called only for what `next` has returned, and does not move it.
pub trait Source: Send {
    /// Length in bytes, if known beforehand.
    fn length(&self) -> Option<u64>;
    /// The next piece; empty at the end.
    fn next(&mut self) -> BoxFuture<'_, Result<Bytes, SourceError>>;
    /// The `length` bytes at `offset` once more. A stream fails.
    fn again(&mut self, offset: u64, length: usize) -> BoxFuture<'_, Result<Bytes, SourceError>>;
    /// Fails if the content has changed since the reading began. Asked before anything is committed.
    fn check(&mut self) -> BoxFuture<'_, Result<(), SourceError>>;
}
