//! Freeing chunks after a Collect, in the background, in steps: an fdatasync beside a large unlink takes long.

use std::sync::Arc;
use std::time::Duration;

use gossamer_proto::limits::EXTENT_BYTES;
use tokio_util::sync::CancellationToken;

use super::extents::{ChunkError, Chunks};

/// Chunks looked at in one step, which holds the index lock.
const STEP: usize = 1024;
/// Bytes unlinked in one step...
const UNLINK_BYTES: u64 = EXTENT_BYTES;
/// ...and the time in which others write and sync before the next.
const PAUSE: Duration = Duration::from_millis(50);

/// Frees what the applied Collects allow and compacts extents that are half empty, until shutdown.
pub async fn run(world: gossamer_world::World, chunks: Arc<Chunks>, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = chunks.collect_due().notified() => {}
        }
        tracing::info!(
            number = chunks.collect_number(),
            "freeing chunks that nothing names since this collect"
        );
        tokio::select! {
            () = shutdown.cancelled() => return,
            result = sweep(&world, &chunks, PAUSE) => if let Err(error) = result {
                // The next Collect tries again.
                tracing::warn!(%error, "freeing chunks stopped early");
            },
        }
    }
}

/// One round: free, unlink, compact, unlink; with a pause after each step of unlinking.
pub(super) async fn sweep(
    world: &gossamer_world::World,
    chunks: &Arc<Chunks>,
    pause: Duration,
) -> Result<(), ChunkError> {
    let mut after = None;
    loop {
        let step = Arc::clone(chunks);
        after = world.blocking.run(move || step.free_some(after, STEP)).await?;
        if after.is_none() {
            break;
        }
        tokio::task::yield_now().await;
    }
    unlink(world, chunks, pause).await?;
    loop {
        let step = Arc::clone(chunks);
        if !world.blocking.run(move || step.compact_one()).await? {
            return Ok(());
        }
        unlink(world, chunks, pause).await?;
    }
}

async fn unlink(
    world: &gossamer_world::World,
    chunks: &Arc<Chunks>,
    pause: Duration,
) -> Result<(), ChunkError> {
    loop {
        let step = Arc::clone(chunks);
        if world.blocking.run(move || step.unlink_some(UNLINK_BYTES)).await? == 0 {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
    }
}
