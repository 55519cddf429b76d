//! What is missing, what was found bad, and how it heals: for those who ask how the node is.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::rows::Missing;
use super::{Chunks, locked};

/// Numbers kept in memory; those of missing chunks are changed under the index lock only.
#[derive(Default)]
pub(super) struct Health {
    /// M rows.
    missing: AtomicU64,
    /// Bytes of the chunks that they name, at most.
    missing_bytes: AtomicU64,
    fetched: AtomicU64,
    fetched_bytes: AtomicU64,
    bad: AtomicU64,
    healed: AtomicU64,
    /// When something last came that was missing, or the first became missing.
    moved: Mutex<Option<Instant>>,
}

/// How a node's chunks are. Counted since its start, but for what is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Healing {
    /// Bytes of the chunks that are named and not here, at most: of some the length is not known.
    pub missing_bytes: u64,
    /// Chunks that came from other nodes because they were missing...
    pub fetched: u64,
    /// ...and their bytes.
    pub fetched_bytes: u64,
    /// Chunks whose bytes on disk were not what was written.
    pub bad: u64,
    /// Those of them that are whole again, or were not wanted.
    pub healed: u64,
    /// Something is missing, and nothing has come for so long.
    pub idle: Duration,
}

impl Health {
    pub(super) fn missing(&self) -> u64 {
        self.missing.load(Ordering::Relaxed)
    }

    /// A chunk is missing from now on.
    pub(super) fn lose(&self, chunk: Missing) {
        self.missing_bytes.fetch_add(u64::from(chunk.length), Ordering::Relaxed);
        if self.missing.fetch_add(1, Ordering::Relaxed) == 0 {
            *locked(&self.moved) = Some(Instant::now());
        }
    }

    /// It is no longer wanted.
    pub(super) fn drop_wish(&self, chunk: Missing) {
        self.missing.fetch_sub(1, Ordering::Relaxed);
        self.missing_bytes.fetch_sub(u64::from(chunk.length), Ordering::Relaxed);
        self.healed.fetch_add(u64::from(chunk.bad), Ordering::Relaxed);
    }

    /// It is here, and durable.
    pub(super) fn regain(&self, chunk: Missing) {
        self.drop_wish(chunk);
        *locked(&self.moved) = Some(Instant::now());
    }

    /// Nothing is missing any more: what was bad is not wanted, or will be found missing again.
    pub(super) fn reset(&self) {
        self.missing.store(0, Ordering::Relaxed);
        self.missing_bytes.store(0, Ordering::Relaxed);
        self.healed.store(self.bad.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The bytes of a chunk are not what was written; `wanted` if a record names it.
    pub(super) fn found_bad(&self, wanted: bool) {
        self.bad.fetch_add(1, Ordering::Relaxed);
        self.healed.fetch_add(u64::from(!wanted), Ordering::Relaxed);
    }
}

impl Chunks {
    /// How its chunks are.
    pub fn healing(&self) -> Healing {
        let health = &self.counts.health;
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let idle = locked(&health.moved).filter(|_| health.missing() > 0).map(|moved| moved.elapsed());
        Healing {
            missing_bytes: count(&health.missing_bytes),
            fetched: count(&health.fetched),
            fetched_bytes: count(&health.fetched_bytes),
            bad: count(&health.bad),
            healed: count(&health.healed),
            idle: idle.unwrap_or_default(),
        }
    }

    /// A chunk came from another node because it was missing.
    pub(in crate::storage) fn fetched(&self, bytes: u64) {
        self.counts.health.fetched.fetch_add(1, Ordering::Relaxed);
        self.counts.health.fetched_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}
