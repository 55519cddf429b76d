//! `rm` of files and folders.

use super::User;
use crate::cluster::finish;

/// A folder, nested and with more than a page in it, goes with its empty folders, and nothing beside it does; a dry run
/// says what then happens.
#[test]
fn folders() {
    let user = User::new();
    let inside = (0..1_300).map(|number| format!("rm-r/a/{:02}/{number:04}", number % 30));
    let inside: Vec<String> = inside.chain(["rm-r/a/".to_owned(), "rm-r/a/empty/".to_owned()]).collect();
    let beside = ["rm-r/a-/x", "rm-r/a.txt", "rm-r/a0"].map(str::to_owned);
    user.fill(inside.into_iter().chain(beside.clone()));
    user.run(&["rm", "rm-r/a/"]).fails(2, "-r");
    user.run(&["rm", "rm-r/a"]).fails(3, "rm-r/a is a folder; with -r");
    let dry = user.run(&["rm", "-r", "--dry-run", "rm-r/a"]).ok();
    assert_eq!(dry.text().lines().count(), 1_301, "files and the empty folder");
    assert!(dry.stderr.contains("would remove 1,300 files (12.7 KiB)"), "{}", dry.stderr);
    assert_eq!(user.all("rm-r/").len(), 1_304);
    let ran = user.run(&["rm", "-r", "--yes", "rm-r/a"]).ok();
    assert!(ran.stdout.is_empty() && ran.stderr.contains("removed 1,300 files (12.7 KiB)"), "{}", ran.stderr);
    assert_eq!(user.all("rm-r/"), beside);
    let gone = user.run(&["ls", "rm-r/a/"]).ok().stderr;
    assert!(gone.contains("nothing begins with rm-r/a/"), "with its folders: {gone}");
    user.run(&["rm", "-r", "--yes", "rm-r/a/"]).fails(3, "rm-r/a/");
}

/// Without a terminal nobody can be asked: `y` in a pipe is no answer, and nothing is removed.
#[test]
fn asks() {
    let user = User::new();
    user.fill(["asks/a/x", "asks/a/y", "asks/b/z", "asks/c/"].map(str::to_owned));
    let refused = user.feed(&["rm", "-r", "asks/a", "asks/b/"], b"y\n").fails(2, "--yes");
    assert!(refused.stderr.contains("asks/a/ and 1 more has 3 files (30 B)"), "{}", refused.stderr);
    assert_eq!(user.all("asks/").len(), 4);
    user.run(&["rm", "-r", "asks/c"]).ok();
    assert_eq!(user.all("asks/").len(), 3, "an empty folder needs no question");
}

/// A name may be a file's, a folder's or both; what is not there is told, and the rest is removed; `--json` tells of each.
#[test]
fn mixed() {
    let user = User::new();
    user.fill(["mixed/a", "mixed/a/b", "mixed/a/c/d", "mixed/e", "mixed/f"].map(str::to_owned));
    assert_eq!(user.run(&["rm", "--dry-run", "mixed/e"]).ok().text(), "mixed/e\n");
    let removed = user.run(&["rm", "-r", "-y", "--json", "mixed/a", "mixed/a/c", "mixed/e"]).ok().json();
    assert_eq!(removed.len(), 4, "what is in two of the names is removed once: {removed:?}");
    let ran = user.run(&["rm", "-r", "-y", "mixed/missing/", "mixed/f"]).exit(1);
    assert!(ran.text() == "mixed/f\n" && ran.stderr.contains("mixed/missing/"), "{}", ran.stderr);
    assert_eq!(user.run(&["ls", "mixed/"]).ok().text(), "");
}

/// Two who remove the same folder at the same time both end well: whatever is gone is gone.
#[test]
fn twice_at_a_time() {
    let user = User::new();
    user.fill((0..1_000).map(|number| format!("twice/a/{number:04}")));
    let remove = || user.command(&["rm", "-r", "--yes", "twice/a"]).spawn().unwrap();
    let [one, two] = [remove(), remove()].map(finish);
    for ran in [one, two] {
        // Whoever comes very late finds nothing.
        assert!(matches!(ran.code, 0 | 3), "{ran:?}");
    }
    assert_eq!(user.all("twice/"), [""; 0]);
}
