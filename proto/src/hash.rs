//! The name of a chunk: the BLAKE3 hash of its bytes (<https://github.com/BLAKE3-team/BLAKE3-specs>).

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

/// A BLAKE3 hash, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// The bytes are not a whole number of hashes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0} bytes are no list of 32-byte hashes")]
pub struct NotHashes(pub usize);

impl Hash {
    /// Length in bytes.
    pub const BYTES: usize = 32;

    /// The hash of `content`.
    pub fn of(content: &[u8]) -> Self {
        Hash(*blake3::hash(content).as_bytes())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads a list of hashes written one after the other.
    pub fn list(bytes: &[u8]) -> Result<Vec<Hash>, NotHashes> {
        let (whole, rest) = bytes.as_chunks::<32>();
        if rest.is_empty() {
            Ok(whole.iter().copied().map(Hash).collect())
        } else {
            Err(NotHashes(bytes.len()))
        }
    }

    /// Writes hashes one after the other.
    pub fn join(hashes: &[Hash]) -> Bytes {
        let mut joined = BytesMut::with_capacity(hashes.len() * Self::BYTES);
        hashes.iter().for_each(|hash| joined.put_slice(&hash.0));
        joined.freeze()
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(|hash| Hash(*hash.as_bytes()))
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Hash(bytes)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = NotHashes;
    fn try_from(bytes: &[u8]) -> Result<Self, NotHashes> {
        bytes.try_into().map(Hash).map_err(|_| NotHashes(bytes.len()))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Eight digits tell chunks apart in a log line.
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
