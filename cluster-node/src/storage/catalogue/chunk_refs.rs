//! What the catalogue needs of the chunks: that they are stored, and that it is known which record names them.

use bytes::Bytes;
use gossamer_proto::hash::Hash;

use super::backend::BackendError;
use super::transaction::Transaction;
use crate::storage::extents::{ChunkError, Chunks, Owner, Purpose};

/// Whatever a lock gives to be dropped when it is no longer needed.
pub trait Held {}
impl<T> Held for T {}

/// The index of chunks, which shares the catalogue's backend, as apply uses it. All methods block.
///
/// # Contract
/// - `put`, `reset_references` are called without [`ChunkRefs::lock`] held; `reference`, `dereference`, `collected`
///   with it, and it stays held until their transaction is written.
/// - They read and write only local rows, through the transaction: a reference made in it is seen by a
///   dereference later in it.
/// - A list of hashes may name a chunk more than once.
/// - A chunk that was put and is not named by a record stays at least until the second Collect from then.
pub trait ChunkRefs: Send + Sync {
    /// Stores a chunk whose hash was checked.
    fn put(&self, hash: Hash, data: &Bytes, purpose: Purpose) -> Result<(), ChunkError>;
    /// There was no room for what the entry at `index` brought.
    fn refuse(&self, index: u64);
    /// Keeps everyone else from changing the index.
    fn lock(&self) -> Box<dyn Held + '_>;
    /// A record of so many bytes came to name these chunks.
    fn reference(
        &self,
        txn: &mut Transaction<'_>,
        owner: Owner,
        hashes: &[Hash],
        depth: u32,
        size: u64,
    ) -> Result<(), BackendError>;
    /// A record is gone or replaced.
    fn dereference(
        &self,
        txn: &mut Transaction<'_>,
        owner: Owner,
        hashes: &[Hash],
        depth: u32,
    ) -> Result<(), BackendError>;
    /// A Collect with this number is applied.
    fn collected(&self, txn: &mut Transaction<'_>, number: u64);
    /// Forgets every reference, as if no record named any chunk; chunks on disk stay, unreferenced.
    fn reset_references(&self) -> Result<(), BackendError>;
}

impl ChunkRefs for Chunks {
    fn put(&self, hash: Hash, data: &Bytes, purpose: Purpose) -> Result<(), ChunkError> {
        Chunks::put(self, hash, data, purpose)
    }

    fn refuse(&self, index: u64) {
        Chunks::refuse(self, index);
    }

    fn lock(&self) -> Box<dyn Held + '_> {
        Box::new(Chunks::lock(self))
    }

    fn reference(
        &self,
        txn: &mut Transaction<'_>,
        owner: Owner,
        hashes: &[Hash],
        depth: u32,
        size: u64,
    ) -> Result<(), BackendError> {
        Chunks::reference(self, txn, owner, hashes, depth, size)
    }

    fn dereference(
        &self,
        txn: &mut Transaction<'_>,
        owner: Owner,
        hashes: &[Hash],
        depth: u32,
    ) -> Result<(), BackendError> {
        Chunks::dereference(self, txn, owner, hashes, depth)
    }

    fn collected(&self, txn: &mut Transaction<'_>, number: u64) {
        Chunks::collected(self, txn, number);
    }

    fn reset_references(&self) -> Result<(), BackendError> {
        Chunks::reset_references(self)
    }
}
