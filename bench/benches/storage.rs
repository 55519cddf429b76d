//! What one node's storage takes: the log, the extents and the catalogue, each alone, on a real disk.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use gossamer_bench::content::Contents;
use gossamer_cluster_node::storage::catalogue::sled_backend::SledBackend;
use gossamer_cluster_node::storage::catalogue::{Catalogue, Entry, Payload};
use gossamer_cluster_node::storage::extents::{self, Chunks, Purpose};
use gossamer_cluster_node::storage::log::{self, Log};
use gossamer_cluster_node::storage::position::Position;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, EXTENT_BYTES, LOG_CACHE_BYTES, SEGMENT_BYTES};
use gossamer_proto::v1::{Batch, Command, PutSmall, command};
use gossamer_world::World;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

const SMALL: usize = 4 << 10;
/// Entries or files at a time: what waits together becomes durable together.
const MANY: usize = 64;

fn storage(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("storage");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    append(&mut group);
    chunks(&mut group);
    apply(&mut group);
    group.finish();
}

/// Entries appended one by one, made durable as a group.
fn append(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (runtime, dir) = (Runtime::new().expect("a runtime"), TempDir::new().expect("a folder"));
    let config = log::Config { segment_bytes: SEGMENT_BYTES, cache_bytes: LOG_CACHE_BYTES };
    let log = runtime.block_on(Log::open(&World::real(), &dir.path().join("log"), config)).expect("a log");
    let mut contents = Contents::new(2);
    let mut next = 0;
    group.throughput(Throughput::Elements(MANY as u64));
    group.bench_function(format!("log append 4 KiB x {MANY}, durable"), |bench| {
        let entries = || {
            let entries = (next..).take(MANY).map(|index| (index, contents.next(SMALL))).collect::<Vec<_>>();
            next += MANY as u64;
            entries
        };
        let all = |entries| runtime.block_on(append_all(&log, entries));
        bench.iter_batched(entries, all, BatchSize::PerIteration);
    });
    runtime.block_on(log.close()).expect("a clean end");
}

async fn append_all(log: &Log, entries: Vec<(u64, Bytes)>) {
    let mut waiting = Vec::with_capacity(entries.len());
    for entry in entries {
        let (done, durable) = oneshot::channel();
        log.append(vec![entry], Box::new(move |result| drop(done.send(result)))).await.expect("an append");
        waiting.push(durable);
    }
    for durable in waiting {
        durable.await.expect("the log answers").expect("durable");
    }
}

/// Full chunks stored and synced.
fn chunks(group: &mut BenchmarkGroup<'_, WallTime>) {
    const CHUNKS: usize = 16;
    let dir = TempDir::new().expect("a folder");
    let (chunks, _) = open(&dir);
    let mut contents = Contents::new(3);
    group.throughput(Throughput::Bytes((CHUNKS * CHUNK_BYTES) as u64));
    group.bench_function(format!("chunk put 1 MiB x {CHUNKS}, sync"), |bench| {
        let some = || {
            let some = (0..CHUNKS).map(|_| contents.next(CHUNK_BYTES));
            some.map(|bytes| (Hash::of(&bytes), bytes)).collect::<Vec<_>>()
        };
        let store = |some: Vec<(Hash, Bytes)>| {
            for (hash, bytes) in &some {
                chunks.put(*hash, bytes, Purpose::Upload).expect("a put");
            }
            chunks.sync().expect("a sync");
        };
        bench.iter_batched(some, store, BatchSize::PerIteration);
    });
}

/// Batches of inline files applied: a record, a chunk and its reference each.
fn apply(group: &mut BenchmarkGroup<'_, WallTime>) {
    let dir = TempDir::new().expect("a folder");
    let (_, catalogue) = open(&dir);
    let mut contents = Contents::new(4);
    let mut index = 0;
    group.throughput(Throughput::Elements(MANY as u64));
    group.bench_function(format!("catalogue apply 4 KiB x {MANY}"), |bench| {
        let entry = || {
            index += 1;
            let put = |number| {
                let data = contents.next(SMALL);
                let blake3 = Bytes::copy_from_slice(Hash::of(&data).as_bytes());
                let name = format!("files/{index}/{number}");
                let put = PutSmall { name, data, blake3, ..PutSmall::default() };
                Command { operation: None, kind: Some(command::Kind::Put(put)) }
            };
            let batch = Batch { commands: (0..MANY).map(put).collect(), now_ms: index };
            vec![Entry { at: Position { term: 1, node: 1, index }, payload: Payload::Batch(batch) }]
        };
        let apply = |entries| drop(catalogue.apply(entries).expect("an apply"));
        bench.iter_batched(entry, apply, BatchSize::PerIteration);
    });
}

fn open(dir: &TempDir) -> (Arc<Chunks>, Catalogue) {
    let backend = Arc::new(SledBackend::open(&dir.path().join("catalogue")).expect("sled opens"));
    let config = extents::Config { extent_bytes: EXTENT_BYTES, reserve_bytes: 0, after_crash: false };
    let chunks = Chunks::open(&World::real(), &dir.path().join("extents"), backend.clone(), config)
        .expect("extents open");
    let catalogue = Catalogue::open(backend, chunks.clone()).expect("a catalogue opens");
    (chunks, catalogue)
}

criterion_group!(benches, storage);
criterion_main!(benches);
