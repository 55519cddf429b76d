//! Bytes that changed on disk, and how they heal.

use std::collections::BTreeSet;

use gossamer_proto::v1;
use gossamer_world::network::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::ChunkError;
use super::*;
use crate::storage::{repair, verify};

/// Another node that has everything.
struct Others(BTreeMap<Hash, Bytes>);

impl repair::Source for Others {
    fn fetch(&self, hashes: Vec<Hash>) -> BoxFuture<'_, Vec<(Hash, Bytes)>> {
        let found = hashes.iter().filter_map(|hash| Some((*hash, self.0.get(hash)?.clone()))).collect();
        Box::pin(async move { found })
    }
}

/// Runs repair until nothing is missing.
async fn heal(bench: &Bench, chunks: &Arc<Chunks>, contents: &[(Hash, Bytes)]) {
    let source = Arc::new(Others(contents.iter().cloned().collect()));
    let shutdown = CancellationToken::new();
    let task = repair::run(bench.world.clone(), Arc::clone(chunks), source, shutdown.clone());
    let task = tokio::spawn(task);
    while chunks.missing_count() > 0 {
        tokio::task::yield_now().await;
    }
    shutdown.cancel();
    task.await.unwrap();
}

async fn bad(bench: &Bench, chunks: &Arc<Chunks>) -> (u64, BTreeSet<Vec<u8>>) {
    let (send, _receive) = mpsc::channel(9);
    let file_of: verify::FileOf = Arc::new(|_| Some("files/a".to_owned()));
    let report: v1::VerifyProgress = verify::walk(&bench.world, chunks, &file_of, &send).await.unwrap();
    assert!(report.bad.iter().all(|bad| bad.file == "files/a"));
    assert_eq!(report.checked_chunks, report.total_chunks);
    (report.checked_chunks, report.bad.into_iter().map(|bad| bad.hash.to_vec()).collect())
}

/// Verify names exactly the damaged and the missing chunk; repair fetches both; then all is well.
#[tokio::test]
async fn a_flipped_byte_is_found_named_and_healed() {
    let bench = Bench::new();
    let chunks = bench.open();
    let contents: Vec<_> = (0..50).map(|seed| chunk(seed, 700)).collect();
    let hashes: Vec<Hash> = contents.iter().map(|(hash, _)| *hash).collect();
    for (hash, data) in &contents[..49] {
        chunks.put(*hash, data, Purpose::Upload).unwrap();
    }
    bench.reference(&chunks, 1, &hashes, 0);
    bench.reference(&chunks, 2, &hashes, 0);
    bench.damage(&contents[20].1);
    assert!(
        chunks.get(&hashes[20]).unwrap().is_some_and(|data| data != contents[20].1),
        "get leaves checking to the receiver"
    );
    let expected = [20, 49].map(|at: usize| hashes[at].as_bytes().to_vec()).into();
    assert_eq!(bad(&bench, &chunks).await, (50, expected));
    assert_eq!(chunks.missing_count(), 2);
    heal(&bench, &chunks, &contents).await;
    assert_eq!(bad(&bench, &chunks).await, (50, BTreeSet::new()));
    bench.damage(&contents[3].1);
    assert!(matches!(chunks.get_checked(&hashes[3]), Err(ChunkError::Corrupt(hash)) if hash == hashes[3]));
    assert_eq!(chunks.missing(None, 9).unwrap(), [hashes[3]]);
}

