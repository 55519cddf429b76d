//! Writing records: a place is reserved under a lock, the bytes are written outside it, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::WRITE_BACK_BYTES;
use gossamer_world::{File, files::Mode};

use super::record::{self, EXTENT_HEADER, ExtentHeader, Location, RECORD_HEADER};
use super::{ChunkError, Chunks, Purpose, locked};

/// The extents there are. A lock of its own, taken after the index lock and never before it.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) extents: BTreeMap<u64, Extent>,
    active: Option<Active>,
    /// Records reserved whose index rows are not yet written: (extent, offset).
    pending: BTreeSet<(u64, u64)>,
    /// The number of the next extent; numbers are never used twice.
    pub(super) next: u64,
}

/// Sizes of one extent, bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    pub(super) end: u64,
    /// Records that the index points to.
    pub(super) live: u64,
}

/// The one being appended to. After a restart there is none: behind a torn tail nobody would find a record for sure, so the
/// first put begins a fresh extent, and compaction merges the short ones.
struct Active {
    number: u64,
    nonce: u64,
    file: Arc<dyn File>,
    written_back: u64,
}

/// A record that is written, and not yet in the index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appended(pub(super) Location);

struct Place {
    location: Location,
    nonce: u64,
    file: Arc<dyn File>,
    /// A range whose write-back is due, bytes.
    write_back: Option<(u64, u64)>,
}

impl Layout {
    pub(super) fn live(&self) -> u64 {
        self.extents.values().map(|extent| extent.live).sum()
    }

    /// Counts a record that the index now points to.
    pub(super) fn gain(&mut self, at: &Location) {
        self.extents.entry(at.extent).or_default().live += at.span();
    }

    /// Counts a record that the index points to no more.
    pub(super) fn lose(&mut self, at: &Location) {
        if let Some(extent) = self.extents.get_mut(&at.extent) {
            extent.live = extent.live.saturating_sub(at.span());
        }
    }

    /// Extents that nobody writes to and whose records are all in the index or dead.
    pub(super) fn sealed(&self) -> impl Iterator<Item = (u64, Extent)> {
        let active = self.active.as_ref().map(|active| active.number);
        self.extents.iter().map(|(number, extent)| (*number, *extent)).filter(move |(number, _)| {
            Some(*number) != active && self.pending.range((*number, 0)..=(*number, u64::MAX)).next().is_none()
        })
    }

    /// Every record before this place is in the index, or dead.
    pub(super) fn watermark(&self) -> (u64, u64) {
        let end = self.active.as_ref().map(|active| (active.number, self.extents[&active.number].end));
        self.pending.first().copied().or(end).unwrap_or((self.next, 0))
    }
}

impl Chunks {
    /// Writes a record. The caller writes its index row, and then says [`Chunks::indexed`].
    pub(super) fn append(&self, hash: &Hash, data: &Bytes, purpose: Purpose) -> Result<Appended, ChunkError> {
        self.claim(Location::span_of(data.len()), purpose)?;
        let place = self.reserve(data.len())?;
        let at = place.location;
        // The header last: after the kill of a process, a header that is there has its payload.
        let header = record::encode_record(place.nonce, hash, at.length);
        let written = place
            .file
            .write_all_at(data, at.offset + RECORD_HEADER as u64)
            .and_then(|()| place.file.write_all_at(&header, at.offset));
        if let Err(error) = written {
            self.give_back(&at);
            return Err(self.failed_write(error));
        }
        self.syncing.wrote(at.extent, &place.file);
        if let Some((from, length)) = place.write_back {
            // Only a start: whether the bytes arrive is what fdatasync says.
            let _ = place.file.start_write_back(from, length);
        }
        Ok(Appended(at))
    }

    /// The row of this record is written, or the record is not wanted. Under the index lock.
    pub(super) fn indexed(&self, appended: &[Appended]) {
        let mut layout = locked(&self.layout);
        for Appended(at) in appended {
            layout.pending.remove(&(at.extent, at.offset));
        }
    }

    fn reserve(&self, length: usize) -> Result<Place, ChunkError> {
        let span = Location::span_of(length);
        let mut layout = locked(&self.layout);
        let full = layout.active.as_ref().is_none_or(|active| {
            let end = layout.extents[&active.number].end;
            end > EXTENT_HEADER && end + span > self.config.extent_bytes
        });
        if full {
            self.begin_extent(&mut layout)?;
        }
        let Layout { extents, active: Some(active), pending, .. } = &mut *layout else {
            return Err(ChunkError::Failed("no active extent".to_owned()));
        };
        let extent = extents.entry(active.number).or_default();
        let offset = extent.end;
        extent.end += span;
        pending.insert((active.number, offset));
        let behind = offset - active.written_back;
        let write_back = (behind >= WRITE_BACK_BYTES).then_some((active.written_back, behind));
        if write_back.is_some() {
            active.written_back = offset;
        }
        // A chunk is at most CHUNK_BYTES long.
        let location = Location { extent: active.number, offset, length: length as u32 };
        Ok(Place { location, nonce: active.nonce, file: Arc::clone(&active.file), write_back })
    }

    fn begin_extent(&self, layout: &mut Layout) -> Result<(), ChunkError> {
        let number = layout.next;
        let unwritten = layout.pending.first().map_or(number, |(extent, _)| *extent);
        let durable_below = self.syncing.first_unsynced().map_or(unwritten, |first| first.min(unwritten));
        // Read before: a sync that failed leaves nothing unsynced behind, and its extents must not be called durable.
        self.check()?;
        let header = ExtentHeader { number, nonce: self.random.number(), durable_below };
        let path = self.path(number);
        let file = self.files.open(&path, Mode::Create).map_err(|error| self.write_error(error))?;
        layout.next += 1;
        if let Err(error) = file.write_all_at(&header.encode(), 0) {
            // Nothing is in it; if it cannot be removed either, the next start finds it unreadable and empty.
            let _ = self.files.remove(&path);
            return Err(self.failed_write(error));
        }
        self.syncing.began(number, &file);
        self.handles.keep(number, &file);
        layout.extents.insert(number, Extent { end: EXTENT_HEADER, live: 0 });
        layout.active = Some(Active { number, nonce: header.nonce, file, written_back: 0 });
        Ok(())
    }

    /// After a failed write: the range is a hole that a scan skips, unless it was the last.
    fn give_back(&self, at: &Location) {
        let mut layout = locked(&self.layout);
        layout.pending.remove(&(at.extent, at.offset));
        if let Some(extent) = layout.extents.get_mut(&at.extent)
            && extent.end == at.offset + at.span()
        {
            extent.end = at.offset;
        }
    }
}
