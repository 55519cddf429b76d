//! Open files and locks of one process; dead when it is.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};

use super::content::Content;
use super::{Machine, Synced, locked};
use crate::files::{File, Lock};

/// A lock.
pub(super) struct Held {
    pub(super) machine: Arc<Machine>,
    pub(super) path: PathBuf,
    /// Who took it.
    pub(super) process: u64,
}

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        // A later process may hold the same lock by now.
        if self.process == self.machine.processes.load(Ordering::SeqCst) {
            locked(&self.machine.tree).locks.remove(&self.path);
        }
    }
}

/// An open file.
pub(super) struct Handle {
    pub(super) machine: Arc<Machine>,
    pub(super) content: Arc<Mutex<Content>>,
    /// Who opened it.
    pub(super) process: u64,
    /// Whether it may be changed.
    pub(super) writes: bool,
}

impl Handle {
    fn alive(&self) -> io::Result<()> {
        self.machine.powered()?;
        if self.process != self.machine.processes.load(Ordering::SeqCst) {
            return Err(io::Error::other("the process that opened this file has died"));
        }
        Ok(())
    }

    fn reading(&self) -> io::Result<MutexGuard<'_, Content>> {
        let content = locked(&self.content);
        // Under the lock: what waited for it while the power failed must not go on.
        self.alive()?;
        Ok(content)
    }

    /// For a change that makes the file at least `length` bytes long.
    fn writing(&self, length: u64) -> io::Result<MutexGuard<'_, Content>> {
        let content = self.reading()?;
        if !self.writes {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        if self.has_room(&content, length) {
            return Ok(content);
        }
        // A power loss takes the tree first, and then contents.
        drop(content);
        self.machine.tree()?.sync_removals();
        let content = self.reading()?;
        if !self.has_room(&content, length) {
            locked(&self.machine.events).full += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(content)
    }

    fn has_room(&self, content: &Content, length: u64) -> bool {
        let capacity = self.machine.capacity.load(Ordering::SeqCst);
        let grown = length.saturating_sub(content.len());
        capacity == 0 || grown == 0 || self.machine.used.load(Ordering::SeqCst) + grown <= capacity
    }
}

impl File for Handle {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(self.reading()?.read(into, offset))
    }

    fn write_all_at(&self, from: &[u8], offset: u64) -> io::Result<()> {
        self.writing(offset + from.len() as u64)?.write(from, offset);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.alive()?;
        let synced = self.machine.sync();
        let mut content = self.reading()?;
        match synced {
            Ok(Synced::Durable) => content.sync(),
            Ok(Synced::Lie) => {}
            Err(_) => content.fail_sync(),
        }
        synced.map(|_| ())
    }

    fn start_write_back(&self, _offset: u64, _length: u64) -> io::Result<()> {
        self.alive()
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.writing(length)?.set_len(length);
        Ok(())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut content = self.writing(length)?;
        let longer = length.max(content.len());
        content.set_len(longer);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.reading()?.len())
    }
}
