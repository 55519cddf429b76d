//! Where a get writes to.

use super::User;
use crate::content;

/// Without a path by the last part of the name, into a folder likewise; an existing file is replaced; a folder in
/// the way, or one that is not there, is said, and nothing is left behind.
#[test]
fn destinations() {
    let user = User::new();
    let hash = content::write(&user.path("file"), 6_000, 1000);
    user.run(&["put", "file", "gets/a/b.txt"]).ok();
    std::fs::remove_file(user.path("file")).unwrap();
    std::fs::create_dir_all(user.path("folder/taken/b.txt")).unwrap();

    assert_eq!(user.run(&["get", "gets/a/b.txt"]).ok().text(), "b.txt\n");
    std::fs::write(user.path("b.txt"), "to be replaced").unwrap();
    assert_eq!(user.run(&["get", "gets/a/b.txt"]).ok().text(), "b.txt\n");
    assert_eq!(user.run(&["get", "gets/a/b.txt", "folder"]).ok().text(), "folder/b.txt\n");
    for path in ["b.txt", "folder/b.txt"] {
        assert_eq!(content::hash_of(&user.path(path)), hash, "{path}");
    }
    user.run(&["get", "gets/a/b.txt", "folder/taken"]).fails(1, "no regular file");
    user.run(&["get", "gets/a/b.txt", "nowhere/x"]).fails(1, "nowhere/x");
    user.run(&["get", "gets/a/b.txt", "nowhere/"]).fails(1, "no folder nowhere/");
    user.run(&["get", "gets/a/b.txt", "/dev/full"]).fails(1, "no regular file");
    assert_eq!(user.files(), ["b.txt", "folder"]);
    let inside: Vec<_> = std::fs::read_dir(user.path("folder/taken")).unwrap().collect();
    assert_eq!(inside.len(), 1);
}
