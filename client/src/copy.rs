//! Copying and moving within the cluster: one small record, and no byte of content moves.

use gossamer_proto::name::{self, NameError};
use gossamer_proto::v1::{Code, Copy, Queue, outcome, task};

use crate::kind::Kind;
use crate::retry::AskError;
use crate::{Client, Condition};

/// Why a file was not copied or moved.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the two is no name, or they do not go together.
    #[error("{0}")]
    Name(#[from] NameError),
    /// There is no such file.
    #[error("{0}: no such file; `gossamer ls` shows what there is")]
    NotFound(String),
    /// if-absent or if-version did not hold of the target.
    #[error("{to} was not written: {why}; look at it with `gossamer stat` and decide again")]
    Condition {
        /// Full name.
        to: String,
        /// What holds instead.
        why: String,
    },
    /// The cluster did not answer, or said no.
    #[error(transparent)]
    Ask(AskError),
}

impl CopyError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        match self {
            CopyError::Name(_) => Kind::Usage,
            CopyError::NotFound(_) => Kind::NotFound,
            CopyError::Condition { .. } => Kind::Condition,
            CopyError::Ask(error) => error.kind(),
        }
    }
}

impl Client {
    /// Gives the content of `from` the name `to` as well and returns the version of `to`, which is replaced if it was there. Its
    /// attributes are those of `from`. Folders (names that end with a slash) are copied without what is in them.
    pub async fn copy(&self, from: &str, to: &str, condition: Option<Condition>) -> Result<u64, CopyError> {
        self.copied(from, to, condition, false).await
    }

    /// The same, and `from` is gone in the same step.
    pub async fn rename(&self, from: &str, to: &str, condition: Option<Condition>) -> Result<u64, CopyError> {
        self.copied(from, to, condition, true).await
    }

    async fn copied(
        &self,
        from: &str,
        to: &str,
        condition: Option<Condition>,
        remove: bool,
    ) -> Result<u64, CopyError> {
        let (from, to) = (name::complete_entry(from)?, name::complete_entry(to)?);
        name::check_copy(&from, &to)?;
        let doing = if remove { "move" } else { "copy" };
        let mut patience = self.patience(&*self.0.progress, format!("{doing} {from} to {to}"));
        let operation = Some(self.operation(&mut patience).await.map_err(CopyError::Ask)?);
        let condition = condition.map(Into::into);
        let copy = Copy { operation, from: from.clone(), to: to.clone(), condition, remove };
        match self.ask(Queue::LeaderQueue, task::Kind::Copy(copy), &mut patience).await {
            Ok(answered) => match answered.kind {
                outcome::Kind::Written(written) => Ok(written.version),
                _ => Err(CopyError::Ask(patience.nonsense("it was not written and did not fail"))),
            },
            Err(AskError::Failure { failure, .. }) if failure.code() == Code::NotFound => {
                Err(CopyError::NotFound(from))
            }
            Err(AskError::Failure { failure, .. }) if failure.code() == Code::Condition => {
                Err(CopyError::Condition { to, why: failure.message })
            }
            Err(error) => Err(CopyError::Ask(error)),
        }
    }
}
