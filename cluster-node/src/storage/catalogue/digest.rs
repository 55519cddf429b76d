//! A digest of the replicated rows that follows every change and does not depend on their order: AdHash
//! (Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing: Incrementality at Reduced Cost", 1997).
//!
//! The digest is the sum modulo 2^256 of BLAKE3(length of key, key, value) over all rows. It finds nodes that
//! went apart; it is no defence against someone who chooses rows on purpose.

/// The sum, least significant limb first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest([u64; 4]);

impl Digest {
    /// A row is there from now on.
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) {
        let mut carry = false;
        for (limb, term) in self.0.iter_mut().zip(row(key, value)) {
            let (sum, first) = limb.overflowing_add(term);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, first || second);
        }
    }

    /// A row is no longer there.
    pub(crate) fn subtract(&mut self, key: &[u8], value: &[u8]) {
        let mut borrow = false;
        for (limb, term) in self.0.iter_mut().zip(row(key, value)) {
            let (rest, first) = limb.overflowing_sub(term);
            let (rest, second) = rest.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (rest, first || second);
        }
    }

    /// The sum as 32 bytes, little-endian.
    pub(crate) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, limb) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&limb.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Digest::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Digest(limbs(bytes))
    }
}

fn row(key: &[u8], value: &[u8]) -> [u64; 4] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(value);
    limbs(hasher.finalize().as_bytes())
}

fn limbs(bytes: &[u8; 32]) -> [u64; 4] {
    let (eights, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|limb| u64::from_le_bytes(eights[limb]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Order does not matter, what is taken away leaves no trace, and key and value do not run together.
    #[test]
    fn incremental_and_order_free() {
        let (mut one, mut other) = (Digest::default(), Digest::default());
        let rows: Vec<_> = (0..50u32).map(|n| (n.to_be_bytes(), [n as u8; 9])).collect();
        rows.iter().for_each(|(key, value)| one.add(key, value));
        rows.iter().rev().for_each(|(key, value)| other.add(key, value));
        assert_eq!(one, other);
        assert_eq!(Digest::from_bytes(&one.to_bytes()), one);
        one.add(b"ab", b"c");
        other.add(b"a", b"bc");
        assert_ne!(one, other);
        one.subtract(b"ab", b"c");
        other.subtract(b"a", b"bc");
        assert_eq!(one, other);
        rows.iter().for_each(|(key, value)| one.subtract(key, value));
        assert_eq!(one, Digest::default());
    }
}
