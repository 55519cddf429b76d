//! `c` key -> the value of a setting that was set.

use std::collections::BTreeMap;

use bytes::Bytes;
use gossamer_proto::setting::Setting;

use crate::storage::catalogue::backend::{Backend, BackendError, prefix_end};

const PREFIX: &[u8] = b"c";

/// Settings that were set. There are few: they are kept in memory, too.
pub(in super::super) type Settings = BTreeMap<Setting, u64>;

/// The key of a setting.
pub(in super::super) fn key(setting: Setting) -> Bytes {
    [PREFIX, setting.key().as_bytes()].concat().into()
}

/// All rows. Those of settings that this version does not know are left alone.
pub(in super::super) fn read(backend: &dyn Backend) -> Result<Settings, BackendError> {
    let mut settings = Settings::new();
    for (key, value) in backend.scan(PREFIX, &prefix_end(PREFIX), usize::MAX)? {
        let known = std::str::from_utf8(&key[PREFIX.len()..]).ok().and_then(|key| Setting::of_key(key).ok());
        if let Some(setting) = known {
            let wrong = |_| BackendError::Row("a setting".to_owned());
            settings.insert(setting, u64::from_be_bytes(value[..].try_into().map_err(wrong)?));
        }
    }
    Ok(settings)
}
