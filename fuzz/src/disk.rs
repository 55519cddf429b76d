//! A disk in memory, and bytes of it changed as the input says.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gossamer_world::files::Mode;
use gossamer_world::memory::Memory;
use gossamer_world::{Blocking, Files, Random, World};

/// Counts: never the same number twice, always the same sequence.
pub struct Counter(AtomicU64);

impl Counter {
    /// Begins at this number.
    pub fn new(from: u64) -> Self {
        Counter(AtomicU64::new(from))
    }
}

impl Random for Counter {
    fn fill(&self, into: &mut [u8]) {
        for part in into.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            part.copy_from_slice(&number.to_le_bytes()[..part.len()]);
        }
    }
}

/// A world with this disk, and nothing that is not the same every time.
pub fn world(disk: &Memory) -> World {
    World {
        files: Arc::new(disk.clone()),
        random: Arc::new(Counter::new(1)),
        blocking: Blocking::Inline,
        ..World::real()
    }
}

/// The files of a folder.
pub type Image = Vec<(PathBuf, Vec<u8>)>;

/// What is in a folder of the disk.
pub fn image(disk: &Memory, dir: &Path) -> Image {
    let names = disk.list(dir).unwrap();
    let read = |name: String| {
        let path = dir.join(name);
        let file = disk.open(&path, Mode::Read).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        (path, bytes)
    };
    names.into_iter().map(read).collect()
}

/// A disk with these files in a folder.
pub fn disk(dir: &Path, image: &Image) -> Memory {
    let disk = Memory::new();
    disk.create_dir_all(dir).unwrap();
    for (path, bytes) in image {
        disk.open(path, Mode::Create).unwrap().write_all_at(bytes, 0).unwrap();
    }
    disk
}

/// One change: which file, where, and what.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    file: usize,
    at: usize,
    kind: u8,
    value: u8,
}

/// The changes that the input describes, five bytes each, at most 32.
pub fn changes(bytes: &[u8]) -> Vec<Change> {
    let change = |part: &[u8]| Change {
        file: part[0].into(),
        at: u16::from_le_bytes([part[1], part[2]]).into(),
        kind: part[3],
        value: part[4],
    };
    bytes.chunks_exact(5).take(32).map(change).collect()
}

/// What became of an image.
#[derive(Debug, Default)]
pub struct Damage {
    /// Where single bytes were changed: file and offset. All of it, if nothing else was done.
    pub flips: Vec<(usize, usize)>,
    /// More than single bytes was changed.
    pub wild: bool,
}

/// Changes an image: bytes, runs of zeros, lengths, and parts copied from elsewhere.
pub fn damage(image: &mut Image, changes: &[Change]) -> Damage {
    let mut done = Damage::default();
    for change in changes {
        let number = change.file % image.len();
        let elsewhere = image[(number + 1) % image.len()].1.clone();
        let file = &mut image[number].1;
        if file.is_empty() {
            continue;
        }
        let at = change.at % file.len();
        match change.kind % 8 {
            0..=4 => {
                file[at] ^= change.value.max(1);
                done.flips.push((number, at));
                continue;
            }
            5 => {
                let end = file.len().min(at + usize::from(change.value) * 8);
                file[at..end].fill(0);
            }
            6 => file.truncate(at),
            _ => {
                let from = usize::from(change.value) * 8 % elsewhere.len().max(1);
                let length = 256.min(elsewhere.len() - from).min(file.len() - at);
                file[at..at + length].copy_from_slice(&elsewhere[from..from + length]);
            }
        }
        done.wild = true;
    }
    done
}
