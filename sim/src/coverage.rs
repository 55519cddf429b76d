//! What happened in runs: what did not happen, they have not tested.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// How often each thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coverage(pub BTreeMap<String, u64>);

/// What must have happened at least once in a hundred runs.
pub const REQUIRED: [&str; 36] = [
    "fault: kill",
    "fault: power loss",
    "fault: power loss, torn",
    "fault: power loss of all nodes",
    "fault: stop",
    "fault: freeze",
    "fault: wipe",
    "fault: partition of two",
    "fault: partition one way",
    "fault: partition into halves",
    "fault: partition into a ring",
    "fault: isolation",
    "fault: delay",
    "fault: broken connections",
    "fault: failing sync",
    "fault: full disk",
    "fault: full disks of all nodes",
    "fault: flipped bits in an extent",
    "fault: flipped bits in the log",
    "fault: flipped bits in a snapshot",
    "fault: join",
    "fault: replacement",
    "leader killed",
    "leader in the minority",
    "leader in the majority",
    "every change sent twice",
    "un-synced bytes lost with the power",
    "damage found by a node",
    "snapshot installed",
    "log truncated",
    "membership changed",
    "collect applied",
    "upload resumed",
    "entry checked on a majority of disks",
    "chunks checked on a majority of disks",
    "two leaders at once, of different terms",
];

impl Coverage {
    /// Adds what happened elsewhere.
    pub fn add(&mut self, other: &Coverage) {
        for (what, count) in &other.0 {
            *self.0.entry(what.clone()).or_default() += count;
        }
    }

    /// What is required and did not happen.
    pub fn missing(&self) -> Vec<&'static str> {
        REQUIRED.into_iter().filter(|what| !self.0.contains_key(*what)).collect()
    }
}

/// Counts, from wherever something happens. Clones share the count.
#[derive(Clone, Default)]
pub struct Counter(Arc<Mutex<Coverage>>);

impl Counter {
    /// This happened.
    pub fn happened(&self, what: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).0.entry(what.to_owned()).or_default() += 1;
    }

    /// What happened so far.
    pub fn coverage(&self) -> Coverage {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
