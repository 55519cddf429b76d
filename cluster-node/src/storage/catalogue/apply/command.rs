//! One command: told apart from its repetitions, executed, and remembered.

use gossamer_proto::v1::{self, command::Kind};

use super::draft::Draft;
use super::{Place, admit, collect, commit, copy_file, expire, put, remove, retire, set_setting};
use crate::storage::catalogue::applied::Applied;
use crate::storage::catalogue::backend::BackendError;
use crate::storage::catalogue::rows::operation;

/// Applies a command, unless its operation was applied before or is too old to tell. `sound`: if it brings bytes,
/// they match their hash.
pub(super) fn apply(
    draft: &mut Draft<'_>,
    place: Place,
    command: &v1::Command,
    sound: bool,
) -> Result<Applied, BackendError> {
    let Some(operation) = &command.operation else { return execute(draft, place, command, sound) };
    if !operation::is_valid(operation) {
        return Ok(Applied::Invalid);
    }
    if let Some(outcome) = remembered(draft, operation)? {
        return Ok(outcome);
    }
    if operation.known_index < draft.head.globals.floor {
        return Ok(Applied::TooOld);
    }
    let outcome = execute(draft, place, command, sound)?;
    if let Some(row) = outcome.encode() {
        draft.set(operation::key(draft.head.globals.generation, operation), row)?;
        draft.head.globals.operations += 1;
        draft.remembered += 1;
    }
    Ok(outcome)
}

/// The outcome of an operation, if it was remembered in this generation or the one before.
fn remembered(draft: &Draft<'_>, operation: &v1::Operation) -> Result<Option<Applied>, BackendError> {
    let generation = draft.head.globals.generation;
    for generation in [Some(generation), generation.checked_sub(1)].into_iter().flatten() {
        if let Some(row) = draft.txn.get(&operation::key(generation, operation))? {
            return Applied::decode(&row).map(Some);
        }
    }
    Ok(None)
}

fn execute(
    draft: &mut Draft<'_>,
    place: Place,
    command: &v1::Command,
    sound: bool,
) -> Result<Applied, BackendError> {
    match &command.kind {
        Some(Kind::Put(put)) if sound => put::apply(draft, place, put),
        Some(Kind::Commit(commit)) => commit::apply(draft, place, commit),
        Some(Kind::CopyFile(copy)) => copy_file::apply(draft, place, copy),
        Some(Kind::Remove(remove)) => remove::apply(draft, remove),
        Some(Kind::Admit(admit)) => admit::apply(draft, place, admit),
        Some(Kind::Retire(retire)) => retire::apply(draft, retire),
        Some(Kind::SetSetting(set)) => set_setting::apply(draft, set),
        // Noted at the end of the entry, when the digest is that of the whole entry.
        Some(Kind::Mark(_)) => Ok(Applied::Marked { index: place.at.index }),
        Some(Kind::Collect(collect)) => Ok(collect::apply(draft, collect)),
        Some(Kind::Expire(expire)) => Ok(expire::apply(draft, place, expire)),
        Some(Kind::Put(_)) | None => Ok(Applied::Invalid),
    }
}
