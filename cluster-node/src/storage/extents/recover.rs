//! Opening: the index is brought up to what the extents hold.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::CHUNK_BYTES;
use gossamer_world::{File, files::Mode};

use super::append::Extent;
use super::index::is_damage;
use super::record::{self, EXTENT_HEADER, ExtentHeader, FORMAT, Location, Opening};
use super::rows::{self, Listed};
use super::scan::{BLOCK, Scan};
use super::{ChunkError, Chunks, locked};
use crate::storage::catalogue::backend::{BackendError, Batch};

/// Rows in one batch or page.
const PAGE: usize = 1024;

impl Chunks {
    pub(super) fn recover(&self) -> Result<(), ChunkError> {
        self.files.create_dir_durably(&self.dir)?;
        let headers = self.read_headers()?;
        let watermark =
            self.backend.get(&rows::WATERMARK)?.map(|row| rows::read_watermark(&row)).transpose()?;
        let indexed = watermark.unwrap_or_default();
        // What the last run wrote and did not sync may be cut, torn or not on the disk, in these extents only.
        let durable_below = headers.values().flatten().map(|header| header.durable_below).max().unwrap_or(0);
        let doubtful = if self.config.after_crash { durable_below } else { u64::MAX };
        let mut unsynced = Vec::new();
        for number in headers.range(durable_below..).map(|(number, _)| *number) {
            let file = self.files.open(&self.path(number), Mode::Write)?;
            // Chunks found here are confirmed without being written again: they must not depend on the page cache. Before
            // they are looked at, or what is seen then may be gone from the cache when it is written.
            if watermark.is_none() || self.config.after_crash {
                rewrite(&*file)?;
            }
            // Kept open: through another handle an error of the kernel's own write-back might be missed.
            unsynced.push(file);
        }
        self.drop_lost(doubtful)?;
        for (number, header) in headers.range(indexed.0.min(doubtful)..) {
            let Some(header) = header else {
                tracing::error!(extent = number, "the header of an extent is damaged: its chunks are lost");
                continue;
            };
            let is_indexed = *number == indexed.0 && *number < doubtful;
            let from = if is_indexed { indexed.1.max(EXTENT_HEADER) } else { EXTENT_HEADER };
            self.index_extent(header, from, *number >= durable_below)?;
        }
        unsynced.iter().try_for_each(|file| file.sync_data())?;
        self.files.sync_dir(&self.dir)?;
        let next = headers.last_key_value().map_or(1, |(number, _)| number + 1).max(indexed.0);
        locked(&self.layout).next = next;
        self.backend.write(vec![(rows::WATERMARK, Some(rows::watermark((next, 0))))])?;
        // Rows that were dropped must not come back with the kill of this process: its extents may get numbers that
        // they point to.
        self.backend.flush()?;
        self.count_rows()?;
        Ok(())
    }

    /// The header of every extent there is; `None` for a damaged one. Notes their sizes.
    fn read_headers(&self) -> Result<BTreeMap<u64, Option<ExtentHeader>>, ChunkError> {
        let mut headers = BTreeMap::new();
        for name in self.files.list(&self.dir)? {
            let Some(number) = name.strip_suffix(".extent").and_then(|number| number.parse().ok()) else {
                continue;
            };
            let file = self.files.open(&self.path(number), Mode::Read)?;
            let mut bytes = [0; EXTENT_HEADER as usize];
            let end = file.len()?;
            let header = match file.read_exact_at(&mut bytes, 0) {
                Ok(()) => ExtentHeader::decode(&bytes),
                Err(error) if is_damage(&error) => Opening::Damaged,
                Err(error) => return Err(error.into()),
            };
            let header = match header {
                Opening::Known(header) => Some(header).filter(|header| header.number == number),
                Opening::Newer(found) => return Err(ChunkError::Newer { file: name, found, known: FORMAT }),
                Opening::Damaged => None,
            };
            locked(&self.layout).extents.insert(number, Extent { end, live: 0 });
            headers.insert(number, header);
        }
        Ok(headers)
    }

