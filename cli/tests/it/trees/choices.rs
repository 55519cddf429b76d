//! Which files are copied.

use std::fs;
use std::os::unix::fs::symlink;

use super::tree::seen;
use crate::usage::User;

/// What is excluded is neither copied nor deleted, on either side, with all that is in it.
#[test]
fn excluded() {
    let user = User::new();
    for folder in ["mine/target/deep", "mine/src"] {
        fs::create_dir_all(user.path(folder)).unwrap();
    }
    for file in ["mine/target/deep/x", "mine/src/a.rs", "mine/src/a.tmp", "mine/b"] {
        fs::write(user.path(file), file).unwrap();
    }
    let only = ["--exclude", "*.tmp", "--exclude", "target/"];
    user.run(&[&["put", "-r", "mine/", "excluded/x/"], &only[..]].concat()).ok();
    user.run(&["get", "-r", "excluded/x/", "back"]).ok();
    assert_eq!(seen(&user.path("back")).into_keys().collect::<Vec<_>>(), ["/", "b", "src/", "src/a.rs"]);
    // Here they are not deleted, though the store has none of them.
    user.run(&[&["sync", "--delete", ":excluded/x/", "./mine"], &only[..]].concat()).ok();
    assert!(user.path("mine/target/deep/x").exists() && user.path("mine/src/a.tmp").exists());
    user.run(&["put", "-r", "mine", "--exclude", "a[", "excluded/y/"]).fails(2, "a[");
}

/// With `--checksum` content decides: a change that keeps size and time is found, a new time alone is none.
#[test]
fn by_content() {
    let user = User::new();
    fs::create_dir(user.path("mine")).unwrap();
    let file = user.path("mine/a");
    fs::write(&file, "one").unwrap();
    user.run(&["put", "-r", "mine", "by-content/"]).ok();
    let time = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, "two").unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    let sent = |extra: &[&str]| {
        user.run(&[&["put", "-r", "mine", "by-content/", "--json"], extra].concat()).ok().json()[0]["files"]
            .clone()
    };
    assert_eq!((sent(&[]), sent(&["--checksum"])), (0.into(), 1.into()));
    fs::File::options().write(true).open(&file).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
    assert_eq!((sent(&["--checksum"]), sent(&[])), (0.into(), 1.into()));
}

/// What cannot be stored is told, each with its place and reason, the rest is there, and the exit code is 1.
#[test]
fn told_and_left_out() {
    let user = User::new();
    fs::create_dir_all(user.path("mine/loop")).unwrap();
    fs::write(user.path("mine/good"), "good").unwrap();
    symlink("nowhere", user.path("mine/dangling")).unwrap();
    symlink("..", user.path("mine/loop/up")).unwrap();
    fs::write(user.path("mine/line\nbreak"), "").unwrap();
    fs::write(
        user.path("mine").join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff")),
        "",
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(user.path("mine/socket")).unwrap();
    let ran = user.run(&["put", "-r", "mine", "left-out/"]).fails(1, "5 failures; stored 1 file");
    for word in
        ["mine/dangling: a symbolic link that leads nowhere", "mine/loop/up: ", "control", "UTF-8", "socket"]
    {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    assert_eq!(user.run(&["cat", "left-out/mine/good"]).ok().text(), "good");
}

/// A file beside a folder of its name is refused before anything is written, wherever the two come from.
#[test]
fn a_beside_a_b() {
    let user = User::new();
    fs::create_dir_all(user.path("mine/a")).unwrap();
    fs::write(user.path("mine/a/b"), "b").unwrap();
    fs::write(user.path("mine/first"), "first").unwrap();
    fs::write(user.path("file"), "file").unwrap();
    user.run(&["put", "file", "beside/x/a"]).ok();
    user.run(&["put", "-r", "mine/", "beside/x/"]).fails(1, "beside/x/a");
    user.run(&["stat", "beside/x/first"]).fails(3, "no such file");
    user.run(&["put", "-r", "mine/", "beside/x/a/"]).fails(1, "beside/x/a is a file");
    user.run(&["put", "file", "beside/x/a/b"]).fails(1, "beside/x/a is a file");
    user.run(&["put", "file", "beside/x"]).fails(1, "beside/x/ is a folder");
    // The other way round, and here.
    user.run(&["put", "-r", "mine/", "beside/y/"]).ok();
    fs::create_dir(user.path("other")).unwrap();
    fs::write(user.path("other/a"), "a").unwrap();
    user.run(&["put", "-r", "other/", "beside/y/"]).fails(1, "beside/y/a");
    user.run(&["get", "-r", "beside/y/", "other"]).fails(1, "beside/y/a");
    assert!(!user.path("other/first").exists());
    // Two that would come to one name.
    user.run(&["put", "-r", "mine/a/", "mine/a/b", "--to", "beside/z/"]).fails(1, "one by one");
}
