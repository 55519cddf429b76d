//! Snapshots: the catalogue at one log index, in one checksummed file. Chunks are not in it; they are fetched.
//!
//! # Layout
//! - `format`: what the file looks like, and what a snapshot says of itself
//! - `write`, `read`: the file from its beginning to its end
//! - [`receive`]: a file that comes from another node
//!
//! # Invariants
//! - The file `current` is whole, durable, and was so before it got that name: written under another name, synced,
//!   renamed, and the folder synced.
//! - It becomes current only after the extents up to its index are synced, and before any row of the catalogue is
//!   exchanged for one of it.
//! - It is made only of rows that add up to the catalogue's digest.
//! - Its rows are used only after all of it has been checked against its BLAKE3.

mod format;
mod read;
pub mod receive;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gossamer_world::World;
use gossamer_world::files::{File, Files, Mode};
use tokio::sync::Notify;

use super::catalogue::Catalogue;
use super::catalogue::applied::AppliedState;
use super::catalogue::backend::BackendError;
use super::catalogue::digest::Digest;
pub use format::Meta;
pub use read::Checking;
pub use receive::Receiving;

/// The name of the one snapshot that counts.
const CURRENT: &str = "current";

/// Why a snapshot cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Not the bytes that were written.
    #[error("snapshot {file} is damaged: {what}")]
    Corrupt {
        /// Its path.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// Written by a newer Gossamer.
    #[error("snapshot {file} has format {found}, this program reads up to {known}")]
    Newer {
        /// Its path.
        file: String,
        /// Its format.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] BackendError),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl SnapshotError {
    /// Whether it failed for want of space.
    pub fn is_full(&self) -> bool {
        let full = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::QuotaExceeded];
        matches!(self, SnapshotError::Io(error) if full.contains(&error.kind()))
    }
}

/// A complete, checked, durable snapshot file. It can be read as long as this is kept, also when another becomes
/// current.
#[derive(Clone)]
pub struct Snapshot {
    /// What it says of itself.
    pub meta: Meta,
    /// Where it was when this was made.
    pub path: PathBuf,
    /// Length of the file.
    pub bytes: u64,
    file: Arc<dyn File>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot {{ at: {:?}, bytes: {} }}", self.meta.at, self.bytes)
    }
}

/// The folder of snapshots: at most one current, and files being received or built. All methods block.
pub struct Snapshots {
    files: Arc<dyn Files>,
    dir: PathBuf,
    current: Mutex<Option<Snapshot>>,
    /// Numbers the files that are not current yet.
    made: AtomicU64,
    suspected: Notify,
}

impl Snapshots {
    /// Removes leftovers of crashes; checks beginning and end of the current snapshot. All of it is checked when it
    /// is used.
    pub fn open(world: &World, dir: &Path) -> Result<Arc<Self>, SnapshotError> {
        let files = Arc::clone(&world.files);
        files.create_dir_durably(dir)?;
        for name in files.list(dir)?.iter().filter(|name| *name != CURRENT) {
            files.remove(&dir.join(name))?;
        }
        files.sync_dir(dir)?;
        let path = dir.join(CURRENT);
        let current = if files.exists(&path)? { Some(read::open(&*files, path)?) } else { None };
        Ok(Arc::new(Snapshots {
            files,
            dir: dir.into(),
            current: Mutex::new(current),
            made: AtomicU64::new(0),
            suspected: Notify::new(),
        }))
    }

    /// Somebody got something else than a snapshot from here: the current one is to be looked at.
    pub fn suspect(&self) {
        self.suspected.notify_one();
    }

    /// Resolves when it is.
    pub async fn suspected(&self) {
        self.suspected.notified().await;
    }

    /// The snapshot that counts.
    pub fn current(&self) -> Option<Snapshot> {
        self.lock().clone()
    }

    /// For checking all of the current snapshot, if there is one, in steps.
    pub fn checking(&self) -> Option<Checking> {
        self.current().map(Checking::new)
    }

    /// Checks all of the current snapshot, if there is one.
    pub fn check(&self) -> Result<(), SnapshotError> {
        self.current().map_or(Ok(()), |current| read::check(&current))
    }

    /// Builds one of the catalogue as it is at this moment, while apply goes on; durable and current at return.
    /// `sync_chunks` is called once the rows are frozen: it makes every chunk put before durable. If a newer one
    /// became current meanwhile, that is returned.
    pub fn build(
        &self,
        catalogue: &Catalogue,
        sync_chunks: &dyn Fn() -> std::io::Result<()>,
    ) -> Result<Snapshot, SnapshotError> {
        let path = self.new_path("build");
        let built = self.write(catalogue, &path).and_then(|file| {
            sync_chunks()?;
            file.sync_data()?;
            self.adopt(read::open(&*self.files, path.clone())?)
        });
        if built.is_err() {
            // What failed is what counts; a leftover is removed at the next start.
            let _ = self.files.remove(&path);
        }
        built
    }

