//! Mounting and unmounting.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuser::{Config, MountOption, Session, SessionACL};
use gossamer_world::memory::Memory;
use rustix::mount::{UnmountFlags, unmount};

use super::Disk;
use super::front::Front;
use super::fuse::Fuse;

/// What mounts of ours are called, before the id of the process.
const NAME: &str = "gossamer-disk-";
/// Requests served side by side.
const THREADS: usize = 4;

impl Disk {
    /// Mounts an empty disk on an empty directory. Needs root and `/dev/fuse`; see [`Disk::possible`].
    pub fn mount(at: &Path) -> io::Result<Disk> {
        unmount_leftovers();
        let memory = Memory::new();
        let front = Arc::new(Front::new(memory.clone()));
        let mut config = Config::default();
        let name = format!("{NAME}{}", std::process::id());
        config.mount_options = vec![MountOption::FSName(name), MountOption::Subtype("gossamer".to_owned())];
        config.acl = SessionACL::All;
        config.n_threads = Some(THREADS);
        config.clone_fd = true;
        let at = at.canonicalize()?;
        let session = Session::new(Fuse(front.clone()), &at, &config)?.spawn()?;
        Ok(Disk { memory, front, at, session: Some(session) })
    }

    /// Whether this process may mount a disk here; if not, what is wanting.
    pub fn possible() -> Result<(), &'static str> {
        if !rustix::process::geteuid().is_root() {
            return Err("needs root to mount a file system");
        }
        match fs::File::options().read(true).write(true).open("/dev/fuse") {
            Ok(_) => Ok(()),
            Err(_) => Err("needs /dev/fuse, which cannot be opened here"),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A process that still has something open there keeps it, and nobody else sees it any longer.
        if unmount(&self.at, UnmountFlags::empty()).is_err() {
            let _ = unmount(&self.at, UnmountFlags::DETACH);
        }
        // Its thread ends with the last process that sees the mount: not necessarily now.
        drop(self.session.take());
    }
}

/// Disks of processes that were killed are unmounted by the next one: whoever looks at them only gets an error.
fn unmount_leftovers() {
    for mount in fs::read_to_string("/proc/self/mounts").unwrap_or_default().lines() {
        let mut words = mount.split(' ');
        let (Some(name), Some(at)) = (words.next(), words.next()) else { continue };
        let Some(process) = name.strip_prefix(NAME) else { continue };
        if !Path::new("/proc").join(process).exists() {
            let _ = unmount(PathBuf::from(at), UnmountFlags::DETACH);
        }
    }
}
