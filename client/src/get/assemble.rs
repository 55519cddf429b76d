//! All parts of one version, several in flight, into the sink; but for what the sink has already.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gossamer_proto::hash::Hash;
use gossamer_proto::limits::{CHUNK_BYTES, PART_CHUNKS};
use gossamer_proto::v1::{FileRecord, Serving};
use tokio::sync::mpsc;

use super::part::Part;
use crate::progress::Progress;
use crate::retry::AskError;
use crate::sink::{Held, Sink};
use crate::{Client, Info};

/// Parts in memory at a time, 16 MiB each: enough to keep four nodes busy within 64 MiB.
const PARTS: usize = 4;

/// Why a version cannot be read to its end.
pub(super) enum Ended {
    /// Its chunks are gone, for there is another. `written`: the sink has taken some of it.
    Replaced { written: bool },
    /// The sink does not take it.
    Sink(io::Error),
    /// The cluster does not give it.
    Ask(AskError),
}

/// Pieces on their way to the sink: offset and bytes.
pub(super) type Piece = (u64, Bytes);

/// One version of one file.
pub(super) struct Read<'a> {
    pub(super) client: &'a Client,
    pub(super) info: &'a Info,
    pub(super) progress: &'a dyn Progress,
    /// Of the content, or with depth 1 of the chunks that hold the hash list.
    hashes: Vec<Hash>,
    depth: u32,
    serving: Option<Serving>,
    held: Option<Arc<dyn Held>>,
    resumed_bytes: u64,
}

impl<'a> Read<'a> {
    pub(super) fn new(
        client: &'a Client,
        info: &'a Info,
        record: &FileRecord,
        serving: Option<Serving>,
        progress: &'a dyn Progress,
    ) -> Result<Self, AskError> {
        let nonsense = |what| AskError::Nonsense { doing: format!("get {}", info.name), what };
        let hashes = Hash::list(&record.chunks).map_err(|_| nonsense("a list of hashes that is none"))?;
        let content = info.size.div_ceil(CHUNK_BYTES as u64);
        let expected = match record.depth {
            0 => content,
            1 => (content * Hash::BYTES as u64).div_ceil(CHUNK_BYTES as u64),
            _ => return Err(nonsense("a hash list of unknown depth")),
        };
        if hashes.len() as u64 != expected {
            return Err(nonsense("a file with too few or too many chunks"));
        }
        Ok(Read {
            client,
            info,
            progress,
            hashes,
            depth: record.depth,
            serving,
            held: None,
            resumed_bytes: 0,
        })
    }

    /// Fetches and writes at the same time, until both are through; how many bytes the sink had already.
    pub(super) async fn run(mut self, sink: &mut dyn Sink) -> Result<u64, Ended> {
        self.held = sink.held();
        let progress = self.progress;
        let written = AtomicBool::new(false);
        let positioned = sink.is_positioned();
        // A part begun is in this channel, or being written: that bounds the parts in memory.
        let (parts, begun) = mpsc::channel(PARTS - 1);
        let fetch = Box::pin(async {
            let result = self.fetch(parts, positioned).await;
            result.map(|()| self.resumed_bytes).map_err(|ended| match ended {
                Ended::Replaced { .. } => Ended::Replaced { written: written.load(Ordering::Relaxed) },
                other => other,
            })
        });
        let (resumed_bytes, ()) = tokio::try_join!(fetch, write(begun, sink, progress, &written))?;
        Ok(resumed_bytes)
    }

