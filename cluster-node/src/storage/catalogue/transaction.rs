//! Reads through writes that are not yet made.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use super::backend::{Backend, BackendError, Batch, after, prefix_end};

/// Rows asked of the backend at once when writes of our own may hide some of them.
const PAGE_ROWS: usize = 16;

/// Collects a batch; what it wrote it reads back.
pub struct Transaction<'a> {
    backend: &'a dyn Backend,
    writes: BTreeMap<Bytes, Option<Bytes>>,
}

impl<'a> Transaction<'a> {
    /// An empty transaction over what `backend` holds.
    pub fn new(backend: &'a dyn Backend) -> Self {
        Transaction { backend, writes: BTreeMap::new() }
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, BackendError> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.backend.get(key),
        }
    }

    /// Sets `key` to `value`.
    pub fn set(&mut self, key: Bytes, value: Bytes) {
        self.writes.insert(key, Some(value));
    }

    /// Removes `key`, whether or not it is there.
    pub fn remove(&mut self, key: Bytes) {
        self.writes.insert(key, None);
    }

    /// Whether any row begins with `prefix`.
    pub fn any(&self, prefix: &[u8]) -> Result<bool, BackendError> {
        Ok(!self.scan(prefix, &prefix_end(prefix), 1)?.is_empty())
    }

    /// Rows with from <= key < to, in order, at most `limit`.
    pub fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, BackendError> {
        let page_rows = limit.max(PAGE_ROWS);
        let mut rows = Vec::new();
        let mut from = Bytes::copy_from_slice(from);
        while rows.len() < limit && from[..] < *to {
            let page = self.backend.scan(&from, to, page_rows)?;
            let end = match page.last() {
                Some((last, _)) if page.len() == page_rows => after(last),
                _ => Bytes::copy_from_slice(to),
            };
            rows.extend(self.merged(page, &from, &end));
            from = end;
        }
        rows.truncate(limit);
        Ok(rows)
    }

    /// The backend's rows from `from` to before `to`, with our own writes over them.
    fn merged(&self, page: Vec<(Bytes, Bytes)>, from: &[u8], to: &[u8]) -> Vec<(Bytes, Bytes)> {
        let mut rows: BTreeMap<Bytes, Bytes> = page.into_iter().collect();
        for (key, written) in self.writes.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to))) {
            match written {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        rows.into_iter().collect()
    }

    /// The writes, ordered by key.
    pub fn into_batch(self) -> Batch {
        self.writes.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::catalogue::memory::Memory;

    fn numbered(number: usize) -> Bytes {
        format!("k{number:03}").into()
    }

    /// Sets and removals of the transaction are seen by get, any and scan, also when they hide whole pages.
    #[test]
    fn reads_its_own_writes() {
        let backend = Memory::default();
        backend.write((0..100).map(|n| (numbered(n), Some(Bytes::new()))).collect()).unwrap();
        let mut txn = Transaction::new(&backend);
        (0..99).for_each(|n| txn.remove(numbered(n)));
        assert!(txn.any(b"k").unwrap());
        assert_eq!(txn.scan(b"k", b"l", 5).unwrap(), [(numbered(99), Bytes::new())]);
        txn.remove(numbered(99));
        assert!(!txn.any(b"k").unwrap());
        txn.set(numbered(50), Bytes::from_static(b"back"));
        txn.set(numbered(500), Bytes::from_static(b"new"));
        assert_eq!(txn.get(&numbered(50)).unwrap(), Some(Bytes::from_static(b"back")));
        assert_eq!(txn.get(&numbered(51)).unwrap(), None);
        let keys: Vec<_> = txn.scan(b"k", b"l", 5).unwrap().into_iter().map(|row| row.0).collect();
        assert_eq!(keys, [numbered(50), numbered(500)]);
        backend.write(txn.into_batch()).unwrap();
        assert_eq!(backend.scan(b"k", b"l", 9).unwrap().len(), 2);
    }
}
