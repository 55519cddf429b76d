//! Which records name which chunks, and what a Collect may free.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::CHUNK_BYTES;

use super::rows::{self, Listed, Missing};
use super::{Chunks, Owner};
use crate::storage::catalogue::backend::BackendError;
use crate::storage::catalogue::transaction::Transaction;

impl Chunks {
    /// A record came to name these chunks: notes the references, and which chunks are missing. Under [`Chunks::lock`], in the
    /// catalogue's transaction.
    ///
    /// `depth` 1: the chunks hold the hash list. It is expanded in the background ([`Chunks::expand`]): a list has up to 32,768
    /// hashes, too many for one transaction. Until then the list counts as missing, and nothing is freed.
    ///
    /// `size`: of the record's content, bytes. What is missing is known by it to be how long.
    pub fn reference(
        &self,
        txn: &mut Transaction<'_>,
        owner: Owner,
        hashes: &[Hash],
        depth: u32,
        size: u64,
    ) -> Result<(), BackendError> {
        let named = if depth == 0 { size } else { size.div_ceil(CHUNK_BYTES as u64) * Hash::BYTES as u64 };
        for (at, hash) in hashes.iter().enumerate() {
            let rest = named.saturating_sub((at * CHUNK_BYTES) as u64);
            self.reference_one(txn, owner, hash, rest.min(CHUNK_BYTES as u64) as usize)?;
            let list = rows::list(owner, hash);
            if depth > 0 && txn.get(&list)?.is_none() {
                txn.set(list, rows::listed(Listed::Reference(0)));
                self.counts.unexpanded.fetch_add(1, Ordering::Relaxed);
                self.index.repair_due.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// A record is gone or replaced. Under [`Chunks::lock`], in the catalogue's transaction. Hash lists are taken back in the
    /// background, as they were expanded.
    pub fn dereference(
        &self,
        txn: &mut Transaction<'_>,
        owner: Owner,
        hashes: &[Hash],
        depth: u32,
    ) -> Result<(), BackendError> {
        for hash in hashes {
            if depth == 0 || self.never_expanded(txn, owner, hash)? {
                self.dereference_one(txn, owner, hash)?;
            }
        }
        Ok(())
    }

    /// A Collect with this number is applied (in the same transaction).
    pub fn collected(&self, txn: &mut Transaction<'_>, number: u64) {
        let before = self.collect_number();
        txn.set(rows::COLLECT, rows::number(number));
        self.counts.collect.store(number, Ordering::Relaxed);
        if number > before + 1 {
            // The catalogue jumped (a snapshot): tags given since the jump may be too low.
            self.counts.floor.fetch_max(number - 1, Ordering::Relaxed);
        }
        let grace = self.counts.grace.load(Ordering::Relaxed);
        self.counts.grace.store(grace.saturating_sub(1), Ordering::Relaxed);
        self.index.collect_due.store(true, Ordering::Relaxed);
    }

    /// The log that was there at the start is applied. Before, nothing is freed; afterwards every chunk without reference counts
    /// as tagged with the number reached now: confirmations of the time before the restart may still be on their way.
    pub fn replayed(&self) {
        let _guard = self.lock();
        self.counts.floor.fetch_max(self.collect_number(), Ordering::Relaxed);
        self.counts.replayed.store(true, Ordering::Relaxed);
        self.index.collect_due.store(true, Ordering::Relaxed);
    }

    /// `length`: of the chunk, bytes, at most.
    pub(super) fn reference_one(
        &self,
        txn: &mut Transaction<'_>,
        owner: Owner,
        hash: &Hash,
        length: usize,
    ) -> Result<(), BackendError> {
        txn.set(rows::reference(hash, owner), Bytes::new());
        if txn.get(&rows::of(b'L', hash))?.is_some() {
            txn.remove(rows::of(b'U', hash));
            return Ok(());
        }
        let missing = rows::of(b'M', hash);
        if txn.get(&missing)?.is_none() {
            let chunk = Missing::new(length);
            txn.set(missing, rows::missing(chunk));
            self.counts.health.lose(chunk);
            self.index.repair_due.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(super) fn dereference_one(
        &self,
        txn: &mut Transaction<'_>,
        owner: Owner,
        hash: &Hash,
    ) -> Result<(), BackendError> {
        txn.remove(rows::reference(hash, owner));
        if txn.any(&rows::of(b'R', hash))? {
            return Ok(());
        }
        if txn.get(&rows::of(b'L', hash))?.is_some() {
            txn.set(rows::of(b'U', hash), rows::number(self.collect_number()));
        }
        let missing = rows::of(b'M', hash);
        if let Some(value) = txn.get(&missing)? {
            self.counts.health.drop_wish(rows::read_missing(&value)?);
            txn.remove(missing);
        }
        Ok(())
    }

    /// Notes that a list is to be taken back. True: nothing of it was expanded, so the list itself is all there is.
    fn never_expanded(
        &self,
        txn: &mut Transaction<'_>,
        owner: Owner,
        hash: &Hash,
    ) -> Result<bool, BackendError> {
        let list = rows::list(owner, hash);
        let state = txn.get(&list)?.map(|value| rows::read_listed(&value)).transpose()?;
        if let Some(Listed::Reference(_)) = state {
            self.counts.unexpanded.fetch_sub(1, Ordering::Relaxed);
        }
        match state {
            Some(Listed::Reference(0)) => {
                txn.remove(list);
                return Ok(true);
            }
            Some(Listed::Dereference(_)) => {}
            Some(Listed::Reference(_)) | None => {
                txn.set(list, rows::listed(Listed::Dereference(0)));
                self.index.repair_due.store(true, Ordering::Relaxed);
            }
        }
        Ok(false)
    }
}
