//! Somebody who is told what a node does, as it does it. In production there is none; the simulation checks by it, at every
//! step, what must hold of all nodes together.

use crate::raft::View;
use crate::storage::catalogue::{Applied, Entry};
use crate::storage::position::Position;

/// Told at once, on the thread that does it: must not block. Shared by all starts of one node.
pub trait Witness: Send + Sync {
    /// These entries were applied in this order, each with what its commands did; a result that is empty though the entry
    /// has commands is that of an entry applied before. `digest`: of the catalogue after the last of them.
    fn applied(&self, entries: &[Entry], results: &[Vec<Applied>], digest: [u8; 32]);
    /// A snapshot of what was applied up to here has become the catalogue.
    fn installed(&self, at: Option<Position>);
    /// Entries after this index were taken out of the log; None: all.
    fn truncated(&self, last: Option<u64>);
    /// Raft's state has changed.
    fn view(&self, view: &View);
}
