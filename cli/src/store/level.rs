//! One folder: its files, and its folders without what is in them.

use gossamer_client::{Client, Info, Modified};
use gossamer_proto::name;

use super::folder;
use crate::failure::Failure;
use crate::listing::Listing;

/// What is in a folder.
pub(crate) enum Entry {
    /// A folder with the slash at its end, and when it was modified if it has a record of its own.
    Folder(String, Option<Modified>),
    /// A file.
    File(Info),
}

/// The entries of a folder in the order of their names. What is in its folders is jumped over, not read.
pub(crate) struct Level {
    listing: Listing,
    /// Where the entries' own parts begin in their names.
    own: usize,
    found: bool,
}

impl Level {
    /// What begins with `prefix`, which may stop in the middle of a name; without any prefix the buckets.
    pub(crate) fn new(client: &Client, prefix: &str) -> Self {
        Level { listing: Listing::new(client, prefix), own: folder::own_part(prefix), found: false }
    }

    /// The next entry; none after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Entry>, Failure> {
        while let Some(info) = self.listing.next().await? {
            self.found = true;
            // The record of the folder that is looked at is no entry of it.
            let Some(entry) = folder::entry(&info.name, self.own) else { continue };
            if !name::is_folder(entry) {
                return Ok(Some(Entry::File(info)));
            }
            self.listing.skip(&folder::last_within(entry));
            // A folder's record is the first name that begins with it.
            let modified = (info.name == entry).then(|| info.modified());
            return Ok(Some(Entry::Folder(entry.to_owned(), modified)));
        }
        Ok(None)
    }

    /// Whether there was anything: an empty folder has no entries, and is there.
    pub(crate) fn found(&self) -> bool {
        self.found
    }

    /// Whether the next entry may take a while.
    pub(crate) fn is_page_done(&self) -> bool {
        self.listing.is_page_done()
    }
}
