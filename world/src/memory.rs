//! Files in memory that forget what was not synced: one machine's disk for tests and simulations.
//!
//! - [`Memory::crash`] is a power loss: data returns to the last [`File::sync_data`] of each file, names to the
//!   last [`Files::sync_dir`] of each directory. [`Memory::crash_torn`] keeps some of the sectors that were not
//!   synced, as a real disk may.
//! - [`Memory::kill`] is the death of the process: the page cache stays.
//!
//! After either, handles and locks from before are dead: every call on them fails. A file keeps its space until its
//! name is gone durably; on a disk with a bound, removals are made durable when somebody asks for room, as by the
//! journals of real ones. The same calls give the same result: nothing here is random.

mod content;
mod events;
mod handle;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::files::{File, Files, Lock, Mode, Space};
use content::{Content, Unsynced};
pub use events::Events;
use handle::{Handle, Held};
use tree::{Node, Tree};

/// A disk in memory; clones share it.
#[derive(Clone, Default)]
pub struct Memory(Arc<Machine>);

#[derive(Default)]
struct Machine {
    tree: Mutex<Tree>,
    /// Processes that ran before the present one; a handle of an older one is dead.
    processes: AtomicU64,
    off: AtomicBool,
    lies: AtomicBool,
    used: Arc<AtomicU64>,
    /// 0: no bound.
    capacity: AtomicU64,
    faults: Mutex<Faults>,
    events: Mutex<Events>,
}

/// What became of a sync that did not fail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Synced {
    Durable,
    /// It was said to be.
    Lie,
}

/// What is to go wrong, counted down by syncs.
#[derive(Default)]
struct Faults {
    fail: Option<u64>,
    crash: Option<(u64, Unsynced)>,
}

impl Memory {
    /// An empty disk without a bound.
    pub fn new() -> Self {
        Memory::default()
    }

    /// Power loss: all that was not synced is gone.
    pub fn crash(&self) {
        self.0.lose_power(Unsynced::Lost);
    }

    /// Power loss in which each sector (512 bytes) that was not synced is kept or lost by the toss of a coin
    /// that `seed` decides. Names that were not synced are lost.
    pub fn crash_torn(&self, seed: u64) {
        self.0.lose_power(Unsynced::Torn(seed));
    }

    /// Death of the process: handles and locks are dead, all data and names stay.
    pub fn kill(&self) {
        self.0.processes.fetch_add(1, Ordering::SeqCst);
        locked(&self.0.tree).locks.clear();
    }

    /// The `n`-th sync from now (1: the next) fails and makes nothing durable. As on Linux, what it was to sync
    /// stays readable but is taken for clean: a later sync makes it durable only if it is written again.
    pub fn fail_sync(&self, n: u64) {
        locked(&self.0.faults).fail = Some(n);
    }

    /// The power fails instead of the `n`-th sync from now (1: the next), as in [`Memory::crash`] or, with a
    /// seed, [`Memory::crash_torn`]. Every call fails until [`Memory::power_on`].
    pub fn crash_at_sync(&self, n: u64, torn: Option<u64>) {
        locked(&self.0.faults).crash = Some((n, torn.map_or(Unsynced::Lost, Unsynced::Torn)));
    }

    /// The power fails now, as in [`Memory::crash`] or, with a seed, [`Memory::crash_torn`], whatever still runs.
    /// Every call fails until [`Memory::power_on`].
    pub fn power_off(&self, torn: Option<u64>) {
        self.0.off.store(true, Ordering::SeqCst);
        self.0.lose_power(torn.map_or(Unsynced::Lost, Unsynced::Torn));
    }

    /// Ends what [`Memory::power_off`] or [`Memory::crash_at_sync`] began, and calls off every fault that is still to come. Returns whether
    /// the power had failed.
    pub fn power_on(&self) -> bool {
        *locked(&self.0.faults) = Faults::default();
        self.0.off.swap(false, Ordering::SeqCst)
    }

    /// From now on every sync succeeds and makes nothing durable, as on a disk that lies about its cache; or no
    /// longer. What it was asked to sync meanwhile is still un-synced then.
    pub fn lie(&self, lies: bool) {
        self.0.lies.store(lies, Ordering::SeqCst);
    }

    /// Bounds the sum of all file lengths, bytes, 0 for no bound: what would grow beyond it fails with `StorageFull`.
    pub fn set_capacity(&self, bytes: u64) {
        self.0.capacity.store(bytes, Ordering::SeqCst);
    }

