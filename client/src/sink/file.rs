//! A file of the user's, complete or not there: written under another name beside it, then renamed.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use gossamer_proto::limits::WRITE_BACK_BYTES;
use gossamer_world::files::Mode;
use gossamer_world::network::BoxFuture;
use gossamer_world::{File, World};

use super::Sink;

/// Writes `PATH` by way of `.NAME.<random>.part` in the same folder.
///
/// # Durability
/// - When [`Sink::finish`] has returned, the content has been fdatasync'ed and bears its name; whether the name
///   survives a power loss is up to the file system. Before that, `PATH` is what it was.
/// - Dropped unfinished, it removes what it wrote. Only a killed process leaves a `.part` file.
pub struct FileSink {
    world: World,
    path: PathBuf,
    part: PathBuf,
    begun: Option<Begun>,
    /// Bytes written since write-back was last started.
    dirty: u64,
}

/// The temporary file; dropped, it is removed. It is made on another thread, and whoever waits for it may be gone
/// when it is there.
struct Begun {
    world: World,
    part: PathBuf,
    file: Arc<dyn File>,
    renamed: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.renamed
            && let Err(error) = self.world.files.remove(&self.part)
        {
            tracing::warn!(path = %self.part.display(), %error, "an unfinished file could not be removed");
        }
    }
}

impl FileSink {
    /// Will write to `path`; makes nothing yet.
    pub fn new(world: &World, path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "not the name of a file; give a path that ends in one",
            )
        })?;
        if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            let why = "it is there and is no regular file; give another name, or `-` and redirect";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        // A long name is cut, so that the temporary one is no longer than file systems allow (255 bytes).
        let shown: String = name.to_string_lossy().chars().take(50).collect();
        let part = OsString::from(format!(".{shown}.{:016x}.part", world.random.number()));
        let part = path.with_file_name(part);
        Ok(FileSink { world: world.clone(), path: path.to_owned(), part, begun: None, dirty: 0 })
    }

    /// The file, which [`Sink::begin`] has made.
    fn file(&self) -> io::Result<Arc<dyn File>> {
        self.begun
            .as_ref()
            .map(|begun| begun.file.clone())
            .ok_or_else(|| io::Error::other("nothing was begun"))
    }

    /// Says which file an error is about, and what to do when the disk is full.
    fn explain(&self, error: io::Error) -> io::Error {
        let path = self.path.display();
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let next =
            if full { "; free some space or choose another disk (nothing was left behind)" } else { "" };
        io::Error::new(error.kind(), format!("cannot write {path}: {error}{next}"))
    }
}

impl Sink for FileSink {
    fn is_positioned(&self) -> bool {
        true
    }

    fn begin(&mut self, size: u64) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let (world, part, begun) = (self.world.clone(), self.part.clone(), self.begun.take());
            let begin = move || {
                // A write of the former version may still be under way on another thread. It must end in a file that
                // nobody will see, not among the bytes of this version.
                drop(begun);
                let file = world.files.open(&part, Mode::Create)?;
                let begun = Begun { world, part, file, renamed: false };
                begun.file.set_len(size)?;
                Ok(begun)
            };
            let begun = self.world.blocking.run(begin).await.map_err(|error| self.explain(error))?;
            self.begun = Some(begun);
            Ok(())
        })
    }

    fn write(&mut self, offset: u64, piece: Bytes) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let file = self.file()?;
            self.dirty += piece.len() as u64;
            let write_back = self.dirty >= WRITE_BACK_BYTES;
            if write_back {
                self.dirty = 0;
            }
            let write = move || {
                file.write_all_at(&piece, offset)?;
                // All that is dirty, wherever it lies (length 0): the last sync is then short.
                if write_back { file.start_write_back(0, 0) } else { Ok(()) }
            };
            self.world.blocking.run(write).await.map_err(|error| self.explain(error))
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let path = self.path.clone();
            let mut begun = self.begun.take().ok_or_else(|| io::Error::other("nothing was begun"))?;
            let finish = move || {
                begun.file.sync_data()?;
                begun.world.files.rename(&begun.part, &path)?;
                begun.renamed = true;
                Ok(())
            };
            self.world.blocking.run(finish).await.map_err(|error| self.explain(error))
        })
    }
}
