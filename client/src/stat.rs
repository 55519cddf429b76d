//! Looking at one file's record.

use gossamer_proto::name::{self, NameError};
use gossamer_proto::v1::{Code, FileRecord, Found, Queue, Read, outcome, task};

use crate::kind::Kind;
use crate::retry::{AskError, Patience};
use crate::{Client, Info};

/// Why a file cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum StatError {
    /// No name.
    #[error("{0}")]
    Name(#[from] NameError),
    /// There is no such file.
    #[error("{0}: no such file; `gossamer ls` shows what there is")]
    NotFound(String),
    /// The cluster did not answer, or said no.
    #[error(transparent)]
    Ask(AskError),
}

impl StatError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        match self {
            StatError::Name(_) => Kind::Usage,
            StatError::NotFound(_) => Kind::NotFound,
            StatError::Ask(error) => error.kind(),
        }
    }
}

impl Client {
    /// Size, version and hash of a file or folder. Sees every write that was acknowledged before the call.
    pub async fn stat(&self, name: &str) -> Result<Info, StatError> {
        let name = name::complete_entry(name)?;
        let mut patience = self.patience(&*self.0.progress, format!("stat {name}"));
        let (found, _) = self.find(&name, true, &mut patience).await.map_err(|error| match error.code() {
            Some(Code::NotFound) => StatError::NotFound(name.clone()),
            _ => StatError::Ask(error),
        })?;
        Info::of_record(&name, &found.record.unwrap_or_default())
            .ok_or_else(|| StatError::Ask(patience.nonsense("a hash is not 32 bytes long")))
    }

    /// The record of a file, with its bytes or a ticket unless `record_only`, and the node that answered.
    pub(crate) async fn find(
        &self,
        name: &str,
        record_only: bool,
        patience: &mut Patience<'_>,
    ) -> Result<(Found, u64), AskError> {
        let read = task::Kind::Read(Read { name: name.to_owned(), record_only });
        let answered = self.ask(Queue::ReadQueue, read, patience).await?;
        match answered.kind {
            outcome::Kind::Found(found @ Found { record: Some(FileRecord { .. }), .. }) => {
                Ok((found, answered.node))
            }
            _ => Err(patience.nonsense("no record in the answer to a read")),
        }
    }
}
