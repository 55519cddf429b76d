//! The log: vote, entries and committed mark in one stream of checksummed records over segment files.
//!
//! # Layout
//! - `record`, `segment`: what lies on disk; `past`: what a new segment carries over
//! - `tail`: writing at the end; `writer`: the task that does it, one fdatasync per batch
//! - `state`: entries by index, the queue; `read`: reading entries back
//! - `recover`, `scan`: opening; `check`: closed segments, for scrub
//!
//! # On disk
//! All numbers are little-endian, all checksums CRC-32 (IEEE). A *position* counts bytes of the whole stream,
//! segment headers included. Segments are files `<sequence, 16 digits>.log`, numbered without gaps and
//! preallocated; `spare` waits to be the next one. A segment begins with 72 bytes:
//!
//! | bytes | |
//! | --- | --- |
//! | 0..16 | `GOSSLOG\n`, format (u32), checksum of both (u32): the same in every format |
//! | 16..40 | sequence; position of the file's first byte, where the segment before ends; index of the next entry |
//! | 40..56 | length of the file; position up to which the stream was durable before the file got its name |
//! | 56..72 | random nonce (u64), 0 (u32), checksum of all before (u32) |
//!
//! Records follow, each padded with zeros to eight bytes. The first ones say again what vote, committed mark and
//! purge were, so that older segments can go. The nonce seeds every checksum of the segment: neither old bytes of
//! a disk nor a user's file that holds records pass for records.
//!
//! | bytes | |
//! | --- | --- |
//! | 0..4 | `GLR`, kind (1 vote, 2 entry, 3 truncate, 4 purge, 5 committed, 6 mark) |
//! | 4..8 | length of the payload |
//! | 8..24 | position of the record; index (entry: its own; truncate: the first removed; purge: the last removed) |
//! | 24..32 | durable mark: position up to which the stream was known fdatasync'ed when the record was written |
//! | 32..40 | checksum of the padded payload; checksum of this header |
//!
//! # Invariants
//! - Nobody is told before fdatasync has returned. After a failed write or sync nothing is written any more.
//! - A segment is durable to its end before the next one exists; a new one is durable, records carried over
//!   included, before it gets its name. So a name stands for a durable header.
//! - Behind every batch a mark is written: damage below the highest mark is corruption and refused at opening;
//!   what cannot be read above it is a torn tail. It is cut, and wiped out before anything is written there.
//! - Segments are removed oldest first, each durably before the next, after the purge that allows it is durable.
//!
//! # What it does not guarantee
//! - The last mark itself is not synced: after a power loss, damage to the very last batch looks like a torn tail.
//!   So does damage that takes everything up to the end with it, the last mark included.
//! - Newest segments that vanish with their names are not missed.

mod check;
mod past;
mod read;
mod record;
mod recover;
mod scan;
mod segment;
mod state;
mod tail;
mod writer;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use gossamer_proto::limits::LOG_RECORD_BYTES;
use gossamer_world::{Blocking, Files, World};
use tokio::sync::{Mutex, oneshot};

use record::{Kind, Record};
use segment::Segment;
use state::{Request, Shared, State};

/// Called once with the outcome: durable, or failed. Must not block.
pub type Durable = Box<dyn FnOnce(io::Result<()>) + Send>;

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Bytes that were durable are damaged: what follows may hold acknowledged entries or a vote.
    #[error("{file} is damaged at byte {offset}: {what}")]
    Corrupt {
        /// Name of the segment.
        file: String,
        /// Bytes from the start of the file.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// Written by a newer Gossamer.
    #[error("{file} has format {found}, this program reads up to {known}")]
    Newer {
        /// Name of the segment.
        file: String,
        /// Its format.
        found: u32,
        /// The newest format this program reads.
        known: u32,
    },
    /// The files cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How large things may get.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Bytes of a segment; a record that needs more gets a larger one.
    pub segment_bytes: u64,
    /// Bytes of written entries kept in memory.
    pub cache_bytes: usize,
}

/// A handle; clones share one log. When the last one is dropped the writer finishes what is queued and ends.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    files: Arc<dyn Files>,
    dir: PathBuf,
    blocking: Blocking,
    /// Held while segments are removed: oldest first, by one at a time.
    removal: Mutex<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.wake.notify_one();
    }
}

