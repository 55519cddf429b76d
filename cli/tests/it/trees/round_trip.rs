//! There and back.

use super::tree::{Grower, assert_equal};
use crate::usage::User;

/// Random folders come back with every name, byte, time, bit and empty folder; what was stored once is not sent again,
/// and what was fetched is not fetched again.
#[test]
fn of_random_trees() {
    for seed in 0..6 {
        let user = User::new();
        let (mine, back) = (user.path("mine"), user.path("back"));
        Grower::new(seed).grow(&mine, 60);
        let bucket = format!("trip{seed}/x");
        user.run(&["put", "-r", "mine", &bucket, "--json"]).ok();
        let again = user.run(&["put", "-r", "mine", &bucket, "--json"]).ok().json();
        assert_eq!(
            (&again[0]["files"], &again[0]["unchanged"]),
            (&0.into(), &63.into()),
            "seed {seed}: {again:?}"
        );
        let got = user.run(&["get", "-r", &bucket, "back", "--json"]).ok().json();
        assert_eq!(got[0]["files"], 63, "seed {seed}");
        assert_equal(&mine, &back);
        let again = user.run(&["get", "-r", &bucket, "back", "--json"]).ok().json();
        assert_eq!((&again[0]["files"], &again[0]["bytes"]), (&0.into(), &0.into()), "seed {seed}");
        assert_equal(&mine, &back);
        // And what came back is what is there.
        let again = user.run(&["put", "-r", "back", &bucket, "--json"]).ok().json();
        assert_eq!((&again[0]["files"], &again[0]["unchanged"]), (&0.into(), &63.into()), "seed {seed}");
    }
}

/// One file keeps its time and bit, too; one that came from a stream has the time at which it was stored, here and there.
#[test]
fn of_one_file() {
    let user = User::new();
    std::fs::create_dir(user.path("x")).unwrap();
    let (mine, back) = (user.path("x/tool"), user.path("back"));
    std::fs::write(&mine, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&mine, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    user.run(&["put", "x/tool", "one-file/"]).ok();
    user.run(&["get", "one-file/tool", "back"]).ok();
    assert_equal(&mine, &back);
    user.feed(&["put", "-", "one-file/stream"], b"from a pipe").ok();
    user.run(&["get", "-r", "one-file/", "all"]).ok();
    let again = user.run(&["put", "-r", "all/", "one-file/", "--json"]).ok().json();
    assert_eq!(again[0]["files"], 0, "{again:?}");
}

/// With -r files that were named themselves are left out, too, if they are there already.
#[test]
fn of_named_files() {
    let user = User::new();
    std::fs::create_dir(user.path("dir")).unwrap();
    for file in ["a", "b", "dir/c"] {
        std::fs::write(user.path(file), file).unwrap();
    }
    for files in [3, 0] {
        let put = user.run(&["put", "-r", "a", "b", "dir", "named/", "--json"]).ok().json();
        assert_eq!(put[0]["files"], files, "{put:?}");
    }
    for files in [3, 0] {
        let got = user.run(&["get", "-r", "named/a", "named/b", "named/dir", "back/", "--json"]).ok().json();
        assert_eq!(got[0]["files"], files, "{got:?}");
    }
}

/// A folder that somebody made in the store, in one that has a time: after it is fetched that time is as it was.
#[test]
fn of_a_folder_in_an_old_one() {
    let user = User::new();
    Grower::new(30).grow(&user.path("mine"), 10);
    user.run(&["put", "-r", "mine", "old-one/x"]).ok();
    user.run(&["get", "-r", "old-one/x", "back"]).ok();
    user.feed(&["put", "-", "old-one/x/new/y"], b"y").ok();
    let before = std::fs::metadata(user.path("back")).unwrap().modified().unwrap();
    user.run(&["get", "-r", "old-one/x", "back"]).ok();
    assert!(user.path("back/new/y").exists());
    assert_eq!(std::fs::metadata(user.path("back")).unwrap().modified().unwrap(), before);
}
