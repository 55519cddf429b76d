//! Bits that flip and ends that are cut off, anywhere in what a stopped node has stored.

use std::fs::File;
use std::path::{Path, PathBuf};

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::cluster::{Cluster, Machine, wait};
use super::load::Load;
use super::mounted::say;
use super::rounds;

const PARTS: [&str; 4] = ["log", "snapshots", "extents", "catalogue"];

/// Wherever it is, on one of three nodes at a time: nobody reads wrong bytes, nothing acknowledged is lost, and the
/// node comes back, as itself or as a new one, until three voters are equal and hold all.
#[test]
fn anywhere() {
    let seed = 51;
    let Some(mut cluster) = Cluster::start(3, &["--snapshot-entries", "200", "--keep-entries", "50"]) else {
        return;
    };
    let mut random = SmallRng::seed_from_u64(seed);
    let mut load = Load::start(&cluster, seed);
    load.goes_on(300);
    let rounds = rounds(8);
    for round in 0..rounds {
        let at = random.random_range(0..3);
        let before = cluster.id(at);
        let node = &mut cluster.nodes[at];
        node.kill();
        node.reap();
        let damage = damage(node, PARTS[round as usize % PARTS.len()], &mut random);
        node.start();
        cluster.wait_voters(3);
        load.goes_on(20);
        say(&format!("seed {seed}, round {round}: {damage}; node {before} came back as {}", cluster.id(at)));
    }
    load.pause();
    load.rest();
    // Whoever finds a bad chunk reports it once, and mends it.
    wait("bad chunks to be healed", || (cluster.run(&["verify"]).0 == 0).then_some(()));
    let wrong = load.audit(&cluster);
    assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    cluster.verify();
}

/// Damages some file in this part of a node's folder where something is written; says what it did.
fn damage(node: &Machine, part: &str, random: &mut SmallRng) -> String {
    let below = Path::new("/data").join(part);
    let files = node.disk.files().unwrap();
    let written = |(file, _): &(PathBuf, u64)| {
        let bytes = std::fs::read(node.disk.path().join(file.strip_prefix("/").unwrap())).unwrap();
        Some((file.clone(), bytes.iter().rposition(|byte| *byte != 0)? as u64 + 1))
    };
    let files = files.iter().filter(|(file, _)| file.starts_with(&below)).filter_map(written);
    let files: Vec<(PathBuf, u64)> = files.collect();
    let Some((file, length)) = files.choose(random) else { return format!("nothing is in {part} yet") };
    let offset = random.random_range(0..*length);
    if random.random_range(0..3) > 0 {
        node.disk.flip(file, offset, 1 << random.random_range(0..8)).unwrap();
        return format!("a bit at {offset} of {length} in {}", file.display());
    }
    let real = node.disk.path().join(file.strip_prefix("/").unwrap());
    File::options().write(true).open(real).unwrap().set_len(offset).unwrap();
    format!("cut at {offset} of {length}: {}", file.display())
}
