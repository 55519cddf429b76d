//! A node of Gossamer: holds the whole catalogue and every chunk, votes or replicates, serves reads.
//!
//! # Layout
//! - [`node`]: its life; [`config`], [`folder`], [`identity`], [`enter`]: what it is told, where it lives, who it is, how it
//!   gets into a cluster
//! - [`steal`]: its sessions with the queue servers, where all its work comes from
//! - [`upload`]: a write on the leader: ticket, receive, forward, seal, commit
//! - [`read`]: a read on any node: claim, barrier, serve
//! - [`data`]: the port for bytes; [`peer`]: the port for small calls between nodes; [`peers`]: where they are;
//!   [`whereabouts`]: where this one is
//! - [`lead`]: what only the leader does: its queue's tasks, the membership, the log's upkeep
//! - [`raft`]: consensus, the only importer of openraft
//! - [`storage`]: log, catalogue, extents, snapshots; repair, collect, verify, scrub; [`source`]: where repair gets chunks
//! - [`report`]: what the node says of itself; [`witness`]: who is told what it does
//!
//! # Invariants
//! - Acknowledged means: the record is on a majority of the voters' disks, and so is every chunk that it names.
//! - Vote and log reach the disk before anyone is told. A failed fsync stops the node.
//! - sled can be deleted at any time: log, snapshot and extents bring the catalogue back.
//!
//! # What it does not guarantee
//! - A task that ends in an unknown outcome may still happen; its operation tells it from a new one.

pub mod config;
pub mod data;
pub mod enter;
pub mod folder;
pub mod identity;
pub mod lead;
pub mod node;
pub mod peer;
pub mod peers;
pub mod raft;
pub mod read;
pub mod report;
pub mod source;
pub mod steal;
pub mod storage;
pub mod upload;
pub mod whereabouts;
pub mod witness;
