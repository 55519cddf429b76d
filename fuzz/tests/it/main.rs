//! The corpus, and changes of it, through every target.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use gossamer_cluster_node::storage::catalogue::Applied;
use gossamer_fuzz::{TARGETS, Target, apply};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Changed inputs for each target.
const CHANGED: usize = 400;
/// Longest input made here, bytes.
const LONGEST: usize = 2048;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// One to four changes: a bit, a byte, a part doubled or left out, the rest of another input.
fn change(random: &mut SmallRng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = corpus[random.random_range(0..corpus.len())].clone();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=input.len());
        let to = (at + random.random_range(0..9)).min(input.len());
        match random.random_range(0..6) {
            0 | 1 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
            2 if at < input.len() => input[at] = random.random(),
            3 => input.splice(at..at, [random.random(); 3]).for_each(drop),
            4 => input.drain(at..to).for_each(drop),
            _ => {
                let other = &corpus[random.random_range(0..corpus.len())];
                input.truncate(at);
                input.extend_from_slice(&other[random.random_range(0..=other.len())..]);
            }
        }
    }
    input.truncate(LONGEST);
    input
}

fn replay((name, run): Target, seed: u64) {
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "{name} has a corpus");
    corpus.iter().for_each(|input| run(input));
    let mut random = SmallRng::seed_from_u64(seed);
    for number in 0..CHANGED {
        let input = change(&mut random, &corpus);
        // Shown if it panics.
        println!("{name}: changed input {number} of seed {seed}: {input:02x?}");
        run(&input);
    }
}

/// The commands of the corpus are not all refused: files are written, copied, and removed.
#[test]
fn commands_are_carried_out() {
    let done: Vec<_> = corpus("apply").iter().flat_map(|input| apply::results(input)).collect();
    let count = |is: fn(&Applied) -> bool| done.iter().filter(|result| is(result)).count();
    assert!(count(|it| matches!(it, Applied::Written { .. })) > 10, "{done:?}");
    assert!(count(|it| matches!(it, Applied::Removed { .. })) > 1, "{done:?}");
    assert!(count(|it| matches!(it, Applied::Admitted { .. } | Applied::Retired { .. })) > 2, "{done:?}");
}

/// No input of the corpus, and none of some thousands made of them, breaks a promise.
#[test]
fn nothing_breaks() {
    std::thread::scope(|scope| {
        for (target, seed) in TARGETS.into_iter().zip(1..) {
            scope.spawn(move || replay(target, seed));
        }
    });
}
