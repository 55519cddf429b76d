//! An index of chunks that keeps references as rows, like the real one, and holds whatever it is given.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gossamer_proto::hash::Hash;

use crate::storage::catalogue::Catalogue;
use crate::storage::catalogue::backend::{Backend, BackendError, prefix_end};
use crate::storage::catalogue::chunk_refs::{ChunkRefs, Held};
use crate::storage::catalogue::transaction::Transaction;
use crate::storage::extents::{ChunkError, Owner, Purpose};

pub(in crate::storage) struct FakeChunks {
    backend: Arc<dyn Backend>,
    lock: Mutex<()>,
    pub(in crate::storage) held: Mutex<BTreeSet<Hash>>,
    pub(in crate::storage) full: AtomicBool,
}

/// A catalogue over `backend` and a fake index.
pub(in crate::storage) fn catalogue(backend: &Arc<dyn Backend>) -> (Catalogue, Arc<FakeChunks>) {
    let chunks = Arc::new(FakeChunks {
        backend: Arc::clone(backend),
        lock: Mutex::default(),
        held: Mutex::default(),
        full: AtomicBool::new(false),
    });
    (Catalogue::open(Arc::clone(backend), chunks.clone()).unwrap(), chunks)
}

/// Every row whose kind lies between the two.
pub(in crate::storage) fn rows(backend: &Arc<dyn Backend>, from: &str, to: &str) -> Vec<(Bytes, Bytes)> {
    backend.scan(from.as_bytes(), to.as_bytes(), usize::MAX).unwrap()
}

fn key(hash: &Hash, owner: Owner) -> Bytes {
    [&b"R"[..], hash.as_bytes(), &owner.version.to_be_bytes(), &owner.ordinal.to_be_bytes()].concat().into()
}

impl ChunkRefs for FakeChunks {
    fn put(&self, hash: Hash, data: &Bytes, purpose: Purpose) -> Result<(), ChunkError> {
        assert_eq!((Hash::of(data), purpose), (hash, Purpose::Apply));
        if self.full.load(Ordering::Relaxed) {
            return Err(ChunkError::NoSpace { free: 0, reserve: 1 });
        }
        let _not_held_by_the_caller = self.lock.try_lock().unwrap();
        self.held.lock().unwrap().insert(hash);
        Ok(())
    }

    fn refuse(&self, _: u64) {
        assert!(self.full.load(Ordering::Relaxed));
    }

    fn lock(&self) -> Box<dyn Held + '_> {
        Box::new(self.lock.lock().unwrap())
    }

    fn reference(
        &self,
        txn: &mut Transaction<'_>,
        owner: Owner,
        hashes: &[Hash],
        _: u32,
        _: u64,
    ) -> Result<(), BackendError> {
        assert!(self.lock.try_lock().is_err(), "the index is locked");
        hashes.iter().for_each(|hash| txn.set(key(hash, owner), Bytes::new()));
        Ok(())
    }

    fn dereference(
        &self,
        txn: &mut Transaction<'_>,
        owner: Owner,
        hashes: &[Hash],
        _: u32,
    ) -> Result<(), BackendError> {
        // Checked before any is removed: a file may name a chunk twice.
        for hash in hashes {
            assert!(txn.get(&key(hash, owner))?.is_some(), "only what was referenced is dereferenced");
        }
        hashes.iter().for_each(|hash| txn.remove(key(hash, owner)));
        Ok(())
    }

    fn collected(&self, txn: &mut Transaction<'_>, number: u64) {
        txn.set(Bytes::from_static(b"C"), Bytes::copy_from_slice(&number.to_be_bytes()));
    }

    fn reset_references(&self) -> Result<(), BackendError> {
        let references = self.backend.scan(b"R", &prefix_end(b"R"), usize::MAX)?;
        self.backend.write(references.into_iter().map(|row| (row.0, None)).collect())
    }
}
