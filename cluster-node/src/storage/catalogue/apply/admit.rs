//! `Admit`: a data folder gets its node id, for ever; one that was removed gets none again.

use bytes::Bytes;
use gossamer_proto::v1;
use gossamer_world::known_bug::{self, KnownBug};

use super::Place;
use super::draft::Draft;
use crate::storage::catalogue::applied::Applied;
use crate::storage::catalogue::backend::{BackendError, prefix_end};
use crate::storage::catalogue::rows::member::{self, FOUNDER};
use crate::storage::catalogue::rows::retired;

pub(super) fn apply(draft: &mut Draft<'_>, place: Place, admit: &v1::Admit) -> Result<Applied, BackendError> {
    if admit.storage_id.len() != member::STORAGE_ID_BYTES {
        return Ok(Applied::Invalid);
    }
    let storage_key = member::storage_key(&admit.storage_id);
    if let Some(node) = draft.txn.get(&storage_key)? {
        let node = member::node(&node)?;
        let gone = draft.txn.get(&retired::key(node))?.is_some();
        return Ok(if gone { Applied::Retired { node } } else { Applied::Admitted { node } });
    }
    let mut node = if admit.founder { FOUNDER } else { place.at.index };
    if known_bug::is_back(KnownBug::IdUsedTwice)
        && let Some((key, _)) = draft.txn.scan(&[retired::KIND], &prefix_end(&[retired::KIND]), 1)?.first()
    {
        node = member::node(&key[1..])?;
        draft.remove(key.clone())?;
        draft.remove(member::key(node))?;
    }
    let given = draft.txn.get(&member::key(node))?.is_some();
    if admit.founder && given {
        return Ok(Applied::Invalid);
    }
    // An id is an index, so one entry has only one to give, and the first two entries of a log have none.
    if !admit.founder && (node <= FOUNDER || given) {
        return Ok(Applied::SealAgain);
    }
    // A copy: the command's bytes keep the whole message alive.
    draft.set(member::key(node), Bytes::copy_from_slice(&admit.storage_id))?;
    draft.set(storage_key, Bytes::copy_from_slice(&node.to_be_bytes()))?;
    Ok(Applied::Admitted { node })
}
