//! Chunks on disk: append-only extents, and the rows that find chunks in them and say which are wanted.
//!
//! # Layout
//! - [`record`]: the bytes of an extent; [`scan`]: finding records without an index; [`recover`]: opening
//! - [`append`]: writing; [`sync`]: making it durable; [`space`]: the reserve; [`handles`]: open files
//! - [`index`]: put, get, hold, forget; [`rows`]: keys and values; [`lock`]: what orders changes of rows
//! - [`references`]: which records name which chunks; [`lists`]: the same for hash lists; [`reset`]: forgetting it all
//! - [`refused`]: entries of the log that have bytes for which there was no room
//! - [`walk`]: all chunks in the order of the disk, for scrub; [`health`]: what was bad or missing, and how it heals
//! - [`free`]: after a Collect; [`compact`]: extents that are mostly dead
//!
//! # Invariants
//! - The index can be lost at any time: extents describe themselves. A row that points to a chunk is written after the chunk.
//! - A chunk without reference has a tag, and is freed only when a Collect with a number of at least tag + 2 was applied after
//!   this process had replayed the log of its start.
//! - Nothing is freed while a hash list that a record names is not yet expanded: it may name any chunk.
//! - Extents before the `durable_below` of any header hold no torn record with a header that passes: the first start after
//!   the power loss has made it void.
//! - A failed fdatasync fails everything from then on.
//!
//! # What it does not guarantee
//! - `put` alone makes nothing durable; `get` checks only that the record is the chunk's, not its bytes.

mod append;
mod compact;
mod free;
mod handles;
mod health;
mod index;
mod lists;
mod lock;
mod record;
mod recover;
mod references;
mod refused;
mod reset;
mod rows;
mod scan;
mod space;
mod sync;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_world::{File, Files, Random, World, files::Mode};
use tokio::sync::Notify;

use super::catalogue::backend::{Backend, BackendError};
pub use health::Healing;
pub use lock::IndexGuard;

/// Why a chunk could not be stored, read or made durable.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// Below the reserve, or the disk itself said so. Bytes.
    #[error("the disk has {free} bytes free, {reserve} are kept for the log, the catalogue and deletes")]
    NoSpace {
        /// Bytes free.
        free: u64,
        /// Bytes kept.
        reserve: u64,
    },
    /// The bytes on disk are not the chunk; it was forgotten, and marked missing if a record names it.
    #[error("chunk {0} does not match its hash on disk")]
    Corrupt(Hash),
    /// Written by a newer Gossamer.
    #[error("{file} has format {found}, this program reads up to {known}")]
    Newer {
        /// The extent.
        file: String,
        /// Its format.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// An fdatasync failed earlier: nothing is promised any more.
    #[error("storage has failed and the node must stop: {0}")]
    Failed(String),
    /// The index.
    #[error(transparent)]
    Index(#[from] BackendError),
    /// An extent.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Which record of the catalogue names a chunk: version and ordinal of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The log index that wrote it.
    pub version: u64,
    /// Its place in that entry.
    pub ordinal: u32,
}

/// Sizes.
pub struct Config {
    /// Largest extent, bytes.
    pub extent_bytes: u64,
    /// Free space below which uploads and repair are refused, bytes.
    pub reserve_bytes: u64,
    /// The last run did not end well: chunks that it may not have made durable are read and written again, whatever the
    /// index says of them.
    pub after_crash: bool,
}

/// On whose behalf a chunk is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A client's upload: respects the reserve.
    Upload,
    /// Fetched because it was missing: respects the reserve.
    Repair,
    /// Bytes that came in a log entry, or chunks on the move: may use the reserve.
    Apply,
}

/// The chunks of a node. Shared; all methods block, but the `async` ones.
pub struct Chunks {
    files: Arc<dyn Files>,
    random: Arc<dyn Random>,
    dir: PathBuf,
    backend: Arc<dyn Backend>,
    config: Config,
    index: lock::IndexLock,
    layout: Mutex<append::Layout>,
    syncing: sync::Syncing,
    handles: handles::Handles,
    space: space::Account,
    refused: refused::Refused,
    counts: Counts,
}

