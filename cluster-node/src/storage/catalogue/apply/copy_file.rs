//! `CopyFile`: a second name for what is there, or another one. Its chunks are on the disks of a majority, sealed when the
//! first name was written; voters change only to a set of which that is true again.

use gossamer_proto::{name, v1};

use super::draft::Draft;
use super::{Place, overwrite};
use crate::storage::catalogue::applied::Applied;
use crate::storage::catalogue::backend::BackendError;

pub(super) fn apply(
    draft: &mut Draft<'_>,
    place: Place,
    copy: &v1::CopyFile,
) -> Result<Applied, BackendError> {
    if name::check_copy(&copy.from, &copy.to).is_err() {
        return Ok(Applied::Invalid);
    }
    let replaced = overwrite::find(draft, &copy.to)?;
    if let Some(refusal) = overwrite::refusal(copy.condition.as_ref(), replaced.as_ref()) {
        return Ok(refusal);
    }
    let Some(source) = overwrite::find(draft, &copy.from)? else { return Ok(Applied::NotFound) };
    let record = v1::FileRecord {
        version: place.at.index,
        ordinal: place.ordinal,
        modified_ms: place.now_ms,
        // What came from a stream was changed for the last time when it was stored.
        attributes: source.attributes.or(Some(v1::Attributes {
            modified_s: (source.modified_ms / 1000) as i64,
            modified_ns: (source.modified_ms % 1000) as u32 * 1_000_000,
            executable: false,
        })),
        ..source.clone()
    };
    // Written before the source lets go of its chunks: they are never without a reference.
    let written = overwrite::write(draft, &copy.to, replaced.as_ref(), &record)?;
    if copy.remove {
        overwrite::release(draft, &source)?;
        overwrite::forget(draft, &copy.from)?;
    }
    Ok(written)
}
