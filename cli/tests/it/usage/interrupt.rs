//! Ctrl-C: exit 130, and nothing half-done under anybody's name.

use std::io::Write;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::User;
use crate::cluster::{Ran, finish, wait};
use crate::content::{self, MIB};

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn interrupted(child: Child) -> Ran {
    signal(&child, Signal::INT);
    finish(child).fails(130, "interrupted")
}

/// A put that is stopped has stored nothing; the same command then sends only what is missing.
#[test]
fn put() {
    let user = User::new();
    let content = content::bytes(3_000, 80 * MIB);
    let mut child = user.command(&["put", "-", "stopped/put"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // A client reads two windows of 32 MiB ahead at most: when it takes more, some has been sent.
    pipe.write_all(&content[..79 * MIB]).unwrap();
    interrupted(child);
    user.run(&["stat", "stopped/put"]).fails(3, "stopped/put");
    let put = user.feed(&["put", "--json", "-", "stopped/put"], &content).ok().json();
    assert!(put[0]["resumed_bytes"].as_u64() >= Some(MIB as u64), "{put:?}");
    assert!(user.run(&["cat", "stopped/put"]).ok().stdout == content);
}

/// A get that is stopped leaves the old file as it was; what came of the new one is hidden beside it.
#[test]
fn get() {
    let user = User::new();
    content::write(&user.path("source"), 3_100, 128 * MIB);
    user.run(&["put", "source", "stopped/get"]).ok();
    std::fs::remove_file(user.path("source")).unwrap();
    std::fs::write(user.path("old"), "old").unwrap();
    let child = user.command(&["get", "stopped/get", "old"]).spawn().unwrap();
    wait("the get to begin", || (user.files().len() > 1).then_some(()));
    interrupted(child);
    let files = user.files();
    assert!(files.len() == 2 && files[0].starts_with(".old.") && files[0].ends_with(".part"), "{files:?}");
    assert_eq!(std::fs::read(user.path("old")).unwrap(), b"old");
}

/// To a pipe that nobody reads.
#[test]
fn cat() {
    let user = User::new();
    content::write(&user.path("source"), 3_200, 8 * MIB);
    user.run(&["put", "source", "stopped/cat"]).ok();
    let mut child = user.command(&["cat", "stopped/cat"]).spawn().unwrap();
    let mut first = [0];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
