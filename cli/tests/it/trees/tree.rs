//! Random folders, and what is to be seen of one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::content;
use crate::random::SplitMix;

/// What names are made of: everything that a shell, a URL, a pattern or a terminal could trip over.
const PARTS: [&str; 20] = [
    "a",
    "b.txt",
    "space name",
    "ünïcode",
    "漢字",
    "-dash",
    "quote'\"",
    "back\\slash",
    "$dollar",
    "*star",
    "?",
    "[b]",
    "#hash",
    ".hidden",
    "a!",
    "emoji😀",
    "%41",
    "+plus",
    "~",
    "semi;colon",
];

/// Sizes at which something else happens: nothing, one byte, in the log, not any more, two chunks.
const SIZES: [usize; 8] = [0, 1, 700, 9000, 64 << 10, (64 << 10) + 1, 100_000, (1 << 20) + 1];

/// Grows folders that a seed decides.
pub(super) struct Grower {
    random: SplitMix,
    made: u64,
}

impl Grower {
    pub(super) fn new(seed: u64) -> Self {
        Grower { random: SplitMix::new(seed), made: 0 }
    }

    /// A new folder at `root` with about `files` files, empty folders and links, all of them with odd times.
    pub(super) fn grow(&mut self, root: &Path, files: usize) {
        fs::create_dir(root).unwrap();
        let mut folders = vec![root.to_owned()];
        for _ in 0..files / 5 {
            let above = folders[self.random.below(folders.len())].clone();
            let folder = above.join(self.name());
            fs::create_dir(&folder).unwrap();
            folders.push(folder);
        }
        let mut made = Vec::new();
        for _ in 0..files {
            let file = folders[self.random.below(folders.len())].join(self.name());
            self.write(&file);
            made.push(file);
        }
        for _ in 0..files / 20 {
            let link = folders[self.random.below(folders.len())].join(self.name());
            symlink(&made[self.random.below(made.len())], link).unwrap();
        }
        folders.iter().rev().for_each(|folder| self.give_time(folder));
    }

    /// Changes, moves and removes some of it; some files become folders and the other way round.
    pub(super) fn change(&mut self, root: &Path) {
        let mut files: Vec<PathBuf> =
            seen(root).into_keys().filter(|path| !path.ends_with('/')).map(|path| root.join(path)).collect();
        files.retain(|path| !path.is_symlink());
        self.random.shuffle(&mut files);
        let mut next = files.into_iter();
        let mut take = |count: usize| next.by_ref().take(count).collect::<Vec<_>>();
        take(3).iter().for_each(|file| fs::remove_file(file).unwrap());
        for file in take(3) {
            fs::rename(&file, root.join(self.name())).unwrap();
        }
        take(4).iter().for_each(|file| self.write(file));
        for file in take(2) {
            let content = fs::read(&file).unwrap();
            fs::remove_file(&file).unwrap();
            fs::create_dir(&file).unwrap();
            fs::write(file.join("inside"), content).unwrap();
        }
        for file in take(2) {
            let mode = fs::metadata(&file).unwrap().mode() ^ 0o111;
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        let folders: Vec<String> =
            seen(root).into_keys().filter(|path| path.len() > 1 && path.ends_with('/')).collect();
        if !folders.is_empty() {
            let folder = root.join(folders[self.random.below(folders.len())].trim_end_matches('/'));
            fs::remove_dir_all(&folder).unwrap();
            self.write(&folder);
        }
        remove_dead_links(root);
        let name = self.name();
        self.write(&root.join(name));
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("{}{}", self.random.pick(&PARTS), self.made)
    }

    fn write(&mut self, path: &Path) {
        let size = self.random.pick(&SIZES);
        content::write(path, self.random.next(), size);
        let mode = self.random.pick(&[0o644, 0o644, 0o755]);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        self.give_time(path);
    }

    fn give_time(&mut self, path: &Path) {
        let time = Duration::from_nanos(self.random.next() % 1_900_000_000_000_000_000);
        File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH + time).unwrap();
    }
}

/// Links whose file is gone: another test is about these.
fn remove_dead_links(folder: &Path) {
    for child in fs::read_dir(folder).unwrap() {
        let child = child.unwrap().path();
        if child.is_symlink() && !child.exists() {
            fs::remove_file(child).unwrap();
        } else if child.is_dir() {
            remove_dead_links(&child);
        }
    }
}

/// What is to be seen of a file or folder, links followed: content, time, executable bit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    content: Option<String>,
    modified: (i64, i64),
    executable: bool,
}

/// All of a folder, by path; folders end with a slash. Links that lead nowhere are not there.
pub(super) fn seen(root: &Path) -> BTreeMap<String, Seen> {
    let mut all = BTreeMap::new();
    look(root, "", &mut all);
    all
}

fn look(here: &Path, path: &str, all: &mut BTreeMap<String, Seen>) {
    let metadata = fs::metadata(here).unwrap();
    let is_folder = metadata.is_dir();
    let seen = Seen {
        content: (!is_folder).then(|| content::hash_of(here)),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        executable: !is_folder && metadata.mode() & 0o111 != 0,
    };
    all.insert(if is_folder { format!("{path}/") } else { path.to_owned() }, seen);
    if is_folder {
        for child in fs::read_dir(here).unwrap() {
            let child = child.unwrap();
            let name = child.file_name().into_string().unwrap();
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            if child.path().exists() {
                look(&child.path(), &path, all);
            }
        }
    }
}

/// Asserts that two folders are equal in all that is to be seen.
#[track_caller]
pub(super) fn assert_equal(one: &Path, other: &Path) {
    let (one, other) = (seen(one), seen(other));
    for (path, seen) in &one {
        assert_eq!(Some(seen), other.get(path), "{path:?}");
    }
    for path in other.keys() {
        assert!(one.contains_key(path), "{path:?} is too much");
    }
}
