//! Disks that fail, fill up, and forget.

use std::path::{Path, PathBuf};

use anyhow::Result;
use gossamer_world::Files;
use gossamer_world::files::Mode;
use gossamer_world::memory::Memory;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::{Damage, Part};

/// Bits that flip at once.
const FLIPS: usize = 3;
/// What a full disk still takes, bytes.
pub const LEFT: u64 = 4096;

/// Flips bits in files of this part of the folder, each in bytes that were written. Returns how many were flipped.
pub fn flip(disk: &Memory, damage: Damage) -> Result<usize> {
    let dir = Path::new("/node").join(match damage.of {
        Part::Extents => "extents",
        Part::Log => "log",
        Part::Snapshots => "snapshots",
    });
    let mut random = SmallRng::seed_from_u64(damage.seed);
    let mut written: Vec<(PathBuf, u64)> = Vec::new();
    for name in disk.list(&dir).unwrap_or_default() {
        let path = dir.join(name);
        // Not the lock, not folders, and nothing empty.
        if let Ok(length) = written_length(disk, &path)
            && length > 0
        {
            written.push((path, length));
        }
    }
    let mut flipped = 0;
    for _ in 0..FLIPS {
        if written.is_empty() {
            break;
        }
        let (path, length) = &written[random.random_range(0..written.len())];
        disk.flip(path, random.random_range(0..*length), 1 << random.random_range(0..8))?;
        flipped += 1;
    }
    Ok(flipped)
}

/// Up to the last byte that is not zero: behind it a file is only reserved.
fn written_length(disk: &Memory, path: &Path) -> Result<u64> {
    let file = disk.open(path, Mode::Read)?;
    let mut bytes = vec![0; file.len()? as usize];
    let read = file.read_at(&mut bytes, 0)?;
    Ok(bytes[..read].iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1))
}
