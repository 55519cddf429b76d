//! A file of the user's, complete or not there: written under another name beside it, then renamed.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, WRITE_BACK_BYTES};
use gossamer_world::files::Mode;
use gossamer_world::network::BoxFuture;
use gossamer_world::{File, World};

use super::{Held, Sink};
use crate::Info;

/// Writes `PATH` by way of `.NAME.<hash of NAME>.part` in the same folder.
///
/// # Durability
/// - When [`Sink::finish`] has returned, the content has been fdatasync'ed (unless [`FileSink::without_sync`]) and bears its
///   name; whether the name survives a power loss is up to the file system. Before that, `PATH` is what it was.
/// - Dropped unfinished, or killed, it leaves a `.part` file if it had begun a file of more than 1 MiB, and the next one for
///   the same path goes on with it: what is in it is checked chunk by chunk.
pub struct FileSink {
    world: World,
    path: PathBuf,
    sync: bool,
    part: Option<Arc<Part>>,
    /// Bytes written since write-back was last started.
    dirty: u64,
}

/// The temporary file. Locked, so that two at a time do not write into one; whoever still writes to it holds it.
struct Part {
    world: World,
    path: PathBuf,
    locked: fs::File,
    file: Arc<dyn File>,
    /// It was there before.
    resumed: bool,
    /// The next sink for the same path will find it.
    is_known: bool,
    /// It stays when it is dropped: renamed, or worth to go on with.
    stays: AtomicBool,
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.stays.load(Ordering::Relaxed)
            && let Err(error) = self.world.files.remove(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "an unfinished file could not be removed");
        }
    }
}

