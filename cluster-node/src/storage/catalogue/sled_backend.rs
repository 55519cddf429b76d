//! The catalogue's backend on a disk: one tree of sled.
//!
//! sled is trusted after the crash of a process, not after the crash of a machine: its `flush` does not reach
//! the disk. So it holds nothing that snapshot, log and extents cannot rebuild, and no value over 128 KiB, which
//! it would put into a file of its own.

use std::path::Path;

use bytes::Bytes;
use gossamer_proto::limits::CATALOGUE_CACHE_BYTES;

use super::backend::{Backend, BackendError, Batch};

/// How often sled's own thread writes back what is new, milliseconds: sled's default, and what a crash of the
/// process loses at most, which is then applied again from the log.
const FLUSH_EVERY_MS: u64 = 500;

/// A tree of sled.
pub struct SledBackend {
    tree: sled::Db,
}

impl SledBackend {
    /// Opens or makes the tree in `dir`.
    pub fn open(dir: &Path) -> Result<Self, BackendError> {
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(CATALOGUE_CACHE_BYTES)
            // LowSpace would rewrite segments eagerly: the catalogue is small, and apply waits for its writes.
            .mode(sled::Mode::HighThroughput)
            .flush_every_ms(Some(FLUSH_EVERY_MS));
        Ok(SledBackend { tree: config.open()? })
    }
}

impl From<sled::Error> for BackendError {
    fn from(error: sled::Error) -> Self {
        BackendError::Store(error.to_string())
    }
}

/// A copy: sled's value may keep a whole page alive.
fn copied(bytes: &sled::IVec) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

impl Backend for SledBackend {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, BackendError> {
        Ok(self.tree.get(key)?.as_ref().map(copied))
    }

    fn write(&self, batch: Batch) -> Result<(), BackendError> {
        let mut changes = sled::Batch::default();
        for (key, value) in &batch {
            match value {
                Some(value) => changes.insert(&key[..], &value[..]),
                None => changes.remove(&key[..]),
            }
        }
        Ok(self.tree.apply_batch(changes)?)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, BackendError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let rows = self.tree.range(from..to).take(limit);
        rows.map(|row| row.map(|(key, value)| (copied(&key), copied(&value))).map_err(Into::into)).collect()
    }

    fn clear(&self) -> Result<(), BackendError> {
        Ok(self.tree.clear()?)
    }

    fn flush(&self) -> Result<(), BackendError> {
        self.tree.flush()?;
        Ok(())
    }
}
