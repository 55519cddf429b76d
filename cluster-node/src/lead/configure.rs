//! A setting of the whole cluster is changed.

use gossamer_proto::setting::Setting;
use gossamer_proto::v1::{self, Code, command, outcome};

use super::Lead;
use super::tasks::{definite, failed};
use crate::raft::ProposeError;
use crate::storage::catalogue::Applied;
use crate::upload::Answer;

/// Checks and proposes. What takes effect when is up to who goes by the setting.
pub(super) async fn configure(lead: &Lead, task: v1::Configure, term: u64) -> Answer {
    let checked = Setting::of_key(&task.key).and_then(|setting| setting.check(task.value));
    if let Err(error) = checked {
        return definite(Code::Invalid, error.to_string());
    }
    let Some(operation) = task.operation.filter(|operation| operation.session.len() == 16) else {
        return definite(Code::Invalid, "a change needs an operation with a session of 16 bytes");
    };
    let set = v1::SetSetting { key: task.key.clone(), value: task.value };
    let command = v1::Command { operation: Some(operation), kind: Some(command::Kind::SetSetting(set)) };
    match lead.upload.propose(command, term).await {
        Ok(Applied::Configured) => Answer::Done(outcome::Kind::Configured(v1::Configured {})),
        Ok(Applied::TooOld) => definite(
            Code::Expired,
            "the operation is older than what the cluster remembers: whether it happened is unknown",
        ),
        Ok(Applied::Invalid) => definite(
            Code::Invalid,
            format!("{} = {}: the cluster's version knows no such setting", task.key, task.value),
        ),
        Err(error @ ProposeError::Unknown(_)) => {
            definite(Code::Unknown, format!("whether {} was set is unknown: {error}", task.key))
        }
        other => failed(other),
    }
}
