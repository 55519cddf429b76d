//! Applying committed entries.
//!
//! # Layout
//! - [`group`]: several entries in one batch of the backend
//! - [`draft`]: what a group changes before it is written
//! - [`command`]: one command: told apart from its repetitions, executed, remembered
//! - [`put`], [`commit`], [`copy_file`], [`remove`], [`admit`], [`retire`], [`set_setting`], [`collect`], [`expire`]: one command
//!   each
//! - [`overwrite`]: what put, commit, copy and remove do to a file
//!
//! # Invariants
//! - What a command does follows from the entry and the replicated rows alone: not from the disk, the time, or
//!   how entries are grouped.

mod admit;
mod collect;
mod command;
mod commit;
mod copy_file;
pub(super) mod draft;
mod expire;
mod group;
mod overwrite;
mod put;
mod remove;
mod retire;
mod set_setting;

use crate::storage::position::Position;

/// Where in the log a command stands, and when its leader proposed it.
#[derive(Clone, Copy)]
struct Place {
    at: Position,
    /// Its place among the commands of the entry.
    ordinal: u32,
    /// Unix time in milliseconds, the leader's.
    now_ms: u64,
}
