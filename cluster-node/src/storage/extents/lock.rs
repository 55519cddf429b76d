//! The lock that orders everything that changes references, tags or locations.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;

use super::locked;

/// One lock for all rows of chunks, and whom to wake when it is released.
#[derive(Default)]
pub(super) struct IndexLock {
    lock: Mutex<()>,
    /// Something for the repair task lies in the transaction being written.
    pub(super) repair_due: AtomicBool,
    /// Likewise for the collect task.
    pub(super) collect_due: AtomicBool,
    pub(super) repair: Notify,
    pub(super) collect: Notify,
}

/// Holds the lock. Dropped after the transaction is written: only then are the background tasks woken, and find its rows.
pub struct IndexGuard<'a> {
    index: &'a IndexLock,
    _held: MutexGuard<'a, ()>,
}

impl IndexLock {
    pub(super) fn take(&self) -> IndexGuard<'_> {
        IndexGuard { index: self, _held: locked(&self.lock) }
    }
}

impl Drop for IndexGuard<'_> {
    fn drop(&mut self) {
        // Notify keeps one permit: whoever is not waiting yet is woken when it does.
        if self.index.repair_due.swap(false, Ordering::Relaxed) {
            self.index.repair.notify_one();
        }
        if self.index.collect_due.swap(false, Ordering::Relaxed) {
            self.index.collect.notify_one();
        }
    }
}
