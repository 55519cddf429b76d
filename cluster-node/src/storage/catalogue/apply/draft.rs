//! What a group of entries changes, before it is written.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::storage::catalogue::applied::AppliedState;
use crate::storage::catalogue::backend::{BackendError, Batch};
use crate::storage::catalogue::chunk_refs::ChunkRefs;
use crate::storage::catalogue::digest::Digest;
use crate::storage::catalogue::rows::globals::{self, Globals};
use crate::storage::catalogue::rows::setting::Settings;
use crate::storage::catalogue::rows::state::{self, Mark};
use crate::storage::catalogue::transaction::Transaction;
use prost::Message;

/// Marks that are kept.
const MARKS: usize = 64;

/// What is kept in memory beside the rows; written with them in the same batch.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Head {
    pub(in super::super) applied: AppliedState,
    pub(in super::super) globals: Globals,
    pub(in super::super) settings: Settings,
    pub(in super::super) digest: Digest,
    pub(in super::super) marks: VecDeque<Mark>,
}

/// A transaction that keeps digest and head up with its rows.
pub(super) struct Draft<'a> {
    pub(super) txn: Transaction<'a>,
    pub(super) chunks: &'a dyn ChunkRefs,
    pub(super) head: Head,
    written_globals: Globals,
    /// Operations remembered by the entry being applied.
    pub(super) remembered: usize,
    marked: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn new(txn: Transaction<'a>, chunks: &'a dyn ChunkRefs, head: Head) -> Self {
        let written_globals = head.globals.clone();
        Draft { txn, chunks, head, written_globals, remembered: 0, marked: false }
    }

    /// Sets a replicated row.
    pub(super) fn set(&mut self, key: Bytes, value: Bytes) -> Result<(), BackendError> {
        if let Some(old) = self.txn.get(&key)? {
            self.head.digest.subtract(&key, &old);
        }
        self.head.digest.add(&key, &value);
        self.txn.set(key, value);
        Ok(())
    }

    /// Removes a replicated row.
    pub(super) fn remove(&mut self, key: Bytes) -> Result<(), BackendError> {
        if let Some(old) = self.txn.get(&key)? {
            self.head.digest.subtract(&key, &old);
            self.txn.remove(key);
        }
        Ok(())
    }

    /// Writes the globals out if they changed: at the end of every entry, so that the digest there does not depend
    /// on how entries are grouped.
    pub(super) fn write_globals(&mut self) -> Result<(), BackendError> {
        if self.head.globals != self.written_globals {
            self.written_globals = self.head.globals.clone();
            self.set(globals::KEY, self.written_globals.encode_to_vec().into())?;
        }
        Ok(())
    }

    /// Notes the digest as it is at the end of the entry with this index.
    pub(super) fn note_mark(&mut self, index: u64) {
        if self.head.marks.len() == MARKS {
            self.head.marks.pop_front();
        }
        self.head.marks.push_back((index, self.head.digest.to_bytes()));
        self.marked = true;
    }

    /// All that is to be written, and the head that is true once it is.
    pub(super) fn finish(mut self) -> (Batch, Head) {
        self.txn.set(state::KEY, state::encode(&self.head.applied, self.head.digest));
        if self.marked {
            self.txn.set(state::MARKS, state::encode_marks(&self.head.marks));
        }
        (self.txn.into_batch(), self.head)
    }
}
