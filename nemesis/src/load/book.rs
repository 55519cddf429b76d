//! The record of a run: operations, and all that must not be.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gossamer_client::Stored;
use gossamer_sim::check::{self, Rejected};
use gossamer_sim::history::{Operation, Return, Value};
use gossamer_sim::operation::Record;
use tokio::time::Instant;

/// A client may hear of a full disk for so long after it was: no patience is longer.
const FULL_LINGERS: Duration = Duration::from_secs(60);

/// What all clients of a run share.
pub struct Book {
    begun: Instant,
    open: AtomicBool,
    history: Mutex<Vec<Operation>>,
    wrong: Mutex<Vec<String>>,
    numbers: AtomicU64,
    value: AtomicU64,
    broken: AtomicUsize,
    despite: AtomicUsize,
    resumed: AtomicU64,
    /// Until when clients may hear of a full disk, in nanoseconds since the run began.
    full_until: AtomicU64,
}

/// How many operations ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// With an answer: done, or a definite no of the kind that a client asks for (nothing there, condition not met).
    pub ok: usize,
    /// Certainly not done.
    pub failed: usize,
    /// In doubt.
    pub unknown: usize,
    /// Of those with an answer: begun and ended while something was broken.
    pub despite: usize,
}

impl Book {
    /// Empty. Values differ from those of other seeds.
    pub fn new(seed: u64) -> Self {
        Book {
            begun: Instant::now(),
            open: AtomicBool::new(true),
            history: Mutex::default(),
            wrong: Mutex::default(),
            numbers: AtomicU64::new(0),
            value: AtomicU64::new((seed & 0xffff) << 32),
            broken: AtomicUsize::new(0),
            despite: AtomicUsize::new(0),
            resumed: AtomicU64::new(0),
            full_until: AtomicU64::new(0),
        }
    }

    /// Whether clients go on.
    pub fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }

    /// Clients end.
    pub fn close(&self) {
        self.open.store(false, Relaxed);
    }

    /// Nanoseconds since the run began.
    pub fn moment(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }

    /// The number of the next operation.
    pub fn next(&self) -> u64 {
        self.numbers.fetch_add(1, Relaxed)
    }

    /// A value that nobody has written.
    pub fn value(&self) -> Value {
        self.value.fetch_add(1, Relaxed) + 1
    }

    /// So many things are broken now.
    pub fn set_broken(&self, count: usize) {
        self.broken.store(count, Relaxed);
    }

    /// How many things are broken now.
    pub fn broken(&self) -> usize {
        self.broken.load(Relaxed)
    }

    /// A disk is full now. Returns what undoes it.
    pub fn see_full(&self) -> u64 {
        self.full_until.swap(self.moment() + FULL_LINGERS.as_nanos() as u64, Relaxed)
    }

    /// It is not, after all.
    pub fn forget_full(&self, before: u64) {
        self.full_until.store(before, Relaxed);
    }

    /// Bytes that interrupted uploads did not have to send again.
    pub fn resumed_bytes(&self) -> u64 {
        self.resumed.load(Relaxed)
    }

    /// All that must not be.
    pub fn wrongs(&self) -> Vec<String> {
        self.lines().clone()
    }

    /// Notes an operation; `before` is how many things were broken when it began.
    pub fn note(&self, operation: Operation, before: usize) {
        let answered = !matches!(operation.back, Return::Failed | Return::Unknown);
        if answered && before > 0 && self.broken() > 0 {
            self.despite.fetch_add(1, Relaxed);
        }
        self.operations().push(operation);
    }

    /// All that was done.
    pub fn history(&self) -> Vec<Operation> {
        self.operations().clone()
    }

    /// Whether the history is linearizable.
    pub fn check(&self) -> Result<(), Rejected> {
        check::check(&self.operations())
    }

    /// How operations ended.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { despite: self.despite.load(Relaxed), ..Counts::default() };
        for operation in self.operations().iter() {
            match operation.back {
                Return::Failed => counts.failed += 1,
                Return::Unknown => counts.unknown += 1,
                _ => counts.ok += 1,
            }
        }
        counts
    }

    /// All names, and how many operations each had.
    pub fn names(&self) -> BTreeMap<String, usize> {
        let mut names = BTreeMap::new();
        for operation in self.operations().iter() {
            *names.entry(operation.name.clone()).or_default() += 1;
        }
        names
    }

    fn operations(&self) -> MutexGuard<'_, Vec<Operation>> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record for Book {
    fn stored(&self, stored: &Stored) {
        self.resumed.fetch_add(stored.resumed_bytes, Relaxed);
    }

    fn is_full(&self) -> bool {
        self.moment() < self.full_until.load(Relaxed)
    }

    fn wrong(&self, what: String) {
        eprintln!("WRONG: {what}");
        self.lines().push(what);
    }
}
