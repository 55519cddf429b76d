//! Put: a small file, or a folder, rides in the log entry.

use gossamer_proto::hash::Hash;
use gossamer_proto::limits::INLINE_BYTES;
use gossamer_proto::name;
use gossamer_proto::v1::{self, Code, Failure, command, outcome::Kind};

use super::Shared;
use super::answer::{self, Stop};

/// Checks and proposes.
pub(super) async fn put(shared: &Shared, task: v1::Put, term: u64) -> Result<Kind, Stop> {
    name::check_content(&task.name, task.data.len()).map_err(|error| answer::invalid(error.to_string()))?;
    let operation = answer::check_operation(task.operation)?;
    if task.data.len() > INLINE_BYTES {
        let why =
            format!("{} bytes are too many for a put; over {INLINE_BYTES} open a write", task.data.len());
        return Err(answer::invalid(why));
    }
    if Hash::of(&task.data).as_bytes()[..] != task.blake3[..] {
        let why = format!("the bytes of {} do not match the hash sent with them", task.name);
        return Err(answer::failed(Failure::new(Code::Corrupt, why)));
    }
    shared.leads(term)?;
    // Apply may use the reserve, for it must not fail: so what comes from outside must not get that far.
    let bytes = task.data.len() as u64;
    shared.chunks(move |chunks| chunks.has_room(bytes)).await?;
    let _open = shared.gate.read().await;
    let name = task.name.clone();
    let put = v1::PutSmall {
        name: task.name,
        condition: task.condition,
        data: task.data,
        blake3: task.blake3,
        attributes: task.attributes,
    };
    let command = v1::Command { operation: Some(operation), kind: Some(command::Kind::Put(put)) };
    answer::of(shared.proposer.propose(command, term).await, &name)
}
