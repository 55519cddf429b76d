//! `Expire`: a new generation of remembered operations begins, and the one before the last is forgotten.

use gossamer_proto::v1;

use super::Place;
use super::draft::Draft;
use crate::storage::catalogue::applied::Applied;
use crate::storage::catalogue::backend::{BackendError, prefix_end};
use crate::storage::catalogue::rows::operation;

/// Rows of forgotten operations that every entry removes at least.
const SWEEP_ROWS: usize = 64;

pub(super) fn apply(draft: &mut Draft<'_>, place: Place, expire: &v1::Expire) -> Applied {
    let globals = &mut draft.head.globals;
    let next = globals.generation + 1;
    if expire.generation > next {
        return Applied::Invalid;
    }
    if expire.generation == next {
        globals.generation = next;
        globals.floor = globals.opened_at;
        globals.opened_at = place.at.index;
        globals.operations = 0;
    }
    Applied::Expired
}

/// Removes some rows of forgotten generations, which nothing looks at any more: a bounded number with every entry,
/// and twice as many as the entry added, so that they never pile up.
pub(super) fn sweep(draft: &mut Draft<'_>) -> Result<(), BackendError> {
    let mut allowance = SWEEP_ROWS.max(2 * draft.remembered);
    while allowance > 0 && draft.head.globals.oldest_generation + 2 <= draft.head.globals.generation {
        let prefix = operation::prefix(draft.head.globals.oldest_generation);
        let rows = draft.txn.scan(&prefix, &prefix_end(&prefix), allowance)?;
        if rows.len() < allowance {
            draft.head.globals.oldest_generation += 1;
        }
        allowance -= rows.len();
        for (key, _) in rows {
            draft.remove(key)?;
        }
    }
    Ok(())
}
