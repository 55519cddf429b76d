//! Random work against a model.

use std::collections::BTreeSet;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;

/// What must be true: who names what, what was put, and until which Collect a chunk without reference is protected.
#[derive(Default)]
struct Model {
    files: BTreeMap<u64, Vec<Hash>>,
    contents: BTreeMap<Hash, Bytes>,
    tags: BTreeMap<Hash, u64>,
    collect: u64,
    version: u64,
}

impl Model {
    fn named(&self) -> BTreeSet<Hash> {
        self.files.values().flatten().copied().collect()
    }

    /// Everything put and still named or protected is here, byte for byte; the missing are exactly those never put.
    fn check(&self, chunks: &Chunks) {
        let named = self.named();
        for (hash, data) in &self.contents {
            let protected = self.tags.get(hash).is_some_and(|tag| tag + 2 > self.collect);
            if named.contains(hash) || protected {
                assert_eq!(chunks.get_checked(hash).unwrap().as_ref(), Some(data));
            }
        }
        let missing: BTreeSet<Hash> = chunks.missing(None, 9999).unwrap().into_iter().collect();
        let absent =
            missing.iter().filter(|hash| !chunks.has(hash).unwrap()).copied().collect::<BTreeSet<_>>();
        assert_eq!(absent, named.iter().filter(|hash| !chunks.has(hash).unwrap()).copied().collect());
        assert_eq!(chunks.missing_count(), missing.len() as u64);
    }
}

fn turn(bench: &Bench, chunks: &mut Arc<Chunks>, model: &mut Model, random: &mut SmallRng) {
    match random.random_range(0..20) {
        0..9 => {
            let (hash, data) = chunk(random.random_range(0..200), random.random_range(1..900));
            chunks.put(hash, &data, Purpose::Upload).unwrap();
            model.contents.insert(hash, data);
            model.tags.insert(hash, model.collect);
        }
        9..13 => {
            let all: Vec<Hash> = model.contents.keys().copied().collect();
            if all.is_empty() {
                return;
            }
            let mut hashes: Vec<Hash> = (0..5).map(|_| all[random.random_range(0..all.len())]).collect();
            // As apply, which finds what the seal confirmed; the rest is missing.
            hashes.push(Hash::of(&random.random::<u64>().to_le_bytes()));
            model.version += 1;
            bench.reference(chunks, model.version, &hashes, 0);
            model.files.insert(model.version, hashes);
        }
        13..17 => {
            let versions: Vec<u64> = model.files.keys().copied().collect();
            if versions.is_empty() {
                return;
            }
            let version = versions[random.random_range(0..versions.len())];
            let hashes = model.files.remove(&version).unwrap();
            bench.dereference(chunks, version, &hashes, 0);
            let named = model.named();
            for hash in hashes.iter().filter(|hash| !named.contains(hash)) {
                model.tags.insert(*hash, model.collect);
            }
            // What has gone may be put anew; what was freed while unnamed is no loss.
            model.contents.retain(|hash, _| named.contains(hash) || chunks.has(hash).unwrap());
        }
        17..19 => {
            model.collect += 1;
            let named = model.named();
            bench.collect(chunks, model.collect);
            model.contents.retain(|hash, _| {
                let protected = model.tags.get(hash).is_some_and(|tag| tag + 2 > model.collect);
                named.contains(hash) || protected || chunks.has(hash).unwrap()
            });
            let limbo = model.contents.keys().filter(|hash| !named.contains(hash));
            limbo.for_each(|hash| assert!(chunks.has(hash).unwrap()));
        }
        _ => reopen(bench, chunks, model, random.random()),
    }
}

fn reopen(bench: &Bench, chunks: &mut Arc<Chunks>, model: &mut Model, lost: bool) {
    if lost {
        bench.backend.clear().unwrap();
    }
    *chunks = bench.open();
    if lost {
        // As a catalogue that is rebuilt.
        for (version, hashes) in &model.files {
            bench.reference(chunks, *version, hashes, 0);
        }
        bench.transact(chunks, |txn| chunks.collected(txn, model.collect));
    }
    chunks.replayed();
    model.tags.values_mut().for_each(|tag| *tag = model.collect);
}

/// Puts, references, removals, Collects with compaction, and restarts with and without the index.
#[test]
fn random_work_loses_nothing_and_frees_the_rest() {
    for seed in 0..12 {
        let bench = Bench::new();
        let mut chunks = bench.open();
        chunks.replayed();
        let mut model = Model::default();
        let mut random = SmallRng::seed_from_u64(seed);
        for _ in 0..300 {
            turn(&bench, &mut chunks, &mut model, &mut random);
        }
        model.check(&chunks);
        reopen(&bench, &mut chunks, &mut model, true);
        model.check(&chunks);
        for (version, hashes) in std::mem::take(&mut model.files) {
            bench.dereference(&chunks, version, &hashes, 0);
        }
        (1..=2).for_each(|more| bench.collect(&chunks, model.collect + more));
        assert_eq!((chunks.stored_bytes(), chunks.missing_count()), (0, 0), "seed {seed}");
        assert!(bench.extents().len() <= 1, "seed {seed}");
    }
}

/// Threads that put the same chunks side by side, with syncs between.
#[test]
fn puts_run_side_by_side() {
    let bench = Bench::new();
    let chunks = bench.open();
    std::thread::scope(|scope| {
        for shift in 0..4 {
            let chunks = &chunks;
            scope.spawn(move || {
                for seed in 0..200 {
                    put(chunks, (seed + shift * 50) % 200, 250);
                    if seed % 40 == shift {
                        chunks.sync().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(chunks.stored_bytes(), 200 * 304);
    bench.backend.clear().unwrap();
    assert_eq!(bench.open().stored_bytes(), 200 * 304);
}
