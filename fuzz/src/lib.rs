//! Everything that reads bytes from the network or a disk, as functions of arbitrary bytes that panic if something is not as
//! promised.
//!
//! # Layout
//! - [`datagram`], [`proof`], [`token`], [`ticket`]: who may say something; [`message`], [`frames`]: what is said
//! - [`name`]: what users call their files; [`apply`]: what becomes of committed commands
//! - [`log`], [`snapshot`], [`extent`]: what a disk gives back; [`disk`]: the disk, whose bytes are changed at will
//! - `libfuzzer/`: one program for each, built by cargo-fuzz alone; `run` runs them
//! - `corpus/`: inputs that once reached something new, and those that found a bug
//!
//! # How to run
//! `fuzz/run 60` gives each target a minute with libFuzzer, `fuzz/run 60 log` one of them. `./test -p gossamer-fuzz` replays the
//! corpus and some thousands of changed inputs, always the same.
//!
//! # Invariants
//! - The same bytes do the same: no clock, no real randomness, no file.
//!
//! # What it does not guarantee
//! - That a checksum made to fit on purpose is found out: MACs and hashes are counted on, CRCs against accidents only.
#![allow(clippy::unwrap_used, reason = "what fails here is what is looked for")]

pub mod apply;
pub mod datagram;
pub mod disk;
pub mod extent;
pub mod frames;
pub mod log;
pub mod message;
pub mod name;
pub mod proof;
pub mod snapshot;
pub mod ticket;
pub mod token;

/// Name and function of a target.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 11] = [
    ("apply", apply::run),
    ("datagram", datagram::run),
    ("extent", extent::run),
    ("frames", frames::run),
    ("log", log::run),
    ("message", message::run),
    ("name", name::run),
    ("proof", proof::run),
    ("snapshot", snapshot::run),
    ("ticket", ticket::run),
    ("token", token::run),
];

/// Runs something asynchronous to its end.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}
