//! What is in a folder here. Symbolic links are followed.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use gossamer_client::FileSink;
use gossamer_proto::name;

use super::Entry;
use super::exclude::Exclude;
use crate::failure::{FAILED, Failure};

/// What was found: entries in the order of their paths, and what cannot be one.
#[derive(Default)]
pub(crate) struct Walked {
    pub(crate) entries: Vec<Entry>,
    pub(crate) problems: Vec<Failure>,
    /// Paths that could not be looked at, without slash: what is there, or below, is not known.
    pub(crate) unknown: Vec<String>,
    /// Unfinished files of ours.
    pub(crate) parts: Vec<PathBuf>,
}

/// A folder being walked.
struct Folder {
    here: PathBuf,
    path: String,
    /// The folder itself is one.
    is_link: bool,
    is_behind_link: bool,
}

struct Walk<'a> {
    exclude: &'a Exclude,
    /// Folders from the top to here, by device and inode: one that comes again is a loop.
    above: Vec<(u64, u64)>,
    /// The top, without links.
    root: PathBuf,
    walked: Walked,
}

/// Walks `root`, which must be a folder. Blocks.
pub(crate) fn walk(root: &Path, exclude: &Exclude) -> io::Result<Walked> {
    let metadata = fs::metadata(root)?;
    if !metadata.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let root_itself = root.canonicalize()?;
    let mut walk = Walk { exclude, above: Vec::new(), root: root_itself, walked: Walked::default() };
    let top = Folder { here: root.to_owned(), path: String::new(), is_link: false, is_behind_link: false };
    // That the top cannot be read is no problem among others.
    fs::read_dir(root)?;
    walk.folder(&top, &metadata);
    Ok(walk.walked)
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Folder, metadata: &Metadata) {
        let id = (metadata.dev(), metadata.ino());
        if self.above.contains(&id) {
            let why = "a symbolic link to a folder above it: it would go round for ever";
            return self.problem(&folder.here, why);
        }
        let mut entry = Entry::here(folder.path.clone(), metadata, folder.is_behind_link);
        entry.is_link = folder.is_link;
        self.walked.entries.push(entry);
        self.above.push(id);
        match self.children(folder) {
            Ok(children) => children.into_iter().for_each(|(_, child)| self.child(folder, &child)),
            Err(error) => self.unreadable(&folder.here, &folder.path, error),
        }
        self.above.pop();
    }

    /// Names in the order of their paths: that of a folder ends with a slash.
    fn children(&mut self, folder: &Folder) -> io::Result<Vec<(Vec<u8>, fs::DirEntry)>> {
        let mut children = Vec::new();
        for child in fs::read_dir(&folder.here)? {
            let child = child?;
            if FileSink::is_part(&child.file_name()) {
                self.walked.parts.push(child.path());
                continue;
            }
            let mut key = child.file_name().into_encoded_bytes();
            let kind = child.file_type()?;
            // Only of a link the target has to be asked.
            if kind.is_dir() || kind.is_symlink() && fs::metadata(child.path()).is_ok_and(|it| it.is_dir()) {
                key.push(b'/');
            }
            children.push((key, child));
        }
        children.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(children)
    }

    fn child(&mut self, folder: &Folder, child: &fs::DirEntry) {
        let here = child.path();
        let Some(path) = path_of(&folder.path, &child.file_name()) else {
            return self.problem(&here, "the name is not UTF-8, as names in the store are; rename it");
        };
        let is_link = child.file_type().is_ok_and(|kind| kind.is_symlink());
        let metadata = match fs::metadata(&here) {
            Ok(metadata) => metadata,
            Err(_) if self.exclude.fits(&path) => return,
            Err(error) if is_link && leads_nowhere(&error) => {
                // What was here is gone; what is elsewhere may only be away, as a disk that is not mounted.
                if self.leads_out(&here) {
                    self.walked.unknown.push(path);
                }
                return self.problem(&here, "a symbolic link that leads nowhere");
            }
            Err(error) => return self.unreadable(&here, &path, error),
        };
        let path = if metadata.is_dir() { path + "/" } else { path };
        if self.exclude.fits(&path) {
            return;
        }
        let is_behind_link = folder.is_behind_link || folder.is_link;
        // Any bucket will do: this is about the rest.
        if let Err(error) = name::check_entry(&format!("{}/{path}", name::DEFAULT_BUCKET)) {
            self.problem(&here, format!("{error}; rename it"));
        } else if metadata.is_dir() {
            self.folder(&Folder { here, path, is_link, is_behind_link }, &metadata);
        } else if metadata.is_file() {
            self.walked.entries.push(Entry::here(path, &metadata, is_behind_link));
        } else {
            self.problem(&here, "neither a file nor a folder (a device, a socket or a pipe)");
        }
    }

    fn unreadable(&mut self, here: &Path, path: &str, error: io::Error) {
        self.walked.unknown.push(path.trim_end_matches('/').to_owned());
        self.problem(here, error);
    }

    /// Whether a link that leads nowhere would lead out of the folder that is walked.
    fn leads_out(&self, link: &Path) -> bool {
        let target = fs::read_link(link).unwrap_or_default();
        let above = link.parent().and_then(|above| above.canonicalize().ok()).unwrap_or_default();
        let mut place = PathBuf::new();
        for part in above.join(target).components() {
            match part {
                Component::ParentDir => drop(place.pop()),
                part => place.push(part),
            }
        }
        !place.starts_with(&self.root)
    }

    fn problem(&mut self, here: &Path, why: impl std::fmt::Display) {
        self.walked.problems.push(Failure::new(FAILED, format!("{}: {why}", here.display())));
    }
}

