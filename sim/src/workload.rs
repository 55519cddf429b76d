//! What clients do, and the record of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use gossamer_client::{Client, Stored};
use rand::Rng;
use rand::rngs::SmallRng;

use crate::coverage::Counter;
use crate::history::{Call, Condition, Name, Operation, Return, Value};
use crate::operation::{self, Record};

/// Names in use: few, so that clients meet.
pub const NAMES: [&str; 5] = ["files/a", "files/b", "files/c", "other/d", "other/ä e"];
/// A client may hear of a full disk for so long after it was: no patience is longer.
const FULL_LINGERS: Duration = Duration::from_secs(20);

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The cluster forms.
    Founding,
    /// Clients work and things break.
    Working,
    /// Nothing is broken any more, clients end.
    Mended,
    /// All has been looked at.
    Over,
}

/// What all parts of a run see.
pub struct Shared {
    /// How far the run is.
    pub phase: Cell<Phase>,
    /// How many things are broken.
    pub broken: Cell<usize>,
    /// Operations that succeeded, begun and ended while something was broken.
    pub despite: Cell<usize>,
    /// Clients that have not ended.
    pub working: Cell<usize>,
    /// What clients did and saw.
    pub history: RefCell<Vec<Operation>>,
    /// Log indexes that were acknowledged and not looked for on the disks yet.
    pub acknowledged: RefCell<Vec<u64>>,
    /// Whether a disk is full, or was a moment ago.
    pub full: Cell<bool>,
    full_until: Cell<Duration>,
    /// Counts what happens.
    pub counter: Counter,
    /// Answers that no fault explains, and all else that must not be.
    pub wrong: RefCell<Vec<String>>,
    /// Moments: the simulation has one thread, and the order in which things happen on it is real.
    moment: Cell<u64>,
    value: Cell<Value>,
}

impl Shared {
    /// At the start of a run.
    pub fn new(clients: usize, counter: Counter) -> Self {
        Shared {
            phase: Cell::new(Phase::Founding),
            broken: Cell::new(0),
            despite: Cell::new(0),
            working: Cell::new(clients),
            history: RefCell::default(),
            acknowledged: RefCell::default(),
            full: Cell::new(false),
            full_until: Cell::new(Duration::ZERO),
            counter,
            wrong: RefCell::default(),
            moment: Cell::new(0),
            value: Cell::new(0),
        }
    }

    /// Waits until the run is that far.
    pub async fn reaches(&self, phase: Phase) {
        while self.phase.get() < phase {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Notes whether a disk is full. Answers to what was asked meanwhile may come later.
    pub fn see_full(&self, full: bool, now: Duration) {
        if full {
            self.full_until.set(now + FULL_LINGERS);
        }
        self.full.set(now < self.full_until.get());
    }

    fn moment(&self) -> u64 {
        self.moment.set(self.moment.get() + 1);
        self.moment.get()
    }

    /// A value that nobody has written.
    pub fn value(&self) -> Value {
        self.value.set(self.value.get() + 1);
        self.value.get()
    }
}

impl Record for Shared {
    fn stored(&self, stored: &Stored) {
        self.acknowledged.borrow_mut().push(stored.version);
        if stored.resumed_bytes > 0 {
            self.counter.happened("upload resumed");
        }
    }

    fn is_full(&self) -> bool {
        self.full.get()
    }

    fn wrong(&self, what: String) {
        tracing::error!(what, "wrong");
        self.wrong.borrow_mut().push(what);
    }
}

/// A client that works, and what it has seen last.
pub struct Worker {
    /// What does it.
    pub client: Client,
    /// The record.
    pub shared: Rc<Shared>,
    /// Decides what is done.
    pub random: SmallRng,
    /// Its longest pause between two operations, milliseconds.
    pause_ms: u64,
    /// What the last put without an answer was to write, and where: it is put again, and its chunks need not travel again.
    again: Option<(usize, Value)>,
    /// The last version seen of each name.
    seen: [Option<u64>; NAMES.len()],
}

impl Worker {
    /// A client that has not seen anything.
    pub fn new(client: Client, shared: Rc<Shared>, random: SmallRng, pause_ms: u64) -> Self {
        Worker { client, shared, random, pause_ms, again: None, seen: Default::default() }
    }

    /// Works as long as the run is in [`Phase::Working`].
    pub async fn run(mut self) {
        self.shared.reaches(Phase::Working).await;
        while self.shared.phase.get() == Phase::Working {
            let (name, call) = match self.again.take() {
                Some((name, value)) => (name, Call::Put { value, condition: Condition::None }),
                None => {
                    let name = self.random.random_range(0..NAMES.len());
                    (name, self.draw(name))
                }
            };
            let back = perform(&self.client, &self.shared, NAMES[name], call.clone()).await;
            match back {
                Return::Written(version) | Return::Found { version, .. } => self.seen[name] = Some(version),
                Return::Removed(_) | Return::Nothing => self.seen[name] = None,
                Return::Unknown => {
                    if let Call::Put { value, .. } = call {
                        self.again = Some((name, value));
                    }
                }
                // What failed must never be seen: the same bytes put again would hide that it was.
                Return::Failed | Return::ConditionFailed => {}
            }
            let pause = Duration::from_millis(self.random.random_range(1..self.pause_ms));
            tokio::time::sleep(pause).await;
        }
        self.shared.working.set(self.shared.working.get() - 1);
    }

    fn draw(&mut self, name: usize) -> Call {
        let condition = match (self.random.random_range(0..100), self.seen[name]) {
            (0..25, _) => Condition::None,
            (25..40, _) => Condition::IfAbsent,
            (40..60, Some(version)) => Condition::IfVersion(version),
            (60..70, _) => return Call::Delete,
            _ => return Call::Get,
        };
        Call::Put { value: self.shared.value(), condition }
    }
}

/// Does one operation and notes it.
pub async fn perform(client: &Client, shared: &Shared, name: &str, call: Call) -> Return {
    let (called_at, before) = (shared.moment(), shared.broken.get());
    let back = operation::perform(client, shared, name, &call).await;
    tracing::info!(name, ?call, ?back, "operation");
    if before > 0 && shared.broken.get() > 0 && !matches!(back, Return::Failed | Return::Unknown) {
        shared.despite.set(shared.despite.get() + 1);
    }
    let operation = Operation {
        name: Name::from(name),
        call,
        back: back.clone(),
        called_at,
        returned_at: shared.moment(),
    };
    shared.history.borrow_mut().push(operation);
    back
}
