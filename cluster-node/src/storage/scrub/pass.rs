//! One pass: the catalogue, the snapshot, the closed segments of the log, then every chunk in the order of the disk.

use gossamer_proto::hash::Hash;
use gossamer_proto::limits::CHUNK_BYTES;
use gossamer_proto::setting::Setting;
use tokio::time::Instant;

use super::Scrub;
use super::mark::Mark;
use super::mend;
use super::pace::Pace;
use crate::storage::catalogue::backend::BackendError;
use crate::storage::extents::ChunkError;
use crate::storage::log::OpenError;
use crate::storage::snapshot::SnapshotError;

/// Bytes and chunks of one step.
const STEP_BYTES: u64 = CHUNK_BYTES as u64;
const STEP_CHUNKS: usize = 64;

/// Why a pass did not come to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The catalogue cannot be believed.
    Damaged(String),
    /// Something is in the way.
    Later(String),
}

impl From<ChunkError> for Stop {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::Index(error) => error.into(),
            other => Stop::Later(other.to_string()),
        }
    }
}

impl From<BackendError> for Stop {
    fn from(error: BackendError) -> Self {
        match error {
            // A snapshot that is being installed brings it.
            BackendError::Replacing => Stop::Later(error.to_string()),
            other => Stop::Damaged(format!("scrubbing: {other}")),
        }
    }
}

/// Goes on from where `mark` is to the end.
pub(super) async fn pass(scrub: &Scrub, mark: &mut Mark) -> Result<(), Stop> {
    let mut pace = Pace::new();
    if mark.at == Some((0, 0)) {
        scrub.progress.is_at(0, total(scrub));
        catalogue(scrub).await?;
        snapshot(scrub, &mut pace).await?;
        log(scrub, &mut pace).await;
    }
    extents(scrub, mark, &mut pace).await
}

fn rate(scrub: &Scrub) -> u64 {
    scrub.catalogue.setting(Setting::ScrubRate)
}

fn total(scrub: &Scrub) -> u64 {
    scrub.chunks.extents_from(0).iter().map(|(_, length)| length).sum()
}

/// The rows must add up to the digest that was kept up with them. Not in steps: a view that stays frozen for long would hold
/// up those who write.
async fn catalogue(scrub: &Scrub) -> Result<(), Stop> {
    let (_, found, kept) = scrub.blocking(|scrub| scrub.catalogue.recompute_digest()).await?;
    if found == kept {
        return Ok(());
    }
    Err(Stop::Damaged("scrubbing: the rows of the catalogue do not match its digest".to_owned()))
}

/// A damaged snapshot is replaced by a new one of the catalogue, whose rows are compared with its digest meanwhile.
pub(super) async fn snapshot(scrub: &Scrub, pace: &mut Pace) -> Result<(), Stop> {
    let Some(mut checking) = scrub.snapshots.checking() else { return Ok(()) };
    loop {
        let step = scrub.blocking(move |_| checking.step().map(|read| (checking, read))).await;
        let (next, read) = match step {
            Ok((next, Some(read))) => (next, read),
            Ok((_, None)) => {
                // Also if another took the place of one that was damaged.
                scrub.progress.snapshot_is_well();
                return Ok(());
            }
            Err(error) => {
                tracing::error!(%error, "a new snapshot is built in the place of a damaged one");
                break;
            }
        };
        checking = next;
        pace.spend(read, rate(scrub)).await;
    }
    if scrub.blocking(|scrub| scrub.snapshots.check()).await.is_ok() {
        // Another one has taken its place meanwhile.
        return Ok(());
    }
    scrub.progress.snapshot_is_bad();
    let built = scrub.blocking(|scrub| {
        let sync = || scrub.chunks.sync().map_err(std::io::Error::other);
        scrub.snapshots.build(&scrub.catalogue, &sync)
    });
    match built.await {
        Ok(_) => {
            scrub.progress.snapshot_is_well();
            Ok(())
        }
        Err(SnapshotError::Catalogue(error)) => Err(error.into()),
        Err(error) => Err(Stop::Later(error.to_string())),
    }
}

