//! What the disk forgets, refuses, delays and makes up.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use gossamer_nemesis::disk::{Access, Loss};
use gossamer_world::Files;
use gossamer_world::disk::Disk as RealFiles;

use super::mounted::Mounted;

/// Writes a file, and syncs it and its directory.
fn durably(mounted: &Mounted, name: &str, bytes: &[u8]) -> File {
    let path = mounted.at(name);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file.sync_data().unwrap();
    RealFiles.sync_dir(path.parent().unwrap()).unwrap();
    file
}

/// Un-synced bytes, lengths and names are gone, synced ones are there; what was open does not work again, and what
/// runs while the power is off can do nothing. Again and again on the same mount.
#[test]
fn unsynced_is_lost() {
    let Some(mounted) = Mounted::new() else { return };
    RealFiles.create_dir_durably(&mounted.at("d/e")).unwrap();
    for round in 0..3u8 {
        let file = durably(&mounted, "d/e/kept", &[round; 10_000]);
        durably(&mounted, "d/removed", b"still there");
        file.write_all_at(&[99; 20_000], 5000).unwrap();
        fs::remove_file(mounted.at("d/removed")).unwrap();
        // A file that was synced in a directory that was not.
        fs::write(mounted.at("d/new"), "new").unwrap();
        File::open(mounted.at("d/new")).unwrap().sync_all().unwrap();
        fs::rename(mounted.at("d/e"), mounted.at("d/f")).unwrap();
        assert_eq!(fs::read(mounted.at("d/f/kept")).unwrap()[5000..], [99; 20_000]);
        let before = mounted.events();
        mounted.lose_power(Loss::All);
        assert!(file.write_all_at(b"x", 0).is_err() && file.sync_all().is_err() && file.metadata().is_err());
        assert!(File::create(mounted.at("d/late")).is_err() && fs::read_dir(mounted.at("d")).is_err());
        assert!(mounted.power_on());
        assert!(file.write_all_at(b"x", 0).is_err() && file.sync_all().is_err());
        assert_eq!(fs::read(mounted.at("d/e/kept")).unwrap(), [round; 10_000]);
        assert_eq!(fs::read(mounted.at("d/removed")).unwrap(), b"still there");
        assert!(
            !mounted.at("d/new").exists() && !mounted.at("d/f").exists() && !mounted.at("d/late").exists()
        );
        let after = mounted.events();
        assert_eq!(after.power_losses, before.power_losses + 1);
        assert!(
            after.lost_bytes >= before.lost_bytes + 20_000 && after.lost_names >= before.lost_names + 2,
            "{after:?}"
        );
    }
}

/// Of torn writes each sector is the old one or the new one.
#[test]
fn torn() {
    let Some(mounted) = Mounted::new() else { return };
    let file = durably(&mounted, "f", &[1; 512 * 100]);
    file.write_all_at(&[2; 512 * 100], 0).unwrap();
    mounted.lose_power(Loss::Torn(7));
    mounted.power_on();
    let read = fs::read(mounted.at("f")).unwrap();
    let sectors_of = |byte: u8| read.chunks(512).filter(|sector| sector.iter().all(|it| *it == byte)).count();
    assert_eq!(sectors_of(1) + sectors_of(2), 100);
    assert!(sectors_of(1) > 20 && sectors_of(2) > 20, "{} old, {} new", sectors_of(1), sectors_of(2));
}

/// A failed fsync returns EIO once; a second one succeeds and makes nothing durable that the first was to.
#[test]
fn failing_sync() {
    let Some(mounted) = Mounted::new() else { return };
    let file = durably(&mounted, "f", b"old");
    mounted.fail_sync(2);
    file.sync_data().unwrap();
    file.write_all_at(b"new", 0).unwrap();
    assert_eq!(mounted.failed_sync(), None);
    assert_eq!(file.sync_data().unwrap_err().raw_os_error(), Some(5));
    assert_eq!(mounted.failed_sync().unwrap(), Path::new("/f"));
    file.sync_data().unwrap();
    assert_eq!(fs::read(mounted.at("f")).unwrap(), b"new");
    mounted.lose_power(Loss::All);
    mounted.power_on();
    assert_eq!(fs::read(mounted.at("f")).unwrap(), b"old");
    assert_eq!(mounted.events().failed_syncs, 1);
    // A power loss in place of a sync.
    let file = durably(&mounted, "f", b"old");
    file.write_all_at(b"new", 0).unwrap();
    mounted.lose_power_at_sync(1, Loss::All);
    assert!(file.sync_data().is_err() && mounted.power_on());
    assert_eq!(fs::read(mounted.at("f")).unwrap(), b"old");
}

/// Some files cannot be read or written, others can; delays are counted; a lie makes nothing durable; bits flip.
#[test]
fn other_faults() {
    let Some(mounted) = Mounted::new() else { return };
    RealFiles.create_dir_durably(&mounted.at("d")).unwrap();
    let (good, bad) = (durably(&mounted, "good", b"good"), durably(&mounted, "d/bad", b"bad"));
    mounted.fail(Access::Read, Path::new("/d"));
    assert_eq!(fs::read(mounted.at("d/bad")).unwrap_err().raw_os_error(), Some(5));
    bad.write_all_at(b"BAD", 0).unwrap();
    mounted.fail(Access::Write, Path::new("/d/bad"));
    assert_eq!(bad.write_all_at(b"x", 0).unwrap_err().raw_os_error(), Some(5));
    good.write_all_at(b"GOOD", 0).unwrap();
    mounted.heal();
    assert_eq!(fs::read(mounted.at("d/bad")).unwrap(), b"BAD");
    let counts = mounted.counts();
    assert_eq!((counts.failed_reads, counts.failed_writes), (1, 1));

    mounted.slow_syncs(Duration::from_millis(20));
    good.sync_data().unwrap();
    RealFiles.sync_dir(mounted.path()).unwrap();
    mounted.heal();
    bad.sync_data().unwrap();
    assert_eq!(mounted.counts().slowed_syncs, 2);

    mounted.lie(true);
    good.write_all_at(b"lies", 0).unwrap();
    good.sync_data().unwrap();
    mounted.lie(false);
    mounted.lose_power(Loss::All);
    mounted.power_on();
    assert_eq!((fs::read(mounted.at("good")).unwrap(), mounted.events().lies), (b"GOOD".into(), 1));

    mounted.flip(Path::new("/good"), 1, 0x20).unwrap();
    assert_eq!(fs::read(mounted.at("good")).unwrap(), b"GoOD");
    assert_eq!(mounted.flip(Path::new("/good"), 4, 1).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    let mut appended = OpenOptions::new().append(true).open(mounted.at("good")).unwrap();
    appended.write_all(b"!").unwrap();
    assert_eq!(mounted.files().unwrap(), [("/d/bad".into(), 3), ("/good".into(), 5)]);
}
