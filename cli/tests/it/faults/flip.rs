//! Bits that a disk has flipped.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A byte of a file.
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) offset: u64,
}

impl Place {
    /// Flips one bit of it.
    pub(super) fn flip(&self) {
        let file = File::options().read(true).write(true).open(&self.file).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, self.offset).unwrap();
        file.write_all_at(&[byte[0] ^ 0x10], self.offset).unwrap();
    }
}

/// Where in the files of a folder these bytes lie.
#[track_caller]
pub(super) fn find(folder: &Path, wanted: &[u8]) -> Place {
    for file in files(folder) {
        let bytes = fs::read(&file).unwrap();
        // Chunks lie at multiples of eight; bytes as random as the tests' are nowhere else.
        let offset = (0..bytes.len()).step_by(8).find(|&offset| bytes[offset..].starts_with(wanted));
        if let Some(offset) = offset {
            return Place { file, offset: offset as u64 };
        }
    }
    panic!("these bytes are nowhere in {}", folder.display());
}

/// The files of a folder by name, and so its log segments from old to new.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The newest segment of a log, and how much of it has been written.
pub(super) fn newest_segment(log: &Path) -> (PathBuf, u64) {
    let is_segment = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "log");
    let file = files(log).into_iter().rfind(is_segment).unwrap();
    let bytes = fs::read(&file).unwrap();
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    (file, written)
}
