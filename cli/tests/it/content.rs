//! Bytes that differ everywhere: files of zeros would prove little.

use std::fs::File;
use std::io::Write;
use std::path::Path;

/// One MiB, the size of a chunk.
pub(crate) const MIB: usize = 1 << 20;

/// `length` bytes that depend on every bit of `seed`: the extendable output of BLAKE3.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut content = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut content);
    content
}

/// Writes a file of `length` bytes of [`bytes`]; returns its BLAKE3 in hex.
pub(crate) fn write(path: &Path, seed: u64, length: usize) -> String {
    let content = bytes(seed, length);
    File::create(path).and_then(|mut file| file.write_all(&content)).unwrap();
    blake3::hash(&content).to_string()
}

/// BLAKE3 in hex of a file on disk.
pub(crate) fn hash_of(path: &Path) -> String {
    blake3::hash(&std::fs::read(path).unwrap()).to_string()
}
