//! How much there is.

use std::fmt::{self, Display};

use gossamer_client::Info;

use crate::show::size;

/// Files and their bytes. Folders are no files.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum {
    /// How many files.
    pub(crate) files: u64,
    /// Of all together.
    pub(crate) bytes: u64,
}

impl Sum {
    /// One more, unless it is a folder.
    pub(crate) fn add(&mut self, info: &Info) {
        if !info.is_folder() {
            self.files += 1;
            self.bytes += info.size;
        }
    }

    /// Those of another sum as well.
    pub(crate) fn join(&mut self, other: Sum) {
        self.files += other.files;
        self.bytes += other.bytes;
    }
}

impl Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", size::files(self.files), size::bytes(self.bytes))
    }
}
