//! Moving the live chunks out of extents that are mostly dead.

use gossamer_proto::hash::Hash;
use gossamer_world::files::Mode;

use super::append::{Appended, Extent};
use super::record::{EXTENT_HEADER, ExtentHeader, Location, Opening};
use super::scan::Scan;
use super::{ChunkError, Chunks, Purpose, locked, rows};
use crate::storage::catalogue::backend::{BackendError, Batch};

/// Rows of one page when the whole index is searched.
const PAGE: usize = 1024;

impl Chunks {
    /// Empties one sealed extent of which less than half is live, or one of several that restarts left short. Its chunks are
    /// readable all the time; the file is left to [`Chunks::unlink_some`]. False: there was none to do, or there is no room
    /// to do it.
    pub(in crate::storage) fn compact_one(&self) -> Result<bool, ChunkError> {
        let Some((number, live)) = self.sparse() else { return Ok(false) };
        // Half of the reserve stays for log and catalogue; copies that are broken off would only fill the disk more.
        if self.files.space(&self.dir)?.free < live + self.config.reserve_bytes / 2 {
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

    /// The records of an extent: from itself, or, if both copies of its header are damaged, from the whole index.
    fn records_of(&self, number: u64) -> Result<Vec<(Hash, Location)>, ChunkError> {
        let file = self.files.open(&self.path(number), Mode::Read)?;
        let mut header = [0; EXTENT_HEADER as usize];
        file.read_exact_at(&mut header, 0)?;
        let Opening::Known(header) = ExtentHeader::decode(&header) else {
            return Ok(self.rows_into(number)?);
        };
        let mut scan = Scan::new(&*file, number, header.nonce, EXTENT_HEADER)?;
        let mut records = Vec::new();
        while let Some(record) = scan.next()? {
            records.push(record);
        }
        Ok(records)
    }

    /// Every row of the index that points into an extent.
    fn rows_into(&self, number: u64) -> Result<Vec<(Hash, Location)>, BackendError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.page(b'L', after.as_ref(), PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = Some(*last);
            for (hash, value) in page {
                let at = rows::read_location(&value)?;
                if at.extent == number {
                    found.push((hash, at));
                }
            }
        }
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
