//! What puts write: bytes that follow from the value alone, so that whoever reads them can tell which put wrote them
//! and whether every byte is right.

use bytes::Bytes;
use gossamer_proto::limits::{CHUNK_BYTES, INLINE_BYTES};
use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

use crate::history::Value;

/// The largest content, bytes.
pub const LARGEST: usize = 4 * CHUNK_BYTES + 200_000;

/// The content of a value: its number, then noise; most are small, some need an upload, a few more than one chunk.
pub fn of(value: Value) -> Bytes {
    let (length, mut random) = begin(value);
    let mut bytes = vec![0; length];
    random.fill_bytes(&mut bytes);
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    bytes.into()
}

/// Whether it is of more than one chunk.
pub fn is_large(value: Value) -> bool {
    begin(value).0 > CHUNK_BYTES
}

/// Its length in bytes, and where its noise comes from.
fn begin(value: Value) -> (usize, SmallRng) {
    let mut random = SmallRng::seed_from_u64(value);
    let length = match random.random_range(0..100) {
        0..60 => random.random_range(8..4096),
        60..75 => random.random_range(4096..=INLINE_BYTES),
        75..97 => random.random_range(INLINE_BYTES + 1..300_000),
        _ => random.random_range(CHUNK_BYTES..LARGEST),
    };
    (length, random)
}

/// Which value this is the content of, if it is one's to the last byte.
pub fn value(bytes: &Bytes) -> Option<Value> {
    let value = Value::from_le_bytes(*bytes.first_chunk()?);
    (of(value) == *bytes).then_some(value)
}
