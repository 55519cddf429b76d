//! What breaks real processes, from outside: the program under test runs as it is.
//!
//! # Layout
//! - [`disk`]: a file system whose power can fail
//! - [`lab`]: hosts on a LAN, their processes and cables; [`cluster`]: a cluster on them
//! - [`failover`]: how long clients wait when something dies
//! - [`run`]: faults drawn from a seed: [`load`] is what clients do meanwhile, [`faults`] what breaks, [`judge`] the verdict
//!
//! # Invariants
//! - Every fault is counted where it happens, so that a run in which it did not happen can be rejected.
//!
//! # What it does not guarantee
//! - The same run twice: what breaks and where is drawn from a seed, but real processes take their own time.

pub mod cluster;
pub mod disk;
pub mod failover;
pub mod faults;
pub mod judge;
pub mod lab;
pub mod load;
pub mod run;
