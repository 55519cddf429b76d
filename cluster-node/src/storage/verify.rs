//! Re-reading every chunk from disk, and the catalogue's digest, to compare with other nodes.

use std::sync::Arc;
use std::time::Duration;

use gossamer_proto::hash::Hash;
use gossamer_proto::v1;
use gossamer_world::World;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::catalogue::Catalogue;
use super::extents::{ChunkError, Chunks};

/// Chunks read in one blocking call: at most 16 MiB.
const STEP: usize = 16;
/// Hashes counted in one page.
const PAGE: usize = 1024;
/// How often progress is reported.
const REPORT: Duration = Duration::from_secs(1);
/// Bad chunks in one message.
const BAD: usize = 256;
/// How long to wait for an index to be applied, and how often to look.
const APPLY: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// Which file names a chunk, for messages.
pub(super) type FileOf = Arc<dyn Fn(&Hash) -> Option<String> + Send + Sync>;

/// What was looked at so far.
#[derive(Default)]
struct Seen {
    chunks: u64,
    bytes: u64,
    bad: Vec<v1::BadChunk>,
}

/// Reads and hashes every referenced chunk (and reports those missing), and the catalogue's digest at `index`; sends progress
/// about every second and a last message with `done`. A bad chunk is reported, forgotten and so healed by repair.
pub async fn run(
    world: World,
    catalogue: Arc<Catalogue>,
    chunks: Arc<Chunks>,
    request: v1::VerifyRequest,
    progress: mpsc::Sender<v1::VerifyProgress>,
) {
    let names = Arc::clone(&catalogue);
    let file_of: FileOf = Arc::new(move |hash| names.file_of(hash).ok().flatten());
    let walked = if request.digest_only {
        Ok(v1::VerifyProgress::default())
    } else {
        walk(&world, &chunks, &file_of, &progress).await
    };
    let mut last = walked.unwrap_or_else(|error| v1::VerifyProgress {
        failure: Some(failure(v1::Code::Internal, format!("reading chunks: {error}"))),
        ..Default::default()
    });
    match digest_at(&catalogue, request.index).await {
        Some(digest) => last.digest = digest.to_vec().into(),
        None => {
            let text = format!("log entry {} was not applied here, or skipped by a snapshot", request.index);
            last.failure.get_or_insert_with(|| failure(v1::Code::Unavailable, text));
        }
    }
    last.done = true;
    // Nobody listens any more: nobody is told.
    let _ = progress.send(last).await;
}

/// Looks at every referenced chunk. Returns the message that is still to be sent; stops early if nobody listens.
pub(super) async fn walk(
    world: &World,
    chunks: &Arc<Chunks>,
    file_of: &FileOf,
    progress: &mpsc::Sender<v1::VerifyProgress>,
) -> Result<v1::VerifyProgress, ChunkError> {
    let counted = Arc::clone(chunks);
    let total = world.blocking.run(move || count(&counted)).await?;
    let mut seen = Seen::default();
    let mut after = None;
    let mut reported = Instant::now();
    loop {
        let (store, names) = (Arc::clone(chunks), Arc::clone(file_of));
        let last;
        (seen, last) = world.blocking.run(move || step(&store, &names, after, seen)).await?;
        if last.is_none() {
            return Ok(report(&mut seen, total));
        }
        after = last;
        if reported.elapsed() >= REPORT || seen.bad.len() >= BAD {
            reported = Instant::now();
            if progress.send(report(&mut seen, total)).await.is_err() {
                return Ok(report(&mut seen, total));
            }
        }
    }
}

fn count(chunks: &Chunks) -> Result<u64, ChunkError> {
    let (mut total, mut after) = (0, None);
    loop {
        let page = chunks.referenced(after, PAGE)?;
        total += page.len() as u64;
        let Some(last) = page.last() else { return Ok(total) };
        after = Some(*last);
    }
}

fn step(
    chunks: &Chunks,
    file_of: &FileOf,
    after: Option<Hash>,
    mut seen: Seen,
) -> Result<(Seen, Option<Hash>), ChunkError> {
    let page = chunks.referenced(after, STEP)?;
    for hash in &page {
        let reason = match chunks.get_checked(hash) {
            Ok(Some(data)) => {
                seen.bytes += data.len() as u64;
                None
            }
            // A record that was removed since the page was read misses nothing.
            Ok(None) => chunks.is_missing(hash)?.then_some("missing"),
            Err(ChunkError::Corrupt(_)) => Some("damaged on disk; fetched again from another node"),
            Err(error) => return Err(error),
        };
        seen.chunks += 1;
        if let Some(reason) = reason {
            let file = file_of(hash).unwrap_or_default();
            let hash = hash.as_bytes().to_vec().into();
            seen.bad.push(v1::BadChunk { hash, reason: reason.to_owned(), file });
        }
    }
    Ok((seen, page.last().copied()))
}

fn report(seen: &mut Seen, total: u64) -> v1::VerifyProgress {
    v1::VerifyProgress {
        checked_chunks: seen.chunks,
        checked_bytes: seen.bytes,
        total_chunks: total,
        bad: std::mem::take(&mut seen.bad),
        ..Default::default()
    }
}

/// Waits until the entry is applied; `None` if that takes too long or its digest was not noted.
async fn digest_at(catalogue: &Catalogue, index: u64) -> Option<[u8; 32]> {
    let late = Instant::now() + APPLY;
    while catalogue.applied().at.is_none_or(|at| at.index < index) {
        if Instant::now() >= late {
            return None;
        }
        sleep(LOOK).await;
    }
    catalogue.digest_at(index)
}

fn failure(code: v1::Code, text: String) -> v1::Failure {
    v1::Failure { code: code.into(), message: text, ..Default::default() }
}