/// Numbers kept in memory; changed under the index lock only.
#[derive(Default)]
struct Counts {
    health: health::Health,
    /// X rows of lists to be expanded.
    unexpanded: AtomicU64,
    /// The highest Collect applied.
    collect: AtomicU64,
    /// Every tag counts as at least this.
    floor: AtomicU64,
    /// Collects that must still be applied after a reset before anything is freed.
    grace: AtomicU64,
    replayed: AtomicBool,
}

impl Chunks {
    /// Opens the extents in `dir` and brings the index up to them (all of it, if the backend is empty).
    ///
    /// A backend that may not be trusted (the machine crashed) must be cleared before.
    pub fn open(
        world: &World,
        dir: &Path,
        backend: Arc<dyn Backend>,
        config: Config,
    ) -> Result<Arc<Self>, ChunkError> {
        let chunks = Chunks {
            files: Arc::clone(&world.files),
            random: Arc::clone(&world.random),
            dir: dir.to_owned(),
            backend,
            config,
            index: lock::IndexLock::default(),
            layout: Mutex::default(),
            syncing: sync::Syncing::default(),
            handles: handles::Handles::default(),
            space: space::Account::default(),
            refused: refused::Refused::default(),
            counts: Counts::default(),
        };
        chunks.recover()?;
        Ok(Arc::new(chunks))
    }

    /// Held during the computing and writing of every transaction that references or dereferences; drop it only after the
    /// transaction is written. Not reentrant: its holder calls `reference`, `dereference`, `collected`, `get`, `has`, `sync`
    /// and the counts only. The others take it themselves.
    pub fn lock(&self) -> IndexGuard<'_> {
        self.index.take()
    }

    /// Chunks and hash lists that a record names and that are not here, or not yet durable.
    pub fn missing_count(&self) -> u64 {
        self.counts.health.missing() + self.counts.unexpanded.load(Ordering::Relaxed)
    }

    /// Bytes that the chunks it holds take in extents.
    pub fn stored_bytes(&self) -> u64 {
        locked(&self.layout).live()
    }

    /// Resolves when something for repair turned up since the last time.
    pub(in crate::storage) fn repair_due(&self) -> &Notify {
        &self.index.repair
    }

    /// Resolves when something may be freed since the last time.
    pub(in crate::storage) fn collect_due(&self) -> &Notify {
        &self.index.collect
    }

    fn path(&self, extent: u64) -> PathBuf {
        self.dir.join(format!("{extent:012}.extent"))
    }

    /// The file of an extent; `NotFound` if it was freed or compacted away.
    fn file(&self, extent: u64) -> io::Result<Arc<dyn File>> {
        if let Some(file) = self.handles.get(extent) {
            return Ok(file);
        }
        let file = self.files.open(&self.path(extent), Mode::Read)?;
        self.handles.keep(extent, &file);
        if !locked(&self.layout).extents.contains_key(&extent) {
            // Unlinked since it was opened: kept open, it would go on taking space.
            self.handles.forget(extent);
        }
        Ok(file)
    }

    /// Hashes of up to `limit` rows of one kind after `after`, with their values.
    fn page(&self, kind: u8, after: Option<&Hash>, limit: usize) -> Result<Vec<(Hash, Bytes)>, BackendError> {
        let rows = self.backend.scan(&rows::beyond(kind, after), &rows::end(kind), limit)?;
        rows.into_iter().map(|(key, value)| Ok((rows::hash_of(&key)?, value))).collect()
    }

    fn locate(&self, hash: &Hash) -> Result<Option<record::Location>, BackendError> {
        self.backend.get(&rows::of(b'L', hash))?.map(|value| rows::read_location(&value)).transpose()
    }

    fn is_referenced(&self, hash: &Hash) -> Result<bool, BackendError> {
        let from = rows::of(b'R', hash);
        Ok(!self.backend.scan(&from, &rows::beyond(b'R', Some(hash)), 1)?.is_empty())
    }
}

/// Locks a mutex. No code here leaves its data half-changed by a panic, so a poisoned one is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
