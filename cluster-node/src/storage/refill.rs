//! Small files for which there was no room are taken from the log once there is: no other node may have them.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::APPEND_BYTES;
use gossamer_proto::v1::{self, command::Kind, log_entry::Payload};
use gossamer_world::World;
use gossamer_world::files::is_bad_sector;
use prost::Message;
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use super::catalogue::Catalogue;
use super::catalogue::backend::BackendError;
use super::extents::{ChunkError, Chunks, Purpose};
use super::log::Log;

/// What is read, and where it goes.
pub(crate) struct Refill {
    world: World,
    /// Has the bytes, until it is cut.
    log: Log,
    /// Says how far the log is applied.
    catalogue: Arc<Catalogue>,
    /// Lacks them.
    chunks: Arc<Chunks>,
    /// Held by a pass, and by who replaces the catalogue: in between nothing is named, and nothing would seem to be missing.
    passing: Mutex<()>,
}

/// Why it is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefillError {
    #[error("the log: {0}")]
    Log(#[from] io::Error),
    #[error(transparent)]
    Chunks(#[from] ChunkError),
}

impl From<BackendError> for RefillError {
    fn from(error: BackendError) -> Self {
        RefillError::Chunks(error.into())
    }
}

impl Refill {
    /// Of this node's log.
    pub(crate) fn new(world: &World, log: &Log, catalogue: &Arc<Catalogue>, chunks: &Arc<Chunks>) -> Self {
        Refill {
            world: world.clone(),
            log: log.clone(),
            catalogue: catalogue.clone(),
            chunks: chunks.clone(),
            passing: Mutex::default(),
        }
    }

    /// What was refused before the process began is not known: all that is missing counts. Before the log can be cut.
    pub(crate) fn begin(&self) {
        let held = self.log.indexes();
        if self.chunks.missing_count() > 0 && !held.is_empty() {
            self.chunks.refuse(held.start);
            self.chunks.refuse(held.end - 1);
        }
    }

    /// Keeps passes away.
    pub(crate) async fn pause(&self) -> MutexGuard<'_, ()> {
        self.passing.lock().await
    }

    /// Goes once through the entries of which some brought what was refused, or until there is no room for the next file, or
    /// shutdown.
    pub(crate) async fn pass(&self, shutdown: &CancellationToken) -> Result<(), RefillError> {
        let _alone = self.passing.lock().await;
        let Some(refused) = self.chunks.refused() else { return Ok(()) };
        // What is not applied yet may still be stored by that.
        let applied = self.catalogue.applied().at.map_or(0, |at| at.index);
        let (first, end) = (*refused.start(), applied.min(*refused.end()) + 1);
        let mut next = first.max(self.log.indexes().start);
        let mut taken = 0;
        while next < end && !shutdown.is_cancelled() {
            let entries = self.read(next, end).await?;
            let Some((last, _)) = entries.last() else { break };
            next = last + 1;
            let chunks = self.chunks.clone();
            taken += self.world.blocking.run(move || take(&chunks, entries)).await?;
        }
        if next >= end {
            self.chunks.accept(end - 1);
        }
        if taken > 0 {
            tracing::info!(chunks = taken, "small files for which there was no room are stored now");
        }
        Ok(())
    }

    /// Some entries from `next` on; one that cannot be read is out of reach, and counts as empty.
    async fn read(&self, next: u64, end: u64) -> io::Result<Vec<(u64, Bytes)>> {
        match self.log.read(next..end, APPEND_BYTES).await {
            Err(error) if is_damage(&error) => {}
            read => return read,
        }
        match self.log.read(next..next + 1, APPEND_BYTES).await {
            Err(error) if is_damage(&error) => {
                tracing::error!(index = next, %error, "an entry of the log cannot be read: what it brought is not stored");
                Ok(vec![(next, Bytes::new())])
            }
            read => read,
        }
    }
}

fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) || is_bad_sector(error)
}

/// Stores what these entries brought and nobody else has brought since; how many chunks it was. Durable at return, and accepted
/// up to where an error stopped it.
fn take(chunks: &Chunks, entries: Vec<(u64, Bytes)>) -> Result<usize, RefillError> {
    let (mut taken, mut done, mut stopped) = (Vec::new(), None, None);
    for (index, entry) in entries {
        if let Err(error) = take_entry(chunks, entry, &mut taken) {
            stopped = Some(error);
            break;
        }
        done = Some(index);
    }
    // Also what was put by somebody else a moment ago: the log is cut on account of this.
    chunks.sync()?;
    chunks.settle(&taken)?;
    if let Some(index) = done {
        chunks.accept(index);
    }
    stopped.map_or(Ok(taken.len()), Err)
}

fn take_entry(chunks: &Chunks, entry: Bytes, taken: &mut Vec<Hash>) -> Result<(), RefillError> {
    // Nobody can decode it, so nobody has applied it.
    let Ok(v1::LogEntry { payload: Some(Payload::Batch(batch)), .. }) = v1::LogEntry::decode(entry) else {
        return Ok(());
    };
    for command in batch.commands {
        let Some(Kind::Put(put)) = command.kind else { continue };
        let hash = Hash::of(&put.data);
        // Only what the entry was applied for: it was refused itself if the bytes are not what they were said to be.
        if hash.as_bytes()[..] == put.blake3[..] && chunks.is_missing(&hash)? {
            chunks.put(hash, &put.data, Purpose::Apply)?;
            taken.push(hash);
        }
    }
    Ok(())
}
