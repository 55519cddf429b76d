//! What is in the store below a name.

use gossamer_client::Client;
use gossamer_proto::name;

use super::Entry;
use super::exclude::Exclude;
use crate::failure::{FAILED, Failure};
use crate::listing::Listing;

/// Everything below `prefix`, in the order of paths, with the folders that are there only by what is in them.
pub(crate) async fn there(client: &Client, prefix: &str, exclude: &Exclude) -> Result<Vec<Entry>, Failure> {
    let mut listing = Listing::new(client, prefix);
    let mut entries = Vec::new();
    while let Some(info) = listing.next().await? {
        // Names are data: one that breaks the rules might lead out of the folder here.
        name::check_entry(&info.name)
            .map_err(|error| Failure::new(FAILED, format!("{:?}: {error}", info.name)))?;
        let path = info.name.strip_prefix(prefix).ok_or_else(|| {
            Failure::new(
                FAILED,
                format!("{:?} is in a listing of {prefix:?}: different versions?", info.name),
            )
        })?;
        add_folders(&mut entries, path, exclude);
        if !exclude.fits(path) {
            entries.push(Entry::there(path.to_owned(), &info));
        }
    }
    Ok(entries)
}

/// Adds the folders above a path that are not there yet; also of one that is excluded, for they are there.
fn add_folders(entries: &mut Vec<Entry>, path: &str, exclude: &Exclude) {
    // Those that the entry before is not in are new.
    let before = entries.last().map_or("", |entry| entry.path.as_str());
    let shared = before.bytes().zip(path.bytes()).take_while(|(one, other)| one == other).count();
    let has_top = !entries.is_empty() || path.is_empty();
    let ends = path.match_indices('/').map(|(at, _)| at + 1);
    let new = ends.filter(|end| *end > shared && *end < path.len()).map(|end| path[..end].to_owned());
    let new = new.filter(|folder| !exclude.fits(folder));
    let top = (!has_top).then(String::new);
    let implied: Vec<String> = top.into_iter().chain(new).collect();
    entries.extend(implied.into_iter().map(folder));
}

/// One without a record.
fn folder(path: String) -> Entry {
    let (size, executable, version) = (0, false, 0);
    Entry {
        path,
        size,
        modified: None,
        executable,
        version,
        blake3: None,
        is_behind_link: false,
        is_link: false,
    }
}

#[cfg(test)]
mod tests {
    use gossamer_client::Info;
    use gossamer_proto::hash::Hash;

    use super::*;

    /// Every folder comes once, before what is in it, with or without a record of its own.
    #[test]
    fn folders_that_are_implied() {
        let exclude = Exclude::new(&["*.tmp".to_owned(), "no/".to_owned()]).unwrap();
        let mut entries = Vec::new();
        for path in ["a/b/c", "a/b/d", "a/bc/", "a/bc/e", "a/bcd/e/f", "b", "only/x.tmp", "only/no/y"] {
            let (name, blake3) = (format!("x/{path}"), Hash::of(b""));
            let info = Info { name, size: 1, version: 7, blake3, modified_ms: 5, attributes: None };
            add_folders(&mut entries, path, &exclude);
            if !exclude.fits(path) {
                entries.push(Entry::there(path.to_owned(), &info));
            }
        }
        let paths: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
        let expected = [
            "",
            "a/",
            "a/b/",
            "a/b/c",
            "a/b/d",
            "a/bc/",
            "a/bc/e",
            "a/bcd/",
            "a/bcd/e/",
            "a/bcd/e/f",
            "b",
            "only/",
        ];
        assert_eq!(paths, expected);
        assert!(expected.is_sorted());
        let recorded: Vec<_> = entries.iter().filter(|entry| entry.modified.is_some()).collect();
        assert_eq!(recorded.len(), 6);
    }
}
