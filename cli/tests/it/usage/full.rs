//! Full disks: of the user and of the nodes. Small file systems in memory play them, which takes root.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::User;
use crate::cluster::Cluster;
use crate::content::{self, MIB};

/// Disk of a node: 128 MiB of it are the first two segments of its log.
const NODE_MIB: u32 = 256;

/// Mounted until dropped.
#[derive(Default)]
struct Disks(Vec<PathBuf>);

impl Disks {
    /// A file system of `mib` MiB at `path`; false, and a loud word, where that is not allowed.
    fn mount(&mut self, path: &Path, mib: u32) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(path);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if mounted {
            self.0.push(path.to_owned());
        } else {
            eprintln!("SKIPPED: full disks are not tested, for this user may not mount a tmpfs");
        }
        mounted
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        for path in &self.0 {
            // Lazily: a process may still be in it.
            let _ = Command::new("umount").arg("-l").arg(path).status();
        }
    }
}

/// A get that does not fit says so and leaves nothing; what was there stays.
#[test]
fn of_the_user() {
    let user = User::new();
    let mut disks = Disks::default();
    std::fs::create_dir(user.path("small")).unwrap();
    if !disks.mount(&user.path("small"), 4) {
        return;
    }
    content::write(&user.path("file"), 7_000, 8 * MIB);
    user.run(&["put", "file", "full/file"]).ok();
    std::fs::write(user.path("small/file"), "old").unwrap();
    let ran = user.run(&["get", "full/file", "small"]).fails(1, "No space left on device");
    assert!(ran.stderr.contains("small/file") && ran.stderr.contains("free some space"), "{}", ran.stderr);
    assert_eq!(std::fs::read(user.path("small/file")).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(user.path("small")).unwrap().count(), 1);
    let out = std::fs::File::create("/dev/full").unwrap();
    let output = user.command(&["cat", "full/file"]).stdout(out).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"), "{output:?}");
}

/// When the nodes' disks are full, uploads are refused with the reason, what is stored stays whole, deletes work,
/// and the space they free is used again; nobody falls over.
#[test]
fn of_the_nodes() {
    let mut cluster = Cluster::empty(1, &["--collect-every", "1s"]);
    let mut disks = Disks::default();
    for number in 0..3 {
        let folder = cluster.dir().join(format!("node-{number}"));
        std::fs::create_dir(&folder).unwrap();
        if !disks.mount(&folder, NODE_MIB) {
            return;
        }
        cluster.add_node();
    }
    cluster.wait_voters(3);
    let file = cluster.dir().join("file");
    let mut stored = Vec::new();
    let refused = loop {
        let hash = content::write(&file, 7_100 + stored.len() as u64, 20 * MIB);
        let name = format!("full/{}", stored.len());
        let ran = cluster.run(&["put", "file", &name]);
        if ran.code != 0 {
            break ran;
        }
        stored.push((name, hash));
    };
    assert!((3..8).contains(&stored.len()), "{NODE_MIB} MiB hold {} files", stored.len());
    refused.fails(1, "space");
    cluster.run(&["status"]).ok();
    let (first, hash) = &stored[0];
    assert_eq!(blake3::hash(&cluster.run(&["cat", first]).ok().stdout).to_string(), *hash);
    // An extent of 64 MiB gives its space back when less than half of it is live: two files of 20 MiB, not one.
    for (name, _) in stored.drain(..2) {
        cluster.run(&["rm", &name]).ok();
    }
    cluster.wait("space for another file", || {
        let ran = cluster.run(&["put", "file", "full/again"]);
        assert!(ran.code == 0 || ran.stderr.contains("space"), "{}", ran.stderr);
        (ran.code == 0).then_some(())
    });
    for (name, hash) in &stored {
        assert_eq!(blake3::hash(&cluster.run(&["cat", name]).ok().stdout).to_string(), *hash, "{name}");
    }
    cluster.wait_even();
    cluster.verify();
}
