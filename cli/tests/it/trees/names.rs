//! Where things go: as with `cp`, and the same command leads to the same place again.

use std::fs;

use crate::usage::User;

/// Every way to name a target in the store.
#[test]
fn in_the_store() {
    let user = User::new();
    fs::create_dir_all(user.path("dir/sub")).unwrap();
    for file in ["a", "b", "c", "dir/x", "dir/sub/y"] {
        fs::write(user.path(file), file).unwrap();
    }
    let stored = |args: &[&str], expected: &[&str]| {
        user.run(&[&["put"], args].concat()).ok();
        for name in expected {
            user.run(&["stat", name]).ok();
        }
    };
    stored(&["a", "naming/one"], &["naming/one"]);
    stored(&["a", "naming/two/"], &["naming/two/a"]);
    stored(&["a", "b", "dir/x", "naming/three/"], &["naming/three/a", "naming/three/b", "naming/three/x"]);
    stored(&["a", "b", "--to", "naming/four/"], &["naming/four/a", "naming/four/b"]);
    stored(&["a", "--to", "naming/five"], &["naming/five"]);
    stored(&["-r", "dir", "naming/six"], &["naming/six/x", "naming/six/sub/y"]);
    stored(&["-r", "dir", "naming/seven/"], &["naming/seven/dir/x"]);
    stored(&["-r", "dir/", "naming/eight/"], &["naming/eight/x"]);
    stored(&["-r", "dir/.", "naming/nine/"], &["naming/nine/x"]);
    stored(&["-r", "dir", "a", "naming/ten/"], &["naming/ten/dir/sub/y", "naming/ten/a"]);
    // Without a bucket.
    fs::rename(user.path("dir"), user.path("naming-dir")).unwrap();
    stored(&["-r", "naming-dir"], &["files/naming-dir/sub/y"]);
}

/// What is unclear is said, with what to type instead; nothing is stored.
#[test]
fn unclear() {
    let user = User::new();
    fs::create_dir(user.path("dir")).unwrap();
    for file in ["a", "b", "dir/a"] {
        fs::write(user.path(file), file).unwrap();
    }
    user.run(&["put", "a", "b"]).fails(2, "`put a --to b`");
    user.run(&["put", "a", "b", "unclear"]).fails(2, "unclear/");
    user.run(&["put", "a", "b", "--to", "unclear/x"]).fails(2, "unclear/x/");
    user.run(&["put", "dir", "unclear/x"]).fails(1, "put -r dir");
    user.run(&["put", "a", "dir", "unclear/x/"]).fails(1, "-r");
    user.run(&["put", "a", "dir/a", "--to", "unclear/x/"]).fails(1, "two would come to unclear/x/a");
    user.run(&["put", "-r", "dir", "X/y/"]).fails(2, "bucket");
    user.run(&["put", "-r", "dir", "/"]).fails(2, "");
    user.run(&["put", "a", "nothing-here", "--to", "unclear/y/"]).exit(1);
    user.run(&["stat", "unclear/y/a"]).ok();
    user.run(&["sync", "dir", "dir"]).fails(2, "colon");
    user.run(&["get", "a", "b", "nowhere"]).fails(2, "nowhere/");
    assert_eq!(user.files(), ["a", "b", "dir"]);
}

/// Every way to name a target here.
#[test]
fn here() {
    let user = User::new();
    fs::create_dir_all(user.path("dir/sub")).unwrap();
    for file in ["dir/x", "dir/sub/y"] {
        fs::write(user.path(file), file).unwrap();
    }
    user.run(&["put", "-r", "dir", "fetching/"]).ok();
    user.run(&["put", "dir/x", "fetching/file"]).ok();
    fs::remove_dir_all(user.path("dir")).unwrap();
    let fetched = |args: &[&str], expected: &[&str]| {
        // Twice: whether it is there already makes no difference.
        for _ in 0..2 {
            user.run(&[&["get"], args].concat()).ok();
            for path in expected {
                assert!(user.path(path).is_file(), "{args:?}: {path} in {:?}", user.files());
            }
        }
    };
    fetched(&["-r", "fetching/dir"], &["dir/x", "dir/sub/y"]);
    fetched(&["-r", "fetching/dir", "one"], &["one/x"]);
    fetched(&["-r", "fetching/dir", "two/"], &["two/dir/x"]);
    fetched(&["-r", "fetching/dir/", "three"], &["three/x"]);
    fetched(&["-r", "fetching/", "four/"], &["four/dir/sub/y", "four/file"]);
    fetched(&["fetching/file", "fetching/dir/x", "five/"], &["five/file", "five/x"]);
    fetched(&["-r", "fetching/dir", "fetching/file", "six/"], &["six/dir/x", "six/file"]);
    user.run(&["get", "fetching/dir"]).fails(1, "get -r");
    user.run(&["get", "-r", "fetching/nothing"]).fails(3, "nothing in it");
    user.run(&["get", "fetching/file", "fetching/nothing", "seven/"]).exit(1);
    assert!(user.path("seven/file").is_file());
}
