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
    let rounds = rounds(PARTS.len() as u32);
    for round in 0..rounds {
        let at = random.random_range(0..3);
        let before = cluster.id(at);
        let node = &mut cluster.nodes[at];
        let (pass, part) = (round as usize / PARTS.len(), round as usize % PARTS.len());
        wait(PARTS[part], || (!written(node, PARTS[part]).is_empty()).then_some(()));
        node.kill();
        node.reap();
        // Bits and ends in turn, and the other way round in the next pass.
        let damage = damage(node, &written(node, PARTS[part]), (pass + part) % 2 == 1, &mut random);
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

/// Cuts off one of these files where something is written, or flips a bit there; says what it did.
fn damage(node: &Machine, files: &[(PathBuf, u64)], cut: bool, random: &mut SmallRng) -> String {
    let (file, length) = files.choose(random).unwrap();
    let offset = random.random_range(0..*length);
    if !cut {
        node.disk.flip(file, offset, 1 << random.random_range(0..8)).unwrap();
        return format!("a bit at {offset} of {length} in {}", file.display());
    }
    File::options().write(true).open(real(node, file)).unwrap().set_len(offset).unwrap();
    format!("cut at {offset} of {length}: {}", file.display())
}

/// The files in a part of a node's folder, and how far they are written; none where nothing is.
fn written(node: &Machine, part: &str) -> Vec<(PathBuf, u64)> {
    let below = Path::new("/data").join(part);
    let files = node.disk.files().unwrap();
    let end = |(file, _): &(PathBuf, u64)| {
        // One that was removed since.
        let bytes = std::fs::read(real(node, file)).ok()?;
        Some((file.clone(), bytes.iter().rposition(|byte| *byte != 0)? as u64 + 1))
    };
    files.iter().filter(|(file, _)| file.starts_with(&below)).filter_map(end).collect()
}

/// Where a file on a node's disk is in this machine's tree.
fn real(node: &Machine, file: &Path) -> PathBuf {
    node.disk.path().join(file.strip_prefix("/").unwrap())
}