    async fn fetch(
        &mut self,
        parts: mpsc::Sender<mpsc::Receiver<Piece>>,
        positioned: bool,
    ) -> Result<(), Ended> {
        let mut running = FuturesUnordered::new();
        let mut out = None;
        let mut offset = 0;
        let top = std::mem::take(&mut self.hashes);
        let mut lists = top.iter();
        loop {
            // With depth 0 the record's list is the only one; with depth 1 one list chunk is in memory at a time.
            let list = match self.depth {
                0 if offset == 0 => top.clone(),
                0 => break,
                _ => match lists.next() {
                    Some(list) => beside(self.list(*list, offset), &mut running).await??,
                    None => break,
                },
            };
            for (at, group) in list.chunks(PART_CHUNKS).enumerate() {
                let start = offset + (at * PART_CHUNKS * CHUNK_BYTES) as u64;
                for run in beside(self.missing(group, start), &mut running).await? {
                    while running.len() >= PARTS {
                        running.next().await.transpose()?;
                    }
                    let out = match &out {
                        Some(out) if positioned => mpsc::Sender::clone(out),
                        _ => {
                            let (sender, receiver) = mpsc::channel(PART_CHUNKS);
                            // A sink that is gone belongs to a read that has failed and is being dropped.
                            let _ = beside(parts.send(receiver), &mut running).await?;
                            out = Some(sender.clone());
                            sender
                        }
                    };
                    let part = self.part(&group[run.clone()], start + (run.start * CHUNK_BYTES) as u64);
                    running.push(Box::pin(part.run(self.serving.take(), out)));
                }
            }
            offset += (list.len() * CHUNK_BYTES) as u64;
        }
        drop((out, parts));
        while let Some(ended) = running.next().await {
            ended?;
        }
        Ok(())
    }

    fn part(&self, hashes: &[Hash], start: u64) -> Part<'a> {
        let length = (hashes.len() * CHUNK_BYTES).min((self.info.size - start) as usize);
        Part::new(self.client, self.info, hashes.to_vec(), start, length, self.progress)
    }

    /// Which of these chunks, the first of them at `start`, the sink does not have: runs of positions.
    async fn missing(&mut self, hashes: &[Hash], start: u64) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let Some(held) = self.held.clone() else {
            runs.push(0..hashes.len());
            return runs;
        };
        for (at, hash) in hashes.iter().enumerate() {
            let (held, hash, offset) = (held.clone(), *hash, start + (at * CHUNK_BYTES) as u64);
            let length = (self.info.size - offset).min(CHUNK_BYTES as u64);
            // What cannot be read is fetched.
            let is_right =
                move || held.read(offset, length as usize).is_ok_and(|bytes| Hash::of(&bytes) == hash);
            if self.client.0.world.blocking.run(is_right).await {
                self.resumed_bytes += length;
                self.progress.moved(length);
            } else {
                match runs.last_mut() {
                    Some(run) if run.end == at => run.end += 1,
                    _ => runs.push(at..at + 1),
                }
            }
        }
        runs
    }

    /// The hashes that a list chunk holds, those of the content from `offset` on.
    async fn list(&mut self, hash: Hash, offset: u64) -> Result<Vec<Hash>, Ended> {
        let chunks = (self.info.size - offset).div_ceil(CHUNK_BYTES as u64) as usize;
        let length = (chunks * Hash::BYTES).min(CHUNK_BYTES);
        let (sender, mut receiver) = mpsc::channel(1);
        let part = Part::new(self.client, self.info, vec![hash], 0, length, self.progress);
        part.run(self.serving.take(), sender).await?;
        let (_, list) = receiver.recv().await.unwrap_or_default();
        // Its hash was checked and its length asked for, so it is a whole number of hashes.
        Hash::list(&list).map_err(|_| {
            let what = "a hash list that is none";
            Ended::Ask(AskError::Nonsense { doing: format!("get {}", self.info.name), what })
        })
    }
}

/// Does something that takes its time while parts are running, which must not stand still meanwhile.
async fn beside<T>(
    work: impl Future<Output = T>,
    running: &mut FuturesUnordered<impl Future<Output = Result<(), Ended>>>,
) -> Result<T, Ended> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            Some(ended) = running.next(), if !running.is_empty() => ended?,
        }
    }
}

/// Writes what arrives: part after part, or, when all share one channel, as it comes.
async fn write(
    mut begun: mpsc::Receiver<mpsc::Receiver<Piece>>,
    sink: &mut dyn Sink,
    progress: &dyn Progress,
    written: &AtomicBool,
) -> Result<(), Ended> {
    while let Some(mut part) = begun.recv().await {
        while let Some((offset, bytes)) = part.recv().await {
            let length = bytes.len() as u64;
            written.store(true, Ordering::Relaxed);
            sink.write(offset, bytes).await.map_err(Ended::Sink)?;
            progress.moved(length);
        }
    }
    Ok(())
}
