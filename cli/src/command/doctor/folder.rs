//! The folder: whose it is, who may look into it, and what kind of file system it is on.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access, statfs};

use super::Check;
use crate::credentials;

/// Everything about the folder; blocking.
pub(super) fn checks(dir: &Path) -> Vec<Check> {
    let mut checks = vec![folder(dir)];
    checks.extend(token(dir));
    checks.extend(file_system(existing(dir)));
    checks
}

/// The folder, or the one in which it would be made.
pub(super) fn existing(dir: &Path) -> &Path {
    dir.ancestors().find(|dir| dir.exists()).unwrap_or(dir)
}

fn folder(dir: &Path) -> Check {
    let shown = dir.display();
    let metadata = match fs::metadata(dir) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return to_be_made(dir),
        Err(error) => {
            return Check::fail("folder", format!("{shown}: {error}"), "run it as root, who may look there");
        }
    };
    if !metadata.is_dir() {
        return Check::fail("folder", format!("{shown} is no folder"), "say another with --dir");
    }
    let (owner, own) = (metadata.uid(), rustix::process::geteuid().as_raw());
    let rights = metadata.mode() & 0o777;
    if access(dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let found = format!("{shown} is of user {owner}, and user {own} may not write there");
        return Check::fail("folder", found, "run gossamer as its owner, or say another --dir");
    }
    if owner != own {
        let found = format!("{shown} is of user {owner}, and this is user {own}");
        return Check::warn(
            "folder",
            found,
            "run gossamer always as the same user, or it meets files it may not read",
        );
    }
    if rights & 0o022 != 0 {
        let found = format!("others on this machine may write into {shown} (rights {rights:o})");
        return Check::warn("folder", found, format!("chmod go-w {shown}"));
    }
    Check::ok("folder", format!("{shown}, of user {owner}, rights {rights:o}"))
}

fn to_be_made(dir: &Path) -> Check {
    let (shown, parent) = (dir.display(), existing(dir));
    if access(parent, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
        return Check::ok("folder", format!("{shown} is not there yet; `gossamer up` makes it"));
    }
    let found = format!("{shown} is not there, and this user may not make it in {}", parent.display());
    Check::fail("folder", found, "run gossamer as root, or say another --dir")
}

/// The file with the token, if there is one.
fn token(dir: &Path) -> Option<Check> {
    let path = credentials::file(dir);
    let shown = path.display();
    let rights = fs::metadata(&path).ok()?.mode() & 0o777;
    if rights & 0o077 != 0 {
        let found = format!("others on this machine can get at {shown} (rights {rights:o})");
        let next = format!("chmod 600 {shown}: whoever reads it belongs to the cluster");
        return Some(Check::fail("token", found, next));
    }
    match credentials::kept(dir) {
        Ok(kept) => kept.map(|kept| {
            Check::ok("token", format!("{shown} is for its owner only; cluster {}", kept.token.name()))
        }),
        Err(failure) => {
            let next = "give it again: `gossamer up --token-file FILE`; `gossamer token` on another machine prints it";
            Some(Check::fail("token", failure.message, next))
        }
    }
}

/// Where files end up.
#[derive(Clone, Copy)]
enum Kind {
    Disk,
    Memory,
    Network,
    Container,
    Program,
}

/// Kinds of file systems by the number that the kernel gives them (`statfs(2)`).
const KINDS: [(u32, &str, Kind); 15] = [
    (0xef53, "ext4", Kind::Disk),
    (0x5846_5342, "xfs", Kind::Disk),
    (0x9123_683e, "btrfs", Kind::Disk),
    (0x2fc1_2fc1, "zfs", Kind::Disk),
    (0xf2f5_2010, "f2fs", Kind::Disk),
    (0xca45_1a4e, "bcachefs", Kind::Disk),
    (0x0102_1994, "tmpfs", Kind::Memory),
    (0x8584_58f6, "ramfs", Kind::Memory),
    (0x6969, "nfs", Kind::Network),
    (0xff53_4d42, "cifs", Kind::Network),
    (0xfe53_4d42, "smb", Kind::Network),
    (0x00c3_6400, "ceph", Kind::Network),
    (0x0102_1997, "9p", Kind::Network),
    (0x794c_7630, "overlay", Kind::Container),
    (0x6573_5546, "fuse", Kind::Program),
];

fn file_system(dir: &Path) -> Option<Check> {
    // The kernel's field is of another width on other machines; the numbers have 32 bits.
    let number = statfs(dir).ok()?.f_type as u32;
    let known = KINDS.iter().find(|(known, _, _)| *known == number);
    let (name, kind) = known.map_or(("", Kind::Disk), |(_, name, kind)| (*name, *kind));
    let shown = dir.display();
    let warn =
        |found: &str, next: &str| Check::warn("filesystem", format!("{shown} is on {name}: {found}"), next);
    Some(match kind {
        Kind::Disk if name.is_empty() => {
            Check::ok("filesystem", format!("{shown} is on one of kind {number:#x}"))
        }
        Kind::Disk => Check::ok("filesystem", format!("{shown} is on {name}")),
        Kind::Memory => warn("gone when the machine restarts", "put the folder on a disk with --dir"),
        Kind::Network => warn(
            "what is acknowledged is as safe as that server",
            "give it a disk of this machine with --dir",
        ),
        Kind::Container => warn("gone with the container", "mount a volume, and say where with --dir"),
        Kind::Program => {
            warn("a program decides what is kept there", "give it a disk of this machine with --dir")
        }
    })
}
