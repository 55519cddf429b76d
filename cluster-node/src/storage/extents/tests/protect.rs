//! What a Collect may free, and when.

use super::*;

/// Confirmed under number s: Collect s + 1 frees nothing of it, s + 2 does. `hold` counts anew; a reference protects for good.
#[test]
fn a_confirmed_chunk_survives_exactly_one_collect() {
    let bench = Bench::new();
    let chunks = bench.open();
    chunks.replayed();
    (1..=5).for_each(|number| bench.collect(&chunks, number));
    let [confirmed, left, named] = [1, 2, 3].map(|seed| put(&chunks, seed, 100));
    bench.reference(&chunks, 1, &[named], 0);
    bench.collect(&chunks, 6);
    assert!(chunks.hold(&[confirmed]).unwrap().is_empty());
    assert!(chunks.has(&left).unwrap());
    bench.collect(&chunks, 7);
    assert!(!chunks.has(&left).unwrap(), "tag 5, Collect 7");
    assert!(chunks.has(&confirmed).unwrap(), "tag 6, Collect 7");
    bench.collect(&chunks, 8);
    assert_eq!(chunks.hold(&[confirmed, named]).unwrap(), [confirmed], "tag 6, Collect 8");
    bench.dereference(&chunks, 1, &[named], 0);
    bench.collect(&chunks, 9);
    assert!(chunks.get_checked(&named).unwrap().is_some(), "running reads finish");
    bench.collect(&chunks, 10);
    assert!(chunks.get_checked(&named).unwrap().is_none());
    assert_eq!(chunks.stored_bytes(), 0);
}

/// Before the log of the start is replayed nothing is freed; afterwards every tag counts as the number reached then.
#[test]
fn collects_of_the_replayed_log_free_nothing() {
    let bench = Bench::new();
    let hash = put(&bench.open(), 1, 100);
    let chunks = bench.open();
    (1..=9).for_each(|number| bench.collect(&chunks, number));
    assert!(chunks.has(&hash).unwrap());
    chunks.replayed();
    bench.sweep(&chunks);
    bench.collect(&chunks, 10);
    assert!(chunks.has(&hash).unwrap());
    bench.collect(&chunks, 11);
    assert!(!chunks.has(&hash).unwrap());
}

/// A snapshot replaces the catalogue: nothing of what it names is freed, whatever number it brings, and what it does not name
/// goes later.
#[test]
fn a_replaced_catalogue_frees_nothing_early() {
    let bench = Bench::new();
    let chunks = bench.open();
    chunks.replayed();
    let [kept, gone, missing] = [1, 2, 3].map(|seed| chunk(seed, 100).0);
    put(&chunks, 1, 100);
    put(&chunks, 2, 100);
    bench.reference(&chunks, 1, &[kept, gone, missing], 0);
    assert_eq!(chunks.missing_count(), 1);
    chunks.reset_references().unwrap();
    assert_eq!(chunks.missing_count(), 0);
    bench.collect(&chunks, 50);
    assert!(chunks.hold(&[kept, gone]).unwrap().is_empty());
    bench.reference(&chunks, 2, &[kept], 0);
    bench.collect(&chunks, 51);
    assert!(chunks.has(&gone).unwrap());
    bench.collect(&chunks, 52);
    assert!(chunks.has(&kept).unwrap() && !chunks.has(&gone).unwrap());
}
