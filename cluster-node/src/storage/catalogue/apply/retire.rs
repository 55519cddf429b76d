//! `Retire`: a node and its data folder never come back.

use gossamer_proto::v1;

use super::draft::Draft;
use crate::storage::catalogue::applied::Applied;
use crate::storage::catalogue::backend::BackendError;
use crate::storage::catalogue::rows::{member, retired};

pub(super) fn apply(draft: &mut Draft<'_>, retire: &v1::Retire) -> Result<Applied, BackendError> {
    let node = retire.node;
    if draft.txn.get(&member::key(node))?.is_none() {
        return Ok(Applied::NotFound);
    }
    let key = retired::key(node);
    let before = draft.txn.get(&key)?.map(|value| retired::fewer_voters(&value)).transpose()?;
    if before.is_none() && !others_stay(draft, node)? {
        return Ok(Applied::LastNode);
    }
    // Once agreed to, fewer voters stay agreed to.
    draft.set(key, retired::value(retire.fewer_voters || before == Some(true)))?;
    Ok(Applied::Retired { node })
}

/// Whether the cluster still has a member without this one. Two may be removed at the same time, each by somebody who
/// counted on the other.
fn others_stay(draft: &Draft<'_>, node: u64) -> Result<bool, BackendError> {
    let members = draft.head.applied.membership.iter().flat_map(|membership| &membership.nodes);
    for other in members.filter(|other| **other != node) {
        if draft.txn.get(&retired::key(*other))?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}
