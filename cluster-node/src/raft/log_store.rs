//! The log as openraft wants it.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use gossamer_proto::limits::APPEND_BYTES;
use gossamer_proto::v1;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};
use prost::Message;

use super::convert::{self, ConvertError};
use super::types::{Entry, LogId, Types, Vote};
use crate::storage::extents::Chunks;
use crate::storage::log::Log;
use crate::witness::Witness;

/// Vote, log and committed mark over [`Log`]. Clones are handles of one log: an appended entry is readable
/// through each of them at once, as openraft demands.
#[derive(Clone)]
pub(super) struct LogStore {
    log: Log,
    chunks: Arc<Chunks>,
    /// Up to where openraft has purged it, if that is still to be done.
    wanted: Arc<Mutex<Option<LogId>>>,
    witness: Option<Arc<dyn Witness>>,
}

impl LogStore {
    pub(super) fn new(log: Log, chunks: Arc<Chunks>, witness: Option<Arc<dyn Witness>>) -> Self {
        LogStore { log, chunks, wanted: Arc::default(), witness }
    }

    fn wanted(&self) -> MutexGuard<'_, Option<LogId>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Purges what openraft wants purged, but no entry whose bytes only the log has. When a snapshot from elsewhere takes the
    /// place of all of it, there is no choice: an entry behind a hole would be none.
    pub(super) async fn cut(&self) -> io::Result<()> {
        let Some(wanted) = *self.wanted() else { return Ok(()) };
        let held = self.log.indexes();
        let kept = self.chunks.refused().map_or(u64::MAX, |refused| *refused.start());
        if kept > wanted.index || wanted.index >= held.end {
            self.log.purge(wanted.index, encode_log_id(wanted)).await?;
            let mut latest = self.wanted();
            *latest = (*latest).filter(|latest| *latest > wanted);
            return Ok(());
        }
        if kept <= held.start {
            return Ok(());
        }
        // The mark of a purge names the leader, too. If the entry cannot be read, the next one may be.
        if let Ok(entries) = self.read(kept - 1..kept, usize::MAX).await
            && let Some(last) = entries.first()
        {
            self.log.purge(last.log_id.index, encode_log_id(last.log_id)).await?;
        }
        Ok(())
    }

    fn held(&self, range: impl RangeBounds<u64>) -> Range<u64> {
        let held = self.log.indexes();
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => held.start,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last + 1,
            Bound::Excluded(end) => *end,
            Bound::Unbounded => held.end,
        };
        start.max(held.start)..end.min(held.end)
    }

    async fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<Entry>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let encoded = self.log.read(range.clone(), max_bytes).await?;
        let mut entries = Vec::with_capacity(encoded.len());
        for (index, bytes) in encoded {
            let entry = convert::decode_entry(bytes)?;
            if entry.log_id.index != index {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("entry {index} names another index"),
                ));
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

fn encode_log_id(id: LogId) -> Bytes {
    convert::from_log_id(id).encode_to_vec().into()
}

fn decode_log_id(encoded: Option<Bytes>) -> Result<Option<LogId>, ConvertError> {
    Ok(encoded.map(v1::LogId::decode).transpose()?.map(convert::to_log_id))
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        self.read(self.held(range), usize::MAX).await
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        let vote = self.log.vote().map(v1::VoteState::decode).transpose().map_err(ConvertError::from)?;
        Ok(vote.map(convert::to_vote))
    }

    /// openraft counts entries only; without this bound 256 entries of 2 MiB would go into one message.
    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        self.read(self.held(start..end), APPEND_BYTES).await
    }

    /// For apply. The default reads the whole range into memory first; after a long absence that is the whole log.
    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let pieces = stream::try_unfold((self.clone(), self.held(range)), |(log, range)| async move {
            let entries = log.read(range.clone(), APPEND_BYTES).await?;
            let next = range.start + entries.len() as u64;
            let piece = stream::iter(entries.into_iter().map(Ok::<_, io::Error>));
            Ok::<_, io::Error>((next > range.start).then_some((piece, (log, next..range.end))))
        });
        Box::pin(pieces.try_flatten())
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        let last_purged_log_id = decode_log_id(self.log.purged())?;
        let held = self.log.indexes();
        let last_log_id = match held.is_empty() {
            true => last_purged_log_id,
            false => self.read(held.end - 1..held.end, usize::MAX).await?.last().map(|entry| entry.log_id),
        };
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        self.log.save_vote(convert::from_vote(*vote).encode_to_vec().into()).await
    }

    /// Kept so that a restarted node applies up to where it was and never shows an older state than before.
    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        match committed {
            Some(id) => self.log.save_committed(encode_log_id(id)).await,
            // Nothing was ever committed: there is nothing to remember.
            None => Ok(()),
        }
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(decode_log_id(self.log.committed())?)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries =
            entries.into_iter().map(|entry| (entry.log_id.index, convert::encode_entry(entry))).collect();
        self.log.append(entries, Box::new(move |result| callback.io_completed(result))).await
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let last = last.map(|id| id.index);
        tracing::info!(after = ?last, "the log is truncated: another leader knows better");
        self.log.truncate_after(last).await?;
        if let Some(witness) = &self.witness {
            witness.truncated(last);
        }
        Ok(())
    }

    /// May stop before that ([`LogStore::cut`]): openraft may believe that the log holds less than it does.
    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        {
            let mut wanted = self.wanted();
            *wanted = (*wanted).max(Some(upto));
        }
        self.cut().await
    }
}
