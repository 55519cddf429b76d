//! Several entries in one batch of the backend, with the applied position and the digest.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use gossamer_proto::hash::Hash;
use gossamer_proto::limits::INLINE_BYTES;
use gossamer_proto::v1::{self, command::Kind};
use prost::Message;

use super::Place;
use super::draft::Draft;
use super::{command, expire};
use crate::storage::catalogue::applied::Applied;
use crate::storage::catalogue::backend::BackendError;
use crate::storage::catalogue::transaction::Transaction;
use crate::storage::catalogue::{Catalogue, Entry, Payload};
use crate::storage::extents::{ChunkError, Purpose};

/// Entries in one batch: enough that the batch's own cost does not count.
const GROUP_ENTRIES: usize = 256;
/// Bytes of entries in one batch: bounds how long the index of chunks and a snapshot being built wait.
const GROUP_BYTES: usize = 1 << 20;

/// The inline files whose bytes are what they say: index of the entry and place in it.
type Sound = BTreeSet<(u64, u32)>;

impl Catalogue {
    /// Applies entries in order; one result per entry, in it one per command. An entry that was applied before is
    /// skipped, its result is empty.
    pub fn apply(&self, entries: Vec<Entry>) -> Result<Vec<Vec<Applied>>, BackendError> {
        let mut results = Vec::with_capacity(entries.len());
        let mut rest = &entries[..];
        while !rest.is_empty() {
            let (group, later) = rest.split_at(group_length(rest));
            results.extend(self.apply_group(group)?);
            rest = later;
        }
        Ok(results)
    }

    fn apply_group(&self, group: &[Entry]) -> Result<Vec<Vec<Applied>>, BackendError> {
        let sound = self.store_inline(group)?;
        let mut turn = self.turn_to_write();
        self.check_whole()?;
        // Held until the batch is written: what the index says of a chunk must not change under it.
        let _index = self.chunks.lock();
        let head = self.head().as_ref().clone();
        let mut draft = Draft::new(Transaction::new(&*self.backend), &*self.chunks, head);
        let results: Result<Vec<_>, _> = group.iter().map(|entry| draft.entry(entry, &sound)).collect();
        let (batch, head) = draft.finish();
        let results = results?;
        if let Some(freeze) = turn.as_mut() {
            freeze.save(&batch, &*self.backend)?;
        }
        self.backend.write(batch)?;
        self.set_head(Arc::new(head));
        Ok(results)
    }

    /// Puts the bytes of inline files into the extents, before any lock is taken: the index takes its own. Those of
    /// an operation that then turns out refused are collected in time.
    fn store_inline(&self, group: &[Entry]) -> Result<Sound, BackendError> {
        let mut sound = Sound::new();
        let applied = self.head().applied.at;
        for entry in group.iter().filter(|entry| Some(entry.at) > applied) {
            let Payload::Batch(batch) = &entry.payload else { continue };
            for (ordinal, command) in (0u32..).zip(&batch.commands) {
                let Some(Kind::Put(put)) = &command.kind else { continue };
                if put.data.len() > INLINE_BYTES || Hash::of(&put.data).as_bytes()[..] != put.blake3 {
                    continue;
                }
                sound.insert((entry.at.index, ordinal));
                if !put.data.is_empty() {
                    self.store_chunk(entry.at.index, put)?;
                }
            }
        }
        Ok(sound)
    }

    fn store_chunk(&self, index: u64, put: &v1::PutSmall) -> Result<(), BackendError> {
        let hash = Hash::try_from(&put.blake3[..]).map_err(|error| BackendError::Row(error.to_string()))?;
        match self.chunks.put(hash, &put.data, Purpose::Apply) {
            Ok(()) => Ok(()),
            // A full disk must not fail an apply: the chunk is noted missing, and comes later from the log or another node.
            Err(error) if is_full(&error) => {
                self.chunks.refuse(index);
                Ok(())
            }
            Err(ChunkError::Index(error)) => Err(error),
            Err(error) => Err(BackendError::Store(error.to_string())),
        }
    }
}

fn is_full(error: &ChunkError) -> bool {
    match error {
        ChunkError::NoSpace { .. } => true,
        ChunkError::Io(error) => error.kind() == io::ErrorKind::StorageFull,
        _ => false,
    }
}

impl Draft<'_> {
    fn entry(&mut self, entry: &Entry, sound: &Sound) -> Result<Vec<Applied>, BackendError> {
        if Some(entry.at) <= self.head.applied.at {
            return Ok(Vec::new());
        }
        self.remembered = 0;
        let results = match &entry.payload {
            Payload::Blank => Vec::new(),
            Payload::Batch(batch) => self.batch(entry, batch, sound)?,
            Payload::Membership(membership) => {
                self.head.applied.membership_at = Some(entry.at);
                self.head.applied.membership = Some(membership.clone());
                Vec::new()
            }
        };
        expire::sweep(self)?;
        self.write_globals()?;
        if results.iter().any(|result| matches!(result, Applied::Marked { .. })) {
            self.note_mark(entry.at.index);
        }
        self.head.applied.at = Some(entry.at);
        Ok(results)
    }

    fn batch(
        &mut self,
        entry: &Entry,
        batch: &v1::Batch,
        sound: &Sound,
    ) -> Result<Vec<Applied>, BackendError> {
        let commands = (0u32..).zip(&batch.commands);
        let each = commands.map(|(ordinal, command)| {
            let place = Place { at: entry.at, ordinal, now_ms: batch.now_ms };
            command::apply(self, place, command, sound.contains(&(entry.at.index, ordinal)))
        });
        each.collect()
    }
}

/// How many of the entries, at least one, fit a group.
fn group_length(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    let fits = entries.iter().take(GROUP_ENTRIES).take_while(|entry| {
        bytes += match &entry.payload {
            Payload::Batch(batch) => batch.encoded_len(),
            Payload::Blank | Payload::Membership(_) => 0,
        };
        bytes <= GROUP_BYTES
    });
    fits.count().max(1)
}
