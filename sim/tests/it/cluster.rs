//! The real services under faults, by the program `gossamer-sim`, in which the seed decides everything.

use std::process::{Command, Output};

fn gossamer_sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gossamer-sim")).args(arguments).output().expect("it is built")
}

/// Every seed passes, and together they have seen everything that can happen. How many is decided by GOSSAMER_SEEDS, as in
/// `0..10000`; one alone says what happens with
///
/// ```text
/// RUST_LOG=info,turmoil=warn cargo run --release -p gossamer-sim -- seed 7
/// ```
#[test]
fn seeds_pass() {
    let seeds = std::env::var("GOSSAMER_SEEDS").unwrap_or_else(|_| "0..200".to_owned());
    let ran = gossamer_sim(&["seeds", &seeds]);
    println!("{}", String::from_utf8_lossy(&ran.stdout));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// The same seed gives the same run, message by message; another seed another one.
#[test]
fn the_same_seed_gives_the_same_run() {
    let hash = |seed: &str| {
        let ran = gossamer_sim(&["seed", seed, "--trace", "--json"]);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        ran.stdout
    };
    let first = hash("3");
    assert_eq!(first, hash("3"));
    assert_ne!(first, hash("4"));
}

/// Six bugs that other systems had are put back, one at a time, and each is found for what it is.
#[test]
fn known_bugs_are_found() {
    let ran = gossamer_sim(&["bugs", "--seeds", "0..200"]);
    println!("{}", String::from_utf8_lossy(&ran.stdout));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
}