/// Whether there is a log in `dir`: a file that waits to become a segment is none.
pub fn is_there(files: &dyn Files, dir: &Path) -> io::Result<bool> {
    match files.list(dir) {
        Ok(names) => Ok(names.iter().any(|name| segment::sequence(name).is_some())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Log {
    /// Opens or makes the log in `dir`; starts its writer task on the current runtime.
    pub async fn open(world: &World, dir: &Path, config: Config) -> Result<Log, OpenError> {
        let (in_world, in_dir) = (world.clone(), dir.to_owned());
        let (state, tail) = world.blocking.run(move || recover::open(&in_world, &in_dir, &config)).await?;
        let shared = Arc::new(Shared::new(state, config.cache_bytes));
        let writer = tokio::spawn(writer::run(shared.clone(), tail, world.blocking));
        let watched = shared.clone();
        tokio::spawn(async move {
            if let Err(error) = writer.await {
                watched.fail(&io::Error::other(error), Vec::new());
            }
        });
        let (files, blocking) = (world.files.clone(), world.blocking);
        Ok(Log(Arc::new(Inner { shared, files, dir: dir.to_owned(), blocking, removal: Mutex::default() })))
    }

    /// The last durable vote, opaque.
    pub fn vote(&self) -> Option<Bytes> {
        self.0.shared.state().vote.clone()
    }

    /// Durable when it returns.
    pub async fn save_vote(&self, vote: Bytes) -> io::Result<()> {
        let record = Record { kind: Kind::Vote, index: 0, payload: vote };
        self.write(record, |_| Ok(true)).await
    }

    /// The last saved committed mark, opaque.
    pub fn committed(&self) -> Option<Bytes> {
        self.0.shared.state().committed.clone()
    }

    /// Rides with the next write; not synced by itself.
    pub async fn save_committed(&self, committed: Bytes) -> io::Result<()> {
        check_size(&committed)?;
        let mut state = self.0.shared.alive()?;
        state.committed = Some(committed);
        state.committed_waits = true;
        Ok(())
    }

    /// What `purge` was last told, opaque.
    pub fn purged(&self) -> Option<Bytes> {
        self.0.shared.state().purged.as_ref().map(|(_, id)| id.clone())
    }

    /// Indexes held; empty range if none (start = the next index that may be appended).
    pub fn indexes(&self) -> Range<u64> {
        let state = self.0.shared.state();
        state.first..state.next()
    }

    /// Appends consecutive entries. Readable at return; `durable` is called, in the order of appends, once they are
    /// fdatasync'ed or have failed, also when this returns an error. A log that never held anything may begin at
    /// any index.
    pub async fn append(&self, entries: Vec<(u64, Bytes)>, durable: Durable) -> io::Result<()> {
        match self.try_append(entries, durable).await {
            Ok(()) => Ok(()),
            Err((error, durable)) => {
                durable(Err(io::Error::new(error.kind(), error.to_string())));
                Err(error)
            }
        }
    }

    async fn try_append(
        &self,
        entries: Vec<(u64, Bytes)>,
        durable: Durable,
    ) -> Result<(), (io::Error, Durable)> {
        if let Some(error) = entries.iter().find_map(|(_, payload)| check_size(payload).err()) {
            return Err((error, durable));
        }
        let bytes = entries.iter().map(|(_, payload)| payload.len() + record::HEADER_BYTES as usize).sum();
        let permits = match self.0.shared.room(bytes).await {
            Ok(permits) => permits,
            Err(error) => return Err((error, durable)),
        };
        let mut state = match self.0.shared.alive() {
            Ok(state) => state,
            Err(error) => return Err((error, durable)),
        };
        if let Err(error) = check_order(&state, &entries) {
            return Err((error, durable));
        }
        let number = state.next_number;
        for (index, payload) in &entries {
            state.append(*index, payload);
        }
        let record = |(index, payload)| Record { kind: Kind::Entry, index, payload };
        let records = entries.into_iter().map(record).collect();
        state.queue.push_back(Request { records, number, done: durable, _permits: permits });
        self.0.shared.wake.notify_one();
        Ok(())
    }

    /// Removes every entry after `last` (None: all). Durable at return.
    pub async fn truncate_after(&self, last: Option<u64>) -> io::Result<()> {
        let index = match last {
            Some(last) => last + 1,
            None => self.indexes().start,
        };
        let record = Record { kind: Kind::Truncate, index, payload: Bytes::new() };
        self.write(record, |state| {
            if index < state.first {
                return Err(invalid(format!("cannot truncate to {index}: purged up to {}", state.first)));
            }
            let removes = index < state.next();
            if removes {
                state.truncate(index);
            }
            Ok(removes)
        })
        .await
    }

    /// Removes entries up to `upto` inclusive and remembers `id`. Durable at return; frees whole segments.
    pub async fn purge(&self, upto: u64, id: Bytes) -> io::Result<()> {
        let record = Record { kind: Kind::Purge, index: upto, payload: id.clone() };
        self.write(record, |state| {
            let purges = state.purged.as_ref().is_none_or(|(purged, _)| *purged < upto);
            if purges {
                state.purged = Some((upto, id));
                state.purge(upto);
            }
            Ok(purges)
        })
        .await?;
        self.remove_segments(upto).await
    }

    /// Entries of `range` that exist, in order, stopping before `max_bytes` are exceeded (but at least one).
    pub async fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<(u64, Bytes)>> {
        read::read(&self.0.shared, self.0.blocking, range, max_bytes).await
    }

    /// Bytes of the segments; the spare one is not counted.
    pub fn bytes(&self) -> u64 {
        self.0.shared.state().segments.iter().map(|held| held.segment.header.length).sum()
    }

    /// Resolves when a write or sync has failed: the node must stop, and never tries again.
    pub async fn failed(&self) -> io::Error {
        let mut failure = self.0.shared.failure.subscribe();
        match failure.wait_for(Option::is_some).await.map(|failure| failure.clone()) {
            Ok(Some(failure)) => failure.error(),
            // The sender lives in what `self` holds.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Waits for everything queued to be durable and stops the writer; every later call but the getters fails.
    pub async fn close(&self) -> io::Result<()> {
        let (done, outcome) = oneshot::channel();
        let permits = self.0.shared.room(0).await?;
        {
            let mut state = self.0.shared.alive()?;
            state.closed = true;
            state.queue.push_back(Request {
                records: Vec::new(),
                number: 0,
                done: tell(done),
                _permits: permits,
            });
        }
        self.0.shared.wake.notify_one();
        heard(outcome).await
    }

    /// Queues one record and waits until it is durable, unless `change` says that there is nothing to be done.
    async fn write(
        &self,
        record: Record,
        change: impl FnOnce(&mut State) -> io::Result<bool>,
    ) -> io::Result<()> {
        check_size(&record.payload)?;
        let (done, outcome) = oneshot::channel();
        let permits = self.0.shared.room(record.size() as usize).await?;
        {
            let mut state = self.0.shared.alive()?;
            if !change(&mut state)? {
                return Ok(());
            }
            let records = vec![record];
            state.queue.push_back(Request { records, number: 0, done: tell(done), _permits: permits });
        }
        self.0.shared.wake.notify_one();
        heard(outcome).await
    }

    /// Removes the oldest segments as long as no entry above `upto` was ever written to them.
    async fn remove_segments(&self, upto: u64) -> io::Result<()> {
        let _removal = self.0.removal.lock().await;
        let removed: Vec<Arc<Segment>> = {
            let mut state = self.0.shared.alive()?;
            let older = state.segments.len() - 1;
            let purged = state.segments.iter().take(older).take_while(|held| held.last_index <= Some(upto));
            let purged = purged.count();
            state.segments.drain(..purged).map(|held| held.segment).collect()
        };
        let (files, dir) = (self.0.files.clone(), self.0.dir.clone());
        let result = self.0.blocking.run(move || remove(&*files, &dir, &removed)).await;
        match &result {
            Ok(()) => self.0.shared.state().freed = true,
            Err(error) => self.0.shared.fail(error, Vec::new()),
        }
        result
    }
}

/// Each removal is durable before the next: a power loss never leaves a gap.
fn remove(files: &dyn Files, dir: &Path, segments: &[Arc<Segment>]) -> io::Result<()> {
    for segment in segments {
        files.remove(&dir.join(segment.name()))?;
        files.sync_dir(dir)?;
    }
    Ok(())
}

fn tell(done: oneshot::Sender<io::Result<()>>) -> Durable {
    Box::new(move |result| {
        // Nobody listens any more: the caller has given up, the record stays.
        let _ = done.send(result);
    })
}

async fn heard(outcome: oneshot::Receiver<io::Result<()>>) -> io::Result<()> {
    outcome.await.unwrap_or_else(|_| Err(io::Error::other("the log's writer is gone")))
}

fn check_size(payload: &Bytes) -> io::Result<()> {
    if payload.len() > LOG_RECORD_BYTES {
        return Err(invalid(format!("a record of {} bytes is too large for the log", payload.len())));
    }
    Ok(())
}

fn check_order(state: &State, entries: &[(u64, Bytes)]) -> io::Result<()> {
    let Some((first, _)) = entries.first() else { return Ok(()) };
    let untouched = state.slots.is_empty() && state.purged.is_none() && state.first == 0;
    let start = if untouched { *first } else { state.next() };
    match (start..).zip(entries).find(|(expected, (index, _))| expected != index) {
        Some((expected, (index, _))) => {
            Err(invalid(format!("cannot append entry {index}: the next is {expected}")))
        }
        None => Ok(()),
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
