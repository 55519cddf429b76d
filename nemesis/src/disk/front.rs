//! What the kernel's requests mean for the disk.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::SystemTime;

use fuser::{FileAttr, FileType, INodeNo};
use gossamer_world::files::{Mode, Space};
use gossamer_world::memory::Memory;
use gossamer_world::{File, Files};

use super::faults::{Access, Faults};
use super::inodes::{Inodes, Node};

/// What a disk says is its unit, bytes.
pub(super) const BLOCK: u64 = 4096;

pub(super) struct Front {
    memory: Memory,
    pub(super) faults: Faults,
    inodes: Mutex<Inodes>,
    opened: RwLock<HashMap<u64, Arc<Opened>>>,
    handles: AtomicU64,
}

/// What a process has open.
pub(super) enum Opened {
    /// With the path that it had then.
    File(Arc<dyn File>, PathBuf),
    /// What was in it then.
    Dir(Vec<(String, FileType)>),
}

/// A sync that was asked for, and of what.
pub(super) struct Syncing<S> {
    pub(super) path: PathBuf,
    pub(super) sync: S,
}

impl Front {
    pub(super) fn new(memory: Memory) -> Self {
        let (faults, inodes, opened, handles) = Default::default();
        Front { memory, faults, inodes, opened, handles }
    }

    /// After a power loss: what the kernel knows means nothing now.
    pub(super) fn forget_all(&self) {
        self.inodes().clear();
        self.opened_mut().clear();
    }

    pub(super) fn forget(&self, number: INodeNo, lookups: u64) {
        self.inodes().forget(number.0, lookups);
    }

    pub(super) fn lookup(&self, dir: INodeNo, name: &OsStr) -> io::Result<FileAttr> {
        let (mut inodes, name) = (self.inodes(), text(name)?);
        let path = inodes.path(dir.0)?.join(name);
        let node = self.node(&path)?;
        let number = inodes.enter(dir.0, name, || node.clone());
        attributes(number, &inodes.node(number)?)
    }

    pub(super) fn attributes(&self, number: INodeNo) -> io::Result<FileAttr> {
        let node = self.inodes().node(number.0)?;
        if let Node::Dir = node {
            self.memory.space(Path::new("/"))?;
        }
        attributes(number.0, &node)
    }

