//! The program as its users meet it: real processes on loopback, real files, real signals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cluster;
mod content;
mod faults;
mod lan;
mod membership;
mod random;
mod terminal;
mod transcripts;
mod trees;
mod usage;
