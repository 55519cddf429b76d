//! Chunks on real files and a map in memory, with disks that fill up or fail on demand.

mod damage;
mod lists;
mod model;
mod protect;
mod space;

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_world::files::{File, Files, Lock, Mode, Space};
use gossamer_world::{Blocking, World, disk::Disk};

use super::{Chunks, Config, Owner, Purpose, locked};
use crate::storage::catalogue::backend::{Backend, BackendError, Batch};
use crate::storage::catalogue::transaction::Transaction;

/// The backend.
#[derive(Default)]
pub(crate) struct Rows(Mutex<BTreeMap<Bytes, Bytes>>);

impl Backend for Rows {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, BackendError> {
        Ok(locked(&self.0).get(key).cloned())
    }
    fn write(&self, batch: Batch) -> Result<(), BackendError> {
        let mut rows = locked(&self.0);
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
        let rows = locked(&self.0);
        let found = rows.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to))).take(limit);
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
    fn clear(&self) -> Result<(), BackendError> {
        locked(&self.0).clear();
        Ok(())
    }
    fn flush(&self) -> Result<(), BackendError> {
        Ok(())
    }
}

/// What the disk shall do.
#[derive(Default)]
pub(crate) struct Faults {
    /// Writes of payloads at odd turns fail half-way with ENOSPC.
    pub(crate) full: AtomicBool,
    pub(crate) sync_fails: AtomicBool,
    /// The block of 4096 bytes that cannot be read, counted from 1; 0: none.
    pub(crate) bad_block: AtomicU64,
    /// Bytes written so far.
    pub(crate) written: AtomicU64,
    /// Free bytes reported; 0: a terabyte.
    pub(crate) free: AtomicU64,
}

struct FaultyFiles(Arc<Faults>);
struct FaultyFile(Arc<dyn File>, Arc<Faults>);

impl Files for FaultyFiles {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(FaultyFile(Disk.open(path, mode)?, Arc::clone(&self.0))))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        Disk.remove_dir_all(path)
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        Disk.create_dir_all(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Disk.sync_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Disk.list(path)
    }
    fn exists(&self, path: &Path) -> io::Result<bool> {
        Disk.exists(path)
    }
    fn space(&self, _path: &Path) -> io::Result<Space> {
        let free = match self.0.free.load(Ordering::Relaxed) {
            0 => 1 << 40,
            free => free,
        };
        Ok(Space { free, total: 1 << 41 })
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        Disk.lock(path)
    }
}

impl File for FaultyFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let bad = match self.1.bad_block.load(Ordering::Relaxed) {
            0 => u64::MAX - 4096..u64::MAX,
            block => (block - 1) * 4096..block * 4096,
        };
        if bad.contains(&offset) {
            return Err(io::Error::from_raw_os_error(5));
        }
        // As Linux does it: what is readable first, and then the error.
        let readable = if offset < bad.start { bad.start - offset } else { u64::MAX };
        let length = into.len().min(readable as usize);
        self.0.read_at(&mut into[..length], offset)
    }
    fn write_all_at(&self, from: &[u8], offset: u64) -> io::Result<()> {
        if self.1.full.load(Ordering::Relaxed) {
            self.0.write_all_at(&from[..from.len() / 2], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1.written.fetch_add(from.len() as u64, Ordering::Relaxed);
        self.0.write_all_at(from, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        if self.1.sync_fails.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(5));
        }
        Ok(())
    }
    fn start_write_back(&self, offset: u64, length: u64) -> io::Result<()> {
        self.0.start_write_back(offset, length)
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
    fn allocate(&self, length: u64) -> io::Result<()> {
        self.0.allocate(length)
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
}

/// A folder and a backend that outlive the `Chunks` opened on them.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    pub(crate) backend: Arc<Rows>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) world: World,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let faults = Arc::new(Faults::default());
        let files = Arc::new(FaultyFiles(Arc::clone(&faults)));
        let world = World { files, blocking: Blocking::Inline, ..World::real() };
        Bench { folder: tempfile::tempdir().unwrap(), backend: Arc::default(), faults, world }
    }

    /// Small extents, so that there are many.
    pub(crate) fn open(&self) -> Arc<Chunks> {
        self.open_after(false)
    }

    /// The same after a process that did not end well, or did.
    pub(crate) fn open_after(&self, after_crash: bool) -> Arc<Chunks> {
        self.open_with(Config { extent_bytes: 4096, reserve_bytes: 10_000, after_crash })
    }

    pub(crate) fn open_with(&self, config: Config) -> Arc<Chunks> {
        let backend = Arc::clone(&self.backend) as Arc<dyn Backend>;
        Chunks::open(&self.world, &self.folder.path().join("extents"), backend, config).unwrap()
    }

    /// The extents, oldest first.
    pub(crate) fn extents(&self) -> Vec<PathBuf> {
        let dir = self.folder.path().join("extents");
        Disk.list(&dir).unwrap().into_iter().map(|name| dir.join(name)).collect()
    }

    /// Flips a bit of every place where these bytes stand.
    pub(crate) fn damage(&self, what: &[u8]) {
        let mut found = 0;
        for path in self.extents() {
            let mut bytes = std::fs::read(&path).unwrap();
            while let Some(at) = bytes.windows(what.len()).position(|window| window == what) {
                bytes[at] ^= 0x40;
                found += 1;
            }
            std::fs::write(&path, bytes).unwrap();
        }
        assert!(found > 0, "nothing to damage");
    }

    pub(crate) fn transact(&self, chunks: &Chunks, change: impl FnOnce(&mut Transaction<'_>)) {
        let _guard = chunks.lock();
        let mut txn = Transaction::new(&*self.backend);
        change(&mut txn);
        self.backend.write(txn.into_batch()).unwrap();
    }

    pub(crate) fn reference(&self, chunks: &Chunks, version: u64, hashes: &[Hash], depth: u32) {
        let size = hashes.len() as u64 * 1000;
        self.transact(chunks, |txn| chunks.reference(txn, owner(version), hashes, depth, size).unwrap());
    }

    pub(crate) fn dereference(&self, chunks: &Chunks, version: u64, hashes: &[Hash], depth: u32) {
        self.transact(chunks, |txn| chunks.dereference(txn, owner(version), hashes, depth).unwrap());
    }

    pub(crate) fn collect(&self, chunks: &Arc<Chunks>, number: u64) {
        self.transact(chunks, |txn| chunks.collected(txn, number));
        self.sweep(chunks);
    }

    pub(crate) fn sweep(&self, chunks: &Arc<Chunks>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let sweep = crate::storage::collect::sweep(&self.world, chunks, std::time::Duration::ZERO);
        runtime.block_on(sweep).unwrap();
    }
}

fn owner(version: u64) -> Owner {
    Owner { version, ordinal: 0 }
}

/// A chunk of `length` bytes like no other.
pub(crate) fn chunk(seed: u64, length: usize) -> (Hash, Bytes) {
    let mut content = vec![0; length];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for byte in &mut content {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 33) as u8;
    }
    (Hash::of(&content), content.into())
}

pub(crate) fn put(chunks: &Chunks, seed: u64, length: usize) -> Hash {
    let (hash, data) = chunk(seed, length);
    chunks.put(hash, &data, Purpose::Upload).unwrap();
    hash
}
