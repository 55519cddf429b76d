//! Uploads and downloads through a queue server and three nodes.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::time::Duration;

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use futures_util::future::try_join_all;
use gossamer_bench::cluster::Cluster;
use gossamer_bench::content::Contents;
use gossamer_client::{Client, GetError, PutError, PutOptions};
use tokio::runtime::Runtime;

const LARGE: usize = 64 << 20;
const MIDDLE: usize = 1 << 20;
const SMALL: usize = 4 << 10;
/// Small files at a time: one client's puts wait for each other's fdatasync, many share it.
const MANY: usize = 32;

async fn put(client: &Client, name: &str, content: Bytes) -> Result<(), PutError> {
    client.put_bytes(name, content, PutOptions::default()).await.map(drop)
}

async fn get(client: &Client, name: &str, length: usize) -> Result<(), GetError> {
    let (_, content) = client.get_bytes(name, length as u64).await?;
    assert_eq!(content.len(), length);
    Ok(())
}

fn cluster(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let cluster = runtime.block_on(Cluster::start()).expect("a cluster");
    let client = cluster.client.clone();
    let mut contents = Contents::new(1);
    let mut group = criterion.benchmark_group("cluster");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    for (label, length) in [("64 MiB", LARGE), ("1 MiB", MIDDLE)] {
        one(&mut group, &runtime, &client, &mut contents, label, length);
    }
    many(&mut group, &runtime, &client, &mut contents);
    group.finish();
    runtime.block_on(cluster.stop());
}

/// One file at a time.
fn one(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    client: &Client,
    contents: &mut Contents,
    label: &str,
    length: usize,
) {
    group.throughput(Throughput::Bytes(length as u64));
    group.bench_function(format!("put/{label}"), |bench| {
        let upload = |content| runtime.block_on(put(client, label, content)).expect("a put");
        bench.iter_batched(|| contents.next(length), upload, BatchSize::PerIteration);
    });
    // A bench picked by its name runs alone: then nothing has been put yet.
    runtime.block_on(put(client, label, contents.next(length))).expect("a put");
    group.bench_function(format!("get/{label}"), |bench| {
        bench.iter(|| runtime.block_on(get(client, label, length)).expect("a get"));
    });
}

/// Many small files side by side.
fn many(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    client: &Client,
    contents: &mut Contents,
) {
    let names: Vec<String> = (0..MANY).map(|number| format!("small/{number}")).collect();
    let put_all = |all: Vec<Bytes>| {
        let puts = names.iter().zip(all).map(|(name, content)| put(client, name, content));
        runtime.block_on(try_join_all(puts)).expect("puts");
    };
    let mut all = || (0..MANY).map(|_| contents.next(SMALL)).collect::<Vec<_>>();
    group.throughput(Throughput::Elements(MANY as u64));
    group.bench_function(format!("put/4 KiB x {MANY}"), |bench| {
        bench.iter_batched(&mut all, put_all, BatchSize::PerIteration);
    });
    put_all(all());
    group.bench_function(format!("get/4 KiB x {MANY}"), |bench| {
        bench.iter(|| {
            let gets = names.iter().map(|name| get(client, name, SMALL));
            runtime.block_on(try_join_all(gets)).expect("gets");
        });
    });
}

criterion_group!(benches, cluster);
criterion_main!(benches);
