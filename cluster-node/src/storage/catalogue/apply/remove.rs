//! `Remove`: a file goes.

use gossamer_proto::{name, v1};

use super::draft::Draft;
use super::overwrite;
use crate::storage::catalogue::applied::Applied;
use crate::storage::catalogue::backend::BackendError;

pub(super) fn apply(draft: &mut Draft<'_>, remove: &v1::Remove) -> Result<Applied, BackendError> {
    if name::check_entry(&remove.name).is_err() {
        return Ok(Applied::Invalid);
    }
    let found = overwrite::find(draft, &remove.name)?;
    if let Some(refusal) = overwrite::refusal(remove.condition.as_ref(), found.as_ref()) {
        return Ok(refusal);
    }
    let Some(found) = found else { return Ok(Applied::NotFound) };
    overwrite::release(draft, &found)?;
    overwrite::forget(draft, &remove.name)?;
    Ok(Applied::Removed { version: found.version })
}
