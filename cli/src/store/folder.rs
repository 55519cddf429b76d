//! Names taken apart.

use gossamer_client::Client;
use gossamer_proto::limits::NAME_BYTES;
use gossamer_proto::name;
use serde::Serialize;

use crate::failure::Failure;

/// What a name is of, as the one field that tells it in JSON.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place<'a> {
    /// Without its slash.
    Bucket(&'a str),
    /// With its slash.
    Folder(&'a str),
    /// A file.
    Name(&'a str),
    /// All that begins so.
    Total(&'a str),
}

impl<'a> Place<'a> {
    /// A file or, if it ends with a slash, a folder or bucket.
    pub(crate) fn of(name: &'a str) -> Self {
        match name.strip_suffix('/') {
            None => Place::Name(name),
            Some(bucket) if !bucket.contains('/') => Place::Bucket(bucket),
            Some(_) => Place::Folder(name),
        }
    }
}

/// The part after the last slash; of a folder its own.
pub(crate) fn last_part(name: &str) -> &str {
    let name = name.strip_suffix('/').unwrap_or(name);
    name.rsplit('/').next().unwrap_or(name)
}

/// Where the own parts of names begin that are directly in the folder that a prefix is of, or begins in.
pub(crate) fn own_part(prefix: &str) -> usize {
    prefix.rfind('/').map_or(0, |slash| slash + 1)
}

/// The file or folder directly in a folder that a name is of, or is in; `own` is from [`own_part`]. None of the folder's own
/// record.
pub(crate) fn entry(name: &str, own: usize) -> Option<&str> {
    let end = name[own..].find('/').map_or(name.len(), |slash| own + slash + 1);
    (end > own).then_some(&name[..end])
}

/// The name as that of a folder.
pub(crate) fn as_folder(name: &str) -> String {
    if name::is_folder(name) { name.to_owned() } else { format!("{name}/") }
}

/// The folder or bucket itself: not a name, so that it has no record.
pub(crate) fn is_bucket(name: &str) -> bool {
    matches!(Place::of(name), Place::Bucket(_))
}

/// Files that would be in the way of this name, were they there: for `a/b/c/d` these are `a/b` and `a/b/c`.
pub(crate) fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').skip(1).map(|(at, _)| &name[..at])
}

/// The last of all possible names in a folder. `a0` would not do, which comes next after `a/…` and may be a file.
pub(crate) fn last_within(folder: &str) -> String {
    let mut last = folder.to_owned();
    // The greatest letters of each length; of one byte, DEL is none that names may have.
    for letter in ['\u{10FFFF}', '\u{FFFF}', '\u{7FF}', '~'] {
        while last.len() + letter.len_utf8() <= NAME_BYTES {
            last.push(letter);
        }
    }
    last
}

/// Whether there is anything in the folder, or its own record.
pub(crate) async fn is_there(client: &Client, folder: &str) -> Result<bool, Failure> {
    // The name of a file can be so long that nothing could be in a folder of that name.
    if folder.len() >= NAME_BYTES {
        return Ok(false);
    }
    let listed = client.list(folder, "", 1).await;
    listed.map(|(names, _)| !names.is_empty()).map_err(|error| Failure::client(error.kind(), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing that may be in a folder comes after its last name; what follows the folder does.
    #[test]
    fn last() {
        for folder in ["abc/", "abc/d/", "abc/de/", "abc/def/"] {
            let last = last_within(folder);
            assert_eq!(name::check(&last), Ok(()));
            assert_eq!(last.len(), NAME_BYTES);
            for letter in ['\u{10FFFF}', '\u{FFFF}', '\u{7FF}', '~'] {
                let rest = (NAME_BYTES - folder.len()) / letter.len_utf8();
                assert!(format!("{folder}{}", letter.to_string().repeat(rest)) <= last);
            }
            assert!(last < format!("{}0", folder.trim_end_matches('/')));
        }
    }

    /// Buckets, folders and files; a bucket is no file's folder that could be a file.
    #[test]
    fn parts() {
        assert_eq!(ancestors("abc/b/c/d").collect::<Vec<_>>(), ["abc/b", "abc/b/c"]);
        assert_eq!(ancestors("abc/b/").collect::<Vec<_>>(), ["abc/b"]);
        assert_eq!(ancestors("abc/b").count(), 0);
        for (prefix, name, is) in [
            ("", "abc/d", Some("abc/")),
            ("abc/", "abc/d/e", Some("abc/d/")),
            ("abc/", "abc/d/", Some("abc/d/")),
            ("abc/d", "abc/de", Some("abc/de")),
            ("abc/d/", "abc/d/", None),
        ] {
            assert_eq!(entry(name, own_part(prefix)), is, "{name} in {prefix}");
        }
        assert!(is_bucket("abc/") && !is_bucket("abc/d/") && !is_bucket("abc/d"));
        assert_eq!((last_part("abc/d"), last_part("abc/d/"), last_part("abc/")), ("d", "d", "abc"));
    }
}
