//! Randomness for ids, nonces and ticket keys.

/// A source of random bytes.
pub trait Random: Send + Sync {
    /// Fills `into` with bytes nobody can guess (in a simulation: from the seed).
    fn fill(&self, into: &mut [u8]);

    /// 16 random bytes: an id that never collides.
    fn id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        self.fill(&mut id);
        id
    }

    /// A random number.
    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// The kernel's generator.
pub struct Kernel;

impl Random for Kernel {
    fn fill(&self, into: &mut [u8]) {
        getrandom::fill(into).expect("getrandom(2) works on every kernel since 3.17");
    }
}
