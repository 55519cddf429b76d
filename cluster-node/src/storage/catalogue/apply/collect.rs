//! `Collect`: chunks that no record has named since the Collect before the last may be freed.

use gossamer_proto::v1;

use super::draft::Draft;
use crate::storage::catalogue::applied::Applied;

pub(super) fn apply(draft: &mut Draft<'_>, collect: &v1::Collect) -> Applied {
    let next = draft.head.globals.collect_number + 1;
    if collect.number > next {
        return Applied::Invalid;
    }
    if collect.number == next {
        draft.head.globals.collect_number = next;
        draft.chunks.collected(&mut draft.txn, next);
    }
    Applied::Collected
}
