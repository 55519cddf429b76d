//! Conditions, missing files and command lines that make no sense: each its exit code.

use super::{User, run};

/// if-absent and if-version hold or fail as they should, and a failed one changes nothing.
#[test]
fn conditions() {
    let user = User::new();
    let name = "conditions/a";
    let version = || user.run(&["stat", "--json", name]).ok().json()[0]["version"].as_u64().unwrap();
    user.feed(&["put", "-", name, "--if-version", "1"], b"never").fails(4, "does not exist");
    user.feed(&["put", "-", name, "--if-absent"], b"first").ok();
    let first = version();
    let refused = user.feed(&["put", "-", name, "--if-absent"], b"never").fails(4, name);
    assert!(
        refused.stderr.contains(&first.to_string()),
        "it says which version is there: {}",
        refused.stderr
    );
    user.feed(&["put", "-", name, "--if-version", &(first + 1).to_string()], b"never").fails(4, name);
    user.feed(&["put", "-", name, "--if-version", &first.to_string()], b"second").ok();
    assert!(version() > first);
    user.run(&["rm", name, "--if-version", &first.to_string()]).fails(4, name);
    assert_eq!(user.run(&["cat", name]).ok().text(), "second");
    user.run(&["rm", name, "--if-version", &version().to_string()]).ok();
    user.run(&["stat", name]).fails(3, name);
    // The same for a file that does not ride the queue.
    let large = vec![7; 100_000];
    user.feed(&["put", "-", name, "--if-absent"], &large).ok();
    user.feed(&["put", "-", name, "--if-absent"], &large).fails(4, name);
}

/// What is not there: exit 3 and its name; of several files the others are removed all the same.
#[test]
fn not_found() {
    let user = User::new();
    for command in ["get", "cat", "stat", "rm"] {
        user.run(&[command, "missing/x"]).fails(3, "missing/x");
    }
    assert_eq!(user.files(), [""; 0], "get left nothing behind");
    for name in ["several/a", "several/c"] {
        user.feed(&["put", "-", name], b"x").ok();
    }
    let ran = user.run(&["rm", "several/a", "several/b", "several/c"]).exit(3);
    assert_eq!(ran.text(), "several/a\nseveral/c\n", "standard output has what was removed");
    assert!(ran.stderr.contains("several/b") && !ran.stderr.contains("several/a"), "{}", ran.stderr);
    assert_eq!(user.run(&["ls", "several/"]).ok().text(), "");
}

/// Usage errors are 2, before anybody is asked for anything.
#[test]
fn usage() {
    for args in [
        &[][..],
        &["nonsense"],
        &["put"],
        &["put", "-"],
        &["put", "file", "name", "--if-absent", "--if-version", "1"],
        &["put", "file", "name", "--if-version", "x"],
        &["get"],
        &["ls", "/abc"],
        &["ls", "--timeout", "soon"],
        &["status", "--queue", "nonsense"],
        &["node", "--queue", "nonsense", "--dir", "/dev/null/never"],
        &["node", "--listen", "here"],
        &["dev", "--nodes", "0"],
    ] {
        run(args).fails(2, "");
    }
}

/// Help goes to standard output, for every command, with an example and in 80 columns.
#[test]
fn help() {
    let all = "put get cat ls stat rm status nodes verify queue node dev demo";
    for command in all.split(' ') {
        let mut help = crate::cluster::gossamer();
        let output = help.args([command, "--help"]).env("COLUMNS", "80").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{command}");
        assert!(text.contains(&format!("  gossamer {command}")), "{command} has an example:\n{text}");
        let wide = text.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{command}");
    }
}
