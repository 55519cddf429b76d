//! Deleting a file.

use gossamer_proto::name::{self, NameError};
use gossamer_proto::v1::{Code, Delete, Queue, outcome, task};

use crate::kind::Kind;
use crate::retry::AskError;
use crate::{Client, Condition};

/// Why a file was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// No name.
    #[error("{0}")]
    Name(#[from] NameError),
    /// There is no such file.
    #[error("{0}: no such file, nothing was deleted")]
    NotFound(String),
    /// The file has another version.
    #[error("{name} was not deleted: {why}; look at it with `gossamer stat` and decide again")]
    Condition {
        /// Full name.
        name: String,
        /// What holds instead.
        why: String,
    },
    /// The cluster did not answer, or said no.
    #[error(transparent)]
    Ask(AskError),
}

impl DeleteError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        match self {
            DeleteError::Name(_) => Kind::Usage,
            DeleteError::NotFound(_) => Kind::NotFound,
            DeleteError::Condition { .. } => Kind::Condition,
            DeleteError::Ask(error) => error.kind(),
        }
    }
}

impl Client {
    /// Deletes a file, or a folder's own record, and returns the version that was removed. Done once however often it had to be sent.
    pub async fn delete(&self, name: &str, condition: Option<Condition>) -> Result<u64, DeleteError> {
        let name = name::complete_entry(name)?;
        let mut patience = self.patience(&*self.0.progress, format!("delete {name}"));
        let operation = Some(self.operation(&mut patience).await.map_err(DeleteError::Ask)?);
        let delete = Delete { operation, name: name.clone(), condition: condition.map(Into::into) };
        match self.ask(Queue::LeaderQueue, task::Kind::Delete(delete), &mut patience).await {
            Ok(answered) => match answered.kind {
                outcome::Kind::Deleted(deleted) => Ok(deleted.version),
                _ => Err(DeleteError::Ask(patience.nonsense("it was not deleted and did not fail"))),
            },
            Err(AskError::Failure { failure, .. }) if failure.code() == Code::NotFound => {
                Err(DeleteError::NotFound(name))
            }
            Err(AskError::Failure { failure, .. }) if failure.code() == Code::Condition => {
                Err(DeleteError::Condition { name, why: failure.message })
            }
            Err(error) => Err(DeleteError::Ask(error)),
        }
    }
}
