//! The chunks of one extent after the other, in the order in which they lie on the disk.

use std::io;

use gossamer_proto::hash::Hash;
use gossamer_world::files::Mode;

use super::index::is_damage;
use super::record::{EXTENT_HEADER, ExtentHeader, Location, Opening};
use super::scan::Scan;
use super::{ChunkError, Chunks, locked, rows};
use crate::storage::catalogue::backend::BackendError;

/// Rows of one page when the whole index is searched.
const PAGE: usize = 1024;
/// Bytes of one such row, about.
const ROW: u64 = 64;
/// Records of one step of a listing.
const RECORDS: usize = 64;
/// What the disk reads for one record's header, bytes.
const PAGE_OF_DISK: u64 = 4096;

/// Chunks, and where they are.
type Records = Vec<(Hash, Location)>;

/// The chunks of one extent, being listed step by step.
pub(in crate::storage) struct Listing {
    number: u64,
    next: Next,
    found: Records,
}

/// Where a listing goes on.
enum Next {
    /// At this byte of the extent.
    Record(u64),
    /// Behind this row of the index.
    Row(Option<Hash>),
    End,
}

impl Listing {
    /// What was found, in the order of the disk, with offsets and lengths in bytes.
    pub(in crate::storage) fn into_chunks(mut self) -> Vec<(Hash, u64, u32)> {
        self.found.sort_unstable_by_key(|(_, at)| at.offset);
        self.found.into_iter().map(|(hash, at)| (hash, at.offset, at.length)).collect()
    }
}

impl Chunks {
    /// The extents from this number on, with their lengths in bytes.
    pub(in crate::storage) fn extents_from(&self, number: u64) -> Vec<(u64, u64)> {
        let layout = locked(&self.layout);
        layout.extents.range(number..).map(|(number, extent)| (*number, extent.end)).collect()
    }

    /// Begins to list the chunks that the index finds in an extent.
    pub(in crate::storage) fn listing(&self, number: u64) -> Listing {
        let sealed = locked(&self.layout).sealed().any(|(extent, _)| extent == number);
        let next = if sealed { Next::Record(EXTENT_HEADER) } else { Next::Row(None) };
        Listing { number, next, found: Vec::new() }
    }

    /// One small step of a listing. Returns the bytes read for it; `None` at the end.
    ///
    /// Also chunks are listed whose record cannot be found by a scan, because its header is damaged or cannot be read: the
    /// index points to more bytes then than the scan has found, and all of it is searched.
    pub(in crate::storage) fn list(&self, listing: &mut Listing) -> Result<Option<u64>, ChunkError> {
        match &listing.next {
            Next::Record(from) => self.list_records(listing, *from).map(Some),
            Next::Row(after) => Ok(Some(self.list_rows(listing, *after)?)),
            Next::End => Ok(None),
        }
    }

    fn list_records(&self, listing: &mut Listing, from: u64) -> Result<u64, ChunkError> {
        let number = listing.number;
        let scanned = match self.scan_records(number, from, RECORDS) {
            Err(error) if is_damage(&error) => None,
            scanned => scanned?,
        };
        let Some((records, next)) = scanned else {
            (listing.found, listing.next) = (Vec::new(), Next::Row(None));
            return Ok(0);
        };
        let (read, at_end) = (records.len() as u64 * PAGE_OF_DISK, records.len() < RECORDS);
        for (hash, at) in records {
            if self.locate(&hash)? == Some(at) {
                listing.found.push((hash, at));
            }
        }
        listing.next = Next::Record(next);
        if at_end {
            // In a sealed extent the live bytes only get fewer: what is counted now was there during the scan.
            let counted: u64 = listing.found.iter().map(|(_, at)| at.span()).sum();
            let live = locked(&self.layout).extents.get(&number).map_or(0, |extent| extent.live);
            if counted < live {
                (listing.found, listing.next) = (Vec::new(), Next::Row(None));
            } else {
                listing.next = Next::End;
            }
        }
        Ok(read)
    }

    fn list_rows(&self, listing: &mut Listing, after: Option<Hash>) -> Result<u64, BackendError> {
        let (page, next) = self.page_into(listing.number, after.as_ref())?;
        let read = page.len() as u64 * ROW;
        listing.found.extend(page);
        listing.next = next.map_or(Next::End, |last| Next::Row(Some(last)));
        Ok(read)
    }

    /// Reads a chunk of this extent from the disk itself, as far as the system can be told to, and checks it: as
    /// [`Chunks::get_checked`]. Returns its bytes; none if it has moved or is gone.
    pub(in crate::storage) fn reread(&self, extent: u64, hash: &Hash) -> Result<u64, ChunkError> {
        let Some(at) = self.locate(hash)?.filter(|at| at.extent == extent) else { return Ok(0) };
        if let Ok(file) = self.file(extent) {
            file.drop_cached(at.offset, at.span());
        }
        Ok(self.get_checked(hash)?.map_or(0, |data| data.len() as u64))
    }

    /// The records of an extent: from itself, or, if its header or a part of it cannot be read, from the whole index.
    pub(super) fn records_of(&self, number: u64) -> Result<Records, ChunkError> {
        match self.scan_records(number, EXTENT_HEADER, usize::MAX) {
            Ok(Some((records, _))) => Ok(records),
            Ok(None) => Ok(self.rows_into(number)?),
            Err(error) if is_damage(&error) => Ok(self.rows_into(number)?),
            Err(error) => Err(error.into()),
        }
    }

    /// At most `count` records from a place where one begins, and where the next would; `None` if both copies of the extent's
    /// header are damaged.
    fn scan_records(&self, number: u64, from: u64, count: usize) -> io::Result<Option<(Records, u64)>> {
        let file = self.files.open(&self.path(number), Mode::Read)?;
        let mut header = [0; EXTENT_HEADER as usize];
        file.read_exact_at(&mut header, 0)?;
        let Opening::Known(header) = ExtentHeader::decode(&header) else { return Ok(None) };
        let mut scan = Scan::new(&*file, number, header.nonce, from)?;
        let mut records = Vec::new();
        while records.len() < count
            && let Some(record) = scan.next()?
        {
            records.push(record);
        }
        Ok(Some((records, scan.at())))
    }

    /// Every row of the index that points into an extent.
    pub(super) fn rows_into(&self, number: u64) -> Result<Records, BackendError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = self.page_into(number, after.as_ref())?;
            found.extend(page);
            if next.is_none() {
                return Ok(found);
            }
            after = next;
        }
    }

    /// Those of the next rows of the index that point into an extent, and the last row looked at; `None` at the end.
    fn page_into(&self, number: u64, after: Option<&Hash>) -> Result<(Records, Option<Hash>), BackendError> {
        let page = self.page(b'L', after, PAGE)?;
        let last = page.last().map(|(last, _)| *last);
        let mut found = Vec::new();
        for (hash, value) in page {
            let at = rows::read_location(&value)?;
            if at.extent == number {
                found.push((hash, at));
            }
        }
        Ok((found, last))
    }
}
