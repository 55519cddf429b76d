//! What the log does when nothing, or one thing, goes wrong.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gossamer_cluster_node::storage::log::{Config, Log, OpenError};
use gossamer_world::files::Mode;
use gossamer_world::memory::Memory;
use gossamer_world::{Files, World};

use super::{Contents, DIR, SMALL, append, open, process};

fn entry(index: u64, length: usize) -> (u64, Bytes) {
    (index, Bytes::from(vec![index as u8; length]))
}

/// Everything comes back on the real disk, with real threads, over many segments; purge frees whole ones.
#[tokio::test]
async fn everything_comes_back_after_a_reopen() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("log");
    let log = Log::open(&World::real(), &dir, SMALL).await.unwrap();
    assert_eq!((log.indexes(), log.vote(), log.purged(), log.bytes()), (0..0, None, None, 1024));
    append(&log, (0..100).map(|index| entry(index, 50)).collect()).await.unwrap();
    log.save_vote(Bytes::from_static(b"vote")).await.unwrap();
    log.truncate_after(Some(89)).await.unwrap();
    assert_eq!(log.indexes(), 0..90);
    assert!(append(&log, vec![entry(91, 1)]).await.is_err(), "a gap is refused");
    append(&log, vec![entry(90, 5000), entry(91, 0)]).await.unwrap();
    let full = log.bytes();
    log.purge(59, Bytes::from_static(b"59")).await.unwrap();
    assert!(log.bytes() < full / 2 + 6000, "{} of {full}", log.bytes());
    assert!(log.truncate_after(Some(58)).await.is_err(), "what is purged cannot be truncated");
    log.save_committed(Bytes::from_static(b"committed")).await.unwrap();
    let before = Contents::of(&log).await.unwrap();
    log.close().await.unwrap();
    assert!(log.save_vote(Bytes::new()).await.is_err());

    let log = Log::open(&World::real(), &dir, SMALL).await.unwrap();
    assert_eq!(log.committed().as_deref(), Some(&b"committed"[..]));
    assert_eq!(Contents::of(&log).await.unwrap(), before);
    assert_eq!(log.indexes(), 60..92);
    // Reads are bounded, but give at least one entry, and only what exists.
    assert_eq!(log.read(60..92, 100).await.unwrap(), [entry(60, 50), entry(61, 50)]);
    assert_eq!(log.read(90..1000, 1).await.unwrap(), [entry(90, 5000)]);
    assert_eq!(log.read(0..61, 1).await.unwrap(), [entry(60, 50)]);

    // A snapshot was installed: the log begins anew beyond its end, also after another start.
    log.purge(200, Bytes::from_static(b"200")).await.unwrap();
    assert_eq!(log.indexes(), 201..201);
    append(&log, vec![entry(201, 10)]).await.unwrap();
    log.close().await.unwrap();
    let log = Log::open(&World::real(), &dir, SMALL).await.unwrap();
    assert_eq!((log.indexes(), log.purged().as_deref()), (201..202, Some(&b"200"[..])));
    assert_eq!(log.vote().as_deref(), Some(&b"vote"[..]), "carried over every purge");
}

/// Entries can be read before they are durable; one sync serves all that wait, and callbacks come in order.
#[test]
fn one_sync_serves_all_that_wait() {
    let memory = Memory::new();
    process(async {
        let config = Config { segment_bytes: 1 << 20, ..SMALL };
        let log = Log::open(&super::world(&memory), DIR.as_ref(), config).await.unwrap();
        memory.fail_sync(2);
        let told = Arc::new(Mutex::new(Vec::new()));
        for index in 0..50 {
            let in_told = told.clone();
            let durable = move |result: std::io::Result<()>| {
                result.unwrap();
                in_told.lock().unwrap().push(index);
            };
            log.append(vec![entry(index, 100)], Box::new(durable)).await.unwrap();
            assert_eq!(log.read(index..index + 1, 1).await.unwrap(), [entry(index, 100)]);
        }
        assert!(told.lock().unwrap().is_empty());
        log.save_vote(Bytes::new()).await.unwrap();
        assert!(told.lock().unwrap().iter().copied().eq(0..50));
    });
}

/// A failed sync fails all that wait and everything after; what was acknowledged before is there at the next start.
#[test]
fn a_failed_sync_is_final() {
    let memory = Memory::new();
    process(async {
        let log = open(&memory).await.unwrap();
        append(&log, vec![entry(0, 10)]).await.unwrap();
        memory.fail_sync(1);
        let (one, two) = tokio::join!(append(&log, vec![entry(1, 10)]), append(&log, vec![entry(2, 10)]));
        assert!(one.is_err() && two.is_err());
        assert!(log.failed().await.to_string().contains("injected"));
        assert!(log.save_vote(Bytes::new()).await.is_err());
        assert!(append(&log, vec![entry(3, 10)]).await.is_err());
        assert!(log.purge(0, Bytes::new()).await.is_err() && log.truncate_after(None).await.is_err());
        assert!(log.read(0..1, 1).await.is_err() && log.close().await.is_err());
    });
    memory.crash();
    process(async {
        let log = open(&memory).await.unwrap();
        assert_eq!(log.read(0..9, usize::MAX).await.unwrap(), [entry(0, 10)]);
    });
}

/// On a full disk the reserve still takes a segment of entries; then the log fails, and nothing acknowledged is lost.
#[test]
fn a_full_disk_still_takes_small_entries() {
    let memory = Memory::new();
    let acknowledged = process(async {
        let log = open(&memory).await.unwrap();
        memory.set_capacity(memory.used());
        let mut index = 0;
        while append(&log, vec![entry(index, 10)]).await.is_ok() {
            index += 1;
        }
        assert_eq!(log.failed().await.kind(), std::io::ErrorKind::StorageFull);
        index
    });
    assert!(acknowledged > 15, "only {acknowledged} entries: the spare segment was not used");
    memory.kill();
    process(async {
        let log = open(&memory).await.unwrap();
        assert!(log.indexes().end >= acknowledged);
        let read = log.read(0..acknowledged, usize::MAX).await.unwrap();
        assert!(read.into_iter().eq((0..acknowledged).map(|index| entry(index, 10))));
        // Again and again a purge makes room, in the log and for its reserve.
        for _ in 0..20 {
            let start = log.indexes().end;
            log.purge(start - 1, Bytes::new()).await.unwrap();
            append(&log, (start..start + 8).map(|index| entry(index, 10)).collect()).await.unwrap();
        }
    });
}

/// A log of a newer program is left alone, and the message says so.
#[test]
fn a_newer_format_is_refused() {
    let memory = Memory::new();
    process(async { append(&open(&memory).await.unwrap(), vec![entry(0, 10)]).await.unwrap() });
    let path = std::path::Path::new(DIR).join("0000000000000001.log");
    let mut prefix = [0; 20];
    let file = memory.open(&path, Mode::Write).unwrap();
    file.read_exact_at(&mut prefix[8..], 0).unwrap();
    prefix[16] = 2;
    file.write_all_at(&prefix[16..], 8).unwrap();
    file.write_all_at(&crc32fast::hash(&prefix).to_le_bytes(), 12).unwrap();
    let error = process(open(&memory)).map(drop).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error}");
}
