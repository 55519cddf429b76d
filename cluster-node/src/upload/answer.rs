//! What a task of the leader queue is answered with.

use gossamer_proto::name;
use gossamer_proto::v1::{self, Code, Failure, outcome::Kind};

use crate::raft::ProposeError;
use crate::storage::catalogue::Applied;
use crate::storage::catalogue::backend::BackendError;
use crate::storage::extents::ChunkError;

/// What became of a task of the leader queue.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// For the client.
    Done(v1::outcome::Kind),
    /// Nothing was proposed: the queue server may give it to another leader.
    Refused(v1::Failure),
}

/// Ends a task early.
#[derive(Debug)]
pub(super) enum Stop {
    /// Definitely, or with an outcome that is unknown: for the client.
    Failed(Failure),
    /// See [`Answer::Refused`].
    Refused(Failure),
}

impl From<Result<Kind, Stop>> for Answer {
    fn from(result: Result<Kind, Stop>) -> Self {
        match result {
            Ok(done) => Answer::Done(done),
            Err(Stop::Failed(failure)) => Answer::Done(Kind::Failure(failure)),
            Err(Stop::Refused(failure)) => Answer::Refused(failure),
        }
    }
}

impl From<ChunkError> for Stop {
    fn from(error: ChunkError) -> Self {
        failed(chunks_failed(&error))
    }
}

impl From<BackendError> for Stop {
    fn from(error: BackendError) -> Self {
        failed(Failure::new(Code::Internal, error.to_string()))
    }
}

/// What the disk or the index could not do.
pub(super) fn chunks_failed(error: &ChunkError) -> Failure {
    let code = match error {
        ChunkError::NoSpace { .. } => Code::NoSpace,
        ChunkError::Corrupt(_) => Code::Corrupt,
        // This node stops, and whoever leads next can do it.
        ChunkError::Failed(_) => Code::Unavailable,
        ChunkError::Newer { .. } | ChunkError::Index(_) | ChunkError::Io(_) => Code::Internal,
    };
    Failure::new(code, error.to_string())
}

/// A definite failure.
pub(super) fn failed(failure: Failure) -> Stop {
    Stop::Failed(failure)
}

/// The request can never succeed.
pub(super) fn invalid(why: impl Into<String>) -> Stop {
    failed(Failure::new(Code::Invalid, why))
}

/// Not now; nothing was proposed.
pub(super) fn unavailable(why: impl Into<String>) -> Stop {
    Stop::Refused(Failure::new(Code::Unavailable, why))
}

/// Somebody else leads, or nobody.
pub(super) fn not_leading() -> Stop {
    unavailable("this node does not lead any more")
}

/// Refuses what is no name of a file.
pub(super) fn check_name(name: &str) -> Result<(), Stop> {
    name::check(name).map_err(|error| invalid(error.to_string()))
}

/// Refuses what is no name of a file or folder.
pub(super) fn check_entry(name: &str) -> Result<(), Stop> {
    name::check_entry(name).map_err(|error| invalid(error.to_string()))
}

/// Refuses what cannot be told from another operation.
pub(super) fn check_operation(operation: Option<v1::Operation>) -> Result<v1::Operation, Stop> {
    match operation {
        Some(operation) if operation.session.len() == 16 => Ok(operation),
        Some(_) => Err(invalid("a session has 16 bytes")),
        None => Err(invalid("a write needs an operation: session, sequence, known index")),
    }
}

/// What a proposed command did, in the client's words.
pub(super) fn of(applied: Result<Applied, ProposeError>, name: &str) -> Result<Kind, Stop> {
    let definite = |code, why: String| Err(failed(Failure::new(code, why)));
    match applied {
        Ok(Applied::Written { version, modified_ms }) => {
            Ok(Kind::Written(v1::Written { version, modified_ms }))
        }
        Ok(Applied::Removed { version }) => Ok(Kind::Deleted(v1::Deleted { version })),
        Ok(Applied::Condition { found }) => definite(Code::Condition, condition(name, found)),
        Ok(Applied::NotFound) => definite(Code::NotFound, format!("there is no file {name}")),
        Ok(Applied::TooOld) => definite(
            Code::Expired,
            "the operation is older than what the cluster remembers: whether it happened is unknown"
                .to_owned(),
        ),
        Ok(Applied::Invalid) => definite(Code::Invalid, format!("the write of {name} breaks a rule")),
        Ok(other) => definite(Code::Internal, format!("a write of {name} was applied as {other:?}")),
        Err(ProposeError::NotLeader { .. }) => Err(not_leading()),
        Err(error @ (ProposeError::Refused(_) | ProposeError::Stopped(_))) => {
            Err(unavailable(error.to_string()))
        }
        Err(error @ ProposeError::Unknown(_)) => {
            definite(Code::Unknown, format!("whether {name} was written is unknown: {error}"))
        }
    }
}

/// Why a condition does not hold.
pub(super) fn condition(name: &str, found: Option<u64>) -> String {
    match found {
        Some(version) => format!("{name} exists in version {version}"),
        None => format!("{name} does not exist"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node whose disk has failed stops: a client that hears of it must try again with the next leader.
    #[test]
    fn failed_storage_is_not_definite() {
        let failure = chunks_failed(&ChunkError::Failed("an fdatasync failed".to_owned()));
        assert_eq!(failure.code(), Code::Unavailable);
    }
}
