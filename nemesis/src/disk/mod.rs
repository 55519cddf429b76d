//! A disk for real processes whose power can fail: [`gossamer_world::memory::Memory`], mounted as a file system.
//!
//! - [`mount`](Disk::mount): mounting and unmounting
//! - `fuse`: the kernel's requests; `front`: what they mean for the disk; `inodes`: which files the kernel knows
//! - `faults`: what goes wrong here and not in the disk itself: delays, and files that cannot be read or written
//!
//! The kernel caches nothing of it: every read, write and name comes here. As on Linux, `sync_file_range` makes nothing
//! durable. A name is durable only when its directory was synced, also that of a new file that was itself synced:
//! harsher than most file systems, and what POSIX promises.

mod faults;
mod front;
mod fuse;
mod inodes;
mod mount;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fuser::BackgroundSession;
use gossamer_world::memory::{Events, Memory};

pub use faults::{Access, Counts};
use front::Front;

/// What becomes of writes that were not synced when the power fails. Names that were not synced are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All are gone.
    All,
    /// Each sector of 512 bytes is kept or lost by the toss of a coin that this seed decides.
    Torn(u64),
}

/// A mounted disk, empty at first; its content is in memory. Dropping it unmounts it. Paths are those on the disk,
/// absolute: `/` is the mount point.
pub struct Disk {
    memory: Memory,
    front: Arc<Front>,
    at: PathBuf,
    session: Option<BackgroundSession>,
}

impl Loss {
    fn seed(self) -> Option<u64> {
        match self {
            Loss::All => None,
            Loss::Torn(seed) => Some(seed),
        }
    }
}

impl Disk {
    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// The power fails, now. Until [`Disk::power_on`] every call fails, also that of a process that still runs, and
    /// files that are open now never work again.
    pub fn lose_power(&self, loss: Loss) {
        self.memory.power_off(loss.seed());
    }

    /// The power fails instead of the `n`-th sync from now (1: the next).
    pub fn lose_power_at_sync(&self, n: u64, loss: Loss) {
        self.memory.crash_at_sync(n, loss.seed());
    }

    /// Ends a power loss, and calls off every fault that is still to come but a lie. Returns whether the power was off.
    pub fn power_on(&self) -> bool {
        self.front.forget_all();
        self.heal();
        self.memory.power_on()
    }

    /// The `n`-th sync from now (1: the next) fails with EIO and makes nothing durable. As on Linux, what it was to
    /// sync is taken for clean afterwards.
    pub fn fail_sync(&self, n: u64) {
        self.front.faults.expect_failed_sync();
        self.memory.fail_sync(n);
    }

    /// The file or directory whose sync was the first to fail since [`Disk::fail_sync`], as it was called when it was opened.
    pub fn failed_sync(&self) -> Option<PathBuf> {
        self.front.faults.failed_sync()
    }

    /// From now on every sync takes this much longer.
    pub fn slow_syncs(&self, by: Duration) {
        self.front.faults.slow_syncs(by);
    }

    /// From now on syncs succeed and make nothing durable; or no longer.
    pub fn lie(&self, lies: bool) {
        self.memory.lie(lies);
    }

    /// From now on what was opened as, or below, `path` cannot be read, written or synced: EIO.
    pub fn fail(&self, access: Access, path: &Path) {
        self.front.faults.fail(access, path);
    }

    /// Ends what [`Disk::fail`] and [`Disk::slow_syncs`] began.
    pub fn heal(&self) {
        self.front.faults.heal();
    }

    /// Bounds the sum of all file lengths, bytes, 0 for no bound: what would grow beyond it fails with ENOSPC.
    pub fn set_capacity(&self, bytes: u64) {
        self.memory.set_capacity(bytes);
    }

    /// Sum of all file lengths, bytes.
    pub fn used(&self) -> u64 {
        self.memory.used()
    }

    /// Changes the bits set in `mask` of one byte, durably: the disk has gone bad there.
    pub fn flip(&self, path: &Path, offset: u64, mask: u8) -> io::Result<()> {
        self.memory.flip(path, offset, mask)
    }

    /// Every file there is and its length in bytes, by path.
    pub fn files(&self) -> io::Result<Vec<(PathBuf, u64)>> {
        self.memory.files()
    }

    /// Empties it: it was replaced by a new one. What is open never works again.
    pub fn wipe(&self) {
        self.front.forget_all();
        self.memory.wipe();
    }

    /// What has happened so far to what is stored.
    pub fn events(&self) -> Events {
        self.memory.events()
    }

    /// What has gone wrong so far between the kernel and the disk.
    pub fn counts(&self) -> Counts {
        self.front.faults.counts()
    }
}
