//! A disk that is full, and one that fails.

use super::super::ChunkError;
use super::*;

/// ENOSPC in the middle of a record leaves a hole: everything put before and after it is found, also without an index.
#[test]
fn a_hole_of_a_full_disk_costs_nothing() {
    let bench = Bench::new();
    let chunks = bench.open();
    let before = put(&chunks, 1, 500);
    bench.faults.full.store(true, Ordering::Relaxed);
    // Two side by side, so that the first hole is not the last range of the extent.
    let refused = std::thread::scope(|scope| {
        let tasks = [2, 3, 4].map(|seed| {
            let chunks = &chunks;
            scope.spawn(move || {
                let (hash, data) = chunk(seed, 300);
                chunks.put(hash, &data, Purpose::Apply)
            })
        });
        tasks.map(|task| task.join().unwrap())
    });
    assert!(refused.iter().all(|result| matches!(result, Err(ChunkError::NoSpace { .. }))));
    bench.faults.full.store(false, Ordering::Relaxed);
    let after: Vec<Hash> = (5..40).map(|seed| put(&chunks, seed, 400)).collect();
    drop(chunks);
    bench.backend.clear().unwrap();
    let chunks = bench.open();
    for hash in after.iter().chain([&before]) {
        assert!(chunks.get_checked(hash).unwrap().is_some());
    }
}

/// Below the reserve uploads and repair are refused, bytes of the log are not, and chunks can still be freed.
#[test]
fn the_reserve_is_for_the_log() {
    let bench = Bench::new();
    bench.faults.free.store(10_100, Ordering::Relaxed);
    let chunks = bench.open();
    chunks.replayed();
    let (hash, data) = chunk(1, 200);
    for purpose in [Purpose::Upload, Purpose::Repair] {
        let refused = chunks.put(hash, &data, purpose);
        assert!(matches!(refused, Err(ChunkError::NoSpace { reserve: 10_000, .. })));
    }
    chunks.put(hash, &data, Purpose::Apply).unwrap();
    (1..=2).for_each(|number| bench.collect(&chunks, number));
    assert!(!chunks.has(&hash).unwrap());
}

/// Compaction does not begin what it cannot end: broken off again and again, it would use up the reserve and free nothing.
#[test]
fn compaction_leaves_room_for_the_log() {
    let bench = Bench::new();
    let chunks = bench.open();
    chunks.replayed();
    let hashes: Vec<Hash> = (0..30).map(|seed| put(&chunks, seed, 300)).collect();
    let kept: Vec<Hash> = hashes.iter().copied().step_by(5).collect();
    bench.reference(&chunks, 1, &kept, 0);
    let before = bench.extents();
    bench.faults.free.store(1300, Ordering::Relaxed);
    (1..=2).for_each(|number| bench.collect(&chunks, number));
    assert_eq!(bench.extents(), before, "nothing is copied");
    bench.faults.free.store(5100, Ordering::Relaxed);
    bench.sweep(&chunks);
    assert!(bench.extents().len() < before.len(), "half of the reserve is enough");
    assert!(kept.iter().all(|hash| chunks.get_checked(hash).unwrap().is_some()));
}

/// A failed fdatasync is final, and whoever waits for it learns of it.
#[tokio::test]
async fn a_failed_sync_fails_everything_after_it() {
    let bench = Bench::new();
    let chunks = bench.open();
    let hash = put(&chunks, 1, 100);
    chunks.sync().unwrap();
    put(&chunks, 2, 100);
    bench.faults.sync_fails.store(true, Ordering::Relaxed);
    assert!(chunks.sync().is_err());
    bench.faults.sync_fails.store(false, Ordering::Relaxed);
    assert!(matches!(chunks.sync(), Err(ChunkError::Failed(_))));
    assert!(matches!(chunks.hold(&[hash]), Err(ChunkError::Failed(_))));
    let (hash, data) = chunk(3, 100);
    assert!(matches!(chunks.put(hash, &data, Purpose::Apply), Err(ChunkError::Failed(_))));
    chunks.failed().await;
}
