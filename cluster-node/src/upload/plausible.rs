//! Whether size, hash list and depth of a commit fit together.

use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, FILE_BYTES, HASHES_INLINE, HASHES_PER_CHUNK};

/// Why they do not.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Implausible {
    /// More than hash lists can name.
    #[error("{0} bytes are more than the {FILE_BYTES} that a file may have")]
    TooLarge(u64),
    /// The hash of the content is none.
    #[error("the hash of a file has 32 bytes, not {0}")]
    ContentHash(usize),
    /// The list is none.
    #[error(transparent)]
    List(#[from] gossamer_proto::hash::NotHashes),
    /// Too many or too few hashes, or the wrong depth.
    #[error(
        "a file of {size} bytes has {expected} hashes at depth {expected_depth}, not {found} at depth {depth}"
    )]
    Count { size: u64, expected: u64, expected_depth: u32, found: usize, depth: u32 },
}

/// Chunks that the content of a file has.
pub(super) fn content_chunks(size: u64) -> u64 {
    size.div_ceil(CHUNK_BYTES as u64)
}

/// Checks a commit; gives back its hashes.
pub(super) fn check(size: u64, blake3: &[u8], chunks: &[u8], depth: u32) -> Result<Vec<Hash>, Implausible> {
    if size > FILE_BYTES {
        return Err(Implausible::TooLarge(size));
    }
    if blake3.len() != Hash::BYTES {
        return Err(Implausible::ContentHash(blake3.len()));
    }
    let hashes = Hash::list(chunks)?;
    let content = content_chunks(size);
    let (expected, expected_depth) = if content <= HASHES_INLINE as u64 {
        (content, 0)
    } else {
        (content.div_ceil(HASHES_PER_CHUNK as u64), 1)
    };
    if (hashes.len() as u64, depth) != (expected, expected_depth) {
        return Err(Implausible::Count { size, expected, expected_depth, found: hashes.len(), depth });
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At every border of the format exactly one count and depth passes.
    #[test]
    fn borders() {
        const CHUNK: u64 = CHUNK_BYTES as u64;
        for (size, count, depth) in [
            (0, 0, 0),
            (1, 1, 0),
            (CHUNK, 1, 0),
            (CHUNK + 1, 2, 0),
            (1024 * CHUNK, 1024, 0),
            (1024 * CHUNK + 1, 1, 1),
            (32_768 * CHUNK, 1, 1),
            (32_768 * CHUNK + 1, 2, 1),
            (FILE_BYTES, 1024, 1),
        ] {
            let chunks = vec![0; count * 32];
            assert_eq!(check(size, &[0; 32], &chunks, depth).map(|hashes| hashes.len()), Ok(count), "{size}");
            assert!(check(size, &[0; 32], &chunks, 1 - depth).is_err());
            assert!(check(size, &[0; 32], &vec![0; (count + 1) * 32], depth).is_err());
            assert!(check(size, &[0; 31], &chunks, depth).is_err());
        }
        assert_eq!(check(FILE_BYTES + 1, &[0; 32], &[], 1), Err(Implausible::TooLarge(FILE_BYTES + 1)));
        assert!(matches!(check(1, &[0; 32], &[0; 33], 0), Err(Implausible::List(_))));
    }
}
