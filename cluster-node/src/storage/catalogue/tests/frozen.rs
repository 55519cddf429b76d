//! A frozen view holds exactly the rows at its entry.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use bytes::Bytes;
use gossamer_proto::v1::{self, command::Kind};

use super::random::{Entries, entry, own, put};
use super::{fake, fake::rows};
use crate::storage::catalogue::backend::Backend;
use crate::storage::catalogue::memory::Memory;

fn many(index: u64, names: impl Iterator<Item = u64>) -> crate::storage::catalogue::Entry {
    let put = |name| own(Kind::Put(put(&format!("files/{name:05}"), &index.to_be_bytes())));
    entry(index, names.map(put).collect())
}

/// While pages are read, apply overwrites, removes and adds before, in and behind the cursor: none of it is seen.
#[test]
fn sees_nothing_later() {
    let backend: Arc<dyn Backend> = Arc::new(Memory::default());
    let (catalogue, _) = fake::catalogue(&backend);
    // Odd names only, so that there is room for new ones everywhere.
    catalogue.apply((0..10).map(|n| many(n + 2, (n * 200..n * 200 + 200).step_by(2))).collect()).unwrap();
    let before = rows(&backend, "a", "{");
    let mut frozen = catalogue.freeze().unwrap();
    let mut seen: Vec<(Bytes, Bytes)> = Vec::new();
    let mut index = 100;
    loop {
        catalogue.apply(vec![many(index, (0..2000).step_by(7))]).unwrap();
        let remove =
            |n: u64| own(Kind::Remove(v1::Remove { name: format!("files/{n:05}"), condition: None }));
        catalogue
            .apply(vec![entry(index + 1, (index % 10..2000).step_by(30).map(remove).collect())])
            .unwrap();
        index += 2;
        match frozen.next_page().unwrap() {
            Some(page) => seen.extend(page),
            None => break,
        }
    }
    assert!(index > 106, "several pages");
    assert_eq!(frozen.applied().at.map(|at| at.index), Some(11));
    drop(frozen);
    assert!(seen == before);
    assert!(rows(&backend, "a", "{") != before);
}

/// Beside a thread that applies random entries, and one that freezes as well, every recomputed digest is the one that
/// was kept up at its entry.
#[test]
fn recomputed_beside_apply() {
    let backend: Arc<dyn Backend> = Arc::new(Memory::default());
    let (catalogue, _) = fake::catalogue(&backend);
    catalogue.apply((0..4).map(|n| many(n, n * 300..n * 300 + 300)).collect()).unwrap();
    let done = AtomicBool::new(false);
    let recompute = || {
        while !done.load(Ordering::Relaxed) {
            let (_, recomputed, kept) = catalogue.recompute_digest().unwrap();
            assert_eq!(recomputed, kept);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let apply = |entry| catalogue.apply(vec![entry]).map(drop);
            let applied = Entries::new(5).skip(4).take(3000).try_for_each(apply);
            done.store(true, Ordering::Relaxed);
            applied.unwrap();
        });
        scope.spawn(recompute);
        recompute();
    });
}

/// When the old rows kept for a view reach their bound, apply waits until the view moves on or is dropped.
#[test]
fn apply_waits_for_a_slow_reader() {
    let backend: Arc<dyn Backend> = Arc::new(Memory::default());
    let (mut catalogue, _) = fake::catalogue(&backend);
    catalogue.freeze_bytes = 1000;
    catalogue.apply(vec![many(2, 0..200)]).unwrap();
    let before = rows(&backend, "a", "{");
    let mut frozen = catalogue.freeze().unwrap();
    catalogue.apply(vec![many(3, 0..200)]).unwrap();
    let (applied, done) = mpsc::channel();
    std::thread::scope(|scope| {
        let catalogue = &catalogue;
        scope.spawn(move || applied.send(catalogue.apply(vec![many(4, 0..1)]).map(|_| ())));
        (0..100).for_each(|_| std::thread::yield_now());
        assert_eq!(catalogue.applied().at.map(|at| at.index), Some(3), "applied beyond the bound");
        assert!(frozen.next_page().unwrap().unwrap() == before);
        done.recv().unwrap().unwrap();
    });
}
