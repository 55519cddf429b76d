//! What breaks.
//!
//! - [`plan`]: what and when, drawn from the seed beforehand
//! - [`nemesis`]: does it, and undoes it; [`processes`], [`network`], [`disks`]: how each kind is done
//! - [`members`]: machines that join and are replaced meanwhile
//!
//! Faults are planned in lanes, one of each kind: within a lane one after the other, the lanes side by side.

pub mod disks;
pub mod members;
pub mod nemesis;
pub mod network;
pub mod plan;
pub mod processes;

use std::time::Duration;

use crate::host::End;

/// One thing that breaks. Hosts by their names.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Processes end and are started again.
    Crash {
        /// On which hosts.
        hosts: Vec<String>,
        /// How.
        end: End,
        /// What of the disk is damaged while the process is down.
        damage: Option<Damage>,
    },
    /// A process is asked to stop, and started again.
    Stop(String),
    /// Nothing gets through between two hosts; both reach all others.
    Partition(String, String),
    /// Nothing gets through from the first host to the second.
    OneWay(String, String),
    /// Nothing gets through between these hosts and all others.
    Halves(Vec<String>),
    /// Each node reaches only the one before and the one after it.
    Ring(Vec<String>),
    /// A host is cut off from all others.
    Isolate(String),
    /// What is sent from and to a host arrives when this is over, all at once: as if it had been stopped, but that its own
    /// clock goes on.
    Freeze(String),
    /// What is sent between two hosts takes up to so long.
    Slow(String, String, Duration),
    /// All connections between two hosts break: one of the pairs that have some, by this number.
    Break(usize),
    /// A sync fails: the n-th from now. The process must end by itself, and is started again.
    FailSync(String, u64),
    /// Disks are full.
    Full(Vec<String>),
    /// Bits of chunks flip while the process runs.
    Rot(String, Damage),
    /// A machine joins.
    Join(String),
    /// The disk is lost for ever: the node is removed, and the machine comes back with an empty disk.
    Wipe(String),
    /// A node is removed while it runs; then its machine joins anew with an empty disk.
    Replace(String),
}

/// Bits that flip, in places that follow from the seed.
#[derive(Clone, Copy, Debug)]
pub struct Damage {
    /// In which files.
    pub of: Part,
    /// Which bits.
    pub seed: u64,
}

/// A part of a node's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Chunks.
    Extents,
    /// Vote and entries.
    Log,
    /// The catalogue at one index.
    Snapshots,
}

/// A fault and its time, counted from when the clients began.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What.
    pub fault: Fault,
    /// From when; later, if it is not possible then.
    pub from: Duration,
    /// How long.
    pub lasts: Duration,
}
