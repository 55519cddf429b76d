//! Background fetch of missing chunks. A chunk counts as missing until it is durable here: voters are chosen by that count.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::PART_CHUNKS;
use gossamer_world::World;
use tokio_util::sync::CancellationToken;

use super::extents::{ChunkError, Chunks, Purpose};

/// Groups of up to [`PART_CHUNKS`] chunks fetched side by side: at most 48 MiB in memory.
const GROUPS: usize = 3;
/// Missing chunks looked at in one page.
const PAGE: usize = 256;
/// First and longest wait when nobody has what is missing.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Where chunks come from: the other nodes (in tests: whatever).
pub trait Source: Send + Sync + 'static {
    /// Those of `hashes` that some other node had, hashes checked.
    fn fetch(&self, hashes: Vec<Hash>) -> gossamer_world::network::BoxFuture<'_, Vec<(Hash, Bytes)>>;
}

/// Fetches what is missing, until shutdown; wakes at once when something becomes missing.
pub async fn run(world: World, chunks: Arc<Chunks>, source: Arc<dyn Source>, shutdown: CancellationToken) {
    let mut wait = BACK_OFF.0;
    loop {
        let progress = tokio::select! {
            () = shutdown.cancelled() => return,
            progress = pass(&world, &chunks, &source) => progress.unwrap_or_else(|error| {
                tracing::warn!(%error, "fetching missing chunks stopped early");
                0
            }),
        };
        if progress > 0 {
            wait = BACK_OFF.0;
            continue;
        }
        let pause = if chunks.missing_count() > 0 { wait } else { BACK_OFF.1 };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = chunks.repair_due().notified() => wait = BACK_OFF.0,
            () = tokio::time::sleep(pause) => wait = (wait * 2).min(BACK_OFF.1),
        }
    }
}

/// Goes once through hash lists and everything missing; returns how much was done.
async fn pass(world: &World, chunks: &Arc<Chunks>, source: &Arc<dyn Source>) -> Result<usize, ChunkError> {
    let lists = Arc::clone(chunks);
    let mut done = world.blocking.run(move || lists.expand()).await?;
    let mut after = None;
    loop {
        let page = Arc::clone(chunks);
        let (last, held, absent) = world.blocking.run(move || look(&page, after)).await?;
        if last.is_none() {
            return Ok(done);
        }
        after = last;
        done += settle(world, chunks, held).await?;
        let groups: Vec<_> =
            absent.chunks(PART_CHUNKS).map(|group| fetch(world, chunks, source, group.to_vec())).collect();
        let mut fetched = futures_util::stream::iter(groups).buffer_unordered(GROUPS);
        while let Some(result) = fetched.next().await {
            done += result?;
        }
    }
}

/// A page of what is missing: its last hash, what came by itself meanwhile, and what is to be fetched.
type Page = (Option<Hash>, Vec<Hash>, Vec<Hash>);

fn look(chunks: &Chunks, after: Option<Hash>) -> Result<Page, ChunkError> {
    let page = chunks.missing(after, PAGE)?;
    let (mut held, mut absent) = (Vec::new(), Vec::new());
    for hash in &page {
        if chunks.has(hash)? { held.push(*hash) } else { absent.push(*hash) }
    }
    Ok((page.last().copied(), held, absent))
}

async fn fetch(
    world: &World,
    chunks: &Arc<Chunks>,
    source: &Arc<dyn Source>,
    group: Vec<Hash>,
) -> Result<usize, ChunkError> {
    let fetched = source.fetch(group.clone()).await;
    let store = Arc::clone(chunks);
    let stored = world.blocking.run(move || -> Result<Vec<Hash>, ChunkError> {
        let mut stored = Vec::new();
        for (hash, data) in fetched.into_iter().filter(|(hash, _)| group.contains(hash)) {
            store.put(hash, &data, Purpose::Repair)?;
            store.fetched(data.len() as u64);
            stored.push(hash);
        }
        Ok(stored)
    });
    let stored = stored.await?;
    settle(world, chunks, stored).await
}

async fn settle(world: &World, chunks: &Arc<Chunks>, held: Vec<Hash>) -> Result<usize, ChunkError> {
    if held.is_empty() {
        return Ok(0);
    }
    let chunks = Arc::clone(chunks);
    let settled = world.blocking.run(move || {
        chunks.sync()?;
        chunks.settle(&held)?;
        Ok(held.len())
    });
    settled.await
}
