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

impl Chunks {
    /// The extents from this number on, with their lengths in bytes.
    pub(in crate::storage) fn extents_from(&self, number: u64) -> Vec<(u64, u64)> {
        let layout = locked(&self.layout);
        layout.extents.range(number..).map(|(number, extent)| (*number, extent.end)).collect()
    }

    /// The chunks that the index finds in an extent, in order, with their offsets and lengths in bytes.
    ///
    /// Also those whose record cannot be found by a scan, because its header is damaged or cannot be read: the index points
    /// to more bytes then than the scan has found, and all of it is searched.
    pub(in crate::storage) fn chunks_in(&self, number: u64) -> Result<Vec<(Hash, u64, u32)>, ChunkError> {
        let sealed = locked(&self.layout).sealed().any(|(extent, _)| extent == number);
        let mut found = if sealed { self.scanned_chunks(number)? } else { self.rows_into(number)? };
        // In a sealed extent the live bytes only get fewer: what is counted now was there during the scan.
        let counted: u64 = found.iter().map(|(_, at)| at.span()).sum();
        let live = locked(&self.layout).extents.get(&number).map_or(0, |extent| extent.live);
        if sealed && counted < live {
            found = self.rows_into(number)?;
        }
        found.sort_unstable_by_key(|(_, at)| at.offset);
        Ok(found.into_iter().map(|(hash, at)| (hash, at.offset, at.length)).collect())
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

    fn scanned_chunks(&self, number: u64) -> Result<Vec<(Hash, Location)>, ChunkError> {
        let mut live = Vec::new();
        for (hash, at) in self.records_of(number)? {
            if self.locate(&hash)? == Some(at) {
                live.push((hash, at));
            }
        }
        Ok(live)
    }

    /// The records of an extent: from itself, or, if its header or a part of it cannot be read, from the whole index.
    pub(super) fn records_of(&self, number: u64) -> Result<Vec<(Hash, Location)>, ChunkError> {
        match self.scan_records(number) {
            Ok(Some(records)) => Ok(records),
            Ok(None) => Ok(self.rows_into(number)?),
            Err(error) if is_damage(&error) => Ok(self.rows_into(number)?),
            Err(error) => Err(error.into()),
        }
    }

    /// `None` if both copies of the header are damaged.
    fn scan_records(&self, number: u64) -> io::Result<Option<Vec<(Hash, Location)>>> {
        let file = self.files.open(&self.path(number), Mode::Read)?;
        let mut header = [0; EXTENT_HEADER as usize];
        file.read_exact_at(&mut header, 0)?;
        let Opening::Known(header) = ExtentHeader::decode(&header) else { return Ok(None) };
        let mut scan = Scan::new(&*file, number, header.nonce, EXTENT_HEADER)?;
        let mut records = Vec::new();
        while let Some(record) = scan.next()? {
            records.push(record);
        }
        Ok(Some(records))
    }

    /// Every row of the index that points into an extent.
    pub(super) fn rows_into(&self, number: u64) -> Result<Vec<(Hash, Location)>, BackendError> {
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
}
