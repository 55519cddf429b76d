//! Scenarios of a node's parts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod data_port;
mod log;
mod raft;
mod steal;
