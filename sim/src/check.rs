//! Is a history linearizable? Wing and Gong's search ("Testing and Verifying Concurrent Objects", 1993) with the
//! memory of Lowe ("Testing for linearizability", 2017): configurations seen once are not searched again.
//!
//! Names are registers of their own, so each is checked alone (linearizability is local: Herlihy and Wing, 1990).

use std::collections::{BTreeMap, HashSet};

use crate::history::{Call, Condition, Name, Operation, Return, Value};

/// Why a history is rejected.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Rejected {
    /// No order of the operations explains what was seen.
    #[error("the operations on {0:?} have no linearization")]
    NotLinearizable(Name),
    /// Two puts returned the same version, or a version went back, whatever the order.
    #[error("version {version} of {name:?} was given to two puts")]
    VersionTwice {
        /// The name.
        name: Name,
        /// The version.
        version: u64,
    },
    /// The search was too large. That is a failure: nothing was shown.
    #[error("the operations on {name:?} need more than {steps} steps to check")]
    TooLarge {
        /// The name.
        name: Name,
        /// How many steps were allowed.
        steps: u64,
    },
    /// Nothing succeeded: such a history shows nothing.
    #[error("no operation of the history succeeded")]
    Vacuous,
}

/// Steps of the search for one name: each remembers 16 bytes.
const STEPS: u64 = 10_000_000;

/// Checks a history.
pub fn check(history: &[Operation]) -> Result<(), Rejected> {
    let ok = |back: &Return| !matches!(back, Return::Unknown | Return::Failed);
    if !history.iter().any(|operation| ok(&operation.back)) {
        return Err(Rejected::Vacuous);
    }
    let mut names: BTreeMap<&Name, Vec<&Operation>> = BTreeMap::new();
    for operation in history {
        names.entry(&operation.name).or_default().push(operation);
    }
    names.into_iter().try_for_each(|(name, operations)| check_name(name, operations))
}

fn check_name(name: &Name, operations: Vec<&Operation>) -> Result<(), Rejected> {
    let mut given = HashSet::new();
    for operation in &operations {
        if let Return::Written(version) = operation.back
            && !given.insert(version)
        {
            return Err(Rejected::VersionTwice { name: name.clone(), version });
        }
    }
    // What certainly did not happen, and reads that nobody got an answer to, constrain nothing.
    let matters = |operation: &&&Operation| match operation.back {
        Return::Failed => false,
        Return::Unknown => operation.call != Call::Get,
        _ => true,
    };
    let mut operations: Vec<&Operation> = operations.iter().filter(matters).copied().collect();
    // What answered first comes first: that is nearly the order in which things happened. What never answered is tried last,
    // because most histories need few of these or none.
    operations.sort_by_key(|operation| match operation.back {
        Return::Unknown => (true, operation.called_at),
        _ => (false, operation.returned_at),
    });
    let alike = alike(&operations);
    let mut search = Search { operations, alike, seen: HashSet::new(), steps: 0 };
    match search.run() {
        Some(true) => Ok(()),
        Some(false) => Err(Rejected::NotLinearizable(name.clone())),
        None => Err(Rejected::TooLarge { name: name.clone(), steps: STEPS }),
    }
}

/// Of each operation that never answered, and whose effect nobody could tell from that of another one called before it: which
/// one that is. It need not be tried as long as the other one has not been: if one of them happened, the earlier may be it.
fn alike(operations: &[&Operation]) -> Vec<Option<usize>> {
    let kind = |operation: &Operation| match (&operation.call, &operation.back) {
        (Call::Delete, Return::Unknown) => Some(None),
        (Call::Put { value, condition }, Return::Unknown) if !is_read(operations, *value) => {
            Some(Some(*condition))
        }
        _ => None,
    };
    let kinds: Vec<Option<Option<Condition>>> = operations.iter().map(|operation| kind(operation)).collect();
    let before = |at: usize| kinds[..at].iter().rposition(|other| *other == kinds[at]);
    (0..operations.len()).map(|at| kinds[at].and_then(|_| before(at))).collect()
}

fn is_read(operations: &[&Operation], wanted: Value) -> bool {
    let reads = |back: &Return| matches!(back, Return::Found { value, .. } if *value == wanted);
    operations.iter().any(|operation| reads(&operation.back))
}

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    value: Option<Value>,
    /// Of the value; unknown if the put that wrote it never answered and nobody has read it.
    version: Option<u64>,
    /// The highest version seen so far: versions only grow.
    highest: u64,
}

struct Search<'a> {
    operations: Vec<&'a Operation>,
    alike: Vec<Option<usize>>,
    /// Of each point that was reached: of a hash this long no two are the same by chance.
    seen: HashSet<u128>,
    steps: u64,
}

/// A point of the search: what has been put in order, and what the register then holds.
struct Point {
    done: Vec<u64>,
    state: State,
    /// The next operation to try here.
    next: usize,
}

