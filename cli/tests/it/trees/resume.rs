//! Killed at any moment and typed again.

use std::fs;
use std::process::Child;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::tree::{Grower, assert_equal};
use crate::content::{self, MIB};
use crate::random::SplitMix;
use crate::usage::User;

/// Lets a command run for a random time, then ends it by a random signal; whether it had ended by itself.
fn cut_short(mut child: Child, random: &mut SplitMix) -> bool {
    std::thread::sleep(Duration::from_millis(random.below(600) as u64));
    let ended = child.try_wait().unwrap().is_some();
    if !ended {
        kill_process(Pid::from_child(&child), random.pick(&[Signal::INT, Signal::KILL])).unwrap();
    }
    child.wait().unwrap();
    ended
}

/// Ten times killed, by Ctrl-C or outright, at random moments: at the end both sides are equal, and no unfinished file is left
/// under any name. (How little passes twice: `lan::resume`.)
#[test]
fn killed_ten_times() {
    let user = User::new();
    let (mine, back) = (user.path("mine"), user.path("back"));
    let mut random = SplitMix::new(11);
    Grower::new(11).grow(&mine, 400);
    content::write(&mine.join("large"), 12, 300 * MIB);
    for command in [["put", "-r", "mine", "killed/x"], ["get", "-r", "killed/x", "back"]] {
        let mut cuts = 0;
        for _ in 0..10 {
            let child = user.command(&command).spawn().unwrap();
            cuts += u32::from(!cut_short(child, &mut random));
        }
        assert!(cuts >= 3, "{command:?} was cut short only {cuts} times: this proves little");
        user.run(&command).ok();
    }
    assert_equal(&mine, &back);
}

/// Two commands that write one file at the same time: each has a part of its own, and the file is whole at any time.
#[test]
fn two_at_once() {
    let user = User::new();
    let hash = content::write(&user.path("source"), 14, 60 * MIB);
    user.run(&["put", "source", "killed/twice"]).ok();
    fs::remove_file(user.path("source")).unwrap();
    let children = [0, 1].map(|_| user.command(&["get", "killed/twice", "copy"]).spawn().unwrap());
    for child in children {
        crate::cluster::finish(child).ok();
        assert_eq!(content::hash_of(&user.path("copy")), hash);
    }
    assert_eq!(user.files(), ["copy"]);
}

/// Of one large file: the part beside it is hidden, has the old file as it was, is taken up again by the same command,
/// and is gone at the end. What is wrong in it is fetched anew.
#[test]
fn one_large_file() {
    let user = User::new();
    let hash = content::write(&user.path("source"), 13, 200 * MIB);
    user.run(&["put", "source", "killed/large"]).ok();
    fs::remove_file(user.path("source")).unwrap();
    fs::write(user.path("copy"), "old").unwrap();
    let command = ["get", "killed/large", "copy", "--json"];
    let part = || user.files().into_iter().find(|name| name.ends_with(".part"));
    let child = user.command(&command).spawn().unwrap();
    let written = crate::cluster::wait("some of it to be written", || {
        use std::os::unix::fs::MetadataExt;
        let blocks = fs::metadata(user.path(&part()?)).ok()?.blocks();
        (blocks * 512 > 40 * MIB as u64).then_some(blocks * 512)
    });
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran = crate::cluster::finish(child).fails(130, "same command goes on");
    assert!(ran.stderr.contains(".part"), "{}", ran.stderr);
    let name = part().unwrap();
    assert!(name.starts_with(".copy."), "{name}");
    assert_eq!(fs::read(user.path("copy")).unwrap(), b"old");
    // A byte in it turns over.
    let file = fs::File::options().read(true).write(true).open(user.path(&name)).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0x55; 8], 5 * MIB as u64).unwrap();
    let got = user.run(&command).ok().json();
    let resumed = got[0]["resumed_bytes"].as_u64().unwrap();
    assert!(resumed >= written / 2 && resumed < 200 * MIB as u64, "{resumed} of {written}");
    assert_eq!(content::hash_of(&user.path("copy")), hash);
    assert_eq!(user.files(), ["copy"]);
}
