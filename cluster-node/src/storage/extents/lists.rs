//! Hash lists of large files: expanding them into references, and taking those back, in bounded steps.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::CHUNK_BYTES;

use super::rows::{self, Listed};
use super::{ChunkError, Chunks, Owner};
use crate::storage::catalogue::backend::BackendError;
use crate::storage::catalogue::transaction::Transaction;

/// Hashes in one transaction: it holds the index lock, and apply waits for it.
const STEP: usize = 1024;
/// Lists looked at in one page.
const LISTS: usize = 256;

impl Chunks {
    /// Works through every hash list that can be: those to be expanded need their chunk here. Returns how many were finished.
    pub(in crate::storage) fn expand(&self) -> Result<usize, ChunkError> {
        let mut finished = 0;
        let mut from = Bytes::from_static(b"X");
        loop {
            let page = self.backend.scan(&from, &rows::end(b'X'), LISTS)?;
            let Some((last, _)) = page.last() else { return Ok(finished) };
            // The smallest key after `last`.
            from = [last.as_ref(), &[0]].concat().into();
            for (key, _) in &page {
                let (owner, list) = rows::owner_and_list(key)?;
                finished += usize::from(self.work_through(owner, &list)?);
            }
        }
    }

    fn work_through(&self, owner: Owner, list: &Hash) -> Result<bool, ChunkError> {
        let held = match self.get_checked(list) {
            Ok(held) => held,
            // Forgotten, and so fetched again.
            Err(ChunkError::Corrupt(_)) => None,
            Err(error) => return Err(error),
        };
        let Some(content) = held else {
            return Ok(self.is_taken_back(owner, list)? && self.hunt(owner, list)?);
        };
        let hashes = Hash::list(&content).unwrap_or_else(|error| {
            tracing::error!(%list, %error, "a chunk that a record calls a hash list is none");
            Vec::new()
        });
        while self.step(owner, list, &hashes)? {}
        Ok(true)
    }

    /// One transaction of a list; false at its end.
    fn step(&self, owner: Owner, list: &Hash, hashes: &[Hash]) -> Result<bool, BackendError> {
        let _guard = self.lock();
        let key = rows::list(owner, list);
        let mut txn = Transaction::new(&*self.backend);
        let Some(state) = txn.get(&key)? else { return Ok(false) };
        let (Listed::Reference(done) | Listed::Dereference(done)) = rows::read_listed(&state)?;
        let adding = matches!(rows::read_listed(&state)?, Listed::Reference(_));
        let rest = hashes.get(done as usize..).unwrap_or_default();
        let part = &rest[..rest.len().min(STEP)];
        for hash in part {
            if adding {
                self.reference_one(&mut txn, owner, hash, CHUNK_BYTES)?;
            } else {
                self.dereference_one(&mut txn, owner, hash)?;
            }
        }
        let more = part.len() < rest.len();
        // A list chunk has at most HASHES_PER_CHUNK hashes.
        let done = done + part.len() as u32;
        if more {
            txn.set(
                key,
                rows::listed(if adding { Listed::Reference(done) } else { Listed::Dereference(done) }),
            );
        } else {
            txn.remove(key);
            if !adding {
                self.dereference_one(&mut txn, owner, list)?;
            }
        }
        self.backend.write(txn.into_batch())?;
        if adding && !more {
            self.counts.unexpanded.fetch_sub(1, Ordering::Relaxed);
            self.index.collect_due.store(true, Ordering::Relaxed);
        }
        Ok(more)
    }

    fn is_taken_back(&self, owner: Owner, list: &Hash) -> Result<bool, BackendError> {
        let state = self.backend.get(&rows::list(owner, list))?;
        Ok(matches!(state.map(|value| rows::read_listed(&value)).transpose()?, Some(Listed::Dereference(_))))
    }

    /// Takes back every reference of an owner whose list was lost after it was expanded: looks at all there are.
    fn hunt(&self, owner: Owner, list: &Hash) -> Result<bool, BackendError> {
        let mut from = Bytes::from_static(b"R");
        loop {
            let _guard = self.lock();
            let page = self.backend.scan(&from, &rows::end(b'R'), STEP)?;
            let mut txn = Transaction::new(&*self.backend);
            for (key, _) in &page {
                if rows::owner_of(key)? == owner {
                    self.dereference_one(&mut txn, owner, &rows::hash_of(key)?)?;
                }
            }
            if let Some((last, _)) = page.last() {
                from = [last.as_ref(), &[0]].concat().into();
            } else {
                txn.remove(rows::list(owner, list));
            }
            self.backend.write(txn.into_batch())?;
            if page.is_empty() {
                return Ok(true);
            }
        }
    }
}
