//! Consensus: one Raft group, with openraft. This folder is its only importer.
//!
//! # Layout
//! - [`handle`]: what the rest of the node does with it; [`membership`], [`read_index`]: more of the same
//! - [`view`]: what the rest of the node may know of it
//! - [`start`]: settings and start; [`compact`]: a log bounded in bytes; [`refill`]: what must not be cut off
//! - [`log_store`], [`state_machine`]: storage as openraft wants it
//! - [`network`], [`send_append`], [`send_snapshot`]: calls to other nodes; [`service`]: calls from them
//! - [`types`], [`convert`]: openraft's types, and to and from the messages on the wire
//!
//! # Invariants
//! - Vote and entries are on disk before anyone is told; a failed write or sync ends Raft on this node.
//! - A proposal is appended only in the term its proposer names.
//! - Members carry no address.
//! - Heartbeats and votes have a connection of their own: they never wait behind data.
//!
//! # What it does not guarantee
//! - A proposal that ends in `Unknown` may be applied later.

mod compact;
mod convert;
#[doc(hidden)]
pub mod fuzz;
mod handle;
mod log_store;
mod membership;
mod network;
mod read_index;
mod refill;
mod send_append;
mod send_snapshot;
mod service;
mod start;
mod state_machine;
#[cfg(test)]
mod suite;
mod types;
mod view;

pub use handle::{BarrierError, Handle, ProposeError};
pub use service::Service;
pub use start::{Compaction, Config, StartError, start};
pub use view::View;
