//! The end of the stream, where records are written. Everything here blocks.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use gossamer_world::known_bug::{self, KnownBug};
use gossamer_world::{File, Files, Random};

use super::past::Past;
use super::record::{self, Kind, Record, encode};
use super::segment::{self, Segment, reserve};

/// Where an entry lies.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) segment: Arc<Segment>,
    /// Bytes from the start of the file to the record.
    pub(super) offset: u64,
}

/// A segment that is part of the log.
pub(super) struct Held {
    pub(super) segment: Arc<Segment>,
    /// Highest index of any entry ever written to it.
    pub(super) last_index: Option<u64>,
}

/// What a batch of records has become.
#[derive(Default)]
pub(super) struct Written {
    /// Places of the batch's entries, in order.
    pub(super) places: Vec<Place>,
    /// Segments that were filled, and for each what the next one is.
    pub(super) rolled: Vec<(Option<u64>, Arc<Segment>)>,
}

/// Writes records behind each other.
pub(super) struct Tail {
    pub(super) files: Arc<dyn Files>,
    pub(super) random: Arc<dyn Random>,
    pub(super) dir: PathBuf,
    pub(super) segment_bytes: u64,
    pub(super) segment: Arc<Segment>,
    /// Where the next record goes, bytes from the start of the file.
    pub(super) offset: u64,
    /// The stream is durable up to here.
    pub(super) durable: u64,
    /// Highest index of any entry ever written to the segment.
    pub(super) last_index: Option<u64>,
    pub(super) past: Past,
    pub(super) spare: Option<Arc<dyn File>>,
}

impl Tail {
    /// Writes `records` and makes them durable with one fdatasync (one more for each segment that is filled).
    /// After an error the log must not be written again.
    pub(super) fn write(&mut self, records: &[Record]) -> io::Result<Written> {
        let mut written = Written::default();
        let mut buffer = Vec::with_capacity(records.iter().map(|record| record.size() as usize).sum());
        for record in records {
            // Behind every batch there is room for its mark.
            if self.offset + record.size() + record::HEADER_BYTES > self.segment.header.length {
                self.flush(&mut buffer)?;
                self.roll(record.size(), &mut written)?;
            }
            if record.kind == Kind::Entry {
                written.places.push(Place { segment: self.segment.clone(), offset: self.offset });
                self.last_index = self.last_index.max(Some(record.index));
            }
            self.push(&mut buffer, record);
            self.past.note(record);
        }
        self.flush(&mut buffer)?;
        self.sync()?;
        self.mark()?;
        Ok(written)
    }

    /// Says how far the log is durable, so that damage up to there is told from a torn tail. Not synced: after
    /// the death of the process the page cache still has it, and the next sync takes it along.
    pub(super) fn mark(&mut self) -> io::Result<()> {
        if self.offset + record::HEADER_BYTES > self.segment.header.length {
            return Ok(());
        }
        let mut buffer = Vec::new();
        self.push(&mut buffer, &Record { kind: Kind::Mark, index: 0, payload: bytes::Bytes::new() });
        self.flush(&mut buffer)
    }

    /// Makes the spare file if there is none. A full disk is no error yet: it is tried again when needed.
    pub(super) fn prepare_spare(&mut self) -> io::Result<()> {
        if self.spare.is_none() {
            self.spare = match reserve(&*self.files, &self.dir, self.segment_bytes) {
                Ok(file) => Some(file),
                Err(error) if is_full(&error) => {
                    tracing::warn!(%error, "the disk is too full to reserve the log's next segment");
                    None
                }
                Err(error) => return Err(error),
            };
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.segment.header.base + self.offset
    }

    fn push(&mut self, buffer: &mut Vec<u8>, record: &Record) {
        encode(buffer, record, self.position(), self.durable, self.segment.header.nonce);
        self.offset += record.size();
    }

    /// Writes the buffer, whose last byte is the one before `offset`.
    fn flush(&self, buffer: &mut Vec<u8>) -> io::Result<()> {
        if !buffer.is_empty() {
            self.segment.file.write_all_at(buffer, self.offset - buffer.len() as u64)?;
            buffer.clear();
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if !known_bug::is_back(KnownBug::AcknowledgedBeforeSync) {
            self.segment.file.sync_data()?;
        }
        self.durable = self.position();
        Ok(())
    }

    /// Goes on in a new segment with room for a record of `size` bytes. The full one is durable before the new
    /// one exists: so whatever is found damaged below a segment is corruption, never a torn tail.
    fn roll(&mut self, size: u64, written: &mut Written) -> io::Result<()> {
        self.sync()?;
        let spare = match self.spare.take() {
            Some(spare) => spare,
            None => reserve(&*self.files, &self.dir, self.segment_bytes)?,
        };
        let place = Begin { sequence: self.segment.header.sequence + 1, base: self.position(), room: size };
        let segment = begin(&*self.files, &*self.random, &self.dir, spare, &self.past, place)?;
        self.offset = segment.header.durable - segment.header.base;
        self.durable = segment.header.durable;
        self.segment = Arc::new(segment);
        written.rolled.push((self.last_index.take(), self.segment.clone()));
        Ok(())
    }
}

/// Where a new segment goes.
pub(super) struct Begin {
    pub(super) sequence: u64,
    pub(super) base: u64,
    /// Bytes that it must have room for at least.
    pub(super) room: u64,
}

/// Makes `spare` a segment that begins with all that is to be carried over.
pub(super) fn begin(
    files: &dyn Files,
    random: &dyn Random,
    dir: &std::path::Path,
    spare: Arc<dyn File>,
    past: &Past,
    at: Begin,
) -> io::Result<Segment> {
    let nonce = random.number();
    let start = at.base + segment::HEADER_BYTES;
    let mut carried = Vec::new();
    for record in past.records() {
        let position = start + carried.len() as u64;
        encode(&mut carried, &record, position, at.base, nonce);
    }
    let durable = start + carried.len() as u64;
    spare.allocate(durable - at.base + at.room + record::HEADER_BYTES)?;
    let header = segment::Header {
        sequence: at.sequence,
        base: at.base,
        first_index: past.next,
        length: spare.len()?,
        durable,
        nonce,
    };
    Segment::activate(files, dir, spare, header, &carried)
}

/// Whether a write failed for want of space.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
