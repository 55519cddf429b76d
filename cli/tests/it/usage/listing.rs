//! `ls` and `du`: buckets, folders, and listings longer than a page.

use std::io::{BufRead, BufReader};

use super::User;
use crate::cluster::finish;

/// 2,100 names, more than two pages, come in order, each once; a prefix cuts out its part, wherever it ends.
#[test]
fn pages() {
    let user = User::new();
    let name = |number: u32| format!("pages/{}/{number:04}", number % 2);
    user.fill((0..2_100).map(name));
    let list = |prefix: &str| {
        let ran = user.run(&["ls", "-r", "--json", prefix]).ok();
        let names = ran.json().into_iter().map(|file| file["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let mut expected: Vec<String> = (0..2_100).map(name).collect();
    expected.sort();
    assert!(list("pages/") == expected);
    assert!(list("pages") == [""; 0], "without a slash it is looked for in bucket files");
    let said = user.run(&["ls", "pages"]).ok().stderr;
    assert!(said.contains("there is a bucket of that name: pages/"), "{said}");
    assert!(list("pages/1/") == expected[1050..]);
    assert!(list("pages/1") == expected[1050..], "a folder may be named without its slash");
    assert_eq!(
        list("pages/1/001"),
        ["pages/1/0011", "pages/1/0013", "pages/1/0015", "pages/1/0017", "pages/1/0019"]
    );
    assert!(user.all("pages/") == expected);
    // A folder with more than a page in it is jumped over.
    assert_eq!(user.names(&["ls", "pages/"]), ["pages/0/", "pages/1/"]);
}

/// One level of a folder with more than 1,000 folders, small and large, and files between them: each entry once and in
/// order, and what sorts next to a folder (`x-`, `x.`, `x0`) is not taken for a part of it.
#[test]
fn levels() {
    let user = User::new();
    let folders = (0..1_300).map(|number| format!("level/a/{number:04}/x/y"));
    let large = (0..1_100).map(|number| format!("level/b/{number:04}"));
    let beside =
        ["level/b-/x", "level/b.txt", "level/b0", "level/b0/", "level/c/", "level/d", "level/\u{10FFFF}/x"];
    user.fill(folders.chain(large).chain(beside.map(str::to_owned)));
    let expected: Vec<String> = (0..1_300).map(|number| format!("level/a/{number:04}/")).collect();
    assert!(user.names(&["ls", "level/a"]) == expected);
    let all = [
        "level/a/",
        "level/b-/",
        "level/b.txt",
        "level/b/",
        "level/b0",
        "level/b0/",
        "level/c/",
        "level/d",
        "level/\u{10FFFF}/",
    ];
    assert_eq!(user.names(&["ls", "level/"]), all);
    assert_eq!(user.names(&["ls", "level/b"]).len(), 1_100, "a folder's name shows what is in it");
    assert_eq!(user.names(&["ls", "level/b0"]), ["level/b0", "level/b0/"], "unless it is a file's as well");
    assert_eq!(user.names(&["ls", "level/c"]), [""; 0], "an empty folder");
    assert_eq!(user.run(&["ls", "level/c/"]).ok().stderr, "", "is there");
    let nothing = user.run(&["ls", "level/e/"]).ok();
    assert!(nothing.stdout.is_empty() && nothing.stderr.contains("nothing begins with level/e/"));
    let buckets = user.names(&["ls"]);
    assert_eq!(buckets.iter().filter(|bucket| *bucket == "level/").count(), 1, "{buckets:?}");
    let json = user.run(&["ls", "--json"]).ok().json();
    assert!(json.iter().any(|object| object["bucket"] == "level"), "{json:?}");
    let json = user.run(&["ls", "--json", "level/"]).ok().json();
    let field = |field: &str| json.iter().filter(|object| object.get(field).is_some()).count();
    assert_eq!((json.len(), field("folder"), field("name")), (9, 6, 3), "{json:?}");
}

/// Folders show in recursive listings only where nothing else would show them.
#[test]
fn empty_folders() {
    let user = User::new();
    let names = ["empties/a/", "empties/a/x", "empties/b/", "empties/b/c/", "empties/d/", "empties/d.txt"];
    user.fill(names.map(str::to_owned));
    assert_eq!(user.all("empties/"), ["empties/a/x", "empties/b/c/", "empties/d.txt", "empties/d/"]);
    assert_eq!(user.names(&["ls", "empties/"]), ["empties/a/", "empties/b/", "empties/d.txt", "empties/d/"]);
}

/// Sizes are set to the right and names below each other, whatever the size; `--bytes` is exact.
#[test]
fn columns() {
    let user = User::new();
    for (name, size) in [("columns/a", 7), ("columns/b/c", 1 << 20), ("columns/d", 1_500)] {
        user.feed(&["put", "-", "--to", name], &vec![1; size]).ok();
    }
    for (args, sizes) in [
        (&["ls", "columns/"][..], ["7 B", "", "1.5 KiB"]),
        (&["ls", "-r", "columns/"], ["7 B", "1.0 MiB", "1.5 KiB"]),
        (&["ls", "-r", "--bytes", "columns/"], ["7", "1048576", "1500"]),
    ] {
        let text = user.run(args).ok().text();
        let at: Vec<usize> = text.lines().map(|line| line.find("columns/").unwrap()).collect();
        assert!(at.len() == 3 && at.iter().all(|column| *column == at[0]), "{text}");
        for (line, size) in text.lines().zip(sizes) {
            assert_eq!(
                line.split("  ").map(str::trim).find(|cell| !cell.is_empty()).unwrap_or(""),
                match size {
                    "" => "columns/b/",
                    size => size,
                }
            );
        }
    }
}

/// What is in each bucket, folder or file, in one line each, with the total; folders are no files.
#[test]
fn sums() {
    let user = User::new();
    let many = (0..1_500).map(|number| format!("sums/a/{}/{number:04}", number % 3));
    let few = ["sums/b/", "sums/c/", "sums/c/x", "sums/d"].map(str::to_owned);
    user.fill(many.chain(few));
    let du = |prefix: &str| {
        let lines = user.run(&["du", "--bytes", prefix]).ok().text();
        lines.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    let expected = [
        "15000 1,500 files sums/a/",
        "0 0 files sums/b/",
        "10 1 file sums/c/",
        "10 1 file sums/d",
        "15020 1,502 files total",
    ];
    assert_eq!(du("sums/"), expected);
    assert_eq!(du("sums/a")[0], "5000 500 files sums/a/0/");
    assert_eq!(du("sums/b/"), ["0 0 files total"]);
    assert!(du("").iter().any(|line| line == "15020 1,502 files sums/"));
    let json = user.run(&["du", "--json", "sums/"]).ok().json();
    assert_eq!(
        (&json[0]["folder"], &json[0]["size"], &json[0]["files"]),
        (&"sums/a/".into(), &15_000.into(), &1_500.into())
    );
    assert_eq!((&json[3]["name"], &json[4]["total"]), (&"sums/d".into(), &"sums/".into()));
}

/// Whoever closes the pipe has seen enough: no error, no message.
#[test]
fn closed_pipe() {
    let user = User::new();
    user.fill((0..3_000).map(|number| format!("pipe/{number:04}-{}", "long".repeat(50))));
    for args in
        [&["ls", "-r", "pipe/"][..], &["ls", "pipe/"], &["find", "pipe/*long"], &["ls", "--json", "pipe/"]]
    {
        let mut child = user.command(args).spawn().unwrap();
        // 600 kB do not fit in the pipe: the command is writing when it is closed.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("pipe/0000"), "{line}");
        assert_eq!(finish(child).ok().stderr, "");
    }
}
