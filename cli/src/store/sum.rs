//! How much there is.

use std::fmt::{self, Display};
use std::ops::Add;

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
    /// One file; of a folder nothing.
    pub(crate) fn of(info: &Info) -> Self {
        if info.is_folder() { Sum::default() } else { Sum::file(info.size) }
    }

    /// One file of so many bytes.
    pub(crate) fn file(bytes: u64) -> Self {
        Sum { files: 1, bytes }
    }
}

impl Add for Sum {
    type Output = Sum;

    fn add(self, other: Sum) -> Sum {
        Sum { files: self.files + other.files, bytes: self.bytes + other.bytes }
    }
}

impl Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", size::files(self.files), size::bytes(self.bytes))
    }
}
