//! What readers and callers see: entries by index, the queue to the writer, segments, failure.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gossamer_proto::limits::{LOG_QUEUE_BYTES, LOG_QUEUE_ITEMS};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use super::Durable;
use super::past::Past;
use super::record::{Kind, Record};
use super::tail::{Held, Place, Written};

/// An entry: in memory, in a file, or both.
pub(super) struct Slot {
    /// Tells entries apart that had the same index one after the other.
    pub(super) number: u64,
    pub(super) length: u32,
    pub(super) payload: Option<Bytes>,
    pub(super) place: Option<Place>,
}

/// Something to be made durable.
pub(super) struct Request {
    pub(super) records: Vec<Record>,
    /// The number of the first entry among the records.
    pub(super) number: u64,
    pub(super) done: Durable,
    /// Its share of the queue's bounds.
    pub(super) _permits: [OwnedSemaphorePermit; 2],
}

/// A failure, told to everyone who asks.
#[derive(Clone, Debug)]
pub(super) struct Failure(io::ErrorKind, String);

impl Failure {
    pub(super) fn error(&self) -> io::Error {
        io::Error::new(self.0, self.1.clone())
    }
}

#[derive(Default)]
pub(super) struct State {
    pub(super) vote: Option<Bytes>,
    pub(super) committed: Option<Bytes>,
    /// The committed mark is newer than what the writer was given.
    pub(super) committed_waits: bool,
    pub(super) purged: Option<(u64, Bytes)>,
    /// Index of the first slot.
    pub(super) first: u64,
    pub(super) slots: VecDeque<Slot>,
    pub(super) next_number: u64,
    /// Slots below this index hold no payload.
    pub(super) cached_from: u64,
    pub(super) cached_bytes: usize,
    pub(super) queue: VecDeque<Request>,
    pub(super) segments: VecDeque<Held>,
    /// Segments were removed: there may be room for a spare one again.
    pub(super) freed: bool,
    pub(super) closed: bool,
}

impl State {
    pub(super) fn next(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    pub(super) fn append(&mut self, index: u64, payload: &Bytes) {
        if self.slots.is_empty() {
            self.first = index;
        }
        self.cached_bytes += payload.len();
        let (number, length) = (self.next_number, payload.len() as u32);
        self.next_number += 1;
        self.slots.push_back(Slot { number, length, payload: Some(payload.clone()), place: None });
    }

    /// Drops entries from `index` on.
    pub(super) fn truncate(&mut self, index: u64) {
        while self.next() > index && self.slots.pop_back().map(|slot| self.forget(&slot)).is_some() {}
        self.first = self.first.min(index);
        self.cached_from = self.cached_from.min(index);
    }

    /// Drops entries up to `upto`.
    pub(super) fn purge(&mut self, upto: u64) {
        while self.first <= upto && self.slots.pop_front().map(|slot| self.forget(&slot)).is_some() {
            self.first += 1;
        }
        self.first = self.first.max(upto + 1);
    }

    fn forget(&mut self, slot: &Slot) {
        self.cached_bytes -= slot.payload.as_ref().map_or(0, Bytes::len);
    }

    /// Notes where entries lie. One that was truncated meanwhile is not there any more, or is another one.
    fn place(&mut self, index: u64, number: u64, place: Place) {
        let at = index.checked_sub(self.first).and_then(|at| self.slots.get_mut(at as usize));
        if let Some(slot) = at.filter(|slot| slot.number == number) {
            slot.place = Some(place);
        }
    }

    /// Drops payloads from memory, lowest index first, until `cache_bytes` are left; none that is not written.
    fn evict(&mut self, cache_bytes: usize) {
        self.cached_from = self.cached_from.clamp(self.first, self.next());
        while self.cached_bytes > cache_bytes {
            let Some(slot) = self.slots.get_mut((self.cached_from - self.first) as usize) else { return };
            if slot.place.is_none() {
                return;
            }
            self.cached_bytes -= slot.payload.take().map_or(0, |payload| payload.len());
            self.cached_from += 1;
        }
    }
}

/// The log's state and what its writer and callers tell each other.
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) wake: Notify,
    pub(super) failure: watch::Sender<Option<Failure>>,
    items: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    cache_bytes: usize,
}

impl Shared {
    pub(super) fn new(state: State, cache_bytes: usize) -> Self {
        Shared {
            state: Mutex::new(state),
            wake: Notify::new(),
            failure: watch::Sender::new(None),
            items: Arc::new(Semaphore::new(LOG_QUEUE_ITEMS)),
            bytes: Arc::new(Semaphore::new(LOG_QUEUE_BYTES)),
            cache_bytes,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // No code that panics runs under this lock; if some does, the state is still what it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, unless the log has failed or is closed.
    pub(super) fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        if let Some(failure) = &*self.failure.borrow() {
            return Err(failure.error());
        }
        if state.closed { Err(io::Error::other("the log is closed")) } else { Ok(state) }
    }

    /// Waits for room in the queue for `bytes`.
    pub(super) async fn room(&self, bytes: usize) -> io::Result<[OwnedSemaphorePermit; 2]> {
        let closed = |_| io::Error::other("the log is closed");
        let item = self.items.clone().acquire_owned().await.map_err(closed)?;
        let bytes = self.bytes.clone().acquire_many_owned(bytes.min(LOG_QUEUE_BYTES) as u32).await;
        Ok([item, bytes.map_err(closed)?])
    }

    /// Notes what the writer has made durable.
    pub(super) fn written(&self, batch: &[Request], written: Written, past: &Past) {
        let mut state = self.state();
        for (last_index, segment) in written.rolled {
            if let Some(full) = state.segments.back_mut() {
                full.last_index = last_index;
            }
            state.segments.push_back(Held { segment, last_index: None });
        }
        let mut places = written.places.into_iter();
        for request in batch {
            let entries = request.records.iter().filter(|record| record.kind == Kind::Entry);
            for ((entry, number), place) in entries.zip(request.number..).zip(&mut places) {
                state.place(entry.index, number, place);
            }
        }
        state.vote.clone_from(&past.vote);
        state.evict(self.cache_bytes);
    }

    /// Fails the log for ever, and everything that waits; the writer ends.
    pub(super) fn fail(&self, error: &io::Error, batch: Vec<Request>) {
        let failure = Failure(error.kind(), error.to_string());
        let waiting = {
            let mut state = self.state();
            self.failure.send_replace(Some(failure.clone()));
            std::mem::take(&mut state.queue)
        };
        self.wake.notify_one();
        for request in batch.into_iter().chain(waiting) {
            (request.done)(Err(failure.error()));
        }
    }
}
