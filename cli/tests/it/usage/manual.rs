//! Completions, manual pages, and help without colours.

use super::run;
use crate::cluster::{finish, gossamer};
use std::process::Stdio;

/// Each shell gets a script that knows the commands; bash finds no fault with its own.
#[test]
fn completions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]).ok().text();
        for command in ["doctor", "remove"] {
            assert!(script.contains(command), "{command} is not in the script for {shell}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gossamer");
    std::fs::write(&path, run(&["completions", "bash"]).ok().stdout).unwrap();
    let checked = std::process::Command::new("bash").arg("-n").arg(&path).output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
}

/// The first page goes to standard output; a folder, made if need be, gets a page for each command.
#[test]
fn pages() {
    assert!(run(&["man"]).ok().text().contains(".TH gossamer 1"));
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("share/man1");
    let said = run(&["man", folder.to_str().unwrap()]).ok().text();
    let pages = std::fs::read_dir(&folder).unwrap().count();
    assert!(said.starts_with(&format!("{pages} pages")), "{said}");
    assert!(folder.join("gossamer-node-remove.1").exists());
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    run(&["man", file.to_str().unwrap()]).fails(1, "file");
}

/// Help is in colour where colours are wanted, and never with NO_COLOR.
#[test]
fn no_color() {
    let help = |settings: &[(&str, &str)]| {
        let mut command = gossamer();
        command.arg("--help").env_remove("NO_COLOR").envs(settings.iter().copied());
        finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
            .ok()
    };
    let escape = |ran: crate::cluster::Ran| ran.stdout.contains(&0x1b);
    assert!(escape(help(&[("CLICOLOR_FORCE", "1")])));
    assert!(!escape(help(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")])));
    assert!(!escape(help(&[])), "a pipe is no terminal");
}
