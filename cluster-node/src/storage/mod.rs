//! Where a node keeps things: log, catalogue, extents, snapshots.
pub mod catalogue;
pub mod collect;
pub mod extents;
pub mod log;
pub mod open;
pub mod position;
pub(crate) mod refill;
pub mod repair;
pub mod scrub;
pub mod snapshot;
pub mod verify;
