//! Names: data in any script, never paths.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::User;
use crate::content;

/// Any script, spaces, quotes, emoji and 1024 bytes come back as they were given.
#[test]
fn any_script() {
    let user = User::new();
    let longest = format!("any/{}", "名/".repeat(250));
    let longest = format!("{longest}{}", "x".repeat(1024 - longest.len()));
    let keys = [
        "any/with space",
        "any/日本語/ファイル.txt",
        "any/नमस्ते",
        "any/שלום",
        "any/🦀👩‍🚀",
        "any/-dash 'quote' \"double\" $(x) \\ %41",
        "any/..x/...",
        &longest,
    ];
    for (key, seed) in keys.into_iter().zip(2_000..) {
        let content = content::bytes(seed, 100);
        assert_eq!(user.feed(&["put", "-", key], &content).ok().text(), format!("{key}\n"));
        assert!(user.run(&["cat", key]).ok().stdout == content, "{key}");
    }
    let listed = user.run(&["ls", "-r", "--json", "any/"]).ok().json();
    let mut expected = keys.to_vec();
    expected.sort_unstable();
    let listed: Vec<&str> = listed.iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(listed, expected, "in the order of their bytes");
}

/// Every bad name is a usage error that gives its reason, for every command; nothing is stored or fetched under it.
#[test]
fn bad_names() {
    let user = User::new();
    let hash = content::write(&user.path("file"), 2_100, 100);
    let (long, long_bucket) = ("x".repeat(1025), format!("{}/x", "a".repeat(64)));
    let bad: [(&[u8], &str); 18] = [
        (b"", "empty"),
        (long.as_bytes(), "at most 1024"),
        (b"abc/a\nb", "control character"),
        (b"abc/\x7f", "control character"),
        (b"abc/\xc2\x85", "control character"),
        (b".", "component \".\""),
        (b"..", "component \"..\""),
        (b"abc/../x", "component \"..\""),
        (b"abc/a/../..", "component \"..\""),
        (b"abc/./x", "component \".\""),
        (b"abc//x", "component \"\""),
        (b"/abc/x", "slash"),
        (b"abc/\xff\xfe", "UTF-8"),
        (b"ab/x", "bucket"),
        (b"Abc/x", "bucket"),
        (b"a_c/x", "bucket"),
        (b"bc-/x", "bucket"),
        (long_bucket.as_bytes(), "bucket"),
    ];
    for (name, why) in bad {
        let name = OsStr::from_bytes(name);
        let file = OsStr::new("file");
        for args in
            [vec![OsStr::new("put"), file, OsStr::new("--to"), name], vec![OsStr::new("get"), name, file]]
        {
            user.run(&args).fails(2, why);
        }
        for command in ["cat", "stat"] {
            user.run(&[OsStr::new(command), name]).fails(2, why);
        }
        user.run(&[OsStr::new("rm"), name]).fails(2, why);
    }
    let all = user.run(&["ls", "-r", "--json"]).ok().json();
    assert!(all.iter().all(|file| file["blake3"] != *hash), "nothing was stored");
    assert_eq!(content::hash_of(&user.path("file")), hash, "nothing was written");
    assert_eq!(user.files(), ["file"]);
}
