//! All names that begin alike, in order, page after page: memory stays bounded however many there are.

use std::collections::VecDeque;

use gossamer_client::{Client, Info, ListError};
use gossamer_proto::limits::LIST_PAGE;
use tokio::task::JoinHandle;

use crate::failure::Failure;

/// A page and whether there are more.
type Page = Result<(Vec<Info>, bool), ListError>;

/// Names as they are asked for. While one page is read, the next is on its way.
pub(crate) struct Listing {
    client: Client,
    prefix: String,
    page: VecDeque<Info>,
    next: Option<JoinHandle<Page>>,
}

impl Listing {
    /// Names that begin with `prefix`, from the first on.
    pub(crate) fn new(client: &Client, prefix: &str) -> Self {
        let mut listing =
            Listing { client: client.clone(), prefix: prefix.to_owned(), page: VecDeque::new(), next: None };
        listing.ask("");
        listing
    }

    /// The next name; none after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Info>, Failure> {
        while self.page.is_empty() {
            let Some(next) = self.next.take() else { return Ok(None) };
            let page = next.await.map_err(|error| Failure::new(crate::failure::FAILED, error))?;
            let (files, more) = page.map_err(|error| Failure::client(error.kind(), &error))?;
            if let Some(last) = files.last().filter(|_| more) {
                let after = last.name.clone();
                self.ask(&after);
            }
            self.page = files.into();
        }
        Ok(self.page.pop_front())
    }

    /// Up to `limit` of the next names, so that they can be treated side by side; none after the last.
    pub(crate) async fn several(&mut self, limit: usize) -> Result<Vec<Info>, Failure> {
        let mut several = Vec::new();
        while several.len() < limit
            && let Some(info) = self.next().await?
        {
            several.push(info);
        }
        Ok(several)
    }

    /// Whether the next name has to be waited for.
    pub(crate) fn is_page_done(&self) -> bool {
        self.page.is_empty()
    }

    /// Leaves out all names that are not after `after`: a whole folder, without asking for what is in it.
    pub(crate) fn skip(&mut self, after: &str) {
        while self.page.front().is_some_and(|info| info.name.as_str() <= after) {
            self.page.pop_front();
        }
        if self.page.is_empty() && self.next.is_some() {
            self.ask(after);
        }
    }

    fn ask(&mut self, after: &str) {
        if let Some(before) = self.next.take() {
            before.abort();
        }
        let (client, prefix, after) = (self.client.clone(), self.prefix.clone(), after.to_owned());
        self.next = Some(tokio::spawn(async move { client.list(&prefix, &after, LIST_PAGE).await }));
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        if let Some(next) = self.next.take() {
            next.abort();
        }
    }
}
