//! Files that change while they are read, and things that are no files.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::User;
use crate::content::{self, MIB};

/// A file that grows under the reader is refused, and nothing is stored.
#[test]
fn growing() {
    let user = User::new();
    content::write(&user.path("log"), 5_000, 8 * MIB);
    let done = AtomicBool::new(false);
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = std::fs::File::options().append(true).open(user.path("log")).unwrap();
            while !done.load(Ordering::Relaxed) {
                log.write_all(b"x").unwrap();
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        let ran = user.run(&["put", "log", "changing/log"]);
        done.store(true, Ordering::Relaxed);
        ran
    });
    ran.fails(1, "changed while it was read");
    user.run(&["stat", "changing/log"]).fails(3, "changing/log");
    user.run(&["put", "log", "changing/log"]).ok();
}

/// What is no regular file is refused with a hint, what is not there by its path; of a folder it is said how to store it.
#[test]
fn no_files() {
    let user = User::new();
    user.run(&["put", ".", "changing/folder"]).fails(1, "put -r .");
    user.run(&["put", "/dev/zero", "changing/device"]).fails(1, "not a regular file");
    user.run(&["put", "missing", "changing/missing"]).fails(1, "missing");
    assert_eq!(user.run(&["ls", "changing/folder"]).ok().text(), "");
}
