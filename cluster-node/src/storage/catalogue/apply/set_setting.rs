//! `SetSetting`: a setting of the whole cluster changes.

use bytes::Bytes;
use gossamer_proto::setting::Setting;
use gossamer_proto::v1;

use super::draft::Draft;
use crate::storage::catalogue::applied::Applied;
use crate::storage::catalogue::backend::BackendError;
use crate::storage::catalogue::rows::setting;

pub(super) fn apply(draft: &mut Draft<'_>, set: &v1::SetSetting) -> Result<Applied, BackendError> {
    let Ok(known) = Setting::of_key(&set.key) else { return Ok(Applied::Invalid) };
    if known.check(set.value).is_err() {
        return Ok(Applied::Invalid);
    }
    draft.set(setting::key(known), Bytes::copy_from_slice(&set.value.to_be_bytes()))?;
    draft.head.settings.insert(known, set.value);
    Ok(Applied::Configured)
}
