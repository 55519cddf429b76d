//! The log on a disk that fails, forgets and goes bad.

mod basics;
mod crashes;
mod damage;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use gossamer_cluster_node::storage::log::{Config, Log, OpenError};
use gossamer_world::memory::Memory;
use gossamer_world::{Blocking, Random, World};

const DIR: &str = "/log";

/// Small enough that a few records fill a segment, and that entries are read from disk.
const SMALL: Config = Config { segment_bytes: 1024, cache_bytes: 256 };

/// Never the same number twice; as good as random for a nonce in a test.
struct Counter(AtomicU64);

impl Random for Counter {
    fn fill(&self, into: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for (byte, from) in into.iter_mut().zip(number.to_le_bytes().into_iter().cycle()) {
            *byte = from;
        }
    }
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

fn world(memory: &Memory) -> World {
    let start = NUMBERS.fetch_add(1 << 32, Ordering::SeqCst);
    World {
        files: Arc::new(memory.clone()),
        random: Arc::new(Counter(AtomicU64::new(start))),
        blocking: Blocking::Inline,
        ..World::real()
    }
}

async fn open(memory: &Memory) -> Result<Log, OpenError> {
    Log::open(&world(memory), Path::new(DIR), SMALL).await
}

/// One life of a process: its tasks end with it.
fn process<T>(life: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(life)
}

/// Appends and waits until it is durable.
async fn append(log: &Log, entries: Vec<(u64, Bytes)>) -> std::io::Result<()> {
    let (done, outcome) = tokio::sync::oneshot::channel();
    log.append(entries, Box::new(move |result| drop(done.send(result)))).await?;
    outcome.await.unwrap()
}

/// What a log holds, the committed mark aside.
#[derive(Clone, Debug, Default, PartialEq)]
struct Contents {
    vote: Option<Bytes>,
    purged: Option<Bytes>,
    start: u64,
    entries: Vec<Bytes>,
}

impl Contents {
    async fn of(log: &Log) -> std::io::Result<Contents> {
        let range = log.indexes();
        let read = log.read(range.clone(), usize::MAX).await?;
        assert!(read.iter().map(|(index, _)| *index).eq(range.clone()), "all indexes, in order");
        let entries = read.into_iter().map(|(_, payload)| payload).collect();
        Ok(Contents { vote: log.vote(), purged: log.purged(), start: range.start, entries })
    }
}