    /// Drops rows that point beyond an extent's end or into none, and those into extents from `doubtful` on whose chunk is not
    /// there whole; counts the others' bytes. What is torn there is made void by [`Chunks::index_extent`].
    ///
    /// The index outlives a sync that failed and a power loss that a kill followed; what it points to may not.
    fn drop_lost(&self, doubtful: u64) -> Result<(), ChunkError> {
        let mut after = None;
        loop {
            let page = self.page(b'L', after.as_ref(), PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(*last);
            for (hash, value) in page {
                let at = rows::read_location(&value)?;
                let end = locked(&self.layout).extents.get(&at.extent).map(|extent| extent.end);
                if end.is_some() {
                    // Also what is forgotten next, which takes it off again.
                    locked(&self.layout).gain(&at);
                }
                let within = end.is_some_and(|end| at.end() <= end);
                if within && (at.extent < doubtful || self.is_whole(&hash, &at)?) {
                    continue;
                }
                tracing::warn!(%hash, extent = at.extent, "a chunk of the index is not in its extent any more");
                self.forget(&hash, &at)?;
            }
        }
    }

    /// Adds the records of one extent, from byte `from`, that the index lacks. Of two of the same chunk the later one counts:
    /// it was written because the other was lost, damaged or to be moved.
    fn index_extent(&self, header: &ExtentHeader, from: u64, check: bool) -> Result<(), ChunkError> {
        let file = self.file(header.number)?;
        let mut scan = Scan::new(&*file, header.number, header.nonce, from)?;
        let mut found: BTreeMap<Hash, Location> = BTreeMap::new();
        loop {
            let (hash, at) = match scan.next() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(error) if is_damage(&error) => {
                    tracing::warn!(extent = header.number, offset = scan.at(), %error, "a part of an extent cannot be read");
                    scan.skip();
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if check && !self.is_whole(&hash, &at)? {
                tracing::warn!(%hash, extent = at.extent, offset = at.offset, "a chunk did not reach the disk whole");
                match self.void(&at) {
                    // It cannot be read, and so is nobody's word for a chunk either.
                    Err(error) if !is_damage(&error) => return Err(error.into()),
                    _ => self.forget(&hash, &at)?,
                };
                continue;
            }
            found.insert(hash, at);
            if found.len() == PAGE {
                self.add_found(std::mem::take(&mut found))?;
            }
        }
        self.add_found(found)
    }

    /// Whether the record there holds the chunk; not if it cannot be read.
    fn is_whole(&self, hash: &Hash, at: &Location) -> Result<bool, ChunkError> {
        match self.read_record(hash, at) {
            Ok(read) => Ok(read.is_some_and(|data| Hash::of(&data) == *hash)),
            Err(error) if is_damage(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a torn record none at all. Later extents will say that this one is durable, which its payload never was: the
    /// next rebuild would take the header's word for it.
    ///
    /// Durable only when the extent is synced: until then no later extent exists, and a start checks the record again.
    fn void(&self, at: &Location) -> io::Result<()> {
        // The magic is all in one sector, so this is not torn itself; length and hash are left for people.
        self.files.open(&self.path(at.extent), Mode::Write)?.write_all_at(&record::VOID_MAGIC, at.offset)
    }

    fn add_found(&self, found: BTreeMap<Hash, Location>) -> Result<(), ChunkError> {
        let tag = self.backend.get(&rows::COLLECT)?.unwrap_or_else(|| rows::number(0));
        let mut batch = Batch::new();
        for (hash, at) in found {
            let before = self.locate(&hash)?;
            batch.push((rows::of(b'L', &hash), Some(rows::location(&at))));
            if !self.is_referenced(&hash)? {
                batch.push((rows::of(b'U', &hash), Some(tag.clone())));
            }
            let mut layout = locked(&self.layout);
            if let Some(before) = before {
                layout.lose(&before);
            }
            layout.gain(&at);
        }
        Ok(self.backend.write(batch)?)
    }

    fn count_rows(&self) -> Result<(), BackendError> {
        let mut after = None;
        self.counts.health.reset();
        loop {
            let page = self.page(b'M', after.as_ref(), PAGE)?;
            for (_, value) in &page {
                self.counts.health.lose(rows::read_missing(value)?);
            }
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
        }
        let mut unexpanded = 0;
        let mut from = Bytes::from_static(b"X");
        loop {
            let page = self.backend.scan(&from, &rows::end(b'X'), PAGE)?;
            for (_, value) in &page {
                unexpanded += u64::from(matches!(rows::read_listed(value)?, Listed::Reference(_)));
            }
            let Some((last, _)) = page.last() else { break };
            from = [last.as_ref(), &[0]].concat().into();
        }
        self.counts.unexpanded.store(unexpanded, Ordering::Relaxed);
        let collect = self.backend.get(&rows::COLLECT)?.map_or(Ok(0), |row| rows::read_number(&row))?;
        self.counts.collect.store(collect, Ordering::Relaxed);
        Ok(())
    }
}

/// Writes all of a file once more. If the last run ended with a failed sync, the page cache may show bytes that are not
/// on the disk and take them for clean; another sync alone would not write them.
fn rewrite(file: &dyn File) -> io::Result<()> {
    let (mut piece, length) = (vec![0; CHUNK_BYTES], file.len()?);
    for offset in (0..length).step_by(CHUNK_BYTES) {
        let part = &mut piece[..(length - offset).min(CHUNK_BYTES as u64) as usize];
        if !copy_onto_itself(file, part, offset)? {
            for (block, part) in (offset..).step_by(BLOCK as usize).zip(part.chunks_mut(BLOCK as usize)) {
                // A block that cannot be read is left as it is: whoever reads the chunk finds it.
                copy_onto_itself(file, part, block)?;
            }
        }
    }
    Ok(())
}

/// Whether it could be read.
fn copy_onto_itself(file: &dyn File, part: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_exact_at(part, offset) {
        Ok(()) => file.write_all_at(part, offset).map(|()| true),
        Err(error) if is_damage(&error) => Ok(false),
        Err(error) => Err(error),
    }
}
