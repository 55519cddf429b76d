//! A snapshot that comes from another node, part by part.

use std::path::PathBuf;
use std::sync::Arc;

use gossamer_world::files::{File, Files, Mode};

use super::{Snapshot, SnapshotError, read};

/// A snapshot being received; dropped unfinished it is removed.
pub struct Receiving {
    files: Arc<dyn Files>,
    file: Arc<dyn File>,
    path: PathBuf,
    offset: u64,
    kept: bool,
}

impl Receiving {
    pub(super) fn new(files: Arc<dyn Files>, path: PathBuf) -> Result<Self, SnapshotError> {
        let file = files.open(&path, Mode::Create)?;
        Ok(Receiving { files, file, path, offset: 0, kept: false })
    }

    /// Writes the next bytes of the file.
    pub fn write(&mut self, part: &[u8]) -> Result<(), SnapshotError> {
        self.file.write_all_at(part, self.offset)?;
        self.offset += part.len() as u64;
        Ok(())
    }

    /// Checks the whole file and syncs it.
    pub fn finish(mut self) -> Result<Snapshot, SnapshotError> {
        let snapshot = read::open(&*self.files, self.path.clone())?;
        read::check(&snapshot)?;
        self.file.sync_data()?;
        self.kept = true;
        Ok(snapshot)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if !self.kept {
            // A leftover is removed at the next start too.
            let _ = self.files.remove(&self.path);
        }
    }
}
