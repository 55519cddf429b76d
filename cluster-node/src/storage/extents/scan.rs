//! Finding the records of an extent without an index.

use std::io;

use gossamer_proto::hash::Hash;
use gossamer_world::File;

use super::index::is_damage;
use super::record::{self, Location, RECORD_HEADER};

/// Bytes searched at a time for the next header.
const WINDOW: usize = 64 << 10;
/// What a disk reads at once, bytes: where one byte cannot be read, none of these can.
pub(super) const BLOCK: u64 = 4096;

/// One extent being read from front to back.
///
/// Where no valid header stands, it searches for the next one at every multiple of 8: a damaged header costs one chunk, the
/// hole that a full disk left costs none, and behind a torn write of one thread whole records of others are found.
pub(super) struct Scan<'a> {
    file: &'a dyn File,
    extent: u64,
    nonce: u64,
    at: u64,
    end: u64,
}

impl<'a> Scan<'a> {
    /// Scans from byte `from`, which must be where a record begins or may begin.
    pub(super) fn new(file: &'a dyn File, extent: u64, nonce: u64, from: u64) -> io::Result<Self> {
        Ok(Scan { file, extent, nonce, at: from.next_multiple_of(8), end: file.len()? })
    }

    /// Where the next record begins, or may begin.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Goes on behind the block in which something could not be read.
    pub(super) fn skip(&mut self) {
        self.at = (self.at + 1).next_multiple_of(BLOCK);
    }

    /// The next record whose payload lies within the file. The payload is not read.
    pub(super) fn next(&mut self) -> io::Result<Option<(Hash, Location)>> {
        let mut header = [0; RECORD_HEADER];
        while self.at + RECORD_HEADER as u64 <= self.end {
            self.file.read_exact_at(&mut header, self.at)?;
            if let Some((hash, length)) = record::decode_record(self.nonce, &header) {
                let location = Location { extent: self.extent, offset: self.at, length };
                if location.end() <= self.end {
                    self.at += location.span();
                    return Ok(Some((hash, location)));
                }
            }
            self.search(self.at + 8)?;
        }
        Ok(None)
    }

    /// Goes to the next valid header at or after `from`; to the end of the file if there is none. Where something cannot be
    /// read it stands still.
    fn search(&mut self, from: u64) -> io::Result<()> {
        let mut window = vec![0; WINDOW];
        self.at = from;
        while self.at + RECORD_HEADER as u64 <= self.end {
            let length = (self.end - self.at).min(WINDOW as u64) as usize;
            match self.file.read_exact_at(&mut window[..length], self.at) {
                Err(error) if is_damage(&error) => return self.search_slowly(length),
                read => read?,
            }
            let found = (0..=length - RECORD_HEADER).step_by(8).find(|&start| {
                let candidate = &window[start..length];
                record::may_begin_record(candidate) && record::decode_record(self.nonce, candidate).is_some()
            });
            if let Some(start) = found {
                self.at += start as u64;
                return Ok(());
            }
            // Windows overlap by a header, so that none is cut in two.
            self.at += (length - RECORD_HEADER + 1).next_multiple_of(8) as u64;
        }
        self.at = self.end;
        Ok(())
    }

    /// The same header by header in a window that cannot be read as a whole: there may be records before the bad block.
    fn search_slowly(&mut self, window: usize) -> io::Result<()> {
        let mut header = [0; RECORD_HEADER];
        let until = self.at + window as u64;
        while self.at + RECORD_HEADER as u64 <= until {
            self.file.read_exact_at(&mut header, self.at)?;
            if record::decode_record(self.nonce, &header).is_some() {
                break;
            }
            self.at += 8;
        }
        Ok(())
    }
}
