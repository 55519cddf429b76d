//! What programs rely on of any file system.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use gossamer_world::Files;
use gossamer_world::files::Mode;

use super::mounted::Mounted;

fn names(mounted: &Mounted, path: &str) -> Vec<String> {
    let entries = fs::read_dir(mounted.at(path)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Waits until a file without a name is closed: whoever closes it does not wait for that, and its space is free then.
fn wait_used(mounted: &Mounted, bytes: u64) {
    while mounted.used() != bytes {
        std::thread::yield_now();
    }
}

/// Positions, holes, appending, truncating, growing again.
#[test]
fn content() {
    let Some(mounted) = Mounted::new() else { return };
    let path = mounted.at("f");
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
    assert_eq!(File::create_new(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    let pattern: Vec<u8> = (0..3_000_000u32).map(|i| (i / 7) as u8).collect();
    file.write_all_at(&pattern, 5000).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 3_005_000);
    let mut read = Vec::new();
    file.read_to_end(&mut read).unwrap();
    assert!(read[..5000].iter().all(|byte| *byte == 0) && read[5000..] == pattern[..]);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"end").unwrap();
    file.seek(SeekFrom::End(-4)).unwrap();
    read.clear();
    file.read_to_end(&mut read).unwrap();
    assert_eq!(read[1..], *b"end", "another handle sees what was appended");
    file.set_len(6000).unwrap();
    file.set_len(7000).unwrap();
    let read = fs::read(&path).unwrap();
    assert!(
        read.len() == 7000 && read[5000..6000] == pattern[..1000] && read[6000..].iter().all(|b| *b == 0)
    );
    File::create(&path).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 0, "opening with O_TRUNC");
    let file = gossamer_world::disk::Disk.open(&path, Mode::Write).unwrap();
    file.allocate(64 << 20).unwrap();
    file.start_write_back(0, 4096).unwrap();
    file.sync_data().unwrap();
    assert_eq!(mounted.files().unwrap(), [("/f".into(), 64 << 20)]);
}

/// Renames of files and directories, also of open ones; files that are open outlive their names.
#[test]
fn names_and_open_files() {
    let Some(mounted) = Mounted::new() else { return };
    fs::create_dir_all(mounted.at("a/b")).unwrap();
    let mut file = File::create(mounted.at("a/b/f")).unwrap();
    file.write_all(b"one").unwrap();
    fs::write(mounted.at("a/b/g"), "two").unwrap();
    fs::rename(mounted.at("a"), mounted.at("c")).unwrap();
    assert!(!mounted.at("a").exists());
    file.write_all(b"more").unwrap();
    assert_eq!(fs::read(mounted.at("c/b/f")).unwrap(), b"onemore");
    fs::rename(mounted.at("c/b/g"), mounted.at("c/b/f")).unwrap();
    assert_eq!(
        (names(&mounted, "c/b"), fs::read(mounted.at("c/b/f")).unwrap()),
        (vec!["f".to_owned()], b"two".into())
    );
    assert_eq!(file.metadata().unwrap().len(), 7, "replaced, and still open");
    file.write_all(b"x").unwrap();
    file.sync_all().unwrap();
    drop(file);
    wait_used(&mounted, 3);
    let kept = File::open(mounted.at("c/b/f")).unwrap();
    fs::remove_file(mounted.at("c/b/f")).unwrap();
    File::create_new(mounted.at("c/b/f")).unwrap();
    let mut read = String::new();
    (&kept).read_to_string(&mut read).unwrap();
    assert_eq!((read.as_str(), fs::read(mounted.at("c/b/f")).unwrap().len()), ("two", 0));

    assert_eq!(fs::remove_dir(mounted.at("c")).unwrap_err().kind(), ErrorKind::DirectoryNotEmpty);
    fs::create_dir(mounted.at("d")).unwrap();
    assert_eq!(
        fs::rename(mounted.at("d"), mounted.at("c/b")).unwrap_err().kind(),
        ErrorKind::DirectoryNotEmpty
    );
    assert_eq!(
        fs::rename(mounted.at("d"), mounted.at("c/b/f")).unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
    assert_eq!(fs::create_dir(mounted.at("d")).unwrap_err().kind(), ErrorKind::AlreadyExists);
    for number in 0..1000 {
        fs::write(mounted.at(&format!("d/{number}")), "").unwrap();
    }
    assert_eq!(names(&mounted, "d").len(), 1000, "a listing that takes several requests");
    fs::remove_dir_all(mounted.at("c")).unwrap();
    fs::remove_dir_all(mounted.at("d")).unwrap();
    assert!(names(&mounted, "").is_empty());
}

/// Locks are those of the kernel; space is what there is.
#[test]
fn locks_and_space() {
    let Some(mounted) = Mounted::new() else { return };
    let files = gossamer_world::disk::Disk;
    let lock = files.lock(&mounted.at("lock")).unwrap();
    assert_eq!(files.lock(&mounted.at("lock")).map(drop).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(lock);
    drop(files.lock(&mounted.at("lock")).unwrap());

    mounted.set_capacity(1 << 20);
    let space = files.space(mounted.path()).unwrap();
    assert_eq!((space.total, space.free), (1 << 20, 1 << 20));
    fs::write(mounted.at("f"), vec![1; 1_000_000]).unwrap();
    assert!(files.space(mounted.path()).unwrap().free < 50_000);
    assert_eq!(fs::write(mounted.at("g"), vec![1; 100_000]).unwrap_err().kind(), ErrorKind::StorageFull);
    let file = files.open(&mounted.at("g"), Mode::Write).unwrap();
    assert_eq!(file.allocate(1 << 20).unwrap_err().kind(), ErrorKind::StorageFull);
    fs::remove_file(mounted.at("f")).unwrap();
    wait_used(&mounted, 0);
    file.allocate(1 << 20).unwrap();
    assert_eq!(mounted.events().full, 2);
}
