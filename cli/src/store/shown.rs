//! What people see of a listing: files, and folders that are empty. Other folders show in the names of their files.

use gossamer_client::{Client, Info};

use crate::failure::Failure;
use crate::listing::Listing;

/// All files and empty folders whose names begin alike, in order.
pub(crate) struct Shown {
    listing: Listing,
    ahead: Option<Info>,
}

impl Shown {
    /// Those that begin with `prefix`.
    pub(crate) fn new(client: &Client, prefix: &str) -> Self {
        Shown { listing: Listing::new(client, prefix), ahead: None }
    }

    /// The next one; none after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Info>, Failure> {
        loop {
            let next = match self.ahead.take() {
                Some(ahead) => Some(ahead),
                None => self.listing.next().await?,
            };
            let Some(info) = next.as_ref().filter(|info| info.is_folder()) else { return Ok(next) };
            // What is in a folder follows its record at once.
            self.ahead = self.listing.next().await?;
            if !self.ahead.as_ref().is_some_and(|ahead| ahead.name.starts_with(&info.name)) {
                return Ok(next);
            }
        }
    }

    /// Whether the next one may take a while.
    pub(crate) fn is_page_done(&self) -> bool {
        self.ahead.is_none() && self.listing.is_page_done()
    }
}
