//! Files whose hash list is stored as chunks.

use super::*;

/// Of a file with 3,000 chunks in two lists, one of which comes late.
#[test]
fn lists_are_expanded_when_they_come_and_taken_back() {
    let bench = Bench::new();
    let chunks = bench.open();
    chunks.replayed();
    let content: Vec<Hash> = (0..3000).map(|seed| chunk(seed, 8).0).collect();
    for seed in 0..2500 {
        put(&chunks, seed, 8);
    }
    let lists = [Hash::join(&content[..2000]), Hash::join(&content[2000..])];
    let names = [Hash::of(&lists[0]), Hash::of(&lists[1])];
    chunks.put(names[0], &lists[0], Purpose::Upload).unwrap();
    bench.reference(&chunks, 7, &names, 1);
    assert_eq!(chunks.missing_count(), 3, "one list, and two to be expanded");
    assert_eq!(chunks.expand().unwrap(), 1);
    (1..=5).for_each(|number| bench.collect(&chunks, number));
    assert!(chunks.has(&content[2400]).unwrap(), "a list that is not here may name it");
    chunks.put(names[1], &lists[1], Purpose::Repair).unwrap();
    assert_eq!(chunks.expand().unwrap(), 1);
    assert_eq!(chunks.missing_count(), 501, "500 chunks, and the list until it is durable");
    (6..=9).for_each(|number| bench.collect(&chunks, number));
    assert!(content[..2500].iter().all(|hash| chunks.has(hash).unwrap()));

    // One list is lost before the file is removed: its references are found all the same.
    bench.damage(&lists[0]);
    chunks.suspect(&names[0]).unwrap();
    bench.dereference(&chunks, 7, &names, 1);
    chunks.expand().unwrap();
    assert_eq!(chunks.missing_count(), 0);
    (10..=11).for_each(|number| bench.collect(&chunks, number));
    assert_eq!(chunks.stored_bytes(), 0);
    assert!(chunks.referenced(None, 9).unwrap().is_empty());
}

/// Removed before it was expanded, nothing is left of it; the counts survive a restart.
#[test]
fn a_list_that_never_came_leaves_nothing() {
    let bench = Bench::new();
    let list = Hash::of(b"elsewhere");
    bench.reference(&bench.open(), 1, &[list], 1);
    let chunks = bench.open();
    assert_eq!(chunks.missing_count(), 2);
    bench.dereference(&chunks, 1, &[list], 1);
    assert_eq!(chunks.missing_count(), 0);
    assert_eq!(chunks.expand().unwrap(), 0);
    assert!(chunks.missing(None, 9).unwrap().is_empty());
}
