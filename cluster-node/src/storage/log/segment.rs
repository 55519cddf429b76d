//! One file of the stream: its header, its name, and how it comes into being.

use std::io;
use std::path::Path;
use std::sync::Arc;

use gossamer_world::files::Mode;
use gossamer_world::{File, Files};

use super::OpenError;
use super::record::{HIGHEST, checksum, u32_at, u64_at};

/// Bytes of a segment's header.
pub(super) const HEADER_BYTES: u64 = 72;
/// The format written, and the newest that can be read.
pub(super) const FORMAT: u32 = 1;
/// The file that waits, preallocated, to become the next segment.
pub(super) const SPARE: &str = "spare";

const MAGIC: [u8; 8] = *b"GOSSLOG\n";

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Segments are numbered without gaps.
    pub(super) sequence: u64,
    /// Position of the file's first byte in the stream: where the segment before ends.
    pub(super) base: u64,
    /// The index that the next entry had when the segment was made.
    pub(super) first_index: u64,
    /// Length of the file, bytes.
    pub(super) length: u64,
    /// The stream up to here was durable before the segment got its name.
    pub(super) durable: u64,
    /// Seed of every checksum of the segment's records.
    pub(super) nonce: u64,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        let crc = checksum(0, &bytes[..12]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        let fields = [self.sequence, self.base, self.first_index, self.length, self.durable, self.nonce];
        for (field, at) in fields.into_iter().zip((16..).step_by(8)) {
            bytes[at..at + 8].copy_from_slice(&field.to_le_bytes());
        }
        let crc = checksum(0, &bytes[..68]);
        bytes[68..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The first 16 bytes are the same in every format, so that a newer one is recognised.
    fn decode(bytes: &[u8; HEADER_BYTES as usize], file: &str) -> Result<Header, OpenError> {
        let corrupt = |what| OpenError::Corrupt { file: file.to_owned(), offset: 0, what };
        if bytes[..8] != MAGIC || checksum(0, &bytes[..12]) != u32_at(bytes, 12) {
            return Err(corrupt("the segment's header is damaged"));
        }
        let format = u32_at(bytes, 8);
        if format > FORMAT {
            return Err(OpenError::Newer { file: file.to_owned(), found: format, known: FORMAT });
        }
        if checksum(0, &bytes[..68]) != u32_at(bytes, 68) {
            return Err(corrupt("the segment's header is damaged"));
        }
        let field = |number: usize| u64_at(bytes, 16 + 8 * number);
        if (0..5).any(|number| field(number) > HIGHEST) {
            return Err(corrupt("the segment's header names what no log has reached"));
        }
        Ok(Header {
            sequence: field(0),
            base: field(1),
            first_index: field(2),
            length: field(3),
            durable: field(4),
            nonce: field(5),
        })
    }
}

/// An open segment.
pub(super) struct Segment {
    pub(super) header: Header,
    pub(super) file: Arc<dyn File>,
}

impl Segment {
    pub(super) fn name(&self) -> String {
        name(self.header.sequence)
    }

    /// Opens segment `sequence` and checks its header.
    pub(super) fn open(files: &dyn Files, dir: &Path, sequence: u64) -> Result<Segment, OpenError> {
        let name = name(sequence);
        let corrupt = |what| OpenError::Corrupt { file: name.clone(), offset: 0, what };
        let file = files.open(&dir.join(&name), Mode::Write)?;
        if file.len()? < HEADER_BYTES {
            return Err(corrupt("the file is cut short"));
        }
        let mut bytes = [0; HEADER_BYTES as usize];
        file.read_exact_at(&mut bytes, 0)?;
        let header = Header::decode(&bytes, &name)?;
        if header.sequence != sequence {
            return Err(corrupt("the header is that of another segment"));
        }
        if file.len()? < header.length {
            return Err(corrupt("the file is cut short"));
        }
        Ok(Segment { header, file })
    }

    /// Makes the spare file a segment that begins with `records`. All of it is durable before it gets its
    /// name, and its name before anything else is written to it.
    pub(super) fn activate(
        files: &dyn Files,
        dir: &Path,
        file: Arc<dyn File>,
        header: Header,
        records: &[u8],
    ) -> io::Result<Segment> {
        let mut bytes = header.encode().to_vec();
        bytes.extend_from_slice(records);
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        files.rename(&dir.join(SPARE), &dir.join(name(header.sequence)))?;
        files.sync_dir(dir)?;
        Ok(Segment { header, file })
    }
}

/// Makes the spare file, or takes the one that an earlier start left. On a full disk nothing is left behind.
pub(super) fn reserve(files: &dyn Files, dir: &Path, length: u64) -> io::Result<Arc<dyn File>> {
    let path = dir.join(SPARE);
    let file = files.open(&path, Mode::CreateOrWrite)?;
    if let Err(error) = file.allocate(length) {
        files.remove(&path)?;
        return Err(error);
    }
    file.sync_data()?;
    Ok(file)
}

pub(super) fn name(sequence: u64) -> String {
    format!("{sequence:016}.log")
}

/// The number of the segment that bears this name; `None` if it is no segment's name.
pub(super) fn sequence(file_name: &str) -> Option<u64> {
    let sequence = file_name.strip_suffix(".log")?.parse().ok()?;
    (name(sequence) == file_name).then_some(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with a right checksum is still not believed if it names what cannot be: nothing computed with it overflows.
    #[test]
    fn what_cannot_be() {
        let header = Header {
            sequence: 3,
            base: HIGHEST,
            first_index: 5,
            length: 1 << 20,
            durable: HIGHEST,
            nonce: u64::MAX,
        };
        assert_eq!(Header::decode(&header.encode(), "3").unwrap(), header);
        for forged in [
            Header { sequence: u64::MAX, ..header },
            Header { base: HIGHEST + 1, ..header },
            Header { first_index: u64::MAX, ..header },
            Header { length: u64::MAX, ..header },
            Header { durable: u64::MAX, ..header },
        ] {
            assert!(
                matches!(Header::decode(&forged.encode(), "3"), Err(OpenError::Corrupt { .. })),
                "{forged:?}"
            );
        }
    }
}
