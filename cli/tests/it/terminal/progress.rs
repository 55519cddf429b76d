//! A bar on a terminal, none in a pipe; Ctrl-C.

use std::fs;
use std::time::{Duration, Instant};

use super::{COLUMNS, Terminal, lines};
use crate::cluster::{Cluster, Who, wait};
use crate::content::{self, MIB};
use crate::usage::User;

/// Starts a command on a node that stands still most of the time, so that the command takes more than the second after which
/// a bar is drawn; until it is, or the command has ended all the same.
fn slowly(cluster: &Cluster, command: &std::process::Command, until: &str) -> (i32, String) {
    let mut terminal = Terminal::start(command);
    let began = Instant::now();
    while !terminal.raw().contains(until) && !terminal.has_ended() && began.elapsed() < Duration::from_secs(6)
    {
        cluster.pause(Who::Node(0));
        std::thread::sleep(Duration::from_millis(100));
        cluster.resume(Who::Node(0));
        std::thread::sleep(Duration::from_millis(10));
    }
    terminal.ends()
}

/// For one file and for many: how much of how much, how fast, how long still, how many files still; never wider than the
/// terminal, and gone at the end. With `-q` there is none, nor in a pipe.
#[test]
fn drawn_over_and_gone() {
    let cluster = Cluster::start(1);
    let folder = cluster.dir().join("mine");
    fs::create_dir(&folder).unwrap();
    content::write(&folder.join("large"), 1, 80 * MIB);
    for number in 0..300 {
        content::write(&folder.join(format!("{number}")), number, 500);
    }
    let other = "a file whose name is so long that it has to be cut somewhere, or it fills the line";
    content::write(&cluster.dir().join(other), 2, 80 * MIB);
    for (command, words) in [
        (vec!["put", "-r", "mine", "progress/"], vec![" of 80.", "/s, ", " left, ", " files to go"]),
        (vec!["get", "-r", "progress/", "back"], vec![" of 80.", "/s, ", " left, ", " files to go"]),
        (vec!["put", other, "other/file"], vec![" of 80.", "/s, ", " left"]),
    ] {
        let (code, raw) = slowly(&cluster, &cluster.command(&command), " left");
        let lines = lines(&raw);
        assert_eq!(code, 0, "{lines:#?}");
        let drawn = |line: &String| words.iter().all(|word| line.contains(word));
        assert!(lines.iter().any(drawn), "{command:?}: {lines:#?}");
        let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= COLUMNS.into(), "{command:?} draws {widest} columns: {lines:#?}");
        // The last thing that is left on the screen is not the bar.
        assert!(!lines.last().unwrap().contains(" left"), "{lines:#?}");
        let mut quiet = cluster.command(&command);
        let (code, raw) = slowly(&cluster, quiet.arg("-q"), " left");
        assert!(code == 0 && !raw.contains(" left"), "{raw}");
    }
    let piped = cluster.run(&["get", "other/file", "piped"]).ok();
    assert!(!piped.stderr.contains('\r') && !piped.stderr.contains('\u{1b}'), "{}", piped.stderr);
}

/// Ctrl-C on the keyboard: exit code 130, what to do next is the last line, the bar is gone, and no unfinished file bears
/// the name.
#[test]
fn control_c() {
    let user = User::new();
    content::write(&user.path("source"), 21, 256 * MIB);
    user.run(&["put", "source", "terminal/large"]).ok();
    fs::remove_file(user.path("source")).unwrap();
    let mut terminal = Terminal::start(&user.command(&["get", "terminal/large", "copy"]));
    wait("the get to begin", || (!user.files().is_empty()).then_some(()));
    terminal.types("\u{3}");
    let (code, raw) = terminal.ends();
    let lines = lines(&raw);
    assert_eq!(code, 130, "{lines:#?}");
    assert!(lines.last().unwrap().contains("go"), "{lines:#?}");
    assert!(raw.contains("the same command goes on where it stopped"), "{raw}");
    assert!(
        user.files().iter().all(|name| name.starts_with(".copy.") && name.ends_with(".part")),
        "{:?}",
        user.files()
    );
}
