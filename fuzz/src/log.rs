//! A log whose bytes were changed opens with all that was acknowledged, with less if its very end is gone, or not at all; never
//! with what was never written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use bytes::Bytes;
use gossamer_cluster_node::storage::log::{Config, Log, OpenError};
use gossamer_world::memory::Memory;

use crate::disk::{Image, changes, damage, disk, image, world};
use crate::wait;

const DIR: &str = "/log";
/// A few records fill a segment.
const SMALL: Config = Config { segment_bytes: 1024, cache_bytes: 256 };
/// Bytes of the mark at the very end, which nothing vouches for.
const MARK_BYTES: usize = 40;

/// What a log holds.
#[derive(Clone, Debug, PartialEq)]
struct Contents {
    vote: Option<Bytes>,
    purged: Option<Bytes>,
    start: u64,
    entries: Vec<(u64, Bytes)>,
}

async fn contents(log: &Log) -> Contents {
    let range = log.indexes();
    let entries = log.read(range.clone(), usize::MAX).await.unwrap();
    Contents { vote: log.vote(), purged: log.purged(), start: range.start, entries }
}

struct Written {
    image: Image,
    contents: Contents,
    /// Everything that was ever at an index.
    ever: BTreeMap<u64, BTreeSet<Bytes>>,
    votes: BTreeSet<Bytes>,
}

async fn append(log: &Log, entries: Vec<(u64, Bytes)>) {
    let (done, durable) = tokio::sync::oneshot::channel();
    log.append(entries, Box::new(move |result| drop(done.send(result)))).await.unwrap();
    durable.await.unwrap().unwrap();
}

fn written() -> &'static Written {
    static WRITTEN: OnceLock<Written> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let memory = Memory::new();
        let mut ever: BTreeMap<u64, BTreeSet<Bytes>> = BTreeMap::new();
        let mut entries = |range: std::ops::Range<u64>, length: usize| {
            let entries: Vec<_> =
                range.map(|index| (index, Bytes::from(vec![index as u8 + 1; length]))).collect();
            entries.iter().for_each(|(index, bytes)| {
                ever.entry(*index).or_default().insert(bytes.clone());
            });
            entries
        };
        let votes = [&b"vote of term 1"[..], b"vote of term 2"].map(Bytes::from_static);
        let contents = wait(async {
            let log = Log::open(&world(&memory), Path::new(DIR), SMALL).await.unwrap();
            append(&log, entries(0..20, 40)).await;
            log.save_vote(votes[0].clone()).await.unwrap();
            append(&log, entries(20..30, 60)).await;
            log.purge(12, Bytes::from_static(b"12")).await.unwrap();
            log.truncate_after(Some(24)).await.unwrap();
            append(&log, entries(25..40, 30)).await;
            log.save_committed(Bytes::from_static(b"30")).await.unwrap();
            append(&log, entries(40..42, 33)).await;
            log.save_vote(votes[1].clone()).await.unwrap();
            contents(&log).await
        });
        memory.kill();
        Written { image: image(&memory, Path::new(DIR)), contents, ever, votes: votes.into() }
    })
}

/// The input: changes; or, if it begins with 255, the first segment itself.
pub fn run(bytes: &[u8]) {
    match bytes.split_first() {
        Some((255, segment)) => nonsense(segment),
        _ => changed(bytes),
    }
}

fn changed(bytes: &[u8]) {
    let written = written();
    let mut image = written.image.clone();
    let done = damage(&mut image, &changes(bytes));
    // The newest segment is the last but the spare; its last mark is where its bytes end.
    let newest = image.len() - 2;
    let end = written.image[newest].1.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let tail = end.next_multiple_of(8) - MARK_BYTES;
    let vouched = !done.wild && done.flips.iter().all(|(file, at)| *file != newest || *at < tail);
    let memory = disk(Path::new(DIR), &image);
    wait(async {
        match Log::open(&world(&memory), Path::new(DIR), SMALL).await {
            Ok(log) => {
                let found = contents(&log).await;
                if vouched {
                    assert_eq!(found, written.contents, "something acknowledged is lost");
                }
                for (index, entry) in &found.entries {
                    assert!(written.ever[index].contains(entry), "entry {index} was never written");
                }
                assert!(found.vote.iter().all(|vote| written.votes.contains(vote)));
                goes_on(&log).await;
            }
            Err(OpenError::Corrupt { .. } | OpenError::Io(_)) => {}
            Err(OpenError::Newer { .. }) => panic!("damage passed for a newer format"),
        }
    });
}

/// Any bytes at all as a segment.
fn nonsense(segment: &[u8]) {
    let image = vec![(Path::new(DIR).join("0000000000000001.log"), segment.to_vec())];
    let memory = disk(Path::new(DIR), &image);
    wait(async {
        if let Ok(log) = Log::open(&world(&memory), Path::new(DIR), SMALL).await {
            contents(&log).await;
        }
    });
}

/// What is opened can be written.
async fn goes_on(log: &Log) {
    let next = log.indexes().end;
    append(log, vec![(next, Bytes::from_static(b"more"))]).await;
    assert_eq!(log.read(next..next + 1, 100).await.unwrap(), [(next, Bytes::from_static(b"more"))]);
}
