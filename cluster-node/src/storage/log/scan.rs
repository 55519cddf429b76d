//! Reading a segment from front to back: records, and what lies behind the last one.

use std::io;

use bytes::Bytes;

use super::record::{ALIGN, HEADER_BYTES, Header, Record};
use super::segment::Segment;

/// Bytes read at a time.
const WINDOW: u64 = 1 << 20;

/// A part of a segment in memory, moving forward.
pub(super) struct Window<'a> {
    segment: &'a Segment,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(super) fn new(segment: &'a Segment) -> Self {
        Window { segment, start: 0, bytes: Vec::new() }
    }

    /// `length` bytes at `offset`, which must lie in the segment.
    fn get(&mut self, offset: u64, length: u64) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len() as u64;
        if offset < self.start || offset + length > end {
            let ahead = WINDOW.min(self.segment.header.length - offset);
            self.bytes.resize(ahead.max(length) as usize, 0);
            self.start = offset;
            self.segment.file.read_exact_at(&mut self.bytes, offset)?;
        }
        let from = (offset - self.start) as usize;
        Ok(&self.bytes[from..from + length as usize])
    }

    /// The record at `offset`; `None` if there is no whole and intact one.
    pub(super) fn record(&mut self, offset: u64) -> io::Result<Option<(Header, Record)>> {
        let segment = &self.segment.header;
        let (nonce, position, left) = (segment.nonce, segment.base + offset, segment.length - offset);
        if left < HEADER_BYTES {
            return Ok(None);
        }
        let header = Header::decode(self.get(offset, HEADER_BYTES)?, nonce);
        let Some(header) = header.filter(|h| h.position == position && h.size() <= left) else {
            return Ok(None);
        };
        let payload = self.get(offset + HEADER_BYTES, header.size() - HEADER_BYTES)?;
        if !header.matches(payload, nonce) {
            return Ok(None);
        }
        // Copied: the window moves on.
        let payload = Bytes::copy_from_slice(&payload[..header.length as usize]);
        Ok(Some((header, Record { kind: header.kind, index: header.index, payload })))
    }
}

/// What lies behind the last record of a segment.
#[derive(Default)]
pub(super) struct Rest {
    /// The highest durable mark of any header found there.
    pub(super) marked: u64,
    /// Behind the last byte that is not zero, bytes from the start of the file.
    pub(super) dirty_to: u64,
}

/// Looks at everything from `offset` to the end of the segment.
pub(super) fn after(segment: &Segment, offset: u64) -> io::Result<Rest> {
    const BLOCK: u64 = 64 << 10;
    let mut rest = Rest::default();
    let mut window = Window::new(segment);
    let end = segment.header.length;
    for block in (offset..end).step_by(BLOCK as usize) {
        // A header that begins in this block may end in the next.
        let bytes = window.get(block, (BLOCK + HEADER_BYTES).min(end - block))?;
        let Some(last) = bytes.iter().rposition(|byte| *byte != 0) else { continue };
        rest.dirty_to = block + last as u64 + 1;
        for at in (0..bytes.len().min(BLOCK as usize)).step_by(ALIGN as usize) {
            let header = Header::decode(&bytes[at..], segment.header.nonce);
            if let Some(header) = header.filter(|h| h.position == segment.header.base + block + at as u64) {
                rest.marked = rest.marked.max(header.durable);
            }
        }
    }
    Ok(rest)
}
