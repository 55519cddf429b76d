//! Forgetting all references, when a snapshot replaces the catalogue.

use std::sync::atomic::Ordering;

use super::{Chunks, rows};
use crate::storage::catalogue::backend::{BackendError, Batch};

/// Rows in one batch.
const PAGE: usize = 1024;
/// Collects after which chunks may be freed again. One may come with the snapshot itself, when its references are not yet
/// noted; the second is a log entry after it.
const GRACE: u64 = 2;

impl Chunks {
    /// Removes every reference and everything missing; every chunk held becomes one without reference. Nothing is freed until
    /// two more Collects were noted: by then the references of the new catalogue are there. The caller sees to it that nobody
    /// references or dereferences meanwhile, and does it all again if the process dies before it is done.
    pub fn reset_references(&self) -> Result<(), BackendError> {
        self.counts.grace.store(GRACE, Ordering::Relaxed);
        for kind in *b"XMR" {
            self.remove_rows(kind)?;
        }
        let mut after = None;
        loop {
            let _guard = self.lock();
            let tag = rows::number(self.collect_number());
            let page = self.page(b'L', after.as_ref(), PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(*last);
            let tags = page.iter().map(|(hash, _)| (rows::of(b'U', hash), Some(tag.clone())));
            self.backend.write(tags.collect())?;
        }
    }

    fn remove_rows(&self, kind: u8) -> Result<(), BackendError> {
        loop {
            let _guard = self.lock();
            let page = self.backend.scan(&[kind], &rows::end(kind), PAGE)?;
            if page.is_empty() {
                match kind {
                    b'M' => self.counts.health.reset(),
                    b'X' => self.counts.unexpanded.store(0, Ordering::Relaxed),
                    _ => {}
                }
                return Ok(());
            }
            self.backend.write(page.into_iter().map(|(key, _)| (key, None)).collect::<Batch>())?;
        }
    }
}
