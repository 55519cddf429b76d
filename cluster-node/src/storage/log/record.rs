//! One record: a header with a checksum of its own, then the payload, padded to eight bytes.

use bytes::Bytes;

/// Bytes of a record's header; also the whole size of a record without payload.
pub(super) const HEADER_BYTES: u64 = 40;
/// Records begin at multiples of this.
pub(super) const ALIGN: u64 = 8;

/// No log reaches a position or an index beyond this, and sums of two such numbers do not overflow.
pub(super) const HIGHEST: u64 = 1 << 62;

const MAGIC: [u8; 3] = *b"GLR";

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The payload is the vote.
    Vote = 1,
    /// The payload is the entry of this index.
    Entry = 2,
    /// Entries from this index on are gone.
    Truncate = 3,
    /// Entries up to this index are gone; the payload names the last.
    Purge = 4,
    /// The payload is the committed mark.
    Committed = 5,
    /// Nothing but what every record says: how far the log is durable.
    Mark = 6,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        use Kind::{Committed, Entry, Mark, Purge, Truncate, Vote};
        [Vote, Entry, Truncate, Purge, Committed, Mark].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A record before it has a place in the stream.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) index: u64,
    pub(super) payload: Bytes,
}

impl Record {
    pub(super) fn size(&self) -> u64 {
        HEADER_BYTES + padded(self.payload.len() as u32)
    }
}

/// A header as read, its checksum verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Bytes of the payload, without padding.
    pub(super) length: u32,
    /// Where in the stream the record begins.
    pub(super) position: u64,
    pub(super) index: u64,
    /// The stream up to here was known durable when the record was written.
    pub(super) durable: u64,
    payload_crc: u32,
}

impl Header {
    /// Reads a header from the first [`HEADER_BYTES`] of `bytes`; `None` if it is not a header of this segment.
    pub(super) fn decode(bytes: &[u8], nonce: u64) -> Option<Header> {
        let (header, crc) = bytes.first_chunk::<{ HEADER_BYTES as usize }>()?.split_at(36);
        if header[..3] != MAGIC || crc != checksum(nonce, header).to_le_bytes() {
            return None;
        }
        let header = Header {
            kind: Kind::from_byte(header[3])?,
            length: u32_at(header, 4),
            position: u64_at(header, 8),
            index: u64_at(header, 16),
            durable: u64_at(header, 24),
            payload_crc: u32_at(header, 32),
        };
        let plausible = header.position.max(header.index).max(header.durable) <= HIGHEST;
        plausible.then_some(header)
    }

    /// Bytes of the whole record.
    pub(super) fn size(&self) -> u64 {
        HEADER_BYTES + padded(self.length)
    }

    /// Whether this is the payload, with its padding.
    pub(super) fn matches(&self, padded_payload: &[u8], nonce: u64) -> bool {
        padded_payload.len() as u64 == padded(self.length)
            && checksum(nonce, padded_payload) == self.payload_crc
    }
}

/// Writes a record behind `into`.
pub(super) fn encode(into: &mut Vec<u8>, record: &Record, position: u64, durable: u64, nonce: u64) {
    let start = into.len();
    let payload = start + HEADER_BYTES as usize;
    into.resize(payload, 0);
    // Copied so that a batch goes to the file in one write, whatever its number of entries.
    into.extend_from_slice(&record.payload);
    into.resize(start + record.size() as usize, 0);
    let payload_crc = checksum(nonce, &into[payload..]);
    let header = &mut into[start..payload];
    header[..3].copy_from_slice(&MAGIC);
    header[3] = record.kind as u8;
    header[4..8].copy_from_slice(&(record.payload.len() as u32).to_le_bytes());
    header[8..16].copy_from_slice(&position.to_le_bytes());
    header[16..24].copy_from_slice(&record.index.to_le_bytes());
    header[24..32].copy_from_slice(&durable.to_le_bytes());
    header[32..36].copy_from_slice(&payload_crc.to_le_bytes());
    let crc = checksum(nonce, &header[..36]);
    header[36..].copy_from_slice(&crc.to_le_bytes());
}

/// CRC-32 (IEEE) of the segment's nonce and `bytes`: bytes of another segment do not pass for ours.
pub(super) fn checksum(nonce: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&nonce.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |b| u32::from_le_bytes(*b))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b))
}

fn padded(length: u32) -> u64 {
    u64::from(length).next_multiple_of(ALIGN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record with a right checksum is none if it names what cannot be.
    #[test]
    fn what_cannot_be() {
        let decoded = |index: u64, position: u64, durable: u64| {
            let mut bytes = Vec::new();
            let record = Record { kind: Kind::Purge, index, payload: Bytes::from_static(b"id") };
            encode(&mut bytes, &record, position, durable, 7);
            Header::decode(&bytes, 7)
        };
        assert!(decoded(HIGHEST, HIGHEST, HIGHEST).is_some_and(|header| header.index == HIGHEST));
        assert_eq!(decoded(u64::MAX, 0, 0), None);
        assert_eq!(decoded(0, HIGHEST + 1, 0), None);
        assert_eq!(decoded(0, 0, u64::MAX), None);
    }
}
