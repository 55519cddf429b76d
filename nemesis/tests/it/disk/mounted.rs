//! A disk for a test, mounted in a folder of its own.

use std::io::Write;
use std::ops::Deref;
use std::path::PathBuf;

use gossamer_nemesis::disk::Disk;
use tempfile::TempDir;

/// An empty disk, unmounted when dropped.
pub(super) struct Mounted {
    disk: Disk,
    // After the disk: a folder that is a mount point cannot be removed.
    _folder: TempDir,
}

impl Mounted {
    /// None, and a line that says so, where nothing can be mounted. With `CI` set that is a failure.
    #[track_caller]
    pub(super) fn new() -> Option<Mounted> {
        if let Err(wanting) = Disk::possible() {
            assert!(std::env::var_os("CI").is_none(), "{wanting}");
            say(&format!("SKIPPED: {}: {wanting}", std::thread::current().name().unwrap_or("a scenario")));
            return None;
        }
        let folder = tempfile::Builder::new().prefix("gossamer-disk-").tempdir().unwrap();
        Some(Mounted { disk: Disk::mount(folder.path()).unwrap(), _folder: folder })
    }

    /// Where `path` on the disk is in this machine's tree.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.disk.path().join(path)
    }
}

impl Deref for Mounted {
    type Target = Disk;

    fn deref(&self) -> &Disk {
        &self.disk
    }
}

/// Says something that is shown even when the test passes.
pub(super) fn say(line: &str) {
    // Past the test harness, which shows what is printed only of a test that fails.
    // A test does not fail for want of a terminal.
    let _ = writeln!(std::io::stderr(), "{line}");
}
