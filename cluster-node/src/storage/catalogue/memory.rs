//! The catalogue's backend in memory: for simulations, whose one thread sled would break with its own.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::backend::{Backend, BackendError, Batch};

/// A map that is gone with the process.
#[derive(Default)]
pub struct Memory {
    rows: Mutex<BTreeMap<Bytes, Bytes>>,
}

impl Memory {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<Bytes, Bytes>> {
        // No code that holds this lock can panic half-way through a batch.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, BackendError> {
        Ok(self.rows().get(key).cloned())
    }

    fn write(&self, batch: Batch) -> Result<(), BackendError> {
        let mut rows = self.rows();
        for (key, value) in batch {
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        Ok(())
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, BackendError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let range = (Bound::Included(from), Bound::Excluded(to));
        let rows = self.rows();
        let found = rows.range::<[u8], _>(range).take(limit);
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn clear(&self) -> Result<(), BackendError> {
        self.rows().clear();
        Ok(())
    }

    fn flush(&self) -> Result<(), BackendError> {
        Ok(())
    }
}
