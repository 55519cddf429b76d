//! The catalogue: the replicated state of the cluster. Files, node ids, settings, remembered operations and a few
//! counters, as rows of one ordered map.
//!
//! # Layout
//! - [`backend`]: the ordered map; [`sled_backend`] and [`memory`] are the two there are; [`gate`]: closing it
//! - [`transaction`]: a batch that reads what it wrote
//! - `rows`: keys and values of every kind of row
//! - `apply`: committed entries, one file per command
//! - [`applied`]: what commands did
//! - `digest`: a sum over all replicated rows that follows every change
//! - [`freeze`]: the rows as they are at one entry, while apply goes on
//! - `read`: looking things up
//! - `replace`: exchanging all rows for those of a snapshot
//! - [`chunk_refs`]: what the catalogue needs of the chunks
//!
//! # Invariants
//! - The replicated rows follow from the entries alone; they, the applied position and the digest are written in one
//!   batch.
//! - Nothing is read or applied while rows are being replaced, nor after that was broken off.
//!
//! # What it does not guarantee
//! - That it survives the crash of a machine: it is then restored from snapshot and log.

pub mod applied;
mod apply;
pub mod backend;
pub mod chunk_refs;
pub(in crate::storage) mod digest;
pub mod freeze;
pub mod gate;
pub mod memory;
mod read;
mod replace;
mod rows;
pub mod sled_backend;
#[cfg(test)]
pub(crate) mod tests;
pub mod transaction;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use gossamer_proto::setting::Setting;
use gossamer_proto::v1;

use super::position::Position;
pub use applied::{Applied, AppliedState};
use apply::draft::Head;
use backend::{Backend, BackendError};
use chunk_refs::ChunkRefs;
use freeze::Freeze;
use rows::{globals, setting, state};

/// The id of the node that founded the cluster.
pub const FOUNDER: u64 = rows::member::FOUNDER;

/// One committed log entry, as apply sees it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place in the log.
    pub at: Position,
    /// What it says.
    pub payload: Payload,
}

/// What an entry says.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Nothing: a leader's first entry.
    Blank,
    /// Commands.
    Batch(v1::Batch),
    /// Who votes and who replicates from here on.
    Membership(v1::Membership),
}

/// Shared by apply, reads and snapshots. All methods block; those that return no `Result` for moments only.
pub struct Catalogue {
    backend: Arc<dyn Backend>,
    chunks: Arc<dyn ChunkRefs>,
    /// Who holds it may write replicated rows, or read a page of the frozen view in it.
    turn: Mutex<Option<Freeze>>,
    /// The frozen view has moved on, or is gone.
    progress: Condvar,
    /// Bytes of old rows a frozen view keeps before apply waits.
    freeze_bytes: usize,
    /// Read by who looks rows up; written while they are replaced. False: a replacement was broken off.
    whole: RwLock<bool>,
    head: RwLock<Arc<Head>>,
}

/// The membership that was applied last, according to a store that need not be whole otherwise.
pub fn membership(backend: &dyn Backend) -> Result<Option<v1::Membership>, BackendError> {
    let (applied, _) = rows::state::decode(backend.get(&rows::state::KEY)?)?;
    Ok(applied.membership)
}

impl Catalogue {
    /// Opens the catalogue in `backend`. One whose replacement by a snapshot was broken off opens too, as if nothing
    /// were applied, and refuses everything until it is replaced again.
    pub fn open(backend: Arc<dyn Backend>, chunks: Arc<dyn ChunkRefs>) -> Result<Self, BackendError> {
        let whole = backend.get(&state::REPLACING)?.is_none();
        let (applied, digest) = state::decode(backend.get(&state::KEY)?)?;
        let head = Head {
            applied,
            globals: globals::decode(backend.get(&globals::KEY)?)?,
            settings: setting::read(&*backend)?,
            digest,
            marks: state::decode_marks(backend.get(&state::MARKS)?)?,
        };
        Ok(Catalogue {
            backend,
            chunks,
            turn: Mutex::new(None),
            progress: Condvar::new(),
            freeze_bytes: gossamer_proto::limits::FREEZE_BYTES,
            whole: RwLock::new(whole),
            head: RwLock::new(Arc::new(head)),
        })
    }

    /// What is applied.
    pub fn applied(&self) -> AppliedState {
        self.head().applied.clone()
    }

    /// Files there are.
    pub fn file_count(&self) -> u64 {
        self.head().globals.files
    }

    /// The highest Collect applied.
    pub fn collect_number(&self) -> u64 {
        self.head().globals.collect_number
    }

    /// The generation that Expire last opened, and how many operations were remembered since.
    pub fn operations(&self) -> (u64, u64) {
        let head = self.head();
        (head.globals.generation, head.globals.operations)
    }

    /// What a setting was set to, if it was.
    pub fn set_to(&self, setting: Setting) -> Option<u64> {
        self.head().settings.get(&setting).copied()
    }

    /// What a setting is: its default unless it was set.
    pub fn setting(&self, setting: Setting) -> u64 {
        self.set_to(setting).unwrap_or_else(|| setting.default_value())
    }

    /// The digest of the replicated rows now.
    pub fn digest(&self) -> [u8; 32] {
        self.head().digest.to_bytes()
    }

    /// The digest noted at a Mark, if that entry was applied here (not skipped by a snapshot) and is among the last 64.
    pub fn digest_at(&self, index: u64) -> Option<[u8; 32]> {
        self.head().marks.iter().find(|mark| mark.0 == index).map(|mark| mark.1)
    }

    /// Hands everything written to the operating system.
    pub fn flush(&self) -> Result<(), BackendError> {
        self.backend.flush()
    }

    // A panic under one of these locks leaves what it guards as it was before the batch: heads are exchanged whole,
    // and old rows kept for a frozen view stay true.

    fn head(&self) -> Arc<Head> {
        Arc::clone(&self.head.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_head(&self, head: Arc<Head>) {
        *self.head.write().unwrap_or_else(PoisonError::into_inner) = head;
    }

    fn turn(&self) -> MutexGuard<'_, Option<Freeze>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn to write, once a frozen view has room for the old rows.
    fn turn_to_write(&self) -> MutexGuard<'_, Option<Freeze>> {
        let full = |turn: &mut Option<Freeze>| {
            turn.as_ref().is_some_and(|freeze| freeze.bytes() > self.freeze_bytes)
        };
        self.progress.wait_while(self.turn(), full).unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn, once no view is frozen.
    fn turn_alone(&self) -> MutexGuard<'_, Option<Freeze>> {
        let frozen = |turn: &mut Option<Freeze>| turn.is_some();
        self.progress.wait_while(self.turn(), frozen).unwrap_or_else(PoisonError::into_inner)
    }

    fn check_whole(&self) -> Result<(), BackendError> {
        let whole = *self.whole.read().unwrap_or_else(PoisonError::into_inner);
        if whole { Ok(()) } else { Err(BackendError::Replacing) }
    }
}