    pub(super) fn set_len(&self, number: INodeNo, length: u64) -> io::Result<()> {
        match self.inodes().node(number.0)? {
            Node::File(file) => file.set_len(length),
            Node::Dir => Err(ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn create(&self, dir: INodeNo, name: &OsStr) -> io::Result<(FileAttr, u64)> {
        let path = self.inodes().path(dir.0)?.join(text(name)?);
        self.memory.open(&path, Mode::CreateOrWrite)?;
        let attributes = self.lookup(dir, name)?;
        let handle = self.open(attributes.ino);
        if handle.is_err() {
            self.forget(attributes.ino, 1);
        }
        Ok((attributes, handle?))
    }

    pub(super) fn open(&self, number: INodeNo) -> io::Result<u64> {
        let inodes = self.inodes();
        match inodes.node(number.0)? {
            Node::File(file) => Ok(self.keep(Opened::File(file, inodes.path(number.0).unwrap_or_default()))),
            Node::Dir => Err(ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn open_dir(&self, number: INodeNo) -> io::Result<u64> {
        let path = self.inodes().path(number.0)?;
        let kind = |name: String| match self.node(&path.join(&name))? {
            Node::Dir => Ok((name, FileType::Directory)),
            Node::File(_) => Ok((name, FileType::RegularFile)),
        };
        let entries: io::Result<_> = self.memory.list(&path)?.into_iter().map(kind).collect();
        Ok(self.keep(Opened::Dir(entries?)))
    }

    pub(super) fn close(&self, handle: u64) {
        self.opened_mut().remove(&handle);
    }

    pub(super) fn opened(&self, handle: u64) -> io::Result<Arc<Opened>> {
        let opened: RwLockReadGuard<'_, _> = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.get(&handle).cloned().ok_or_else(|| io::Error::from_raw_os_error(libc::ESTALE))
    }

    pub(super) fn file(&self, handle: u64) -> io::Result<Arc<dyn File>> {
        match &*self.opened(handle)? {
            Opened::File(file, _) => Ok(file.clone()),
            Opened::Dir(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn read(&self, handle: u64, offset: u64, size: u32) -> io::Result<Vec<u8>> {
        let file = self.reach(handle, Access::Read)?;
        let mut bytes = vec![0; size as usize];
        let length = file.read_at(&mut bytes, offset)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    pub(super) fn write(&self, handle: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.reach(handle, Access::Write)?.write_all_at(bytes, offset)
    }

    pub(super) fn make_dir(&self, dir: INodeNo, name: &OsStr) -> io::Result<FileAttr> {
        let path = self.inodes().path(dir.0)?.join(text(name)?);
        if self.memory.exists(&path)? {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.memory.create_dir_all(&path)?;
        self.lookup(dir, name)
    }

    pub(super) fn unlink(&self, dir: INodeNo, name: &OsStr) -> io::Result<()> {
        let (mut inodes, name) = (self.inodes(), text(name)?);
        self.memory.remove(&inodes.path(dir.0)?.join(name))?;
        inodes.remove(dir.0, name);
        Ok(())
    }

    pub(super) fn remove_dir(&self, dir: INodeNo, name: &OsStr) -> io::Result<()> {
        let (mut inodes, name) = (self.inodes(), text(name)?);
        let path = inodes.path(dir.0)?.join(name);
        self.check_empty(&path)?;
        self.memory.remove_dir_all(&path)?;
        inodes.remove(dir.0, name);
        Ok(())
    }

    /// Replaces what bears the new name, unless it is a directory with something in it.
    pub(super) fn rename(
        &self,
        from: (INodeNo, &OsStr),
        to: (INodeNo, &OsStr),
        replaces: bool,
    ) -> io::Result<()> {
        let (mut inodes, from, to) = (self.inodes(), (from.0.0, text(from.1)?), (to.0.0, text(to.1)?));
        let source = inodes.path(from.0)?.join(from.1);
        let target = inodes.path(to.0)?.join(to.1);
        if self.memory.exists(&target)? {
            if !replaces {
                return Err(ErrorKind::AlreadyExists.into());
            }
            if let Node::Dir = self.node(&target)? {
                self.check_empty(&target)?;
            }
        }
        self.memory.rename(&source, &target)?;
        if from != to {
            inodes.rename(from, to);
        }
        Ok(())
    }

    pub(super) fn file_sync(
        &self,
        handle: u64,
    ) -> io::Result<Syncing<impl FnOnce() -> io::Result<()> + use<>>> {
        match &*self.opened(handle)? {
            Opened::File(file, path) => {
                let (path, file) = (path.clone(), file.clone());
                Ok(Syncing { path, sync: move || file.sync_data() })
            }
            Opened::Dir(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn dir_sync(
        &self,
        number: INodeNo,
    ) -> io::Result<Syncing<impl FnOnce() -> io::Result<()> + use<>>> {
        let (path, memory) = (self.inodes().path(number.0)?, self.memory.clone());
        Ok(Syncing { path: path.clone(), sync: move || memory.sync_dir(&path) })
    }

    pub(super) fn fail_next_sync(&self) {
        self.memory.fail_sync(1);
    }

    pub(super) fn is_sync_to_fail(&self) -> bool {
        self.memory.is_sync_to_fail()
    }

    pub(super) fn space(&self) -> io::Result<Space> {
        self.memory.space(Path::new("/"))
    }

    fn node(&self, path: &Path) -> io::Result<Node> {
        match self.memory.open(path, Mode::Write) {
            Ok(file) => Ok(Node::File(file)),
            Err(error) if error.kind() == ErrorKind::IsADirectory => Ok(Node::Dir),
            Err(error) => Err(error),
        }
    }

    fn check_empty(&self, dir: &Path) -> io::Result<()> {
        if self.memory.list(dir)?.is_empty() { Ok(()) } else { Err(ErrorKind::DirectoryNotEmpty.into()) }
    }

    /// An open file, unless it is to fail.
    fn reach(&self, handle: u64, access: Access) -> io::Result<Arc<dyn File>> {
        match &*self.opened(handle)? {
            Opened::File(_, path) if self.faults.strikes(access, path) => Err(io::Error::other("injected")),
            Opened::File(file, _) => Ok(file.clone()),
            Opened::Dir(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn keep(&self, opened: Opened) -> u64 {
        let handle = self.handles.fetch_add(1, Ordering::Relaxed);
        self.opened_mut().insert(handle, Arc::new(opened));
        handle
    }

    fn inodes(&self) -> MutexGuard<'_, Inodes> {
        self.inodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened_mut(&self) -> RwLockWriteGuard<'_, HashMap<u64, Arc<Opened>>> {
        self.opened.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(name: &OsStr) -> io::Result<&str> {
    name.to_str().ok_or_else(|| ErrorKind::InvalidFilename.into())
}

/// Owners, rights and times are not kept: nothing under test asks for them.
fn attributes(number: u64, node: &Node) -> io::Result<FileAttr> {
    let (kind, perm, size) = match node {
        Node::Dir => (FileType::Directory, 0o755, 0),
        Node::File(file) => (FileType::RegularFile, 0o644, file.len()?),
    };
    let time = SystemTime::UNIX_EPOCH;
    Ok(FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind,
        perm,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK as u32,
        flags: 0,
    })
}
