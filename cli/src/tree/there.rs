//! What is in the store below a name.

use gossamer_client::{Client, Info};

use super::Entry;
use super::exclude::Exclude;
use crate::failure::Failure;
use crate::listing::Listing;

/// Everything below `prefix`, in the order of paths, with the folders that are there only by what is in them.
pub(crate) async fn there(client: &Client, prefix: &str, exclude: &Exclude) -> Result<Vec<Entry>, Failure> {
    let mut listing = Listing::new(client, prefix);
    let mut entries = Vec::new();
    while let Some(info) = listing.next().await? {
        let path = info.name[prefix.len()..].to_owned();
        if !exclude.fits(&path) {
            add(&mut entries, path, &info);
        }
    }
    Ok(entries)
}

fn add(entries: &mut Vec<Entry>, path: String, info: &Info) {
    // Of the folders above it, those that the entry before was not in either are new.
    let before = entries.last().map_or("", |entry| entry.path.as_str());
    let shared = before.bytes().zip(path.bytes()).take_while(|(one, other)| one == other).count();
    let has_top = !entries.is_empty() || path.is_empty();
    let ends = path.match_indices('/').map(|(at, _)| at + 1);
    let new = ends.filter(|end| *end > shared && *end < path.len()).map(|end| path[..end].to_owned());
    let top = (!has_top).then(String::new);
    let implied: Vec<String> = top.into_iter().chain(new).collect();
    entries.extend(implied.into_iter().map(folder));
    entries.push(Entry::there(path, info));
}

/// One without a record.
fn folder(path: String) -> Entry {
    let (size, executable, version) = (0, false, 0);
    Entry { path, size, modified: None, executable, version, blake3: None, is_behind_link: false }
}

#[cfg(test)]
mod tests {
    use gossamer_proto::hash::Hash;

    use super::*;

    /// Every folder comes once, before what is in it, with or without a record of its own.
    #[test]
    fn folders_that_are_implied() {
        let mut entries = Vec::new();
        for path in ["a/b/c", "a/b/d", "a/bc/", "a/bc/e", "a/bcd/e/f", "b"] {
            let (name, blake3) = (format!("x/{path}"), Hash::of(b""));
            let info = Info { name, size: 1, version: 7, blake3, modified_ms: 5, attributes: None };
            add(&mut entries, path.to_owned(), &info);
        }
        let paths: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
        let expected =
            ["", "a/", "a/b/", "a/b/c", "a/b/d", "a/bc/", "a/bc/e", "a/bcd/", "a/bcd/e/", "a/bcd/e/f", "b"];
        assert_eq!(paths, expected);
        assert!(expected.is_sorted());
        let recorded: Vec<_> = entries.iter().filter(|entry| entry.modified.is_some()).collect();
        assert_eq!(recorded.len(), 6);
    }
}