/// Looks for the newest damaged segment: what makes it superfluous makes those before it so, too.
async fn log(scrub: &Scrub, pace: &mut Pace) {
    let mut damaged = None;
    let mut upto = None;
    for mut closed in scrub.log.closed() {
        upto = upto.max(closed.last_index());
        let sequence = closed.sequence();
        loop {
            let (next, read) = scrub
                .blocking(move |_| {
                    let read = closed.step(STEP_BYTES);
                    (closed, read)
                })
                .await;
            closed = next;
            match read {
                Ok(Some(read)) => pace.spend(read, rate(scrub)).await,
                Ok(None) => break,
                Err(error @ OpenError::Io(_)) => {
                    tracing::warn!(%error, "a segment of the log could not be re-read");
                    break;
                }
                Err(error) => {
                    tracing::error!(%error, "a closed segment of the log is damaged");
                    damaged = Some(mend::Damage { sequence, upto });
                    break;
                }
            }
        }
    }
    if let Some(damage) = damaged {
        scrub.progress.segment_is_bad(damage);
    }
}

/// Every chunk of the extents that are there now.
async fn extents(scrub: &Scrub, mark: &mut Mark, pace: &mut Pace) -> Result<(), Stop> {
    let last = scrub.chunks.extents_from(0).last().map_or(0, |(number, _)| *number);
    let mut kept = Instant::now();
    loop {
        let (number, from) = mark.at.unwrap_or_default();
        let next = scrub.chunks.extents_from(number).first().copied();
        let Some((extent, _)) = next.filter(|(extent, _)| *extent <= last) else { return Ok(()) };
        let from = if extent == number { from } else { 0 };
        let mut list = list(scrub, extent, pace).await?;
        list.retain(|(_, offset, _)| *offset >= from);
        let mut rest = &list[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(step(rest));
            rest = later;
            let part: Vec<Hash> = now.iter().map(|(hash, ..)| *hash).collect();
            let read = scrub.blocking(move |scrub| reread(&scrub, extent, &part)).await?;
            if let Some((_, offset, _)) = rest.first() {
                mark.at = Some((extent, *offset));
            }
            tell(scrub, mark);
            pace.spend(read, rate(scrub)).await;
            scrub.keep_sometimes(mark, &mut kept).await;
        }
        mark.at = Some((extent + 1, 0));
        tell(scrub, mark);
    }
}

/// The chunks of an extent, with their offsets and lengths in bytes.
async fn list(scrub: &Scrub, extent: u64, pace: &mut Pace) -> Result<Vec<(Hash, u64, u32)>, Stop> {
    let mut listing = scrub.chunks.listing(extent);
    loop {
        let (listed, read) = scrub
            .blocking(move |scrub| {
                let read = scrub.chunks.list(&mut listing);
                (listing, read)
            })
            .await;
        listing = listed;
        match read? {
            Some(read) => pace.spend(read, rate(scrub)).await,
            None => return Ok(listing.into_chunks()),
        }
    }
}

/// How many chunks are one step; at least one.
fn step(list: &[(Hash, u64, u32)]) -> usize {
    let mut bytes = 0;
    let fits = |(_, _, length): &&(Hash, u64, u32)| {
        bytes += u64::from(*length);
        bytes <= STEP_BYTES
    };
    list.iter().take(STEP_CHUNKS).take_while(fits).count().max(1)
}

/// Reads these chunks from the disk. A bad one is forgotten, and so fetched by repair. Returns the bytes read.
fn reread(scrub: &Scrub, extent: u64, hashes: &[Hash]) -> Result<u64, Stop> {
    let mut bytes = 0;
    for hash in hashes {
        match scrub.chunks.reread(extent, hash) {
            Ok(read) => bytes += read,
            // It has said so, and counted.
            Err(ChunkError::Corrupt(_)) => {}
            // Not what the chunk is like, but the machine: nothing is known of this one.
            Err(ChunkError::Io(error)) => tracing::warn!(%hash, %error, "a chunk could not be re-read"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}

fn tell(scrub: &Scrub, mark: &Mark) {
    let (number, offset) = mark.at.unwrap_or_default();
    let (mut done, mut total) = (0, 0);
    for (extent, length) in scrub.chunks.extents_from(0) {
        total += length;
        done += match extent.cmp(&number) {
            std::cmp::Ordering::Less => length,
            std::cmp::Ordering::Equal => offset.min(length),
            std::cmp::Ordering::Greater => 0,
        };
    }
    scrub.progress.is_at(done, total);
}