impl FileSink {
    /// Will write to `path`; makes nothing yet.
    pub fn new(world: &World, path: &Path) -> io::Result<Self> {
        if path.file_name().is_none() {
            let why = "not the name of a file; give a path that ends in one";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            let why = "it is there and is no regular file; give another name, or `-` and redirect";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        Ok(FileSink { world: world.clone(), path: path.to_owned(), sync: true, part: None, dirty: 0 })
    }

    /// Leaves it to the caller to make the file durable: of many, all at once is much quicker.
    pub fn without_sync(mut self) -> Self {
        self.sync = false;
        self
    }

    /// Where an unfinished `path` is kept.
    pub fn part_of(path: &Path) -> PathBuf {
        let name = path.file_name().unwrap_or_default();
        let hash = Hash::of(name.as_encoded_bytes()).to_string();
        path.with_file_name(format!(".{}.{}.part", shown(name), &hash[..16]))
    }

    /// Whether a file of this name is an unfinished one of ours.
    pub fn is_part(name: &OsStr) -> bool {
        let middle = |name: &str| {
            let name = name.strip_prefix('.')?.strip_suffix(".part")?;
            let (_, hash) = name.rsplit_once('.')?;
            Some(hash.len() == 16 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
        };
        name.to_str().and_then(middle).unwrap_or(false)
    }

    /// Removes an unfinished file, unless another process is writing it.
    pub fn remove_part(path: &Path) {
        let removed = lock(path, 0o600).and_then(|locked| match locked {
            Some(_) => fs::remove_file(path),
            None => Ok(()),
        });
        if let Err(error) = removed {
            tracing::warn!(path = %path.display(), %error, "an unfinished file could not be removed");
        }
    }

    /// The part, which [`Sink::begin`] has made.
    fn part(&self) -> io::Result<Arc<Part>> {
        self.part.clone().ok_or_else(|| io::Error::other("nothing was begun"))
    }

    /// Says which file an error is about, and what to do when the disk is full: then nothing is kept that fills it.
    fn explain(&self, error: io::Error) -> io::Error {
        let path = self.path.display();
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        if let (true, Some(part)) = (full, &self.part) {
            part.stays.store(false, Ordering::Relaxed);
        }
        let next =
            if full { "; free some space or choose another disk (nothing was left behind)" } else { "" };
        io::Error::new(error.kind(), format!("cannot write {path}: {error}{next}"))
    }
}

/// A long name is cut, so that the temporary one is no longer than file systems allow (255 bytes).
fn shown(name: &OsStr) -> String {
    name.to_string_lossy().chars().take(50).collect()
}

impl Part {
    /// The one that an earlier attempt left, else a new one. If another process writes it now, one of another name.
    fn open(world: &World, target: &Path) -> io::Result<Part> {
        let path = FileSink::part_of(target);
        // Content that is to take the place of a private file must not be seen by others meanwhile.
        let mode = if target.exists() { 0o600 } else { 0o666 };
        while let Some((locked, resumed)) = lock(&path, mode)? {
            let file = match world.files.open(&path, Mode::Write) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            // Whoever had it until now may have renamed or removed it before it was ours.
            if is_same(&locked, &path)? {
                let stays = AtomicBool::new(false);
                return Ok(Part { world: world.clone(), path, locked, file, resumed, is_known: true, stays });
            }
        }
        Part::private(world, target)
    }

    /// A new one of a name that nobody else knows.
    fn private(world: &World, target: &Path) -> io::Result<Part> {
        let name = shown(target.file_name().unwrap_or_default());
        let path = target.with_file_name(format!(".{name}.{:016x}.part", world.random.number()));
        let mode = if target.exists() { 0o600 } else { 0o666 };
        let locked = OpenOptions::new().write(true).read(true).create_new(true).mode(mode).open(&path)?;
        let file = world.files.open(&path, Mode::Write)?;
        let stays = AtomicBool::new(false);
        Ok(Part { world: world.clone(), path, locked, file, resumed: false, is_known: false, stays })
    }

    /// Gives it the attributes and the name.
    fn finish(&self, target: &Path, info: &Info, sync: bool) -> io::Result<()> {
        if sync {
            self.file.sync_data()?;
        }
        // A file that takes the place of another is as private as that one was.
        let mode = match fs::metadata(target) {
            Ok(there) => there.permissions().mode() & 0o777,
            Err(_) => self.locked.metadata()?.permissions().mode() & 0o777,
        };
        let may_read = (mode & 0o444) >> 2;
        let mode = if info.is_executable() { mode | may_read } else { mode & !0o111 };
        self.locked.set_permissions(fs::Permissions::from_mode(mode))?;
        if let Some(modified) = info.modified().system_time() {
            self.locked.set_modified(modified)?;
        }
        self.world.files.rename(&self.path, target)?;
        self.stays.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Held for Part {
    fn read(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let mut piece = vec![0; length];
        self.file.read_exact_at(&mut piece, offset)?;
        Ok(piece.into())
    }
}

/// Opens and locks a part, and says whether there is something in it; `None` if another process has it, or where there are no
/// locks.
fn lock(path: &Path, mode: u32) -> io::Result<Option<(fs::File, bool)>> {
    let open =
        || OpenOptions::new().write(true).read(true).create(true).truncate(false).mode(mode).open(path);
    let file = match open() {
        // One that was given its last rights, and then not its name: it is ours all the same.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
            open()?
        }
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) => {
            let resumed = file.metadata()?.len() > 0;
            Ok(Some((file, resumed)))
        }
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_same(file: &fs::File, path: &Path) -> io::Result<bool> {
    let mine = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((mine.dev(), mine.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Sink for FileSink {
    fn is_positioned(&self) -> bool {
        true
    }

    fn begin(&mut self, size: u64) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let (world, path, before) = (self.world.clone(), self.path.clone(), self.part.take());
            let begin = move || {
                let again = before.is_some();
                if let Some(before) = before {
                    // A write of the former version may still be under way on another thread. It must end in a file that
                    // nobody will see, not among the bytes of this version.
                    before.stays.store(true, Ordering::Relaxed);
                    world.files.remove(&before.path)?;
                }
                let part = if again { Part::private(&world, &path)? } else { Part::open(&world, &path)? };
                part.file.set_len(size)?;
                // Little is sooner fetched again than found.
                part.stays.store(part.is_known && size > CHUNK_BYTES as u64, Ordering::Relaxed);
                Ok(Arc::new(part))
            };
            let part = self.world.blocking.run(begin).await.map_err(|error| self.explain(error))?;
            self.part = Some(part);
            Ok(())
        })
    }

    fn write(&mut self, offset: u64, piece: Bytes) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let part = self.part()?;
            self.dirty += piece.len() as u64;
            let write_back = self.dirty >= WRITE_BACK_BYTES;
            if write_back {
                self.dirty = 0;
            }
            let write = move || {
                part.file.write_all_at(&piece, offset)?;
                // All that is dirty, wherever it lies (length 0): the last sync is then short.
                if write_back { part.file.start_write_back(0, 0) } else { Ok(()) }
            };
            self.world.blocking.run(write).await.map_err(|error| self.explain(error))
        })
    }

    fn finish(&mut self, info: &Info) -> BoxFuture<'_, io::Result<()>> {
        let info = info.clone();
        Box::pin(async move {
            let (path, part, sync) = (self.path.clone(), self.part()?, self.sync);
            let finish = move || part.finish(&path, &info, sync);
            self.world.blocking.run(finish).await.map_err(|error| self.explain(error))?;
            self.part = None;
            Ok(())
        })
    }

    fn held(&self) -> Option<Arc<dyn Held>> {
        let part = self.part.clone().filter(|part| part.resumed)?;
        Some(part)
    }
}
