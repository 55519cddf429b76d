//! Moving the live chunks out of extents that are mostly dead.

use gossamer_proto::hash::Hash;

use super::append::{Appended, Extent};
use super::record::Location;
use super::{ChunkError, Chunks, Purpose, locked, rows};
use crate::storage::catalogue::backend::{BackendError, Batch};

impl Chunks {
    /// Empties one sealed extent of which less than half is live, or one of several that restarts left short. Its chunks are
    /// readable all the time; the file is left to [`Chunks::unlink_some`]. False: there was none to do, or there is no room
    /// to do it.
    pub(in crate::storage) fn compact_one(&self) -> Result<bool, ChunkError> {
        let Some((number, live)) = self.sparse() else { return Ok(false) };
        // Most of the reserve may be used for it, because it gives more back; an eighth stays for log and catalogue. Copies that
        // are broken off would only fill the disk more.
        if self.files.space(&self.dir)?.free < live + self.config.reserve_bytes / 8 {
            return Ok(false);
        }
        let mut moved = Vec::new();
        let copied = self.copy_live(number, &mut moved);
        // Only what is durable in its new place may lose its old one.
        let synced = copied.and_then(|()| self.sync());
        let guard = self.lock();
        self.indexed(&moved.iter().map(|(_, _, to)| Appended(*to)).collect::<Vec<_>>());
        synced?;
        self.move_rows(&moved)?;
        drop(guard);
        self.forget_rest(number)?;
        Ok(true)
    }

    /// The one with the fewest live bytes, which gives most for least, and how many.
    fn sparse(&self) -> Option<(u64, u64)> {
        let layout = locked(&self.layout);
        let sealed: Vec<(u64, Extent)> = layout.sealed().filter(|(_, extent)| extent.live > 0).collect();
        let short = |extent: &Extent| extent.live * 2 < self.config.extent_bytes;
        let several = sealed.iter().filter(|(_, extent)| short(extent)).count() > 1;
        let wanted = |extent: &Extent| extent.live * 2 < extent.end || (several && short(extent));
        let wanted = sealed.iter().filter(|(_, extent)| wanted(extent));
        wanted.min_by_key(|(_, extent)| extent.live).map(|(number, extent)| (*number, extent.live))
    }

    fn copy_live(&self, number: u64, moved: &mut Vec<(Hash, Location, Location)>) -> Result<(), ChunkError> {
        for (hash, at) in self.records_of(number)? {
            if self.locate(&hash)? != Some(at) {
                continue;
            }
            match self.get_checked(&hash) {
                Ok(Some(data)) => moved.push((hash, at, self.append(&hash, &data, Purpose::Apply)?.0)),
                // Freed, or damaged and forgotten.
                Ok(None) | Err(ChunkError::Corrupt(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn move_rows(&self, moved: &[(Hash, Location, Location)]) -> Result<(), BackendError> {
        let mut batch = Batch::new();
        for (hash, from, to) in moved {
            if self.locate(hash)? == Some(*from) {
                batch.push((rows::of(b'L', hash), Some(rows::location(to))));
                let mut layout = locked(&self.layout);
                layout.lose(from);
                layout.gain(to);
            }
        }
        self.backend.write(batch)
    }

    /// What the index still points to in an emptied extent has a damaged header: a scan would not find it either.
    fn forget_rest(&self, number: u64) -> Result<(), ChunkError> {
        if locked(&self.layout).extents.get(&number).is_none_or(|extent| extent.live == 0) {
            return Ok(());
        }
        for (hash, at) in self.rows_into(number)? {
            tracing::warn!(%hash, extent = number, "the header of a chunk is damaged");
            self.forget(&hash, &at)?;
        }
        Ok(())
    }
}
