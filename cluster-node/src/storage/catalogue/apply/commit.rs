//! `Commit`: a file whose chunks a majority has confirmed to hold.

use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, HASHES_INLINE, HASHES_PER_CHUNK};
use gossamer_proto::{name, v1};
use gossamer_world::known_bug::{self, KnownBug};

use super::draft::Draft;
use super::{Place, overwrite};
use crate::storage::catalogue::applied::Applied;
use crate::storage::catalogue::backend::BackendError;
use crate::storage::position::Position;

pub(super) fn apply(
    draft: &mut Draft<'_>,
    place: Place,
    commit: &v1::Commit,
) -> Result<Applied, BackendError> {
    if !is_valid(commit) {
        return Ok(Applied::Invalid);
    }
    let found = overwrite::find(draft, &commit.name)?;
    // Before the seal: sealing again would not make a condition hold.
    if let Some(refusal) = overwrite::refusal(commit.condition.as_ref(), found.as_ref()) {
        return Ok(refusal);
    }
    if !is_sealed(draft, commit) {
        return Ok(Applied::SealAgain);
    }
    let record = v1::FileRecord {
        version: place.at.index,
        ordinal: place.ordinal,
        size: commit.size,
        blake3: commit.blake3.clone(),
        modified_ms: place.now_ms,
        chunks: commit.chunks.clone(),
        depth: commit.depth,
        attributes: commit.attributes,
    };
    overwrite::write(draft, &commit.name, found.as_ref(), &record)
}

/// Whether the list of chunks can be that of a file of this size.
fn is_valid(commit: &v1::Commit) -> bool {
    let content = commit.size.div_ceil(CHUNK_BYTES as u64);
    let named = match commit.depth {
        0 => content,
        1 => content.div_ceil(HASHES_PER_CHUNK as u64),
        _ => return false,
    };
    name::check(&commit.name).is_ok()
        && commit.blake3.len() == Hash::BYTES
        && named <= HASHES_INLINE as u64
        && commit.chunks.len() as u64 == named * Hash::BYTES as u64
}

/// Whether the confirmations still mean that a majority of the voters holds the chunks: the voters are the same,
/// and no Collect that could free what was confirmed has been applied since.
fn is_sealed(draft: &Draft<'_>, commit: &v1::Commit) -> bool {
    let sealed_under = commit.sealed_under.map(Position::from);
    let same_voters = sealed_under.is_some() && sealed_under == draft.head.applied.membership_at;
    let still_there = draft.head.globals.collect_number <= commit.seal_number.saturating_add(1);
    (same_voters || known_bug::is_back(KnownBug::SealedUnderAnotherMembership))
        && (still_there || known_bug::is_back(KnownBug::CollectedUnderUncommitted))
}
