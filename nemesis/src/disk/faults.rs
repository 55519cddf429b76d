//! What goes wrong between the kernel and the disk.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What cannot be done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading its bytes.
    Read,
    /// Writing them; its length can still be changed.
    Write,
    /// Making them durable: as with [`Disk::fail_sync`](super::Disk::fail_sync), a later sync does not make up for it.
    Sync,
}

/// Counts since the disk was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reads that failed because they were to.
    pub failed_reads: u64,
    /// Writes that failed because they were to.
    pub failed_writes: u64,
    /// Syncs that failed because they were to be those of such files.
    pub failed_syncs: u64,
    /// Syncs that were delayed.
    pub slowed_syncs: u64,
}

#[derive(Default)]
pub(super) struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    broken: Vec<(Access, PathBuf)>,
    delay: Duration,
    counts: Counts,
    failed_sync: Option<PathBuf>,
}

impl Faults {
    pub(super) fn slow_syncs(&self, by: Duration) {
        self.state().delay = by;
    }

    pub(super) fn fail(&self, access: Access, path: &Path) {
        self.state().broken.push((access, path.to_owned()));
    }

    pub(super) fn heal(&self) {
        let mut state = self.state();
        state.broken.clear();
        state.delay = Duration::ZERO;
    }

    pub(super) fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Whether this read, write or sync fails; counted if so.
    pub(super) fn strikes(&self, access: Access, path: &Path) -> bool {
        let mut state = self.state();
        let struck = state.broken.iter().any(|(broken, below)| *broken == access && path.starts_with(below));
        if struck {
            match access {
                Access::Read => state.counts.failed_reads += 1,
                Access::Write => state.counts.failed_writes += 1,
                Access::Sync => state.counts.failed_syncs += 1,
            }
        }
        struck
    }

    /// How long this sync waits before it begins; counted if it does.
    pub(super) fn delay(&self) -> Duration {
        let mut state = self.state();
        if !state.delay.is_zero() {
            state.counts.slowed_syncs += 1;
        }
        state.delay
    }

    /// Forgets which sync has failed: another one is to.
    pub(super) fn expect_failed_sync(&self) {
        self.state().failed_sync = None;
    }

    pub(super) fn sync_failed(&self, path: PathBuf) {
        self.state().failed_sync.get_or_insert(path);
    }

    pub(super) fn failed_sync(&self) -> Option<PathBuf> {
        self.state().failed_sync.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
