//! What goes over the cable once more when a command is killed and typed again.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use super::clients::Clients;
use super::lab::Lab;
use super::say;
use crate::content::{self, MIB};
use crate::random::SplitMix;

/// Bytes of the large file.
const LARGE: usize = 320 * MIB;
/// How often a command is killed.
const KILLS: usize = 4;
/// The link's rate: slower than the programs, as most are; the large file takes some six seconds.
const RATE: &str = "500mbit";

/// Bytes that the host's interface has sent (`tx`) or received (`rx`).
fn passed(lab: &Lab, direction: &str) -> u64 {
    let file = format!("/sys/class/net/eth0/statistics/{direction}_bytes");
    lab.run("h2", &["cat", &file]).ok().text().trim().parse().unwrap()
}

/// How much passes while a command runs to its end, killed a few times on the way.
fn cost(lab: &Lab, clients: &Clients<'_>, direction: &str, args: &[&str], kills: usize) -> u64 {
    let mut random = SplitMix::new(kills as u64);
    let before = passed(lab, direction);
    for kill in 0..kills {
        let words = [&["gossamer", "--token", &clients.token][..], args].concat();
        lab.spawn("h2", &format!("killed{kill}"), &words, &[]);
        sleep(Duration::from_millis(500 + random.below(700) as u64));
        lab.call(&["kill", "h2"]);
    }
    clients.run("h2", args).ok();
    passed(lab, direction) - before
}

/// A folder with a large file and many small ones, up and down, killed at random moments: at most 5 % of it passes twice.
#[test]
fn little_passes_twice() {
    let Some(lab) = Lab::start(2) else { return };
    let clients = lab.found("h1", "lab");
    clients.wait_voters("h2", 1);
    lab.call(&["slow", "h2", RATE]);
    let path = |name: &str| lab.path("h2").join(name).to_str().unwrap().to_owned();
    for (seed, name) in [(1, "one"), (2, "two")] {
        let folder = path(name);
        fs::create_dir(&folder).unwrap();
        content::write(format!("{folder}/large").as_ref(), seed, LARGE);
        for file in 0..300 {
            content::write(format!("{folder}/{file}").as_ref(), seed * 1000 + file, 3000);
        }
    }
    let (one, two, back_one, back_two) = (path("one"), path("two"), path("back-one"), path("back-two"));
    let put = |from: &str, to: &str, kills| cost(&lab, &clients, "tx", &["put", "-r", from, to], kills);
    let get = |from: &str, to: &str, kills| cost(&lab, &clients, "rx", &["get", "-r", from, to], kills);
    for (what, once, cut_short) in [
        ("put -r", put(&one, "resumed/one", 0), put(&two, "resumed/two", KILLS)),
        ("get -r", get("resumed/one", &back_one, 0), get("resumed/two", &back_two, KILLS)),
    ] {
        let twice = cut_short as f64 / once as f64 - 1.0;
        say(&format!("{what}: {KILLS} times killed, {:.1} % of {once} bytes passed twice", twice * 100.0));
        assert!(once > LARGE as u64, "{what}: {once} bytes are not all of it");
        assert!(twice <= 0.05, "{what}: {once} bytes in one go, {cut_short} with {KILLS} kills");
    }
    for (mine, back) in [(&one, &back_one), (&two, &back_two)] {
        lab.run("h2", &["diff", "-r", mine, back]).ok();
    }
}
