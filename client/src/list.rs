//! Listing files in the order of their names.

use gossamer_proto::limits::LIST_PAGE;
use gossamer_proto::name::{self, NameError};
use gossamer_proto::v1::{List, Queue, outcome, task};

use crate::kind::Kind;
use crate::retry::AskError;
use crate::{Client, Info};

/// Why files cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Nothing can begin like this.
    #[error("{0}")]
    Prefix(#[from] NameError),
    /// The cluster did not answer, or said no.
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl ListError {
    /// What kind of end this is.
    pub fn kind(&self) -> Kind {
        match self {
            ListError::Prefix(_) => Kind::Usage,
            ListError::Ask(error) => error.kind(),
        }
    }
}

impl Client {
    /// Up to `limit` (at most 1000) files and folders whose full names begin with `prefix` and come after `after` (exclusive),
    /// and whether there are more. Sees every change acknowledged before the call; of those made while it is put together
    /// it may show a later one and not an earlier one.
    pub async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<Info>, bool), ListError> {
        name::check_prefix(prefix)?;
        let mut patience = self.patience(&*self.0.progress, format!("list {prefix:?}"));
        let list =
            List { prefix: prefix.to_owned(), after: after.to_owned(), limit: limit.min(LIST_PAGE) as u32 };
        let answered = self.ask(Queue::ReadQueue, task::Kind::List(list), &mut patience).await?;
        let outcome::Kind::Listing(listing) = answered.kind else {
            return Err(patience.nonsense("no listing in the answer").into());
        };
        let files =
            name::shared::complete(listing.files).ok_or_else(|| patience.nonsense("names that are none"))?;
        let files: Option<Vec<Info>> = files.into_iter().map(Info::of_listed).collect();
        Ok((files.ok_or_else(|| patience.nonsense("a hash is not 32 bytes long"))?, listing.more))
    }
}
