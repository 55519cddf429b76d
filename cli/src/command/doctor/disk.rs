//! The disk below the folder: how much is free, and how long it takes to make something durable.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gossamer_proto::limits::RESERVE_BYTES;
use gossamer_world::World;
use tokio::time::Instant;

use super::Check;
use super::folder::existing;
use crate::show::size;

/// Writes that are timed: enough that one hiccup does not count.
const WRITES: usize = 7;
/// Bytes of one: a page, as the log's smallest record takes.
const WRITE_BYTES: usize = 4096;
/// Beyond this a disk is slow: a write of a file waits for it at least once, on a majority.
const SLOW: Duration = Duration::from_millis(40);

/// Space and speed; blocking. Writes only into a folder that is there.
pub(super) fn checks(dir: &Path) -> Vec<Check> {
    let mut checks = vec![space(existing(dir))];
    if dir.is_dir() {
        // Where nothing may be written, the folder's own check says so.
        checks.extend(durable_write(dir).ok().map(speed));
    }
    checks
}

fn space(dir: &Path) -> Check {
    let space = match World::real().files.space(dir) {
        Ok(space) => space,
        Err(error) => {
            return Check::fail("disk", format!("{}: {error}", dir.display()), "look at the disk with `df`");
        }
    };
    let (free, reserve) = (space.free, size::bytes(RESERVE_BYTES));
    let found = format!("{} of {} free", size::bytes(free), size::bytes(space.total));
    if free < RESERVE_BYTES {
        let next = format!("below {reserve} uploads are refused: make room, or say another --dir");
        Check::fail("disk", found, next)
    } else if free < 2 * RESERVE_BYTES || free < space.total / 10 {
        Check::warn("disk", found, format!("below {reserve} uploads are refused: make room soon"))
    } else {
        Check::ok("disk", found)
    }
}

fn speed(took: Duration) -> Check {
    let found = format!("a small durable write takes {:.1} ms", took.as_secs_f64() * 1000.0);
    if took <= SLOW {
        return Check::ok("disk", found);
    }
    let next = "every write of a file waits for this on a majority: a disk with flash would be faster";
    Check::warn("disk", found, next)
}

/// The median of a few writes, each synced.
fn durable_write(dir: &Path) -> io::Result<Duration> {
    let probe = Probe::new(dir)?;
    let mut took = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let began = Instant::now();
        (&probe.file).write_all(&[0; WRITE_BYTES])?;
        probe.file.sync_data()?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(took[WRITES / 2])
}

/// A file that goes when it is dropped.
struct Probe {
    file: File,
    path: PathBuf,
}

impl Probe {
    fn new(dir: &Path) -> io::Result<Self> {
        let path = dir.join(format!(".doctor-{}", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Probe { file, path })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the doctor's file could not be removed");
        }
    }
}
