//! Gossamer under simulated faults, and the checker of what its clients saw.
//!
//! The real services, queue servers, nodes and clients, run on one thread in simulated time over turmoil's network,
//! with files in memory that forget what was not synced. A seed decides what the clients do, what breaks and when.
//!
//! # Layout
//! - [`run`]: one seed, from the founding to the verdict; [`setup`]: what the seed decides beforehand
//! - [`world`]: the network, clock and randomness of a simulated machine; [`host`]: the services on such machines
//! - [`workload`]: what clients do, by [`operation`]; [`content`]: what they write; [`faults`]: what breaks
//! - [`ledger`], [`leases`], [`durable`]: what must hold at every step; [`coverage`]: what happened at all
//! - [`heal`]: what must hold once nothing is broken any more
//! - [`history`]: operations and answers; [`check`]: whether a history is linearizable
//! - [`panics`]: panics in tasks that nobody waits for
//! - the program `gossamer-sim`: `kernel`: randomness and clocks out of the seed; `seeds`: many, each a process of its own;
//!   `bugs`: known ones, put back and found
//!
//! # Invariants
//! - In the program, the same seed gives the same run.
//! - A run that shows nothing fails: when a planned fault did not happen, or nothing succeeded, or nothing succeeded
//!   while something was broken; and many runs together, when something never happened in any.
//! - What a client cannot know counts as unknown, and only what it was told counts as failed.
//!
//! # What it does not guarantee
//! - Anything about sled: the catalogue is in memory here, rebuilt from snapshot and log at every start.
//! - TCP that retransmits: what a partition swallows leaves its connection silent, until keep-alive ends it. Nor does TCP
//!   ever duplicate: what is sent twice are the clients' changes.
//! - A process that stands still: its network can be frozen, its own clock goes on.

pub mod check;
pub mod content;
pub mod coverage;
pub mod durable;
pub mod faults;
pub mod heal;
pub mod history;
pub mod host;
pub mod leases;
pub mod ledger;
pub mod operation;
pub mod panics;
pub mod run;
pub mod setup;
pub mod workload;
pub mod world;
