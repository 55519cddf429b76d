//! Delete: one record, and it works on a full disk too.

use gossamer_proto::v1::{self, command, outcome::Kind};

use super::Shared;
use super::answer::{self, Stop};

/// Checks and proposes.
pub(super) async fn remove(shared: &Shared, task: v1::Delete, term: u64) -> Result<Kind, Stop> {
    answer::check_entry(&task.name)?;
    let operation = answer::check_operation(task.operation)?;
    shared.leads(term)?;
    let remove = v1::Remove { name: task.name.clone(), condition: task.condition };
    let command = v1::Command { operation: Some(operation), kind: Some(command::Kind::Remove(remove)) };
    answer::of(shared.proposer.propose(command, term).await, &task.name)
}
