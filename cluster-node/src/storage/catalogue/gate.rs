//! The catalogue's backend behind a gate that a stop closes: what is still under way then writes no row any more.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;

use super::backend::{Backend, BackendError, Batch};

/// A backend that can be closed to writers.
pub struct Gate {
    inner: Arc<dyn Backend>,
    open: RwLock<bool>,
}

impl Gate {
    /// Open at first.
    pub fn new(inner: Arc<dyn Backend>) -> Arc<Self> {
        Arc::new(Gate { inner, open: RwLock::new(true) })
    }

    /// Refuses every write from now on; those under way are over at return. Reads go on.
    pub fn close(&self) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Held while something is written.
    fn pass(&self) -> Result<RwLockReadGuard<'_, bool>, BackendError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if *open { Ok(open) } else { Err(BackendError::Store("this node stops".to_owned())) }
    }
}

impl Backend for Gate {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, BackendError> {
        self.inner.get(key)
    }

    fn write(&self, batch: Batch) -> Result<(), BackendError> {
        let _open = self.pass()?;
        self.inner.write(batch)
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, BackendError> {
        self.inner.scan(from, to, limit)
    }

    fn clear(&self) -> Result<(), BackendError> {
        let _open = self.pass()?;
        self.inner.clear()
    }

    fn flush(&self) -> Result<(), BackendError> {
        self.inner.flush()
    }
}
