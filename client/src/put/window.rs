//! Reading the source: chunk by chunk, hashed on other threads while the next chunk is read, in windows.

use std::mem;
use std::time::Duration;

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, FILE_BYTES, HAVE_HASHES};
use gossamer_world::Blocking;
use tokio::time::Instant;

use super::{Put, PutError};
use crate::source::Source;

/// Chunks that are offered and sent together. Two windows are in memory at a time (one being sent, one being read):
/// 64 MiB, and a chunk or two on their way in and out.
pub(super) const WINDOW_CHUNKS: usize = 32;

/// How often chunks of an upload that have arrived are asked about again: two TiB in less than ten minutes.
const KEEP_EVERY: Duration = Duration::from_millis(250);

/// One chunk in memory.
#[derive(Clone)]
pub(super) struct Chunk {
    pub(super) hash: Hash,
    pub(super) bytes: Bytes,
    /// It has gone out at least once, or was found held.
    pub(super) counted: bool,
}

impl Chunk {
    pub(super) async fn of(blocking: Blocking, bytes: Bytes) -> Self {
        let content = bytes.clone();
        let hash = blocking.run(move || Hash::of(&content)).await;
        Chunk { hash, bytes, counted: false }
    }
}

/// Up to [`WINDOW_CHUNKS`] chunks.
#[derive(Default)]
pub(super) struct Window {
    pub(super) chunks: Vec<Chunk>,
    /// Which of them the node of this opening holds: (number of the opening, one flag a chunk).
    pub(super) held: Option<(u64, Vec<bool>)>,
    /// The most of them that any node was found to hold.
    pub(super) arrived: usize,
}

impl Window {
    pub(super) fn hashes(&self) -> Vec<Hash> {
        self.chunks.iter().map(|chunk| chunk.hash).collect()
    }
}

/// What is known of the content when all of it has been read.
pub(super) struct Content {
    pub(super) size: u64,
    pub(super) blake3: Hash,
    pub(super) hashes: Vec<Hash>,
}

/// Reads a source once from beginning to end.
pub(super) struct Reader<'a> {
    put: &'a Put<'a>,
    source: &'a mut dyn Source,
    blocking: Blocking,
    /// The piece read ahead; empty at the end.
    ahead: Bytes,
    whole: blake3::Hasher,
    size: u64,
    hashes: Vec<Hash>,
    /// How many of `hashes` were named by [`Reader::aging`] in this round, and when last.
    named: usize,
    named_at: Instant,
}

impl<'a> Reader<'a> {
    /// Goes on behind `first`, the piece that was read already.
    pub(super) fn new(put: &'a Put<'a>, source: &'a mut dyn Source, first: Bytes) -> Self {
        let blocking = put.client.0.world.blocking;
        Reader {
            put,
            source,
            blocking,
            ahead: first,
            whole: blake3::Hasher::new(),
            size: 0,
            hashes: Vec::new(),
            named: 0,
            named_at: Instant::now(),
        }
    }

    /// The next window; without chunks at the end.
    pub(super) async fn fill(&mut self) -> Result<Window, PutError> {
        let mut window = Window::default();
        while window.chunks.len() < WINDOW_CHUNKS && !self.ahead.is_empty() {
            let bytes = mem::take(&mut self.ahead);
            self.size += bytes.len() as u64;
            if self.size > FILE_BYTES {
                return Err(self.put.too_large());
            }
            let chunk = self.read_on(bytes).await?;
            self.hashes.push(chunk.hash);
            window.chunks.push(chunk);
        }
        Ok(window)
    }

    /// The next of the chunks so far, round and round; none too soon after the last.
    ///
    /// The cluster frees chunks that no file names some time after they were last asked about (by the second Collect: ten
    /// minutes by default), and an upload may take longer.
    pub(super) fn aging(&mut self) -> Vec<Hash> {
        if self.named_at.elapsed() < KEEP_EVERY {
            return Vec::new();
        }
        self.named_at = Instant::now();
        let from = if self.named < self.hashes.len() { self.named } else { 0 };
        self.named = (from + HAVE_HASHES).min(self.hashes.len());
        self.hashes[from..self.named].to_vec()
    }

    /// Hashes `bytes` by themselves and as part of the whole while the next piece is read.
    async fn read_on(&mut self, bytes: Bytes) -> Result<Chunk, PutError> {
        let is_last = bytes.len() < CHUNK_BYTES || self.source.length() == Some(self.size);
        // The hash of a file of one chunk is that chunk's.
        let is_single = is_last && self.hashes.is_empty();
        let (content, mut whole) = (bytes.clone(), mem::take(&mut self.whole));
        let add = self.blocking.run(move || {
            if !is_single {
                whole.update(&content);
            }
            whole
        });
        let next = async { if is_last { Ok(Bytes::new()) } else { self.source.next().await } };
        let (chunk, whole, next) = tokio::join!(Chunk::of(self.blocking, bytes), add, next);
        self.whole = whole;
        self.ahead = next.map_err(|error| self.put.unreadable(error))?;
        Ok(chunk)
    }

    /// The end: checks that the source is still what it was, and gives it back.
    pub(super) async fn finish(self) -> Result<(Content, &'a mut dyn Source), PutError> {
        self.source.check().await.map_err(|error| self.put.unreadable(error))?;
        let blake3 = match self.hashes.as_slice() {
            [single] => *single,
            _ => Hash::from(*self.whole.finalize().as_bytes()),
        };
        Ok((Content { size: self.size, blake3, hashes: self.hashes }, self.source))
    }
}
