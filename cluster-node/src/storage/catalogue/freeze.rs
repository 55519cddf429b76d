//! The replicated rows as they are at one entry, while apply goes on.
//!
//! A reader walks the rows page by page; apply writes between two pages. Before apply changes a row that the reader
//! has not reached, it keeps what the row was; the reader puts that in the place of what it then finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Catalogue;
use super::applied::AppliedState;
use super::apply::draft::Head;
use super::backend::{Backend, BackendError, Batch, after};
use super::digest::Digest;
use super::rows::{REPLICATED, is_replicated};

/// Rows in one page, the longest of which have 33 KiB: bounds how long apply waits for the reader.
const PAGE_ROWS: usize = 256;

/// What apply keeps for the reader.
pub(super) struct Freeze {
    /// The first key the reader has not reached.
    cursor: Bytes,
    /// Rows from there on as they were, if apply has changed them.
    before: BTreeMap<Bytes, Option<Bytes>>,
    bytes: usize,
}

impl Freeze {
    fn new() -> Self {
        Freeze { cursor: Bytes::from_static(REPLICATED.0), before: BTreeMap::new(), bytes: 0 }
    }

    /// Bytes of the rows kept.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps the rows that a batch is about to change.
    pub(super) fn save(&mut self, batch: &Batch, backend: &dyn Backend) -> Result<(), BackendError> {
        for (key, _) in batch {
            if !is_replicated(key) || *key < self.cursor || self.before.contains_key(key) {
                continue;
            }
            let value = backend.get(key)?;
            self.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
            self.before.insert(key.clone(), value);
        }
        Ok(())
    }

    /// The next rows as they were, and whether these are the last.
    fn page(&mut self, backend: &dyn Backend) -> Result<(Vec<(Bytes, Bytes)>, bool), BackendError> {
        let now = backend.scan(&self.cursor, REPLICATED.1, PAGE_ROWS)?;
        let last = now.len() < PAGE_ROWS;
        let end = match now.last() {
            Some((key, _)) if !last => after(key),
            _ => Bytes::from_static(REPLICATED.1),
        };
        let mut rows: BTreeMap<Bytes, Bytes> = now.into_iter().collect();
        let later = self.before.split_off(&end);
        for (key, value) in std::mem::replace(&mut self.before, later) {
            self.bytes -= key.len() + value.as_ref().map_or(0, Bytes::len);
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        self.cursor = end;
        Ok((rows.into_iter().collect(), last))
    }
}

/// A frozen view; apply keeps old rows for it until it is dropped.
pub struct Frozen<'a> {
    catalogue: &'a Catalogue,
    head: Arc<Head>,
    done: bool,
}

impl Catalogue {
    /// Freezes the replicated rows as they are now. Only one view at a time: waits until another is dropped.
    pub fn freeze(&self) -> Result<Frozen<'_>, BackendError> {
        let mut turn = self.turn_alone();
        self.check_whole()?;
        *turn = Some(Freeze::new());
        Ok(Frozen { catalogue: self, head: self.head(), done: false })
    }

    /// Computes the digest anew from every row, as of one entry, while apply goes on: what was applied there, the
    /// digest of the rows, and the one that was kept up.
    pub fn recompute_digest(&self) -> Result<(AppliedState, [u8; 32], [u8; 32]), BackendError> {
        let mut frozen = self.freeze()?;
        let mut digest = Digest::default();
        while let Some(rows) = frozen.next_page()? {
            rows.iter().for_each(|(key, value)| digest.add(key, value));
        }
        Ok((frozen.applied().clone(), digest.to_bytes(), frozen.digest()))
    }
}

impl Frozen<'_> {
    /// What was applied when the view was frozen.
    pub fn applied(&self) -> &AppliedState {
        &self.head.applied
    }

    /// The digest of the rows of the view.
    pub fn digest(&self) -> [u8; 32] {
        self.head.digest.to_bytes()
    }

    /// The next rows, in order; `None` after the last.
    pub fn next_page(&mut self) -> Result<Option<Vec<(Bytes, Bytes)>>, BackendError> {
        if self.done {
            return Ok(None);
        }
        let mut turn = self.catalogue.turn();
        let freeze = turn.as_mut().expect("only Drop of this view ends the freeze");
        let (rows, last) = freeze.page(&*self.catalogue.backend)?;
        self.done = last;
        self.catalogue.progress.notify_all();
        Ok(Some(rows))
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        *self.catalogue.turn() = None;
        self.catalogue.progress.notify_all();
    }
}
