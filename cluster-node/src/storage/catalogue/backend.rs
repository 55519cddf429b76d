//! An ordered map with atomic batches, behind the catalogue and the index of chunks: sled on a disk
//! ([`super::sled_backend`]), or a `BTreeMap` in memory ([`super::memory`]).

use bytes::Bytes;

/// Why the store under the catalogue failed. Final: the node stops, and rebuilds the store if it must.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The store itself said no.
    #[error("the catalogue's store: {0}")]
    Store(String),
    /// A row is there but is not what it should be.
    #[error("a row of the catalogue cannot be read: {0}")]
    Row(String),
    /// A snapshot is being installed, or was when the process died: rows are missing until that is done again.
    #[error("the catalogue is being replaced by a snapshot")]
    Replacing,
}

/// Set (`Some`) or remove (`None`) keys, all or nothing.
pub type Batch = Vec<(Bytes, Option<Bytes>)>;

/// Keys and values, ordered by the bytes of the key. All methods block.
///
/// # Contract
/// - A batch is applied whole or not at all, also when the process is killed.
/// - After a kill, what is found is a prefix of the batches written.
/// - Nothing is promised after the crash of a machine: what is stored here can be rebuilt.
/// - A scan beside writes shows each row as of some moment during the scan, not all as of the same one.
pub trait Backend: Send + Sync {
    /// The value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, BackendError>;
    /// Applies a batch.
    fn write(&self, batch: Batch) -> Result<(), BackendError>;
    /// Rows with from <= key < to, in order, at most `limit`. None if `to` does not lie after `from`.
    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, BackendError>;
    /// Removes everything.
    fn clear(&self) -> Result<(), BackendError>;
    /// Hands everything to the operating system.
    fn flush(&self) -> Result<(), BackendError>;
}

/// The first key after all that begin with `prefix`. No key begins with 0xff, so that is the end of everything.
pub fn prefix_end(prefix: &[u8]) -> Bytes {
    let mut end = prefix.to_vec();
    while end.last() == Some(&0xff) {
        end.pop();
    }
    match end.last_mut() {
        Some(last) => *last += 1,
        None => end.push(0xff),
    }
    end.into()
}

/// The smallest key that is larger than `key`.
pub fn after(key: &[u8]) -> Bytes {
    [key, &[0]].concat().into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::storage::catalogue::memory::Memory;
    use crate::storage::catalogue::sled_backend::SledBackend;

    fn on_each(test: impl Fn(Arc<dyn Backend>)) {
        let dir = tempfile::tempdir().unwrap();
        test(Arc::new(Memory::default()));
        test(Arc::new(SledBackend::open(dir.path()).unwrap()));
    }

    fn key(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    /// Both backends order by bytes, keep to limit and bounds, apply removals, and forget all when cleared.
    #[test]
    fn both_are_the_same_map() {
        on_each(|backend| {
            let rows: Vec<_> = ["b", "a", "ab", "c"].map(|k| (key(k), Some(key(k)))).into();
            backend.write(rows).unwrap();
            backend.write(vec![(key("c"), None), (key("b"), Some(key("new")))]).unwrap();
            assert_eq!(backend.get(b"b").unwrap(), Some(key("new")));
            assert_eq!(backend.get(b"c").unwrap(), None);
            let keys = |from: &[u8], to: &[u8], limit| -> Vec<Bytes> {
                backend.scan(from, to, limit).unwrap().into_iter().map(|row| row.0).collect()
            };
            assert_eq!(keys(b"a", b"z", 9), [key("a"), key("ab"), key("b")]);
            assert_eq!(keys(b"a", b"b", 9), [key("a"), key("ab")]);
            assert_eq!(keys(&after(b"a"), &prefix_end(b""), 1), [key("ab")]);
            assert!(keys(b"z", b"a", 9).is_empty() && keys(b"a", b"a", 9).is_empty());
            backend.flush().unwrap();
            backend.clear().unwrap();
            assert!(keys(b"", &prefix_end(b""), 9).is_empty());
        });
    }

    /// Bytes that cannot be counted up are skipped when the end of a prefix is sought.
    #[test]
    fn ends_of_prefixes() {
        assert_eq!(prefix_end(b"ab"), &b"ac"[..]);
        assert_eq!(prefix_end(b"a\xff\xff"), &b"b"[..]);
        assert_eq!(prefix_end(b""), &b"\xff"[..]);
    }
}
