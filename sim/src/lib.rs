//! Gossamer under simulated faults, and the checker of what its clients saw.
//!
//! The real services, queue servers, nodes and clients, run on one thread in simulated time over turmoil's network,
//! with files in memory that forget what was not synced. A seed decides what the clients do, what breaks and when.
//!
//! # Layout
//! - [`run`]: one seed, from the founding to the verdict; [`setup`]: what the seed decides beforehand
//! - [`world`]: the network, clock and randomness of a simulated machine; [`host`]: the services on such machines
//! - [`workload`]: what clients do; [`content`]: what they write; [`faults`]: what breaks
//! - [`heal`]: what must hold once nothing is broken any more
//! - [`history`]: operations and answers; [`check`]: whether a history is linearizable
//! - [`panics`]: panics in tasks that nobody waits for
//!
//! # Invariants
//! - A run that shows nothing fails: when a planned fault did not happen, or nothing succeeded, or nothing succeeded
//!   while something was broken.
//! - What a client cannot know counts as unknown, and only what it was told counts as failed.
//!
//! # What it does not guarantee
//! - That a seed runs the same way twice: openraft draws its election timeouts from the operating system, and so do
//!   tokio's `select!` and the standard library's hash maps. What clients do and what breaks is the same; when a
//!   leader is elected may differ. A failing seed usually fails again within a few runs.
//! - Anything about sled: the catalogue is in memory here, rebuilt from snapshot and log at every start.
//! - TCP that retransmits: what a partition swallows leaves its connection silent, until keep-alive ends it.

pub mod check;
pub mod content;
pub mod faults;
pub mod heal;
pub mod history;
pub mod host;
pub mod panics;
pub mod run;
pub mod setup;
pub mod workload;
pub mod world;