    /// Sum of all file lengths, bytes.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::SeqCst)
    }

    /// Another disk with what a power loss would now leave on this one.
    pub fn durable_copy(&self) -> Memory {
        let copy = Memory::new();
        *locked(&copy.0.tree) = locked(&self.0.tree).durable_copy(&copy.0.used);
        copy
    }

    /// Empties the disk: it was replaced by a new one. Handles and locks are dead.
    pub fn wipe(&self) {
        self.kill();
        *locked(&self.0.tree) = Tree::default();
    }

    /// Whether [`Memory::fail_sync`] is still to come.
    pub fn is_sync_to_fail(&self) -> bool {
        locked(&self.0.faults).fail.is_some()
    }

    /// Every file there is and its length in bytes, by path.
    pub fn files(&self) -> io::Result<Vec<(PathBuf, u64)>> {
        Ok(self.0.tree()?.files())
    }

    /// What has happened to it so far.
    pub fn events(&self) -> Events {
        *locked(&self.0.events)
    }

    /// Changes the bits set in `mask` of one byte, durably: the disk has gone bad there.
    pub fn flip(&self, path: &Path, offset: u64, mask: u8) -> io::Result<()> {
        let content = self.0.tree()?.file(path)?;
        locked(&content).flip(offset, mask)
    }
}

impl Machine {
    fn tree(&self) -> io::Result<MutexGuard<'_, Tree>> {
        let tree = locked(&self.tree);
        // Under the lock: what waited for it while the power failed must not go on.
        self.powered()?;
        Ok(tree)
    }

    fn powered(&self) -> io::Result<()> {
        if self.off.load(Ordering::SeqCst) { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    fn lose_power(&self, unsynced: Unsynced) {
        self.processes.fetch_add(1, Ordering::SeqCst);
        let lost = locked(&self.tree).lose_power(unsynced);
        let mut events = locked(&self.events);
        events.power_losses += 1;
        events.lost_bytes += lost.bytes;
        events.lost_names += lost.names;
    }

    /// Counts a sync, and lets go wrong what is due.
    fn sync(&self) -> io::Result<Synced> {
        locked(&self.events).syncs += 1;
        let due = self.due();
        let lies = self.lies.load(Ordering::SeqCst);
        if due.is_err() {
            locked(&self.events).failed_syncs += 1;
        } else if lies {
            locked(&self.events).lies += 1;
        }
        due.map(|()| if lies { Synced::Lie } else { Synced::Durable })
    }

    fn due(&self) -> io::Result<()> {
        let mut faults = locked(&self.faults);
        if let Some((left, unsynced)) = &mut faults.crash {
            *left -= 1;
            if *left == 0 {
                let unsynced = *unsynced;
                faults.crash = None;
                self.off.store(true, Ordering::SeqCst);
                self.lose_power(unsynced);
                return self.powered();
            }
        }
        if let Some(left) = &mut faults.fail {
            *left -= 1;
            if *left == 0 {
                faults.fail = None;
                return Err(io::Error::other("injected: the sync failed"));
            }
        }
        Ok(())
    }
}

impl Files for Memory {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Arc<dyn File>> {
        let mut tree = self.0.tree()?;
        let content = match (tree.file(path), mode) {
            (Ok(_), Mode::Create) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Ok(content), _) => content,
            (Err(error), Mode::Create | Mode::CreateOrWrite) if error.kind() == io::ErrorKind::NotFound => {
                let content = Arc::new(Mutex::new(Content::new(self.0.used.clone())));
                tree.insert(path, Node::File(content.clone()))?;
                content
            }
            (Err(error), _) => return Err(error),
        };
        let process = self.0.processes.load(Ordering::SeqCst);
        Ok(Arc::new(Handle { machine: self.0.clone(), content, process, writes: mode != Mode::Read }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut tree = self.0.tree()?;
        let node = tree.node(from)?;
        tree.insert(to, node)?;
        if from == to { Ok(()) } else { tree.remove(from) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.0.tree()?;
        tree.file(path)?;
        tree.remove(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.0.tree()?;
        tree.list(path)?;
        tree.remove(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.0.tree()?.create_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.powered()?;
        match self.0.sync()? {
            Synced::Durable => self.0.tree()?.sync(path),
            Synced::Lie => Ok(()),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.tree()?.list(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        match self.0.tree()?.node(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        let mut tree = self.0.tree()?;
        let total = match self.0.capacity.load(Ordering::SeqCst) {
            0 => u64::MAX >> 1,
            bound => {
                tree.sync_removals();
                bound
            }
        };
        Ok(Space { free: total.saturating_sub(self.used()), total })
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        self.open(path, Mode::CreateOrWrite)?;
        let mut tree = self.0.tree()?;
        if !tree.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let process = self.0.processes.load(Ordering::SeqCst);
        Ok(Box::new(Held { machine: self.0.clone(), path: path.to_owned(), process }))
    }
}

/// Locks; what a panicking test left behind is still consistent enough to look at.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
