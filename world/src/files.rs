//! File IO with positions and explicit durability, as a trait.
//!
//! All calls block; [`crate::Blocking`] says where they run. Paths are absolute.

use std::io;
use std::path::Path;
use std::sync::Arc;

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Must exist; reading only.
    Read,
    /// Must exist; reading and writing.
    Write,
    /// Must not exist.
    Create,
    /// Made if it does not exist; never truncated.
    CreateOrWrite,
}

/// Free and total bytes of a file system, as an unprivileged user sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that can still be written.
    pub free: u64,
    /// Size of the file system in bytes.
    pub total: u64,
}

/// Whether the disk cannot read, or write, a sector: EIO, of which std makes no kind.
pub fn is_bad_sector(error: &io::Error) -> bool {
    error.raw_os_error() == Some(5)
}

/// Opens and arranges files.
///
/// # Durability
/// - A new, renamed or removed name survives a power loss only after [`Files::sync_dir`] of its directory.
pub trait Files: Send + Sync {
    /// Opens a file.
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Arc<dyn File>>;
    /// Renames within one file system, replacing what bears the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory and all in it.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Makes a directory and its parents; no error if it is there.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Makes a directory and the parents that are missing, durably: they survive a power loss.
    fn create_dir_durably(&self, path: &Path) -> io::Result<()> {
        let missing = |dir: &&Path| !self.exists(dir).unwrap_or(true);
        let made = path.ancestors().take_while(missing).count();
        self.create_dir_all(path)?;
        if made == 0
            && let Some(parent) = path.parent()
        {
            // An earlier process may have died before it came to this. Who made it might not let us read the parent.
            return match self.sync_dir(parent) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
                synced => synced,
            };
        }
        path.ancestors().skip(1).take(made).try_for_each(|parent| self.sync_dir(parent))
    }
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, sorted; not `.` and `..`.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Whether something bears this name.
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// Free and total bytes where `path` lies.
    fn space(&self, path: &Path) -> io::Result<Space>;
    /// Locks `path` (made if needed) against every other process and opener until the lock is dropped.
    /// Fails at once with `WouldBlock` if it is locked.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
}

/// A held lock; dropping it releases it.
pub trait Lock: Send + Sync {}

/// An open file. Calls may run side by side.
///
/// # Durability
/// - What was written survives a power loss only after [`File::sync_data`]. A failed sync says nothing about
///   which bytes are safe, and a second one may wrongly succeed: it is never retried.
pub trait File: Send + Sync {
    /// Reads up to `into.len()` bytes at `offset`; 0 at or past the end.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `from` at `offset`, growing the file if needed.
    fn write_all_at(&self, from: &[u8], offset: u64) -> io::Result<()>;
    /// Makes data and length durable (fdatasync).
    fn sync_data(&self) -> io::Result<()>;
    /// Starts writing `length` bytes at `offset` back to the disk without waiting; promises nothing.
    fn start_write_back(&self, offset: u64, length: u64) -> io::Result<()>;
    /// Cuts or extends (with zeros) to `length` bytes.
    fn set_len(&self, length: u64) -> io::Result<()>;
    /// Reserves disk space up to `length` bytes and extends the file to it with zeros.
    fn allocate(&self, length: u64) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Lets the system forget its copy in memory of `length` bytes at `offset`, as far as it is also on the disk: the next
    /// read shows what the disk has. A hint.
    fn drop_cached(&self, offset: u64, length: u64) {
        let _ = (offset, length);
    }

    /// Whether it holds no byte.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `into` from `offset`, or fails with `UnexpectedEof`.
    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < into.len() {
            match self.read_at(&mut into[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