/// Whether this is what following a link to something that is not there ends with.
fn leads_nowhere(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn path_of(folder: &str, name: &OsStr) -> Option<String> {
    Some(format!("{folder}{}", name.to_str()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    fn paths(walked: &Walked) -> Vec<&str> {
        walked.entries.iter().map(|entry| entry.path.as_str()).collect()
    }

    /// Entries come in the order of names in the store, though a folder's slash sorts behind some letters; links are
    /// followed; what dangles, loops, is special or cannot be named is told, and the rest is there.
    #[test]
    fn everything_there_is() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for folder in ["a", "a/empty", "b", "b/c"] {
            fs::create_dir(at(folder)).unwrap();
        }
        for file in ["a!", "a.txt", "a0", "a/x", "b/c/y", "z.tmp", ".hidden", ".a.0123456789abcdef.part"] {
            fs::write(at(file), file).unwrap();
        }
        symlink("b", at("link")).unwrap();
        symlink("a.txt", at("b/file-link")).unwrap();
        symlink("../a.txt", at("b/good-link")).unwrap();
        symlink("..", at("b/c/loop")).unwrap();
        symlink("/nowhere/else", at("away")).unwrap();
        fs::write(dir.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
        fs::write(at("line\nbreak"), "").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        let exclude = Exclude::new(&["*.tmp".to_owned()]).unwrap();
        let walked = walk(dir.path(), &exclude).unwrap();
        let expected = [
            "",
            ".hidden",
            "a!",
            "a.txt",
            "a/",
            "a/empty/",
            "a/x",
            "a0",
            "b/",
            "b/c/",
            "b/c/y",
            "b/good-link",
            "link/",
            "link/c/",
            "link/c/y",
            "link/good-link",
        ];
        assert_eq!(paths(&walked), expected);
        assert!(expected.is_sorted(), "the order of bytes");
        let behind = |entry: &&Entry| entry.is_behind_link;
        assert_eq!(walked.entries.iter().filter(behind).count(), 3, "but the link itself");
        assert_eq!(walked.entries.iter().filter(|entry| entry.is_link).count(), 1);
        assert_eq!(walked.unknown, ["away"]);
        let mut told: Vec<_> = walked.problems.iter().map(|problem| problem.message.as_str()).collect();
        told.sort_unstable();
        let words = ["nowhere", "away", "for ever", "nowhere", "for ever", "control", "socket", "UTF-8"];
        assert_eq!(told.len(), words.len(), "{told:#?}");
        for word in words {
            assert!(told.iter().any(|line| line.contains(word)), "{word}: {told:#?}");
        }
        assert!(walk(&at("a.txt"), &exclude).is_err() && walk(&at("nothing"), &exclude).is_err());
    }
}
