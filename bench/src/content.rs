//! Content that no store can leave out: random bytes, new ones each time.

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};

/// Makes content.
pub struct Contents(SmallRng);

impl Contents {
    /// The same sequence for the same seed.
    pub fn new(seed: u64) -> Self {
        Contents(SmallRng::seed_from_u64(seed))
    }

    /// So many bytes that were never given before.
    pub fn next(&mut self, length: usize) -> Bytes {
        let mut bytes = vec![0; length];
        self.0.fill_bytes(&mut bytes);
        bytes.into()
    }
}
