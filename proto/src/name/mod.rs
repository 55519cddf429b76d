//! What may be the name of a file: `bucket/key`. Names are data, never paths.

pub mod shared;

use crate::limits::{BUCKET_BYTES, NAME_BYTES};

/// The bucket of a name that was given without one.
pub const DEFAULT_BUCKET: &str = "files";

/// Why a name is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// Nothing before or after the slash.
    #[error("a name must not be empty")]
    Empty,
    /// Longer than [`NAME_BYTES`].
    #[error("the name has {0} bytes, at most {NAME_BYTES} are allowed")]
    TooLong(usize),
    /// NUL, newline and their like.
    #[error("the name has a control character (U+{0:04X}) in it")]
    Control(u32),
    /// A component is empty, `.` or `..`.
    #[error("the name has the component {0:?}; leave out empty, . and .. components")]
    Component(String),
    /// Begins with a slash.
    #[error("the name begins with a slash; names are not paths, begin with the bucket")]
    LeadingSlash,
    /// The bucket breaks its rule.
    #[error("the bucket {0:?} is not 3 to 63 of a-z 0-9 . - beginning and ending with a letter or digit")]
    Bucket(String),
    /// Bytes in what is named as a folder.
    #[error("the name ends with a slash, as folders do, and folders have no content; leave the slash out")]
    FolderContent,
    /// From a file to a folder, or to itself.
    #[error("{0:?} cannot be copied to {1:?}; both must be files or both folders, and not the same")]
    Copy(String, String),
    /// Not UTF-8.
    #[error("the name is not UTF-8")]
    NotUtf8,
}

/// Makes a full name of what a user typed: without a slash it goes to bucket `files`.
pub fn complete(given: &str) -> Result<String, NameError> {
    let full = if given.contains('/') { given.to_owned() } else { format!("{DEFAULT_BUCKET}/{given}") };
    if given.is_empty() {
        return Err(NameError::Empty);
    }
    check(&full)?;
    Ok(full)
}

/// The same of a file or a folder.
pub fn complete_entry(given: &str) -> Result<String, NameError> {
    if !is_folder(given) {
        return complete(given);
    }
    check_entry(given)?;
    Ok(given.to_owned())
}

/// Checks a full name, `bucket/key`.
pub fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > NAME_BYTES {
        return Err(NameError::TooLong(name.len()));
    }
    if let Some(bad) = name.chars().find(|c| c.is_control()) {
        return Err(NameError::Control(bad as u32));
    }
    if name.starts_with('/') {
        return Err(NameError::LeadingSlash);
    }
    let (bucket, key) = name.split_once('/').ok_or(NameError::Empty)?;
    check_bucket(bucket)?;
    if key.is_empty() {
        return Err(NameError::Empty);
    }
    match key.split('/').find(|part| matches!(*part, "" | "." | "..")) {
        Some(part) => Err(NameError::Component(part.to_owned())),
        None => Ok(()),
    }
}

/// Whether a name is that of a folder. Folders are there by the files in them; a record of their own keeps their
/// [`Attributes`](crate::v1::Attributes), and keeps those that are empty.
pub fn is_folder(name: &str) -> bool {
    name.ends_with('/')
}

/// Checks the full name of a file, or of a folder: `bucket/key/`.
pub fn check_entry(name: &str) -> Result<(), NameError> {
    match name.strip_suffix('/') {
        Some(folder) if name.len() <= NAME_BYTES => check(folder),
        Some(_) => Err(NameError::TooLong(name.len())),
        None => check(name),
    }
}

/// Checks a name for so many bytes of content.
pub fn check_content(name: &str, bytes: usize) -> Result<(), NameError> {
    check_entry(name)?;
    if is_folder(name) && bytes > 0 { Err(NameError::FolderContent) } else { Ok(()) }
}

/// Checks that the one may be copied to the other.
pub fn check_copy(from: &str, to: &str) -> Result<(), NameError> {
    check_entry(from)?;
    check_entry(to)?;
    if from == to || is_folder(from) != is_folder(to) {
        return Err(NameError::Copy(from.to_owned(), to.to_owned()));
    }
    Ok(())
}

/// Checks the beginning of names that a listing asks for: as [`check`], but it may stop anywhere.
pub fn check_prefix(prefix: &str) -> Result<(), NameError> {
    if prefix.len() > NAME_BYTES {
        return Err(NameError::TooLong(prefix.len()));
    }
    match prefix.chars().find(|c| c.is_control()) {
        Some(bad) => Err(NameError::Control(bad as u32)),
        None if prefix.starts_with('/') => Err(NameError::LeadingSlash),
        None => Ok(()),
    }
}

fn check_bucket(bucket: &str) -> Result<(), NameError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = bucket.as_bytes();
    if BUCKET_BYTES.contains(&bytes.len())
        && bytes.iter().all(|b| allowed(*b))
        && edge(bytes.first())
        && edge(bytes.last())
        && !bucket.contains("..")
    {
        Ok(())
    } else {
        Err(NameError::Bucket(bucket.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names in any script pass; everything the rules forbid is refused with its own reason.
    #[test]
    fn rules() {
        for good in ["a", "files/a", "abc/ü/漢字/नाम", "a-b.c/x y", "files/..a", "files/a.", "0ab/…"]
        {
            assert_eq!(complete(good).map(|_| ()), Ok(()), "{good}");
        }
        assert_eq!(complete("a"), Ok("files/a".to_owned()));
        for (bad, why) in [
            ("", NameError::Empty),
            ("abc/", NameError::Empty),
            ("/abc/d", NameError::LeadingSlash),
            ("abc/../d", NameError::Component("..".to_owned())),
            ("abc/./d", NameError::Component(".".to_owned())),
            ("abc//d", NameError::Component(String::new())),
            ("abc/d/", NameError::Component(String::new())),
            ("..", NameError::Component("..".to_owned())),
            ("a\0b", NameError::Control(0)),
            ("abc/a\nb", NameError::Control(10)),
            ("abc/\u{85}", NameError::Control(0x85)),
            ("ab/c", NameError::Bucket("ab".to_owned())),
            ("Abc/c", NameError::Bucket("Abc".to_owned())),
            ("-abc/c", NameError::Bucket("-abc".to_owned())),
            ("a..b/c", NameError::Bucket("a..b".to_owned())),
        ] {
            assert_eq!(complete(bad), Err(why), "{bad:?}");
        }
        assert_eq!(check_entry("abc/d/"), Ok(()));
        assert_eq!(check_entry("abc/d//"), Err(NameError::Component(String::new())));
        assert_eq!(check_entry("abc/"), Err(NameError::Empty));
        assert_eq!(check_entry(&format!("abc/{}/", "x".repeat(1020))), Err(NameError::TooLong(1025)));
        assert_eq!(check_content("abc/d/", 0).and_then(|()| check_content("abc/d", 1)), Ok(()));
        assert_eq!(check_content("abc/d/", 1), Err(NameError::FolderContent));
        assert_eq!(check_copy("abc/d", "abc/e").and_then(|()| check_copy("abc/d/", "abc/d/e/")), Ok(()));
        assert!(check_copy("abc/d", "abc/d").is_err() && check_copy("abc/d", "abc/d/").is_err());
        assert_eq!(check(&format!("abc/{}", "x".repeat(1021))), Err(NameError::TooLong(1025)));
        assert_eq!(check(&format!("abc/{}", "x".repeat(1020))), Ok(()));
        assert!(check(&format!("{}/x", "a".repeat(64))).is_err());
    }
}