/// One damaged record header costs one chunk, with the index and without; a damaged extent header costs none.
#[test]
fn a_damaged_header_costs_one_chunk() {
    let bench = Bench::new();
    let chunks = bench.open();
    let hashes: Vec<Hash> = (0..30).map(|seed| put(&chunks, seed, 300)).collect();
    drop(chunks);
    bench.damage(hashes[10].as_bytes());
    for path in bench.extents() {
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let held = |chunks: &Chunks| {
        hashes.iter().filter(|hash| matches!(chunks.get_checked(hash), Ok(Some(_)))).count()
    };
    assert_eq!(held(&bench.open()), 29);
    bench.backend.clear().unwrap();
    assert_eq!(held(&bench.open()), 29);
}

/// Compaction loses nothing of an extent whose header is damaged in both copies, as long as there is an index.
#[test]
fn compaction_needs_no_extent_header() {
    let bench = Bench::new();
    let chunks = bench.open();
    chunks.replayed();
    let hashes: Vec<Hash> = (0..30).map(|seed| put(&chunks, seed, 300)).collect();
    let kept: Vec<Hash> = hashes.iter().copied().step_by(5).collect();
    bench.reference(&chunks, 1, &kept, 0);
    let before = bench.extents();
    bench.damage(b"GOSSEXT");
    (1..=2).for_each(|number| bench.collect(&chunks, number));
    assert!(before[..before.len() - 1].iter().all(|path| !path.exists()), "all sealed ones were sparse");
    assert_eq!(chunks.stored_bytes(), 6 * 352);
    assert!(kept.iter().all(|hash| chunks.get_checked(hash).unwrap().is_some()));
}

/// A sync failed, or the power did, and the index knows nothing of it: after a run that did not end well a chunk whose bytes are
/// not there is not held, however trusted the index is, and all others are.
#[test]
fn after_a_crash_the_index_is_not_believed() {
    let bench = Bench::new();
    let chunks = bench.open();
    let hashes: Vec<Hash> = (0..30).map(|seed| put(&chunks, seed, 300)).collect();
    bench.reference(&chunks, 1, &hashes, 0);
    drop(chunks);
    let (lost, bytes) = chunk(29, 300);
    bench.damage(&bytes);
    assert_eq!(bench.open_after(false).hold(&hashes).unwrap(), []);
    let chunks = bench.open_after(true);
    assert_eq!(chunks.hold(&hashes).unwrap(), [lost]);
    assert_eq!(chunks.missing(None, 9).unwrap(), [lost]);
    assert_eq!(chunks.stored_bytes(), 29 * 352);
    assert!(hashes[..29].iter().all(|hash| chunks.get_checked(hash).unwrap().is_some()));
    // Its header is no header any more: a rebuild does not take it for a chunk.
    drop(chunks);
    bench.backend.clear().unwrap();
    assert_eq!(bench.open().hold(&hashes).unwrap(), [lost]);
}

/// A tail that was never synced is cut anywhere: what is left is found, what is torn is not, and nothing false is promised.
#[test]
fn a_torn_tail_is_never_held() {
    for lost_index in [false, true] {
        for cut in [0, 1, 40, 128, 177, 500, 900] {
            let bench = Bench::new();
            let chunks = bench.open();
            let hashes: Vec<Hash> = (0..25).map(|seed| put(&chunks, seed, 300)).collect();
            bench.reference(&chunks, 1, &hashes, 0);
            drop(chunks);
            let active = bench.extents().pop().unwrap();
            let file = std::fs::OpenOptions::new().write(true).open(&active).unwrap();
            let length = file.metadata().unwrap().len();
            file.set_len(cut.min(length)).unwrap();
            // The length may have reached the disk, and the bytes not.
            file.set_len(length).unwrap();
            if lost_index {
                bench.backend.clear().unwrap();
            }
            let chunks = bench.open();
            let fresh = put(&chunks, 99, 300);
            for hash in &hashes {
                let held = chunks.has(hash).unwrap();
                let sound = matches!(chunks.get_checked(hash), Ok(Some(_)));
                assert!(sound || !held || !lost_index);
                assert!(sound || lost_index || chunks.missing(None, 99).unwrap().contains(hash));
            }
            assert!(chunks.get_checked(&fresh).unwrap().is_some());
        }
    }
}

/// A record whose header reached the disk, and whose payload did not, is never taken for the chunk: not when the index is
/// lost, and not when it is lost again, by when later extents say that this one is durable. The chunk put anew is found.
#[test]
fn a_torn_record_never_comes_back() {
    for put_again in [false, true] {
        let bench = Bench::new();
        let chunks = bench.open();
        let hashes: Vec<Hash> = (0..5).map(|seed| put(&chunks, seed, 300)).collect();
        drop(chunks);
        bench.damage(&chunk(2, 300).1);
        for loss in 0..4 {
            bench.backend.clear().unwrap();
            let chunks = bench.open();
            if put_again && loss == 0 {
                assert_eq!(put(&chunks, 2, 300), hashes[2]);
            }
            // Begins an extent.
            put(&chunks, 10 + loss, 300);
            for hash in &hashes {
                let there = *hash != hashes[2] || put_again;
                assert_eq!(chunks.has(hash).unwrap(), there, "loss {loss}");
                assert_eq!(matches!(chunks.get_checked(hash), Ok(Some(_))), there, "loss {loss}");
            }
        }
    }
}

/// Without an index, a block that the disk cannot read costs the chunks that lie in it and no others, also where a damaged
/// header before it has the next one searched for; and all but that block is written once more.
#[test]
fn an_unreadable_block_costs_what_is_in_it() {
    let bench = Bench::new();
    let config = || Config { extent_bytes: 1 << 20, reserve_bytes: 10_000, after_crash: false };
    let chunks = bench.open_with(config());
    let hashes: Vec<Hash> = (0..100).map(|seed| put(&chunks, seed, 1000)).collect();
    drop(chunks);
    let length = std::fs::metadata(bench.extents().pop().unwrap()).unwrap().len();
    bench.damage(hashes[0].as_bytes());
    bench.backend.clear().unwrap();
    bench.faults.bad_block.store(2, Ordering::Relaxed);
    let before = bench.faults.written.load(Ordering::Relaxed);
    let chunks = bench.open_with(config());
    assert!(bench.faults.written.load(Ordering::Relaxed) - before >= length - 4096);
    // Each record takes 1048 bytes, the first begins at 128.
    let in_it = |at: usize| 128 + at * 1048 < 8192 && 128 + (at + 1) * 1048 > 4096;
    for (at, hash) in hashes.iter().enumerate() {
        assert_eq!(chunks.has(hash).unwrap(), at > 0 && !in_it(at), "chunk {at}");
    }
}

/// A damaged chunk that was mended stays so without the index: of two records the later one counts.
#[test]
fn a_mended_chunk_stays_mended() {
    let bench = Bench::new();
    let hash = put(&bench.open(), 1, 300);
    put(&bench.open(), 2, 300);
    bench.damage(&chunk(1, 300).1);
    let chunks = bench.open();
    assert!(matches!(chunks.get_checked(&hash), Err(ChunkError::Corrupt(_))));
    put(&chunks, 1, 300);
    let stored = chunks.stored_bytes();
    drop(chunks);
    bench.backend.clear().unwrap();
    let chunks = bench.open();
    assert!(chunks.get_checked(&hash).unwrap().is_some());
    assert_eq!(chunks.stored_bytes(), stored, "a record that another one replaced is not counted");
}

/// An extent of a newer format is refused, not overwritten.
#[test]
fn a_newer_format_is_refused() {
    let bench = Bench::new();
    put(&bench.open(), 1, 100);
    let path = bench.extents().pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let config = Config { extent_bytes: 4096, reserve_bytes: 0, after_crash: false };
    let opened = Chunks::open(&bench.world, path.parent().unwrap(), Arc::default() as Arc<Rows>, config);
    assert!(matches!(opened.err(), Some(ChunkError::Newer { found: 2, known: 1, .. })));
}
