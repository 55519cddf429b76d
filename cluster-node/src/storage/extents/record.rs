//! The bytes of an extent: its header, twice, then records, each beginning at a multiple of 8.
//!
//! Integers are little-endian. A reader of any format finds magic, format and checksum where they are now.
//!
//! | extent header (64 bytes, two copies) | | record header (48 bytes) | |
//! | --- | --- | --- | --- |
//! | 0 | magic `GOSSEXT\n` | 0 | magic |
//! | 8 | format | 4 | payload length |
//! | 16 | number | 8 | BLAKE3 of the payload |
//! | 24 | nonce, random | 40 | CRC-32 of the nonce and bytes 0..40 |
//! | 32 | extents below this number were durable when this one began | | |
//! | 60 | CRC-32 of bytes 0..60 | 48 | payload |
//!
//! The nonce makes a record header that a user stored as the content of a file worthless: it never passes for one of ours.

use gossamer_proto::hash::Hash;
use gossamer_proto::limits::CHUNK_BYTES;

/// The format that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// Bytes before the first record: two copies of the header, so that no single bad byte costs a whole extent.
pub(super) const EXTENT_HEADER: u64 = 128;
/// Bytes before a payload.
pub(super) const RECORD_HEADER: usize = 48;

const EXTENT_MAGIC: &[u8; 8] = b"GOSSEXT\n";
const RECORD_MAGIC: [u8; 4] = *b"GChk";
/// In the place of a record's magic: its payload never reached the disk whole, and it counts as none.
pub(super) const VOID_MAGIC: [u8; 4] = *b"Void";
const COPY: usize = 64;

/// What an extent says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExtentHeader {
    pub(super) number: u64,
    pub(super) nonce: u64,
    /// Every extent with a lower number was complete and durable when this one began.
    pub(super) durable_below: u64,
}

/// What the first bytes of an extent file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opening {
    Known(ExtentHeader),
    Newer(u32),
    Damaged,
}

/// Where a record is, and how long its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Location {
    pub(super) extent: u64,
    /// Of the record's header, bytes.
    pub(super) offset: u64,
    /// Of the payload, bytes.
    pub(super) length: u32,
}

impl Location {
    /// Bytes that a payload of `length` takes in an extent.
    pub(super) fn span_of(length: usize) -> u64 {
        (RECORD_HEADER + length).next_multiple_of(8) as u64
    }

    /// Bytes that this record takes.
    pub(super) fn span(&self) -> u64 {
        Self::span_of(self.length as usize)
    }

    /// Where the payload ends.
    pub(super) fn end(&self) -> u64 {
        self.offset + RECORD_HEADER as u64 + u64::from(self.length)
    }
}

impl ExtentHeader {
    /// The first bytes of the extent.
    pub(super) fn encode(&self) -> [u8; EXTENT_HEADER as usize] {
        let mut copy = [0; COPY];
        copy[..8].copy_from_slice(EXTENT_MAGIC);
        copy[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        copy[16..24].copy_from_slice(&self.number.to_le_bytes());
        copy[24..32].copy_from_slice(&self.nonce.to_le_bytes());
        copy[32..40].copy_from_slice(&self.durable_below.to_le_bytes());
        let crc = crc32fast::hash(&copy[..60]);
        copy[60..].copy_from_slice(&crc.to_le_bytes());
        let mut both = [0; EXTENT_HEADER as usize];
        both[..COPY].copy_from_slice(&copy);
        both[COPY..].copy_from_slice(&copy);
        both
    }

    /// Reads whichever copy is sound.
    pub(super) fn decode(bytes: &[u8]) -> Opening {
        for copy in bytes.chunks_exact(COPY).take(2) {
            if &copy[..8] != EXTENT_MAGIC || number32(copy, 60) != crc32fast::hash(&copy[..60]) {
                continue;
            }
            let format = number32(copy, 8);
            if format > FORMAT {
                return Opening::Newer(format);
            }
            return Opening::Known(ExtentHeader {
                number: number64(copy, 16),
                nonce: number64(copy, 24),
                durable_below: number64(copy, 32),
            });
        }
        Opening::Damaged
    }
}

/// The header of a record.
pub(super) fn encode_record(nonce: u64, hash: &Hash, length: u32) -> [u8; RECORD_HEADER] {
    let mut header = [0; RECORD_HEADER];
    header[..4].copy_from_slice(&RECORD_MAGIC);
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8..40].copy_from_slice(hash.as_bytes());
    let crc = record_crc(nonce, &header);
    header[40..44].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Hash and payload length, if these bytes are the header of a record of the extent with this nonce.
pub(super) fn decode_record(nonce: u64, header: &[u8]) -> Option<(Hash, u32)> {
    if header.len() < RECORD_HEADER
        || header[..4] != RECORD_MAGIC
        || number32(header, 40) != record_crc(nonce, header)
    {
        return None;
    }
    let length = number32(header, 4);
    let hash = Hash::try_from(&header[8..40]).ok()?;
    (length as usize <= CHUNK_BYTES).then_some((hash, length))
}

/// Whether these bytes begin the record of this chunk. Needs no nonce: the index has already said that it is one.
pub(super) fn is_record_of(header: &[u8], hash: &Hash, length: u32) -> bool {
    header[..4] == RECORD_MAGIC && number32(header, 4) == length && header[8..40] == hash.as_bytes()[..]
}

/// Whether a record's header can begin with these bytes: a quick look before the checksum.
pub(super) fn may_begin_record(bytes: &[u8]) -> bool {
    bytes.starts_with(&RECORD_MAGIC)
}

fn record_crc(nonce: u64, header: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&nonce.to_le_bytes());
    crc.update(&header[..40]);
    crc.finalize()
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn number64(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_byte_never_costs_an_extent_and_never_forges_a_record() {
        let header = ExtentHeader { number: 7, nonce: 0x1234_5678_9abc, durable_below: 3 };
        let hash = Hash::of(b"content");
        let record = encode_record(header.nonce, &hash, 7);
        for at in 0..EXTENT_HEADER as usize {
            let mut bytes = header.encode();
            bytes[at] ^= 1;
            assert_eq!(ExtentHeader::decode(&bytes), Opening::Known(header), "byte {at}");
        }
        for at in 0..44 {
            let mut bytes = record;
            bytes[at] ^= 1;
            assert_eq!(decode_record(header.nonce, &bytes), None, "byte {at}");
        }
        assert_eq!(decode_record(header.nonce, &record), Some((hash, 7)));
        assert_eq!(decode_record(header.nonce + 1, &record), None, "a record of another extent");
    }
}