    /// Writes the frozen catalogue to a file; apply is held up no longer when it returns.
    fn write(&self, catalogue: &Catalogue, path: &Path) -> Result<Arc<dyn File>, SnapshotError> {
        let mut frozen = catalogue.freeze()?;
        let meta = Meta::of(frozen.applied(), frozen.digest());
        let mut writer = write::Writer::new(self.files.open(path, Mode::Create)?, &meta)?;
        let mut digest = Digest::default();
        while let Some(rows) = frozen.next_page()? {
            rows.iter().for_each(|(key, value)| digest.add(key, value));
            rows.iter().try_for_each(|(key, value)| writer.row(key, value))?;
        }
        drop(frozen);
        if digest.to_bytes() != meta.digest {
            // The log must not be cut on account of rows that nobody could install.
            let what = "its rows do not match its digest: no snapshot is made of them";
            return Err(BackendError::Row(what.to_owned()).into());
        }
        Ok(writer.finish()?)
    }

    /// A file to write received parts to.
    pub fn receive(&self) -> Result<Receiving, SnapshotError> {
        Receiving::new(Arc::clone(&self.files), self.new_path("receive"))
    }

    /// Makes a received snapshot current and replaces the catalogue with it. Survives a crash at any point: the
    /// catalogue opened afterwards is behind or half replaced, and [`Snapshots::restore`] takes the snapshot again.
    pub fn install(&self, received: Snapshot, catalogue: &Catalogue) -> Result<(), SnapshotError> {
        // Again, and all of it: only now is it known that nothing happened to the file since it was received.
        if let Err(error) = read::check(&received) {
            self.files.remove(&received.path)?;
            return Err(error);
        }
        let current = self.adopt(received)?;
        replace(catalogue, &current)?;
        tracing::info!(at = ?current.meta.at, "snapshot installed");
        Ok(())
    }

    /// At start: replaces the catalogue from the current snapshot if the catalogue is behind it, half replaced, or
    /// `distrusted`. Without a snapshot a distrusted catalogue is emptied: the log then holds everything.
    pub fn restore(&self, catalogue: &Catalogue, distrusted: bool) -> Result<(), SnapshotError> {
        let sound = !distrusted && !catalogue.is_half_replaced();
        match self.current() {
            Some(current) if !sound || catalogue.applied().at < current.meta.at => {
                read::check(&current)?;
                replace(catalogue, &current)
            }
            None if !sound => {
                let nothing = std::iter::empty::<Result<(Bytes, Bytes), SnapshotError>>();
                catalogue.replace(AppliedState::default(), [0; 32], nothing)
            }
            _ => Ok(()),
        }
    }

    /// Up to `length` bytes of a snapshot file from `offset`, for sending; empty at its end.
    pub fn read(&self, snapshot: &Snapshot, offset: u64, length: usize) -> Result<Bytes, SnapshotError> {
        let left = usize::try_from(snapshot.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut part = vec![0; length.min(left)];
        snapshot.file.read_exact_at(&mut part, offset)?;
        Ok(part.into())
    }

    /// Gives a durable file the name `current`, unless what bears it is newer; what is current then.
    fn adopt(&self, new: Snapshot) -> Result<Snapshot, SnapshotError> {
        let mut current = self.lock();
        if let Some(newer) = current.as_ref().filter(|current| current.meta.at > new.meta.at) {
            self.files.remove(&new.path)?;
            return Ok(newer.clone());
        }
        let path = self.dir.join(CURRENT);
        self.files.rename(&new.path, &path)?;
        self.files.sync_dir(&self.dir)?;
        let adopted = Snapshot { path, ..new };
        *current = Some(adopted.clone());
        Ok(adopted)
    }

    fn new_path(&self, kind: &str) -> PathBuf {
        self.dir.join(format!("{kind}-{}", self.made.fetch_add(1, Ordering::Relaxed)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Snapshot>> {
        // It is only ever exchanged whole.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replaces the catalogue by a snapshot that has been checked.
fn replace(catalogue: &Catalogue, snapshot: &Snapshot) -> Result<(), SnapshotError> {
    catalogue.replace(snapshot.meta.applied(), snapshot.meta.digest, read::Rows::new(snapshot)?)?;
    Ok(catalogue.flush()?)
}
