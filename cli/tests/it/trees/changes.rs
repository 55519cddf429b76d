//! Keeping two sides equal.

use std::fs;
use std::os::unix::fs::symlink;

use super::tree::{Grower, assert_equal, seen};
use crate::usage::User;

/// After random changes `sync --delete` makes both sides equal, in both directions, and says what it did in one line; a
/// second one has nothing to do.
#[test]
fn sync_makes_equal() {
    for seed in 0..4 {
        let user = User::new();
        let (mine, other) = (user.path("mine"), user.path("other"));
        let mut grower = Grower::new(100 + seed);
        grower.grow(&mine, 40);
        let there = format!(":sync{seed}/x/");
        for round in 0..3 {
            let ran = user.run(&["sync", "--delete", "mine", &there]).ok();
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
            user.run(&["sync", "--delete", &there, "./other"]).ok();
            assert_equal(&mine, &other);
            for args in [["mine", &there], [&there, "./other"]] {
                let done = user.run(&[&["sync", "--delete", "--json"], &args[..]].concat()).ok().json();
                assert_eq!(
                    (&done[0]["files"], &done[0]["deleted"]),
                    (&0.into(), &0.into()),
                    "{seed} {round}"
                );
            }
            grower.change(&mine);
        }
    }
}

/// Without `--delete` what the target has beyond the source stays, on both sides; `--dry-run` says what would be done and
/// does nothing of it.
#[test]
fn only_adds() {
    let user = User::new();
    Grower::new(7).grow(&user.path("mine"), 10);
    user.run(&["sync", "mine", ":only-adds/x"]).ok();
    user.run(&["sync", ":only-adds/x", "./other"]).ok();
    fs::write(user.path("mine/new"), "new").unwrap();
    fs::write(user.path("other/extra"), "extra").unwrap();
    let before = seen(&user.path("other"));
    let would = user.run(&["sync", "--dry-run", "--delete", "mine", ":only-adds/x"]).ok();
    assert_eq!(would.text(), "put only-adds/x/new\n");
    user.run(&["stat", "only-adds/x/new"]).fails(3, "no such file");
    user.run(&["sync", "mine", ":only-adds/x"]).ok();
    let would = user.run(&["sync", "--dry-run", "--delete", ":only-adds/x", "./other"]).ok();
    assert_eq!(would.text(), "delete ./other/extra\nget ./other/new\n");
    assert_eq!(seen(&user.path("other")), before);
    user.run(&["sync", ":only-adds/x", "./other"]).ok();
    assert_eq!(fs::read(user.path("other/extra")).unwrap(), b"extra");
    assert_eq!(fs::read(user.path("other/new")).unwrap(), b"new");
}

/// Nothing is deleted where that could not be meant: a name in the store with nothing in it, what lies behind a symbolic
/// link, what may only be away.
#[test]
fn deletes_with_care() {
    let user = User::new();
    for folder in ["mine/open", "mine/disk", "mine/round", "mine/inside", "elsewhere"] {
        fs::create_dir_all(user.path(folder)).unwrap();
        fs::write(user.path(folder).join("a"), folder).unwrap();
    }
    user.run(&["sync", "--delete", ":care/nothing/", "./mine"]).fails(3, "nothing in it");
    assert!(user.path("mine/open/a").exists());
    user.run(&["sync", "mine", ":care/x/"]).ok();

    // Links: to a disk that is not mounted, to itself, to something of this folder that was removed.
    for (folder, target) in [("disk", "/nowhere/mounted"), ("round", "round"), ("inside", "open/gone")] {
        fs::remove_dir_all(user.path("mine").join(folder)).unwrap();
        symlink(target, user.path("mine").join(folder)).unwrap();
    }
    let ran = user.run(&["sync", "--delete", "mine", ":care/x/"]).fails(1, "3 failures");
    assert!(ran.stderr.contains("deleted 1"), "{}", ran.stderr);
    let left: Vec<_> = user
        .run(&["ls", "-r", "care/x/", "--json"])
        .ok()
        .json()
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    assert_eq!(left, ["care/x/disk/a", "care/x/open/a", "care/x/round/a"]);

    // A link that the source has not goes; what is behind it stays.
    for folder in ["disk", "round", "inside"] {
        fs::remove_file(user.path("mine").join(folder)).unwrap();
    }
    symlink("../elsewhere", user.path("mine/link")).unwrap();
    user.run(&["sync", "--delete", ":care/x/", "./mine"]).ok();
    assert!(user.path("elsewhere/a").exists() && user.path("mine/link").symlink_metadata().is_err());
}

/// When something could not be copied nothing is deleted: it may be the new name of what would be.
#[test]
fn keeps_all_after_a_failure() {
    let user = User::new();
    fs::create_dir(user.path("mine")).unwrap();
    fs::write(user.path("mine/old"), "old").unwrap();
    fs::write(user.path("new"), "new").unwrap();
    // Longer than any name that file systems here take.
    let long = format!("failing/x/{}", "y".repeat(300));
    user.run(&["put", "new", "failing/x/"]).ok();
    user.run(&["put", "new", "--to", &long]).ok();
    let ran = user.run(&["sync", "--delete", ":failing/x/", "./mine"]).fails(1, "1 failure; fetched 1 file");
    assert!(ran.stderr.contains("nothing was deleted"), "{}", ran.stderr);
    assert!(user.path("mine/old").exists() && user.path("mine/new").exists());
    user.run(&["rm", &long]).ok();
    user.run(&["sync", "--delete", ":failing/x/", "./mine"]).ok();
    assert!(!user.path("mine/old").exists());
}
