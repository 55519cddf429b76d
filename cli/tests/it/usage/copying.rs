//! `cp` and `mv`.

use super::User;

/// One file: its bytes under the new name; a move leaves nothing under the old one, and replaces what was there.
#[test]
fn one_file() {
    let user = User::new();
    user.feed(&["put", "-", "--to", "copying/a"], b"first").ok();
    assert_eq!(user.run(&["cp", "copying/a", "copying/b"]).ok().text(), "copying/b\n");
    assert_eq!(user.run(&["cp", "copying/a", "copying/in/"]).ok().text(), "copying/in/a\n");
    user.feed(&["put", "-", "--to", "copying/a"], b"second").ok();
    user.run(&["cp", "copying/a", "copying/b", "--if-absent"]).fails(4, "copying/b");
    assert_eq!(user.run(&["cat", "copying/b", "copying/in/a"]).ok().text(), "firstfirst");
    let moved = user.run(&["mv", "--json", "copying/a", "copying/b"]).ok().json();
    let first = &moved[0];
    assert_eq!(
        (&first["name"], &first["from"], &first["size"]),
        (&"copying/b".into(), &"copying/a".into(), &6.into())
    );
    assert_eq!(user.all("copying/"), ["copying/b", "copying/in/a"]);
    assert_eq!(user.run(&["cat", "copying/b"]).ok().text(), "second");
    user.run(&["mv", "copying/a", "copying/c"]).fails(3, "copying/a");
    user.run(&["cp", "copying/b", "copying/b"]).fails(2, "itself");
}

/// Several names go to a folder; what is not there is told at the end, and the rest is done.
#[test]
fn several() {
    let user = User::new();
    user.fill(["several-cp/a", "several-cp/b", "several-cp/d/e"].map(str::to_owned));
    user.run(&["cp", "several-cp/a", "several-cp/b", "several-cp/to"]).fails(2, "several-cp/to/");
    user.run(&["cp", "several-cp/a", "several-cp/d/", "several-cp/to/"]).fails(2, "add -r");
    let ran =
        user.run(&["cp", "several-cp/a", "several-cp/missing", "several-cp/b", "several-cp/to/"]).exit(1);
    let mut copied: Vec<String> = ran.text().lines().map(str::to_owned).collect();
    copied.sort();
    assert_eq!(copied, ["several-cp/to/a", "several-cp/to/b"]);
    assert!(
        ran.stderr.contains("several-cp/missing") && ran.stderr.contains("copied 2 files"),
        "{}",
        ran.stderr
    );
    user.run(&["mv", "-r", "several-cp/a", "several-cp/d", "several-cp/in/"]).ok();
    assert_eq!(user.all("several-cp/in"), ["several-cp/in/a", "several-cp/in/d/e"]);
}

/// Folders of more than a page, nested and empty ones, with and without slashes: a dry run says what then happens.
#[test]
fn folders() {
    let user = User::new();
    let many = (0..1_200).map(|number| format!("tree/a/d/{:02}/{number:04}", number % 20));
    user.fill(many.chain(["tree/a/d/", "tree/a/d/empty/", "tree/a/d/b/c/"].map(str::to_owned)));
    let before = user.all("tree/a/");
    assert_eq!(before.len(), 1_202);
    user.run(&["cp", "tree/a/d", "tree/to/"]).fails(3, "add -r");

    let dry = user.run(&["cp", "-r", "-n", "tree/a/d", "tree/to/"]).ok();
    assert_eq!(dry.text().lines().next(), Some("tree/a/d/00/0000 -> tree/to/d/00/0000"));
    assert!(dry.stderr.contains("would copy 1,200 files"), "{}", dry.stderr);
    assert_eq!(user.all("tree/to"), [""; 0], "a dry run does nothing");

    let ran = user.run(&["cp", "-r", "tree/a/d", "tree/to/"]).ok();
    assert!(ran.stdout.is_empty() && ran.stderr.contains("copied 1,200 files, 11.7 KiB"), "{}", ran.stderr);
    let below =
        |folder: &str| before.iter().map(|name| name.replace("tree/a/d/", folder)).collect::<Vec<_>>();
    assert!(user.all("tree/to/") == below("tree/to/d/"));
    let ran = user.run(&["mv", "-r", "--json", "tree/to/d/", "moved-tree/"]).ok();
    assert_eq!(ran.json().len(), 1_200);
    assert!(user.all("moved-tree/") == below("moved-tree/"), "what is in it, to a bucket");
    let gone = user.run(&["ls", "tree/to/"]).ok().stderr;
    assert!(gone.contains("nothing begins with tree/to/"), "folders are moved as well: {gone}");
    user.run(&["cp", "-r", "moved-tree/", "tree/new"]).ok();
    assert!(user.all("tree/new/") == below("tree/new/"), "a bucket, under a new name");
    // Again: what is there is replaced, or with --if-absent every file is told.
    user.run(&["cp", "-r", "moved-tree/", "tree/new"]).ok();
    let ran = user.run(&["cp", "-r", "--if-absent", "tree/a/d/b", "tree/a/d/empty", "tree/new/"]).ok();
    assert!(ran.stderr.contains("copied 0 files"), "{}", ran.stderr);
    user.run(&["cp", "-r", "--if-absent", "tree/a/d/00", "tree/new/"]).exit(1).text();
    user.run(&["cp", "-r", "tree/nothing", "tree/new/"]).fails(3, "tree/nothing");
}

/// Whatever would make a file and a folder of one name, or copy a folder into itself, is refused before anything is done.
#[test]
fn refusals() {
    let user = User::new();
    let names = [
        "way/a",
        "way/b/c",
        "way/b/d/e",
        "way/b/d.x",
        "way/t/file",
        "way/t/c/x",
        "way/u/d",
        "way/v/x",
        "way/v/x.txt/y",
    ];
    user.fill(names.map(str::to_owned));
    let filler = (0..1_100).map(|number| format!("way/w/d-{number:04}"));
    user.fill(filler.chain(["way/w/d".to_owned(), "way/w/d/e".to_owned()]));
    let before = user.all("way/");
    for (code, args, word) in [
        (1, &["cp", "way/a", "way/b"][..], "way/b/"),
        (1, &["mv", "way/b/c", "way/a/c"], "way/a"),
        (1, &["mv", "way/a", "way/a/b"], "way/a"),
        (1, &["cp", "-r", "way/b/", "way/t/"], "way/t/c"),
        (1, &["cp", "-r", "way/b/", "way/u/"], "way/u/d"),
        (1, &["mv", "-r", "way/b/", "way/a/"], "way/a"),
        (1, &["cp", "-r", "way/w/", "way/new/"], "way/new/d"),
        (2, &["cp", "-r", "way/b/", "way/b/x/"], "into itself"),
        (2, &["mv", "-r", "way/b", "way/b/"], "into itself"),
        (2, &["cp", "-r", "way/b/", "way/b"], "itself"),
        (2, &["cp", "-r", "way/b/", "way/v/", "way/new/"], "both"),
    ] {
        user.run(args).fails(code, word);
    }
    assert_eq!(user.all("way/"), before);
    // Moving up is no such thing, unless it meets what is still to be moved.
    user.run(&["mv", "-r", "way/b/d/", "way/b/"]).ok();
    assert_eq!(user.all("way/b"), ["way/b/c", "way/b/d.x", "way/b/e"]);
    user.fill(["way/b/f/f/g".to_owned()]);
    user.run(&["mv", "-r", "way/b/f/", "way/b/"]).fails(2, "over itself");
}
