//! Re-reading closed segments: what the disk has must still be what was written, up to where the next one begins.

use std::io;
use std::sync::Arc;

use gossamer_world::files::is_bad_sector;

use super::scan::Window;
use super::segment::{HEADER_BYTES, Segment};
use super::{Log, OpenError};

/// A segment that is not written to any more, and how much of it was checked.
pub(in crate::storage) struct Closed {
    segment: Arc<Segment>,
    /// Where its last record ends, bytes from the start of the file.
    end: u64,
    last_index: Option<u64>,
    offset: u64,
}

impl Log {
    /// All segments but the last, oldest first. They can be read also when they are removed meanwhile.
    pub(in crate::storage) fn closed(&self) -> Vec<Closed> {
        let state = self.0.shared.state();
        let next = state.segments.iter().skip(1);
        let pairs = state.segments.iter().zip(next);
        let closed = pairs.map(|(held, next)| Closed {
            segment: held.segment.clone(),
            end: next.segment.header.base - held.segment.header.base,
            last_index: held.last_index,
            offset: 0,
        });
        closed.collect()
    }
}

impl Closed {
    /// Its number.
    pub(in crate::storage) fn sequence(&self) -> u64 {
        self.segment.header.sequence
    }

    /// The highest index of any entry in it.
    pub(in crate::storage) fn last_index(&self) -> Option<u64> {
        self.last_index
    }

    /// Reads on for about so many bytes; how many it were, or None once all of it was found to be sound. What cannot be read is
    /// damaged, too.
    pub(in crate::storage) fn step(&mut self, bytes: u64) -> Result<Option<u64>, OpenError> {
        let from = self.offset;
        if from >= self.end {
            return Ok(None);
        }
        self.segment.file.drop_cached(from, bytes.min(self.end - from));
        let read = self.read(bytes);
        let damaged = |what| Err(OpenError::Corrupt { file: self.segment.name(), offset: self.offset, what });
        match read {
            Ok(true) => Ok(Some(self.offset - from)),
            Ok(false) => damaged("a record that was durable is not what was written"),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => damaged("the file is cut short"),
            Err(error) if is_bad_sector(&error) => damaged("the disk cannot read it"),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&mut self, bytes: u64) -> io::Result<bool> {
        let until = self.end.min(self.offset.saturating_add(bytes));
        if self.offset == 0 {
            let mut header = [0; HEADER_BYTES as usize];
            self.segment.file.read_exact_at(&mut header, 0)?;
            if header != self.segment.header.encode() {
                return Ok(false);
            }
            self.offset = HEADER_BYTES;
        }
        let mut window = Window::new(&self.segment);
        while self.offset < until {
            let Some((header, _)) = window.record(self.offset)? else { return Ok(false) };
            self.offset += header.size();
        }
        Ok(self.offset <= self.end)
    }
}