impl Search<'_> {
    /// Whether there is a linearization; none if the search is too large.
    fn run(&mut self) -> Option<bool> {
        let words = self.operations.len().div_ceil(64).max(1);
        let start = State { value: None, version: None, highest: 0 };
        let mut path = vec![Point { done: vec![0; words], state: start, next: 0 }];
        while let Some(point) = path.last_mut() {
            self.steps += 1;
            if self.steps > STEPS {
                return None;
            }
            if complete(&self.operations, &point.done) {
                return Some(true);
            }
            let horizon = earliest_return(&self.operations, &point.done);
            match candidate(&self.operations, &self.alike, point, horizon) {
                None => {
                    path.pop();
                }
                Some((index, state)) => {
                    let mut done = point.done.clone();
                    done[index / 64] |= 1 << (index % 64);
                    if self.seen.insert(fingerprint(&done, &state)) {
                        path.push(Point { done, state, next: 0 });
                    }
                }
            }
        }
        Some(false)
    }
}

fn fingerprint(done: &[u64], state: &State) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for word in done.iter().chain(&[state.highest, u64::from(state.value.is_some())]) {
        hasher.update(&word.to_le_bytes());
    }
    for number in [state.value, state.version] {
        // No version is the highest number there is.
        hasher.update(&number.unwrap_or(u64::MAX).to_le_bytes());
    }
    let mut first = [0; 16];
    hasher.finalize_xof().fill(&mut first);
    u128::from_le_bytes(first)
}

fn is_done(done: &[u64], index: usize) -> bool {
    done[index / 64] & (1 << (index % 64)) != 0
}

/// All that answered are in order; what never answered may never have happened.
fn complete(operations: &[&Operation], done: &[u64]) -> bool {
    operations.iter().enumerate().all(|(index, it)| it.back == Return::Unknown || is_done(done, index))
}

/// An operation called after another one returned comes after it: so nothing called later than this may be next.
fn earliest_return(operations: &[&Operation], done: &[u64]) -> u64 {
    let waiting = operations.iter().enumerate().filter(|(index, _)| !is_done(done, *index));
    let answered = waiting.filter(|(_, operation)| operation.back != Return::Unknown);
    answered.map(|(_, operation)| operation.returned_at).min().unwrap_or(u64::MAX)
}

/// The next operation that may come next, and what the register holds after it.
fn candidate(
    operations: &[&Operation],
    alike: &[Option<usize>],
    point: &mut Point,
    horizon: u64,
) -> Option<(usize, State)> {
    while let Some(operation) = operations.get(point.next) {
        let index = point.next;
        point.next += 1;
        if operation.called_at <= horizon
            && !is_done(&point.done, index)
            && alike[index].is_none_or(|other| is_done(&point.done, other))
            && let Some(state) = step(&point.state, operation)
        {
            return Some((index, state));
        }
    }
    None
}

/// What the register holds after the operation, if the answer it got is right here.
fn step(state: &State, operation: &Operation) -> Option<State> {
    match (&operation.call, &operation.back) {
        (Call::Put { value, condition }, Return::Written(version)) => {
            let grows = *version > state.highest;
            let written = State { value: Some(*value), version: Some(*version), highest: *version };
            (grows && holds(state, *condition)).then_some(written)
        }
        (Call::Put { value, condition }, Return::Unknown) => {
            let written = State { value: Some(*value), version: None, highest: state.highest };
            holds(state, *condition).then_some(written)
        }
        (Call::Put { condition, .. }, Return::ConditionFailed) => fails(state, *condition).then_some(*state),
        (Call::Get, Return::Nothing) | (Call::Delete, Return::Nothing) => {
            state.value.is_none().then_some(*state)
        }
        (Call::Get, Return::Found { version, value }) => {
            let same = state.value == Some(*value) && pinned(state, *version);
            let highest = state.highest.max(*version);
            same.then_some(State { version: Some(*version), highest, ..*state })
        }
        (Call::Delete, Return::Removed(version)) => {
            let there = state.value.is_some() && pinned(state, *version);
            there.then_some(State { value: None, version: None, highest: state.highest.max(*version) })
        }
        (Call::Delete, Return::Unknown) => Some(State { value: None, version: None, highest: state.highest }),
        _ => None,
    }
}

/// Whether the register's version is, or may be, this one.
fn pinned(state: &State, version: u64) -> bool {
    match state.version {
        Some(known) => known == version,
        None => version > state.highest,
    }
}

fn holds(state: &State, condition: Condition) -> bool {
    match condition {
        Condition::None => true,
        Condition::IfAbsent => state.value.is_none(),
        Condition::IfVersion(version) => state.value.is_some() && pinned(state, version),
    }
}

/// Whether the condition may fail: not the opposite of [`holds`] while the version is unknown.
fn fails(state: &State, condition: Condition) -> bool {
    match condition {
        Condition::None => false,
        Condition::IfAbsent => state.value.is_some(),
        Condition::IfVersion(version) => state.value.is_none() || state.version != Some(version),
    }
}
