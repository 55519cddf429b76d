//! Freeing what no record names, as far as the applied Collects allow; in steps.

use std::sync::atomic::Ordering;

use gossamer_proto::hash::Hash;

use super::{ChunkError, Chunks, locked, rows};
use crate::storage::catalogue::backend::Batch;

impl Chunks {
    /// Whether anything may be freed now.
    pub(in crate::storage) fn may_free(&self) -> bool {
        self.counts.replayed.load(Ordering::Relaxed)
            && self.counts.grace.load(Ordering::Relaxed) == 0
            // A list that is not expanded may name any chunk.
            && self.counts.unexpanded.load(Ordering::Relaxed) == 0
    }

    /// Looks at up to `limit` chunks without reference, after `after`, and takes those out of the index whose tag is at most the
    /// number of the last Collect less 2. Returns where to go on; `None` at the end, or if nothing may be freed.
    pub(in crate::storage) fn free_some(
        &self,
        after: Option<Hash>,
        limit: usize,
    ) -> Result<Option<Hash>, ChunkError> {
        let _guard = self.lock();
        let number = self.collect_number();
        let floor = self.counts.floor.load(Ordering::Relaxed);
        if !self.may_free() || floor + 2 > number {
            return Ok(None);
        }
        let page = self.page(b'U', after.as_ref(), limit)?;
        let mut batch = Batch::new();
        let mut freed = Vec::new();
        for (hash, tag) in &page {
            if rows::read_number(tag)? + 2 > number {
                continue;
            }
            batch.push((rows::of(b'U', hash), None));
            // No row has both a tag and a reference; if one ever had, the reference counts.
            if !self.is_referenced(hash)?
                && let Some(at) = self.locate(hash)?
            {
                batch.push((rows::of(b'L', hash), None));
                freed.push(at);
            }
        }
        self.backend.write(batch)?;
        let mut layout = locked(&self.layout);
        freed.iter().for_each(|at| layout.lose(at));
        Ok(page.last().map(|(hash, _)| *hash))
    }

    /// Unlinks extents without a live chunk, up to `max_bytes` but at least one. Returns the bytes unlinked; 0: there are none.
    pub(in crate::storage) fn unlink_some(&self, max_bytes: u64) -> Result<u64, ChunkError> {
        let mut unlinked = 0;
        loop {
            let mut layout = locked(&self.layout);
            let dead = layout.sealed().find(|(_, extent)| extent.live == 0);
            let Some((number, extent)) = dead else { return Ok(unlinked) };
            if unlinked > 0 && unlinked + extent.end > max_bytes {
                return Ok(unlinked);
            }
            layout.extents.remove(&number);
            drop(layout);
            self.handles.forget(number);
            // Not followed by a directory sync: should it come back, the next start indexes it, and it is freed again.
            self.files.remove(&self.path(number))?;
            // Only now: an extent that says that this one is durable is made after the removal, and its name durable with it.
            self.syncing.forget(number);
            unlinked += extent.end.max(1);
        }
    }
}
