//! Where the content of a get goes.

mod file;
mod memory;
mod stream;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use gossamer_world::network::BoxFuture;

use crate::Info;

pub use file::FileSink;
pub use memory::BytesSink;
pub use stream::StreamSink;

/// Takes content.
///
/// # Order
/// - [`Sink::begin`] comes first, and comes again when the read starts over with another version: what was written
///   is then forgotten. To a sink in order that happens only before the first write.
/// - [`Sink::write`]: a sink in order gets all bytes one after the other; a positioned one in any order, each once.
/// - [`Sink::finish`] comes last, when every byte has been written and its hash checked. Without it the content
///   is not complete and must not be shown as if it were.
pub trait Sink: Send {
    /// Whether pieces may come in any order.
    fn is_positioned(&self) -> bool;
    /// So many bytes will come.
    fn begin(&mut self, size: u64) -> BoxFuture<'_, io::Result<()>>;
    /// Takes a piece.
    fn write(&mut self, offset: u64, piece: Bytes) -> BoxFuture<'_, io::Result<()>>;
    /// All is there, and this is what is known of it.
    fn finish(&mut self, info: &Info) -> BoxFuture<'_, io::Result<()>>;

    /// What a positioned sink has from an earlier attempt, after [`Sink::begin`]. What proves to be right is not written again.
    fn held(&self) -> Option<Arc<dyn Held>> {
        None
    }
}

/// What is there already, right or wrong.
pub trait Held: Send + Sync {
    /// The `length` bytes at `offset`. Blocks.
    fn read(&self, offset: u64, length: usize) -> io::Result<Bytes>;
}
