//! Bytes that differ everywhere: an upload of zeros would prove little.

use bytes::Bytes;

/// `length` bytes that depend on every bit of `seed`: the extendable output of BLAKE3.
pub(super) fn bytes(seed: u64, length: usize) -> Bytes {
    let mut content = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut content);
    content.into()
}
