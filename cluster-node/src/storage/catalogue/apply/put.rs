//! `PutSmall`: a file that came with its bytes, which are in the extents by now, or missing; or a folder.

use bytes::Bytes;
use gossamer_proto::{name, v1};

use super::draft::Draft;
use super::{Place, overwrite};
use crate::storage::catalogue::applied::Applied;
use crate::storage::catalogue::backend::BackendError;

pub(super) fn apply(
    draft: &mut Draft<'_>,
    place: Place,
    put: &v1::PutSmall,
) -> Result<Applied, BackendError> {
    if name::check_content(&put.name, put.data.len()).is_err() {
        return Ok(Applied::Invalid);
    }
    let found = overwrite::find(draft, &put.name)?;
    if let Some(refusal) = overwrite::refusal(put.condition.as_ref(), found.as_ref()) {
        return Ok(refusal);
    }
    let record = v1::FileRecord {
        version: place.at.index,
        ordinal: place.ordinal,
        size: put.data.len() as u64,
        blake3: put.blake3.clone(),
        modified_ms: place.now_ms,
        // The one chunk is the whole content; an empty file has none.
        chunks: if put.data.is_empty() { Bytes::new() } else { put.blake3.clone() },
        depth: 0,
        attributes: put.attributes,
    };
    overwrite::write(draft, &put.name, found.as_ref(), &record)
}
