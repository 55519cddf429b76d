//! The disk in memory behaves as the real one does, and forgets what was not synced.

use std::io::ErrorKind;
use std::path::Path;

use gossamer_world::Files;
use gossamer_world::disk::Disk;
use gossamer_world::files::Mode;
use gossamer_world::memory::{Events, Memory};

/// What both kinds of disk must do alike, in the empty directory `root`.
fn suite(files: &dyn Files, root: &Path) {
    let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
    let dir = root.join("a/b");
    assert_eq!(kind(files.open(&dir.join("f"), Mode::Create).map(drop)), ErrorKind::NotFound);
    files.create_dir_all(&dir).unwrap();
    files.create_dir_all(&dir).unwrap();
    let path = dir.join("f");
    assert_eq!(kind(files.open(&path, Mode::Read).map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(files.open(&path, Mode::Write).map(drop)), ErrorKind::NotFound);
    let file = files.open(&path, Mode::Create).unwrap();
    assert_eq!(kind(files.open(&path, Mode::Create).map(drop)), ErrorKind::AlreadyExists);

    // Holes are zeros; reads stop at the end; lengths.
    let pattern: Vec<u8> = (0..2000u32).map(|i| i as u8).collect();
    file.write_all_at(&pattern, 700).unwrap();
    assert_eq!(file.len().unwrap(), 2700);
    let mut read = vec![9; 4000];
    assert_eq!(file.read_at(&mut read, 500).unwrap(), 2200);
    assert!(read[..200].iter().all(|b| *b == 0) && read[200..2200] == pattern[..]);
    assert_eq!(file.read_at(&mut read, 2700).unwrap(), 0);
    assert_eq!(file.read_exact_at(&mut read, 0).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    // What was cut off does not come back when the file grows again.
    file.set_len(1000).unwrap();
    file.set_len(2000).unwrap();
    file.allocate(1500).unwrap();
    assert_eq!(file.len().unwrap(), 2000);
    file.allocate(3000).unwrap();
    assert_eq!(file.len().unwrap(), 3000);
    let mut read = vec![9; 3000];
    file.read_exact_at(&mut read, 0).unwrap();
    assert!(read[700..1000] == pattern[..300] && read[1000..].iter().all(|b| *b == 0));
    file.sync_data().unwrap();
    file.start_write_back(0, 3000).unwrap();
    assert!(files.open(&path, Mode::Read).unwrap().write_all_at(b"x", 0).is_err());

    // Names: rename replaces, an open file outlives its name.
    let other = files.open(&dir.join("g"), Mode::CreateOrWrite).unwrap();
    other.write_all_at(b"other", 0).unwrap();
    assert_eq!(files.list(&dir).unwrap(), ["f", "g"]);
    files.rename(&dir.join("g"), &path).unwrap();
    assert_eq!(files.list(&dir).unwrap(), ["f"]);
    assert_eq!(files.open(&path, Mode::Read).unwrap().len().unwrap(), 5);
    assert_eq!(kind(files.rename(&dir.join("g"), &path)), ErrorKind::NotFound);
    files.remove(&path).unwrap();
    assert_eq!(kind(files.remove(&path)), ErrorKind::NotFound);
    assert_eq!(other.len().unwrap(), 5);
    files.sync_dir(&dir).unwrap();
    assert!(files.space(&dir).unwrap().free > 0);
    assert!(files.exists(&dir).unwrap() && !files.exists(&path).unwrap());

    // A lock holds until it is dropped.
    let lock = files.lock(&dir.join("lock")).unwrap();
    assert_eq!(kind(files.lock(&dir.join("lock")).map(drop)), ErrorKind::WouldBlock);
    drop(lock);
    drop(files.lock(&dir.join("lock")).unwrap());
    files.remove_dir_all(&root.join("a")).unwrap();
    assert!(!files.exists(&dir).unwrap());
    assert_eq!(kind(files.list(&dir).map(drop)), ErrorKind::NotFound);
}

#[test]
fn the_real_disk_and_the_one_in_memory_agree() {
    let root = tempfile::tempdir().unwrap();
    suite(&Disk, root.path());
    let memory = Memory::new();
    suite(&memory, Path::new("/"));
    assert_eq!(memory.used(), 0, "all space of removed files is free again");
}

/// A power loss takes un-synced bytes, lengths and names, and only those; a kill takes none.
#[test]
fn what_was_not_synced_is_forgotten() {
    let memory = Memory::new();
    let path = |name: &str| Path::new("/d").join(name);
    memory.create_dir_all(Path::new("/d")).unwrap();
    memory.sync_dir(Path::new("/")).unwrap();
    for name in ["kept", "removed", "renamed"] {
        let file = memory.open(&path(name), Mode::Create).unwrap();
        file.write_all_at(b"synced", 0).unwrap();
        file.sync_data().unwrap();
    }
    memory.sync_dir(Path::new("/d")).unwrap();
    let file = memory.open(&path("kept"), Mode::Write).unwrap();
    file.write_all_at(&[7; 5000], 3).unwrap();
    memory.open(&path("new"), Mode::Create).unwrap().sync_data().unwrap();
    memory.remove(&path("removed")).unwrap();
    memory.rename(&path("renamed"), &path("other")).unwrap();
    let lock = memory.lock(&path("lock")).unwrap();

    memory.kill();
    assert!(file.write_all_at(b"x", 0).is_err() && file.len().is_err());
    let second = memory.lock(&path("lock")).unwrap();
    drop(lock);
    assert!(memory.lock(&path("lock")).is_err(), "a dead lock's drop does not free the living one's");
    assert_eq!(memory.list(Path::new("/d")).unwrap(), ["kept", "lock", "new", "other"]);
    assert_eq!(memory.open(&path("kept"), Mode::Read).unwrap().len().unwrap(), 5003);

    memory.crash();
    drop(second);
    assert_eq!(memory.list(Path::new("/d")).unwrap(), ["kept", "removed", "renamed"]);
    for name in ["kept", "removed", "renamed"] {
        let file = memory.open(&path(name), Mode::Read).unwrap();
        let mut read = [0; 10];
        assert_eq!((file.read_at(&mut read, 0).unwrap(), &read[..6]), (6, &b"synced"[..]));
    }
}

/// Made durably, a directory and its new parents survive a power loss; made otherwise, not.
#[test]
fn directories_are_made_durably() {
    let memory = Memory::new();
    memory.create_dir_all(Path::new("/a/lost")).unwrap();
    memory.create_dir_durably(Path::new("/b/c/d")).unwrap();
    // One that an earlier process made and did not sync.
    memory.create_dir_all(Path::new("/e")).unwrap();
    memory.create_dir_durably(Path::new("/e")).unwrap();
    memory.crash();
    assert!(memory.exists(Path::new("/b/c/d")).unwrap() && memory.exists(Path::new("/e")).unwrap());
    assert!(!memory.exists(Path::new("/a/lost")).unwrap());
}

/// Each fault strikes when it is due, and only then.
#[test]
fn faults_strike_when_due() {
    let memory = Memory::new();
    let path = Path::new("/f");
    let file = memory.open(path, Mode::Create).unwrap();
    memory.sync_dir(Path::new("/")).unwrap();
    file.write_all_at(&[1; 4096], 0).unwrap();
    memory.fail_sync(2);
    file.sync_data().unwrap();
    file.write_all_at(&[2; 4096], 0).unwrap();
    assert!(file.sync_data().is_err());
    // The second sync does not bring back what the first one lost; writing again does.
    file.sync_data().unwrap();
    file.write_all_at(&[2; 1], 4095).unwrap();
    memory.crash_at_sync(2, None);
    file.sync_data().unwrap();
    assert!(file.sync_data().is_err() && memory.power_on());
    let file = memory.open(path, Mode::Write).unwrap();
    let mut read = [0; 4096];
    file.read_exact_at(&mut read, 0).unwrap();
    assert_eq!((read[3583], read[4095]), (1, 2));
    file.write_all_at(&[1; 4096], 0).unwrap();
    file.sync_data().unwrap();
    file.write_all_at(&[2; 4096], 0).unwrap();

    // Half of the sectors survive, each whole.
    memory.crash_at_sync(1, Some(1));
    assert!(file.sync_data().is_err() && memory.open(path, Mode::Read).is_err());
    assert!(memory.power_on());
    let file = memory.open(path, Mode::Write).unwrap();
    file.read_exact_at(&mut read, 0).unwrap();
    let new = read.chunks(512).filter(|s| s.iter().all(|b| *b == 2)).count();
    let old = read.chunks(512).filter(|s| s.iter().all(|b| *b == 1)).count();
    assert!(new + old == 8 && new > 0 && old > 0, "{new} new, {old} old");

    memory.set_capacity(5000);
    assert_eq!(file.write_all_at(&[0; 1000], 4096).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(file.allocate(5001).unwrap_err().kind(), ErrorKind::StorageFull);
    file.write_all_at(&[0; 904], 4096).unwrap();
    memory.flip(path, 4999, 0x81).unwrap();
    memory.crash();
    assert!(memory.flip(path, 4999, 1).is_err(), "the un-synced growth is gone");
}

/// A lying disk says that all is durable, and nothing is; what happened is counted.
#[test]
fn lies() {
    let memory = Memory::new();
    let file = memory.open(Path::new("/f"), Mode::Create).unwrap();
    memory.sync_dir(Path::new("/")).unwrap();
    file.write_all_at(&[1; 1000], 0).unwrap();
    file.sync_data().unwrap();
    memory.lie(true);
    file.write_all_at(&[2; 1000], 0).unwrap();
    file.sync_data().unwrap();
    memory.open(Path::new("/g"), Mode::Create).unwrap();
    memory.sync_dir(Path::new("/")).unwrap();
    assert_eq!(memory.files().unwrap(), [("/f".into(), 1000), ("/g".into(), 0)]);

    // The power fails while the process lives: it can do nothing from then on, even when the power is back.
    memory.power_off(None);
    assert!(memory.files().is_err() && memory.exists(Path::new("/f")).is_err());
    assert!(memory.power_on() && file.write_all_at(b"x", 0).is_err());
    assert_eq!(memory.files().unwrap(), [("/f".into(), 1000)]);
    let mut read = [0; 1000];
    memory.open(Path::new("/f"), Mode::Read).unwrap().read_exact_at(&mut read, 0).unwrap();
    assert_eq!(read, [1; 1000]);
    let expected =
        Events { syncs: 4, lies: 2, power_losses: 1, lost_bytes: 1024, lost_names: 1, ..Events::default() };
    assert_eq!(memory.events(), expected);
    memory.lie(false);
    memory.open(Path::new("/g"), Mode::Create).unwrap();
    memory.sync_dir(Path::new("/")).unwrap();
    memory.crash();
    assert!(memory.exists(Path::new("/g")).unwrap());
}

/// Room for new files is made of removed ones without a sync, but not of those that were only renamed or replaced.
#[test]
fn removals_make_room() {
    let memory = Memory::new();
    for name in ["removed", "renamed", "replaced"] {
        let file = memory.open(&Path::new("/").join(name), Mode::Create).unwrap();
        file.allocate(1000).unwrap();
        file.sync_data().unwrap();
    }
    memory.sync_dir(Path::new("/")).unwrap();
    memory.open(Path::new("/new"), Mode::Create).unwrap();
    memory.rename(Path::new("/new"), Path::new("/replaced")).unwrap();
    memory.rename(Path::new("/renamed"), Path::new("/other")).unwrap();
    memory.remove(Path::new("/removed")).unwrap();
    memory.set_capacity(3000);
    let file = memory.open(Path::new("/more"), Mode::Create).unwrap();
    assert_eq!(file.allocate(1001).unwrap_err().kind(), ErrorKind::StorageFull);
    file.allocate(1000).unwrap();
    drop(file);
    memory.crash();
    assert_eq!(memory.list(Path::new("/")).unwrap(), ["renamed", "replaced"]);
    assert_eq!(memory.space(Path::new("/")).unwrap().free, 1000);
}

/// Against a model of bytes: whatever is written, cut, synced, failed and lost, a power loss leaves what the last sync
/// left, and of a failed one what was durable before. (Nothing is cut after a failed sync.)
#[test]
fn every_order_of_writes_and_losses() {
    let memory = Memory::new();
    let path = Path::new("/f");
    memory.open(path, Mode::Create).unwrap();
    memory.sync_dir(Path::new("/")).unwrap();
    let (mut live, mut durable) = (Vec::new(), Vec::new());
    // Sectors whose sync failed, and that were not written since.
    let mut left = std::collections::BTreeSet::new();
    let mut random = 1u64;
    let mut below = |bound: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    for step in 0..5000 {
        let file = memory.open(path, Mode::Write).unwrap();
        match below(10) {
            0..=4 => {
                let (offset, length) = (below(20_000) as usize, below(6000) as usize);
                file.write_all_at(&vec![step as u8; length], offset as u64).unwrap();
                live.resize(live.len().max(offset + length), 0);
                live[offset..offset + length].fill(step as u8);
                left.retain(|sector| !(offset / 512..(offset + length).div_ceil(512)).contains(sector));
            }
            5 if left.is_empty() => {
                let length = below(20_000) as usize;
                file.set_len(length as u64).unwrap();
                live.resize(length, 0);
            }
            6 | 7 => {
                file.sync_data().unwrap();
                let mut synced: Vec<u8> = live.clone();
                for sector in &left {
                    let range = sector * 512..((sector + 1) * 512).min(synced.len());
                    for at in range {
                        synced[at] = durable.get(at).copied().unwrap_or(0);
                    }
                }
                durable = synced;
            }
            8 if live.len() >= durable.len() => {
                memory.fail_sync(1);
                assert!(file.sync_data().is_err());
                let before = |at: usize| durable.get(at).copied().unwrap_or(0);
                left.extend((0..live.len()).filter(|at| live[*at] != before(*at)).map(|at| at / 512));
            }
            _ => {
                memory.crash();
                left.clear();
                live = durable.clone();
            }
        }
        if below(3) == 0 {
            let mut read = vec![9; live.len() + 1];
            let file = memory.open(path, Mode::Read).unwrap();
            assert_eq!(file.read_at(&mut read, 0).unwrap(), live.len(), "step {step}");
            assert!(read[..live.len()] == live[..], "step {step}");
        }
    }
}
