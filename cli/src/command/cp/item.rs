//! What was typed, and where it goes.

use gossamer_client::{Client, StatError};
use gossamer_proto::name;

use super::Pair;
use crate::args::Cp;
use crate::command::full_entry;
use crate::failure::{Failure, NOT_FOUND, USAGE};
use crate::store::folder::{self, as_folder, last_part};

/// Full names.
pub(super) struct Typed {
    pub(super) sources: Vec<String>,
    /// A folder if it ends with a slash.
    pub(super) target: String,
}

/// A file or a folder that is there, and where it goes.
#[derive(Debug)]
pub(super) enum Item {
    /// A file.
    File { from: String, to: String, size: u64 },
    /// All that begins with `from`; both end with a slash.
    Folder { from: String, to: String },
}

impl Item {
    /// What it was.
    pub(super) fn from(&self) -> &str {
        match self {
            Item::File { from, .. } | Item::Folder { from, .. } => from,
        }
    }

    /// What it becomes.
    pub(super) fn to(&self) -> &str {
        match self {
            Item::File { to, .. } | Item::Folder { to, .. } => to,
        }
    }

    /// A file on its own; of a folder, its record.
    pub(super) fn single(&self) -> Pair {
        let size = if let Item::File { size, .. } = self { *size } else { 0 };
        Pair { from: self.from().to_owned(), to: self.to().to_owned(), size }
    }
}

/// Checks all names before anything is asked of the cluster.
pub(super) fn typed(cp: &Cp) -> Result<Typed, Failure> {
    let mut names = cp.names.iter().map(|given| full_entry(given)).collect::<Result<Vec<_>, _>>()?;
    // There are two names at least, by what may be typed.
    let target = names.pop().unwrap_or_default();
    if names.len() > 1 && !name::is_folder(&target) {
        let why = format!("{target}: several names can only go to a folder; end it in a slash, {target}/");
        return Err(Failure::new(USAGE, why));
    }
    if let Some(source) = names.iter().find(|source| name::is_folder(source) && !cp.recursive) {
        return Err(is_folder(USAGE, source));
    }
    Ok(Typed { sources: names, target })
}

fn is_folder(code: u8, name: &str) -> Failure {
    Failure::new(code, format!("{name} is a folder; add -r for all that is in it"))
}

/// Looks what a source is.
pub(super) async fn find(
    client: &Client,
    source: &str,
    target: &str,
    recursive: bool,
) -> Result<Item, Failure> {
    let not_found = match name::is_folder(source) {
        true => {
            Failure::new(NOT_FOUND, format!("{source}: no such folder; `gossamer ls` shows what there is"))
        }
        false => match client.stat(source).await {
            Ok(info) => {
                return Ok(Item::File { from: info.name, to: file_target(source, target), size: info.size });
            }
            Err(error @ StatError::NotFound(_)) => Failure::client(error.kind(), &error),
            Err(error) => return Err(Failure::client(error.kind(), &error)),
        },
    };
    let from = as_folder(source);
    match folder::is_there(client, &from).await? {
        true if recursive => Ok(Item::Folder { from, to: folder_target(source, target) }),
        true => Err(is_folder(NOT_FOUND, source)),
        false => Err(not_found),
    }
}

/// A folder takes the last part of the name.
fn file_target(source: &str, target: &str) -> String {
    if name::is_folder(target) { format!("{target}{}", last_part(source)) } else { target.to_owned() }
}

/// Into a folder goes the folder itself or, if it was typed with a slash at its end, what is in it.
fn folder_target(source: &str, target: &str) -> String {
    match name::is_folder(target) && !name::is_folder(source) {
        true => format!("{target}{}/", last_part(source)),
        false => as_folder(target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With and without slashes, as `rsync` does it.
    #[test]
    fn targets() {
        assert_eq!(file_target("abc/d/e", "xyz/"), "xyz/e");
        assert_eq!(file_target("abc/d/e", "xyz/f"), "xyz/f");
        assert_eq!(folder_target("abc/d", "xyz/"), "xyz/d/");
        assert_eq!(folder_target("abc/d/", "xyz/"), "xyz/");
        assert_eq!(folder_target("abc/d", "xyz/f"), "xyz/f/");
        assert_eq!(folder_target("abc/", "xyz/f"), "xyz/f/");
    }
}
