//! Small files come in entries of the log, and an apply must not fail. Where there is no room for their bytes, the log
//! has the only copy that this node knows of, until there is.

use std::ops::RangeInclusive;
use std::sync::Mutex;

use super::{Chunks, locked};

/// The first and the last index of such entries.
#[derive(Default)]
pub(super) struct Refused(Mutex<Option<(u64, u64)>>);

impl Chunks {
    /// There was no room for what the entry at `index` brought; before that entry is applied.
    pub(crate) fn refuse(&self, index: u64) {
        let mut refused = locked(&self.refused.0);
        let (first, last) = refused.unwrap_or((index, index));
        *refused = Some((first.min(index), last.max(index)));
    }

    /// Where in the log all those entries are, among others. They must not be cut off.
    pub(crate) fn refused(&self) -> Option<RangeInclusive<u64>> {
        locked(&self.refused.0).map(|(first, last)| first..=last)
    }

    /// What entries up to `index` brought is durable here, or not wanted any more, or out of reach.
    pub(crate) fn accept(&self, index: u64) {
        let mut refused = locked(&self.refused.0);
        *refused =
            refused.filter(|(_, last)| *last > index).map(|(first, last)| (first.max(index + 1), last));
    }
}
