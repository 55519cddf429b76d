//! The machine's own files.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, FlockOperation};

use crate::files::{File, Files, Lock, Mode, Space};
use crate::write_back::start_write_back;

/// Bytes that are dropped from memory together: whole pages, of whatever size.
const DROPPED: u64 = 64 << 10;

/// The kernel's file systems.
pub struct Disk;

struct Handle(fs::File);

impl Files for Disk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(mode != Mode::Read);
        match mode {
            Mode::Create => options.create_new(true),
            Mode::CreateOrWrite => options.create(true).truncate(false),
            Mode::Read | Mode::Write => &mut options,
        };
        Ok(Arc::new(Handle(options.open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            // Our own names are ASCII: anything else in the folder is not ours to touch.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        fs::exists(path)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(Space { free: stat.f_bavail * stat.f_frsize, total: stat.f_blocks * stat.f_frsize })
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let file = fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(Held(file)))
    }
}

struct Held(fs::File);

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        // To close it is not enough: a child that another thread has just forked has it, too, until it runs its program.
        // Nothing can be done about a failure, and none is known.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

impl File for Handle {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(into, offset)
    }

    fn write_all_at(&self, from: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(from, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn start_write_back(&self, offset: u64, length: u64) -> io::Result<()> {
        start_write_back(&self.0, offset, length)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, length) {
            // Some file systems cannot reserve. The length is still right; space is then found when written.
            Err(rustix::io::Errno::OPNOTSUPP) => {
                if self.len()? < length {
                    self.0.set_len(length)?;
                }
                Ok(())
            }
            other => Ok(other?),
        }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn drop_cached(&self, offset: u64, length: u64) {
        // What is only a part of a page is kept: so whole ones, and those beside it with them.
        let (from, to) = (offset / DROPPED * DROPPED, (offset + length).next_multiple_of(DROPPED));
        let length = std::num::NonZeroU64::new(to - from);
        // Where it cannot be done, memory is read: what the disk has is seen later.
        let _ = rustix::fs::fadvise(&self.0, from, length, rustix::fs::Advice::DontNeed);
    }
}
