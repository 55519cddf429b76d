//! A folder here and its copy in the store, in either direction: what `put -r`, `get -r` and `sync` have in common.
//!
//! # The way of the data
//! - [`survey`] looks at both sides: [`walk`] at what is here, [`there`] at what is in the store; [`exclude`]: what does not count
//! - [`compare`]: what the two differ in, with [`checksum`] by content: a [`compare::Plan`], before anything is written
//! - [`store`] carries it out into the store, [`fetch`] to here
//! - [`outcome`]: what was done, in one line
//!
//! # Invariants
//! - Paths are relative to the folder, with `/` between parts and at the end of folders; the folder itself is the empty path.
//!   Both sides are in the order of their bytes, which is that of names in the store.
//! - Where a file and a folder of one name would come to stand side by side, nothing is written at all.
//! - Nothing behind a symbolic link is deleted.
//!
//! # What it does not guarantee
//! - A tree is no snapshot: what changes while it is copied may be there as it was before or after.
//! - What changed without changing size or time is found with `--checksum` only.

pub(crate) mod checksum;
pub(crate) mod compare;
pub(crate) mod exclude;
pub(crate) mod fetch;
pub(crate) mod outcome;
pub(crate) mod store;
pub(crate) mod survey;
pub(crate) mod there;
pub(crate) mod walk;

use std::fs::Metadata;
use std::path::{Component, PathBuf};

use gossamer_client::{Attributes, Info, Modified};
use gossamer_proto::hash::Hash;

use crate::args::Choice;
use crate::failure::{FAILED, Failure};
use crate::show::progress::Bar;
use compare::Plan;
use exclude::Exclude;

/// A folder here and its name in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The folder.
    pub(crate) here: PathBuf,
    /// Full name, with a slash at its end.
    pub(crate) there: String,
}

/// What to copy, and how.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) exclude: Exclude,
    /// Compare content, not size and time.
    pub(crate) checksum: bool,
    /// Delete what the target has and the source has not.
    pub(crate) delete: bool,
    /// Only say what would be done.
    pub(crate) dry_run: bool,
}

/// A file or folder on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Unknown of a folder in the store that is there only by what is in it.
    pub(crate) modified: Option<Modified>,
    pub(crate) executable: bool,
    /// In the store.
    pub(crate) version: u64,
    /// Of a file; here only if it is asked for.
    pub(crate) blake3: Option<Hash>,
    /// Somewhere above it is a symbolic link.
    pub(crate) is_behind_link: bool,
    /// It is a symbolic link to a folder.
    pub(crate) is_link: bool,
}

impl Options {
    /// As they were typed.
    pub(crate) fn of(choice: &Choice, delete: bool) -> Result<Self, Failure> {
        let exclude = Exclude::new(&choice.exclude)?;
        Ok(Options { exclude, checksum: choice.checksum, delete, dry_run: choice.dry_run })
    }
}

impl Entry {
    /// Of something here.
    pub(crate) fn here(path: String, metadata: &Metadata, is_behind_link: bool) -> Self {
        let Attributes { modified, executable } = Attributes::of(metadata);
        let size = if metadata.is_file() { metadata.len() } else { 0 };
        let modified = Some(modified);
        Entry { path, size, modified, executable, version: 0, blake3: None, is_behind_link, is_link: false }
    }

    /// Of something in the store.
    pub(crate) fn there(path: String, info: &Info) -> Self {
        let is_folder = info.is_folder();
        Entry {
            path,
            size: info.size,
            modified: Some(info.modified()),
            executable: info.is_executable(),
            version: info.version,
            blake3: (!is_folder).then_some(info.blake3),
            is_behind_link: false,
            is_link: false,
        }
    }

    /// Whether it may be deleted here: nothing behind a symbolic link is, but the link itself.
    pub(crate) fn is_deletable(&self) -> bool {
        !self.is_behind_link
    }

    /// Whether it is a folder.
    pub(crate) fn is_folder(&self) -> bool {
        self.path.is_empty() || self.path.ends_with('/')
    }
}

/// One bar for all that plans copy.
pub(crate) fn bar(plans: &[(Pair, Plan)], quiet: bool) -> Bar {
    let files = plans.iter().flat_map(|(_, plan)| plan.files.iter().chain(&plan.blocked));
    let (count, bytes) = files.fold((0, 0), |(count, bytes), entry| (count + 1, bytes + entry.size));
    Bar::of_many(count, bytes, quiet)
}

/// Whether what the source has not may be deleted after so many failures: a file that was moved has a new name that may be
/// among them, and then the old one is all there is.
fn may_delete(plans: &[(Pair, Plan)], failed: usize) -> bool {
    let wanted = plans.iter().any(|(_, plan)| !plan.delete.is_empty());
    if wanted && failed > 0 {
        eprintln!("gossamer: nothing was deleted, because not everything could be copied");
    }
    failed == 0
}

/// Refuses targets of which one is another, or within another: the last one would win, or neither could be fetched.
pub(crate) fn refuse_twice(targets: impl Iterator<Item = PathBuf>) -> Result<(), Failure> {
    let plain =
        |path: PathBuf| -> PathBuf { path.components().filter(|part| *part != Component::CurDir).collect() };
    let mut targets: Vec<PathBuf> = targets.map(plain).collect();
    targets.sort();
    match targets.windows(2).find(|pair| pair[1].starts_with(&pair[0])) {
        Some(pair) => {
            let (one, other) = (pair[0].display(), pair[1].display());
            let what = if pair[0] == pair[1] {
                format!("two would come to {one}")
            } else {
                format!("{other} would come into {one}, which is copied too")
            };
            Err(Failure::new(FAILED, format!("{what}; nothing was written. Copy them one by one")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One target must not be another's, nor within it, however they are written.
    #[test]
    fn twice() {
        let refused = |targets: &[&str]| refuse_twice(targets.iter().map(PathBuf::from)).is_err();
        assert!(refused(&["x/a", "y", "x//a/"]) && refused(&["x/a/b", "x/", "z"]) && refused(&["./x", "x"]));
        assert!(!refused(&["x/a", "x/ab", "x/b"]) && !refused(&[]));
    }
}
