//! What puts write: as in the simulation, and every sixteenth a file of several chunks.

use bytes::Bytes;
use gossamer_sim::content;
use gossamer_sim::history::Value;
use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

/// The largest content, bytes.
pub const LARGEST: usize = 5 << 20;
/// Values that this divides are of several chunks.
pub const LARGE: Value = 16;

/// The content of a value: follows from it alone, begins with it.
pub fn of(value: Value) -> Bytes {
    if !value.is_multiple_of(LARGE) {
        return content::of(value);
    }
    let mut random = SmallRng::seed_from_u64(value);
    let mut bytes = vec![0; random.random_range(2 << 20..LARGEST)];
    random.fill_bytes(&mut bytes);
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    bytes.into()
}

/// Which value this is the content of, if it is one's to the last byte.
pub fn value(bytes: &Bytes) -> Option<Value> {
    let value = Value::from_le_bytes(*bytes.first_chunk()?);
    (of(value) == *bytes).then_some(value)
}
