//! What put, commit, copy and remove do to a file.

use gossamer_proto::name;
use gossamer_proto::v1::{self, condition};
use prost::Message;

use super::draft::Draft;
use crate::storage::catalogue::applied::Applied;
use crate::storage::catalogue::backend::BackendError;
use crate::storage::catalogue::rows::file;

/// The record that bears this name now.
pub(super) fn find(draft: &Draft<'_>, name: &str) -> Result<Option<v1::FileRecord>, BackendError> {
    draft.txn.get(&file::key(name))?.map(file::decode).transpose()
}

/// Why a condition forbids to go on, if it does.
pub(super) fn refusal(condition: Option<&v1::Condition>, found: Option<&v1::FileRecord>) -> Option<Applied> {
    let found = found.map(|record| record.version);
    let holds = match condition.and_then(|condition| condition.kind.as_ref()) {
        None => true,
        Some(condition::Kind::IfAbsent(_)) => found.is_none(),
        Some(condition::Kind::IfVersion(version)) => found == Some(*version),
    };
    (!holds).then_some(Applied::Condition { found })
}

/// Makes `record` what bears the name, in the place of `old`.
pub(super) fn write(
    draft: &mut Draft<'_>,
    name: &str,
    old: Option<&v1::FileRecord>,
    record: &v1::FileRecord,
) -> Result<Applied, BackendError> {
    // The new record first: a chunk that both name is then never without a reference.
    let chunks = file::chunks(record)?;
    draft.chunks.reference(&mut draft.txn, file::owner(record), &chunks, record.depth, record.size)?;
    match old {
        Some(old) => release(draft, old)?,
        None => draft.head.globals.files += counted(name),
    }
    draft.set(file::key(name), record.encode_to_vec().into())?;
    Ok(Applied::Written { version: record.version, modified_ms: record.modified_ms })
}

/// Takes a name away whose record was released.
pub(super) fn forget(draft: &mut Draft<'_>, name: &str) -> Result<(), BackendError> {
    draft.remove(file::key(name))?;
    draft.head.globals.files -= counted(name);
    Ok(())
}

/// Folders are no files, and do not count as such.
fn counted(name: &str) -> u64 {
    u64::from(!name::is_folder(name))
}

/// Lets go of the chunks of a record that is replaced or removed.
pub(super) fn release(draft: &mut Draft<'_>, old: &v1::FileRecord) -> Result<(), BackendError> {
    draft.chunks.dereference(&mut draft.txn, file::owner(old), &file::chunks(old)?, old.depth)
}
