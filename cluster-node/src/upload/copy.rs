//! Copy: one record, no bytes.

use gossamer_proto::name;
use gossamer_proto::v1::{self, Code, Failure, command, outcome::Kind};

use super::Shared;
use super::answer::{self, Stop};
use crate::storage::catalogue::Applied;

/// Checks and proposes.
pub(super) async fn copy(shared: &Shared, task: v1::Copy, term: u64) -> Result<Kind, Stop> {
    name::check_copy(&task.from, &task.to).map_err(|error| answer::invalid(error.to_string()))?;
    let operation = answer::check_operation(task.operation)?;
    shared.leads(term)?;
    let _open = shared.gate.read().await;
    let (from, to) = (task.from.clone(), task.to.clone());
    let copy = v1::CopyFile { from: task.from, to: task.to, condition: task.condition, remove: task.remove };
    let command = v1::Command { operation: Some(operation), kind: Some(command::Kind::CopyFile(copy)) };
    match shared.proposer.propose(command, term).await {
        Ok(Applied::NotFound) => {
            Err(answer::failed(Failure::new(Code::NotFound, format!("there is no file {from}"))))
        }
        applied => answer::of(applied, &to),
    }
}
