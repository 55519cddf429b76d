//! The settings of the cluster.

use gossamer_proto::setting::Setting;
use gossamer_proto::v1::{self, outcome};

use super::Verdict;
use crate::storage::catalogue::Catalogue;

/// All there are, with what holds. A barrier was passed before.
pub(super) fn settings(catalogue: &Catalogue) -> Verdict {
    let value = |setting: Setting| v1::SettingValue {
        key: setting.key().to_owned(),
        value: catalogue.setting(setting),
        set: catalogue.set_to(setting).is_some(),
    };
    let settings = Setting::ALL.map(value).to_vec();
    Verdict::Done(outcome::Kind::Settings(v1::SettingValues { settings }))
}
